//! What a creator asks for a subscription.

use super::{Context, Done, Event};
use crate::store::{Work, plans};
use domain::audit::{Action, EntityType, Fields, Value};
use domain::subscription::Plan;

/// Makes a plan or changes it. Who subscribes already pays what they signed up for. A change that changes
/// nothing is not on record.
///
/// # Errors
/// If the database fails.
pub fn set(work: &mut Work<'_>, context: &Context, plan: &Plan) -> Done<Plan> {
    let before = plans::find(work, plan.creator_id, plan.tier)?;
    if before.as_ref() != Some(plan) {
        plans::upsert(work, plan, context.now)?;
        let mut event = Event::new(Action::PlanChanged, EntityType::Plan, Some(plan.creator_id.uuid()));
        (event.before, event.after) = (before.as_ref().map(fields).unwrap_or_default(), fields(plan));
        context.record(work, event)?;
    }
    Ok(Ok(*plan))
}

fn fields(plan: &Plan) -> Fields {
    vec![
        ("tier", Value::Text(plan.tier.as_str().to_owned())),
        ("price_cents", Value::Integer(plan.price.credit().get())),
        ("is_active", Value::Integer(plan.is_active.into())),
    ]
}
