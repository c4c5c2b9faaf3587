//! What a payment provider says of a deposit, and what follows from it.
//!
//! Whether the provider said it at all is settled before: here the words are only compared with the deposit.

use crate::id::DepositId;
use crate::idempotency::{InvalidKey, Key};
use crate::money::Amount;
use crate::receipt::{DepositAsked, DepositStatus};
use crate::timestamp::{Span, Timestamp};
use crate::wallet::Provider;
use crate::words::words;
use thiserror::Error;

/// Deposits of one user that may wait for their provider.
pub const PENDING_MAX: i64 = 20;

/// Why another deposit may not be asked for.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("{PENDING_MAX} deposits of yours wait for their payment; pay one of them first, or wait until one lapses")]
pub struct TooManyPending;

/// Whether a user may ask for another deposit, given how many of theirs wait and have not lapsed.
///
/// # Errors
/// [`TooManyPending`] if that are as many as there may be.
pub const fn may_ask(waiting: i64) -> Result<(), TooManyPending> {
    if waiting < PENDING_MAX { Ok(()) } else { Err(TooManyPending) }
}

/// The moment such that pending deposits which were asked for at it or before have lapsed.
#[must_use]
pub const fn lapsed_by(lifetime: Span, now: Timestamp) -> Timestamp {
    now.minus(lifetime)
}

/// Where a deposit stands in the eyes of its owner: one that nobody paid for in time has failed.
///
/// It is still completed if the payment comes after all: the money is there, and it is what was asked for.
#[must_use]
pub fn standing(status: DepositStatus, created_at: Timestamp, lifetime: Span, now: Timestamp) -> DepositStatus {
    let has_lapsed = status == DepositStatus::Pending && created_at <= lapsed_by(lifetime, now);
    if has_lapsed { DepositStatus::Failed } else { status }
}

/// Why what was paid cannot be credited, whatever an administrator wants.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum NotCreditable {
    /// It is no money of ours.
    #[error("it was paid in another currency; give it back at the provider, then reject the deposit")]
    Currency,
    /// Nobody knows how much it is.
    #[error("the provider did not say how much was paid; give it back there, then reject the deposit")]
    Amount,
}

/// What an administrator credits by releasing a deposit: what was really paid, and not what was asked for.
///
/// # Errors
/// [`NotCreditable`] for another currency, and for what is no amount.
pub fn creditable(paid: &PaymentEvent, currency: &str) -> Result<Amount, NotCreditable> {
    if paid.currency.as_deref() != Some(currency) {
        return Err(NotCreditable::Currency);
    }
    paid.amount_cents.and_then(|cents| Amount::new(cents).ok()).ok_or(NotCreditable::Amount)
}

/// The provider's own id of an event: 1 to 200 visible ASCII characters, and no full stop, which ends the id in
/// what is signed.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EventId(String);

/// Why a text is not an [`EventId`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("must be 1 to 200 visible ASCII characters without a full stop")]
pub struct InvalidEventId;

impl EventId {
    /// Checks length and characters.
    ///
    /// # Errors
    /// [`InvalidEventId`] for an empty or long text, a full stop, spaces, or anything outside visible ASCII.
    pub fn parse(text: &str) -> Result<Self, InvalidEventId> {
        if (1..=200).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.') {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidEventId)
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

words! {
    /// The events that mean something to us.
    EventType {
        /// The money is there.
        Succeeded = "payment.succeeded",
        /// There will be no money.
        Failed = "payment.failed",
    }
}

words! {
    /// What became of an event.
    EventOutcome {
        /// It is right, and the ledger is about to credit it.
        Settling = "settling",
        /// The money is in the wallet.
        Completed = "completed",
        /// The deposit failed.
        Failed = "failed",
        /// The deposit is held: an administrator decides.
        Held = "held",
        /// Nothing was changed.
        Ignored = "ignored",
    }
}

words! {
    /// Why an event did not do what it says.
    Doubt {
        /// It is not the object that it should be.
        Unreadable = "unreadable",
        /// It is of a kind that means nothing to us.
        UnknownType = "unknown_type",
        /// No deposit through this provider has this id.
        UnknownDeposit = "unknown_deposit",
        /// The amount is not the one that was asked for, or is missing.
        WrongAmount = "wrong_amount",
        /// The currency is not ours, or is missing.
        WrongCurrency = "wrong_currency",
        /// It does not say which payment it is about.
        NoPayment = "payment_id_missing",
        /// The deposit had failed before.
        AfterFailure = "after_failure",
        /// The deposit was completed before, by the same payment.
        AlreadyCompleted = "already_completed",
        /// The deposit is completed or held for another payment: the payer may have paid twice.
        SecondPayment = "second_payment",
        /// The deposit failed before.
        AlreadyFailed = "already_failed",
        /// The deposit is held, and an administrator decides.
        AlreadyHeld = "already_held",
    }
}

/// An event as its provider signed it. What could not be read of it is missing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PaymentEvent {
    /// Who says it.
    pub provider: Provider,
    /// The provider's own id of the event.
    pub event_id: EventId,
    /// What the provider calls it; empty if it could not be read.
    pub event_type: String,
    /// The deposit that it is about.
    pub deposit_id: Option<DepositId>,
    /// The provider's own id of the payment.
    pub provider_tx_id: Option<String>,
    /// How much was paid.
    pub amount_cents: Option<i64>,
    /// In what.
    pub currency: Option<String>,
}

impl PaymentEvent {
    /// The key of its credit, so that no event credits twice.
    ///
    /// # Errors
    /// [`InvalidKey`] if its ids are no text for a key, which no id that was parsed is.
    pub fn credit_key(&self) -> Result<Key, InvalidKey> {
        Key::parse(&format!("webhook-in:{}:{}", self.provider.as_str(), self.event_id.as_str()))
    }
}

/// What follows from an event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// The ledger credits the deposit.
    Settle,
    /// The deposit has failed.
    Fail,
    /// The deposit is held for an administrator.
    Hold(Doubt),
    /// Nothing changes.
    Ignore(Doubt),
}

impl Verdict {
    /// What became of the event, and why.
    #[must_use]
    pub const fn outcome(self) -> (EventOutcome, Option<Doubt>) {
        match self {
            Self::Settle => (EventOutcome::Settling, None),
            Self::Fail => (EventOutcome::Failed, None),
            Self::Hold(doubt) => (EventOutcome::Held, Some(doubt)),
            Self::Ignore(doubt) => (EventOutcome::Ignored, Some(doubt)),
        }
    }
}

/// Rules on an event, given the deposit that it names as it is now, if there is one.
#[must_use]
pub fn judge(deposit: Option<&DepositAsked>, event: &PaymentEvent, currency: &str) -> Verdict {
    let Some(event_type) = EventType::parse(&event.event_type) else {
        let is_empty = event.event_type.is_empty();
        return Verdict::Ignore(if is_empty { Doubt::Unreadable } else { Doubt::UnknownType });
    };
    let named = deposit.filter(|deposit| deposit.provider == event.provider && Some(deposit.id) == event.deposit_id);
    let Some(deposit) = named else { return Verdict::Ignore(Doubt::UnknownDeposit) };
    match (event_type, deposit.status) {
        (EventType::Succeeded, DepositStatus::Pending) => {
            doubt(deposit, event, currency).map_or(Verdict::Settle, Verdict::Hold)
        }
        (EventType::Succeeded, DepositStatus::Failed) => Verdict::Hold(Doubt::AfterFailure),
        (EventType::Succeeded, DepositStatus::Completed) if deposit.provider_tx_id != event.provider_tx_id => {
            Verdict::Ignore(Doubt::SecondPayment)
        }
        (EventType::Failed, DepositStatus::Pending) => Verdict::Fail,
        (EventType::Failed, DepositStatus::Failed) => Verdict::Ignore(Doubt::AlreadyFailed),
        (_, DepositStatus::Completed) => Verdict::Ignore(Doubt::AlreadyCompleted),
        // Another payment than the one that it is held for. If that is right, it is what the deposit waited for.
        (EventType::Succeeded, DepositStatus::Held) if deposit.provider_tx_id != event.provider_tx_id => {
            doubt(deposit, event, currency).map_or(Verdict::Settle, |_| Verdict::Ignore(Doubt::SecondPayment))
        }
        (_, DepositStatus::Held) => Verdict::Ignore(Doubt::AlreadyHeld),
    }
}

/// What follows where the ledger refused a credit, and nothing but the ledger has a doubt: the deposit is held for this
/// payment, unless it is held for another one already. That one must not be forgotten.
#[must_use]
pub fn unsettled(deposit: Option<&DepositAsked>) -> Verdict {
    match deposit {
        Some(deposit) if deposit.status == DepositStatus::Held => Verdict::Ignore(Doubt::SecondPayment),
        _ => Verdict::Hold(Doubt::AlreadyHeld),
    }
}

/// What of a payment does not match its deposit.
fn doubt(deposit: &DepositAsked, event: &PaymentEvent, currency: &str) -> Option<Doubt> {
    if event.amount_cents != Some(deposit.amount.credit().get()) {
        Some(Doubt::WrongAmount)
    } else if event.currency.as_deref() != Some(currency) {
        Some(Doubt::WrongCurrency)
    } else if event.provider_tx_id.is_none() {
        Some(Doubt::NoPayment)
    } else {
        None
    }
}

#[cfg(test)]
#[path = "payment/tests.rs"]
mod tests;
