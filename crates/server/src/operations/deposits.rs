//! Deposits that wait for a payment provider: asked for, and decided by hand. No money moves here.

use super::{Context, Denial, Done, Event};
use crate::store::deposits::{self, Deposit};
use crate::store::{StoreError, Work};
use domain::audit::{Action, EntityType, Fields, Value};
use domain::id::DepositId;
use domain::payment::{lapsed_by, may_ask};
use domain::receipt::{DepositAsked, DepositStatus};
use domain::text::Reason;
use domain::timestamp::Span;

/// Asks for a deposit. The money comes when the provider says so, and it is waited for as long as `lifetime`.
///
/// # Errors
/// If the database fails.
pub fn request(work: &mut Work<'_>, context: &Context, asked: &DepositAsked, lifetime: Span) -> Done<Deposit> {
    let waiting = deposits::count_pending(work, asked.user_id, lapsed_by(lifetime, context.now))?;
    if let Err(too_many) = may_ask(waiting) {
        return Ok(Err(too_many.into()));
    }
    deposits::insert_pending(work, asked, context.now)?;
    let after = vec![
        ("amount_cents", Value::Integer(asked.amount.credit().get())),
        ("provider", Value::Text(asked.provider.as_str().to_owned())),
        ("status", status(asked.status)),
    ];
    record(work, context, (Action::DepositRequested, asked.id), (Fields::new(), after))?;
    existing(work, asked.id).map(Ok)
}

/// Gives up a deposit that is held, or that still waits: no money comes of it.
///
/// # Errors
/// If the database fails.
pub fn reject(work: &mut Work<'_>, context: &Context, id: DepositId, reason: &Reason) -> Done<Deposit> {
    let Some(Deposit { asked, .. }) = deposits::find(work, id)? else { return Ok(Err(Denial::DepositNotFound)) };
    if !matches!(asked.status, DepositStatus::Held | DepositStatus::Pending) {
        return Ok(Err(Denial::DepositDecided));
    }
    change(work, context, &asked, (Action::DepositRejected, DepositStatus::Failed), (None, reason.as_str()))?;
    existing(work, id).map(Ok)
}

/// Changes where a deposit stands, and records from what to what, and why.
pub(super) fn change(
    work: &mut Work<'_>,
    context: &Context,
    asked: &DepositAsked,
    (action, to): (Action, DepositStatus),
    (provider_tx_id, reason): (Option<&str>, &str),
) -> Result<(), StoreError> {
    deposits::update_status(work, asked, to, provider_tx_id)?;
    let after = vec![("status", status(to)), ("reason", Value::Text(reason.to_owned()))];
    record(work, context, (action, asked.id), (vec![("status", status(asked.status))], after))
}

fn record(
    work: &mut Work<'_>,
    context: &Context,
    (action, id): (Action, DepositId),
    (before, after): (Fields, Fields),
) -> Result<(), StoreError> {
    context.record(work, Event { before, after, ..Event::new(action, EntityType::Deposit, Some(id.uuid())) })
}

fn existing(work: &Work<'_>, id: DepositId) -> Result<Deposit, StoreError> {
    deposits::find(work, id)?.ok_or(StoreError::Broken("a deposit that was just written does not exist"))
}

fn status(status: DepositStatus) -> Value {
    Value::Text(status.as_str().to_owned())
}
