//! Plans: one of each tier for a creator, made once and then changed.

use super::{START, databases};
use domain::money::Amount;
use domain::subscription::{Plan, PlanTier};
use domain::timestamp::Span;
use superapp::store::plans;

#[tokio::test]
async fn a_plan_is_made_once_and_then_changed() {
    for db in databases() {
        let (cleo, dan) = (db.user(1).await, db.user(2).await);
        let plan = Plan { creator_id: cleo, tier: PlanTier::Monthly, price: Amount::new(5).unwrap(), is_active: true };
        let find = |creator, tier| db.read(move |view| plans::find(view, creator, tier));
        assert_eq!(find(cleo, PlanTier::Monthly).await, None);
        db.write(move |work| plans::upsert(work, &plan, START)).await;
        assert_eq!(find(cleo, PlanTier::Monthly).await, Some(plan));
        let changed = Plan { price: Amount::new(7).unwrap(), is_active: false, ..plan };
        db.write(move |work| plans::upsert(work, &changed, START.plus(Span::seconds(1)))).await;
        assert_eq!(find(cleo, PlanTier::Monthly).await, Some(changed));
        assert_eq!((find(cleo, PlanTier::Yearly).await, find(dan, PlanTier::Monthly).await), (None, None));
        let dates = db
            .read(|view| {
                view.query("SELECT created_at, updated_at FROM plans", &[], |row| Ok((row.get(0)?, row.get(1)?)))
            })
            .await;
        assert_eq!(dates, [(START.as_micros(), START.as_micros() + 1_000_000)]);
    }
}
