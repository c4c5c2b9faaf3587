//! What all sales have in common: the fan pays, and creator, platform and processor are paid.

use crate::audit::Action;
use crate::book::{Book, Draft};
use crate::id::UserId;
use crate::money::{Amount, Cents};
use crate::receipt::Act;
use crate::refusal::{Refusal, Whose};
use crate::split::Terms;
use crate::transaction::{Leg, Legs, Party};
use crate::wallet::SystemWallet;

/// A sale between two people who are not one.
pub(super) fn draft(
    book: &Book,
    (payer, payee): (UserId, UserId),
    price: Amount,
    terms: Terms,
    (action, act): (Action, Act),
) -> Result<Draft, Refusal> {
    // Neither can fail for an amount in range.
    let impossible = Refusal::BalanceLimitExceeded(Whose::Recipients);
    let split = terms.split(price.credit()).ok_or_else(|| impossible.clone())?;
    // What a creator owes is repaid first. The split stays gross: it says what was earned.
    let repaid = book.owed(payee).min(split.creator);
    let paid_out = split.creator.checked_sub(repaid).ok_or_else(|| impossible.clone())?;
    let legs = [
        Leg { party: Party::User(payer), amount: price.debit() },
        Leg { party: Party::User(payee), amount: paid_out },
        Leg { party: Party::Debt(payee), amount: repaid },
        Leg { party: Party::System(SystemWallet::Platform), amount: split.platform },
        Leg { party: Party::System(SystemWallet::Processor), amount: split.processor },
    ];
    let legs = Legs::balance(without_nothing(legs)).ok_or(impossible)?;
    Ok(Draft {
        payer_id: Some(payer),
        payee_id: Some(payee),
        split: Some(split),
        ..Draft::new(action, act, price, legs)
    })
}

/// The legs that move something: a share of a small price may be nothing.
pub(super) fn without_nothing(legs: impl IntoIterator<Item = Leg>) -> Vec<Leg> {
    legs.into_iter().filter(|leg| leg.amount != Cents::ZERO).collect()
}

/// Refuses a price that is not the one that the fan was shown.
pub(super) fn expect(price: Amount, expected: Option<Cents>) -> Result<(), Refusal> {
    match expected {
        Some(expected) if expected != price.credit() => Err(Refusal::PriceChanged { price: price.credit() }),
        _ => Ok(()),
    }
}
