//! Events of payment providers: recorded once, judged, and followed up to the ledger's door. No money moves here.

use super::{Context, deposits as acts};
use crate::store::deposits::{self, Deposit};
use crate::store::payment_events::{self, Recorded};
use crate::store::{StoreError, Work, transactions};
use domain::audit::Action;
use domain::id::{PaymentEventId, UserId};
use domain::payment::{EventOutcome, PaymentEvent, Verdict, judge, unsettled};
use domain::receipt::{DepositAsked, DepositStatus};

/// An event on record.
#[derive(Clone, Debug)]
pub struct Received {
    /// The event as it was first heard, and what became of it.
    pub recorded: Recorded,
    /// The deposit that it names, as it was when the event arrived this time.
    pub deposit: Option<DepositAsked>,
    /// Whether it is heard for the first time.
    pub is_new: bool,
}

/// Records an event and follows its verdict, all but the credit: that is the ledger's. An event that is on record
/// changes nothing, whatever it says this time.
///
/// # Errors
/// If the database fails.
pub fn receive(
    work: &mut Work<'_>,
    context: &Context,
    id: PaymentEventId,
    event: &PaymentEvent,
    currency: &str,
) -> Result<Received, StoreError> {
    if let Some(recorded) = payment_events::find(work, &event.provider, &event.event_id)? {
        let deposit = named(work, &recorded.event)?;
        return Ok(Received { recorded, deposit, is_new: false });
    }
    let deposit = named(work, event)?;
    let verdict = judge(deposit.as_ref(), event, currency);
    let (outcome, doubt) = verdict.outcome();
    let reason = doubt.map(|doubt| doubt.as_str().to_owned());
    let told = reason.as_deref().unwrap_or(&event.event_type);
    follow(work, context, event, deposit.as_ref(), (verdict, told))?;
    let recorded = Recorded { id, event: event.clone(), outcome, reason, received_at: context.now };
    payment_events::insert(work, &recorded)?;
    Ok(Received { recorded, deposit, is_new: true })
}

/// Says what became of an event that went to the ledger. Where the ledger refused, the deposit is judged again,
/// because it may have changed in between, and is held if it has not.
///
/// # Errors
/// If the database fails.
pub fn conclude(
    work: &mut Work<'_>,
    context: &Context,
    event: &PaymentEvent,
    refusal: Option<&str>,
    currency: &str,
) -> Result<Received, StoreError> {
    let recorded = payment_events::find(work, &event.provider, &event.event_id)?;
    let mut recorded = recorded.ok_or(StoreError::Broken("an event that was followed is not on record"))?;
    let deposit = named(work, event)?;
    let refusal = match refusal {
        Some(_) if credited_it(work, event)? => None,
        refusal => refusal,
    };
    if recorded.outcome != EventOutcome::Settling {
        return Ok(Received { recorded, deposit, is_new: false });
    }
    let (outcome, reason) = match refusal {
        None => (EventOutcome::Completed, None),
        Some(code) => {
            let (verdict, reason) = match judge(deposit.as_ref(), event, currency) {
                // Nothing but the ledger has a doubt. The reason that is kept is its own.
                Verdict::Settle => match unsettled(deposit.as_ref()) {
                    Verdict::Ignore(doubt) => (Verdict::Ignore(doubt), doubt.as_str()),
                    verdict => (verdict, code),
                },
                verdict => (verdict, verdict.outcome().1.map_or(code, |doubt| doubt.as_str())),
            };
            follow(work, context, event, deposit.as_ref(), (verdict, reason))?;
            (verdict.outcome().0, Some(reason.to_owned()))
        }
    };
    payment_events::conclude(work, event, outcome, reason.as_deref())?;
    (recorded.outcome, recorded.reason) = (outcome, reason);
    Ok(Received { recorded, deposit, is_new: true })
}

/// Whether an event that the ledger refuses now is the one that it credited before: the process died then before it said
/// so, and the key is forgotten. The transaction of the credit names the key that it was an execution of, for ever.
fn credited_it(work: &Work<'_>, event: &PaymentEvent) -> Result<bool, StoreError> {
    let deposit = event.deposit_id.map_or(Ok(None), |id| deposits::find(work, id))?;
    let Some(tx_id) = deposit.and_then(|deposit| deposit.tx_id) else { return Ok(false) };
    let key = event.credit_key().map_err(|_| StoreError::Broken("an event has no key"))?.digest();
    let execution = transactions::execution(work, tx_id)?;
    Ok(execution.is_some_and(|execution| execution.is_of(UserId::SYSTEM, key)))
}

fn named(work: &Work<'_>, event: &PaymentEvent) -> Result<Option<DepositAsked>, StoreError> {
    let Some(id) = event.deposit_id else { return Ok(None) };
    Ok(deposits::find(work, id)?.map(|Deposit { asked, .. }| asked))
}

/// Marks the deposit as the verdict says.
fn follow(
    work: &mut Work<'_>,
    context: &Context,
    event: &PaymentEvent,
    deposit: Option<&DepositAsked>,
    (verdict, reason): (Verdict, &str),
) -> Result<(), StoreError> {
    let Some(deposit) = deposit else { return Ok(()) };
    let to = match verdict {
        Verdict::Fail => (Action::DepositFailed, DepositStatus::Failed),
        Verdict::Hold(_) => (Action::DepositHeld, DepositStatus::Held),
        Verdict::Settle | Verdict::Ignore(_) => return Ok(()),
    };
    acts::change(work, context, deposit, to, (event.provider_tx_id.as_deref(), reason))
}
