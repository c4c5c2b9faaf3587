//! Plans: what each creator asks for a subscription, by tier.

use super::{StoreError, View, Work};
use domain::id::UserId;
use domain::subscription::{Plan, PlanTier};
use domain::timestamp::Timestamp;

/// The plan of a creator for a tier.
///
/// # Errors
/// If the database fails.
pub fn find(view: &View<'_>, creator: UserId, tier: PlanTier) -> Result<Option<Plan>, StoreError> {
    let text = "SELECT creator_id, tier, price_cents, is_active FROM plans WHERE creator_id = $1 AND tier = $2";
    view.query_opt(text, &[creator.into(), tier.into()], |row| {
        Ok(Plan { creator_id: row.get(0)?, tier: row.get(1)?, price: row.get(2)?, is_active: row.get(3)? })
    })
}

/// Makes a plan, or changes the one that there is.
///
/// # Errors
/// If the database fails.
pub fn upsert(work: &mut Work<'_>, plan: &Plan, now: Timestamp) -> Result<(), StoreError> {
    let text = "INSERT INTO plans (creator_id, tier, price_cents, is_active, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (creator_id, tier)
        DO UPDATE SET price_cents = excluded.price_cents, is_active = excluded.is_active, updated_at = excluded.updated_at";
    let values = [plan.creator_id.into(), plan.tier.into(), plan.price.into(), plan.is_active.into(), now.into()];
    work.execute_one(text, &values)
}
