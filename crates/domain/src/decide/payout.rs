//! Money out: held at once in a wallet of its own, then paid or given back, exactly once.
//!
//! Nobody is paid out who owes: what comes back repays a debt first, as a sale does.

use super::sale::without_nothing;
use crate::audit::{Action, Value};
use crate::book::{Book, Draft};
use crate::command::{DecidePayout, RequestPayout};
use crate::id::{PayoutId, TransactionId, UserId};
use crate::money::Cents;
use crate::payout::{Payout, PayoutStatus};
use crate::receipt::Act;
use crate::refusal::{Refusal, Whose};
use crate::timestamp::Timestamp;
use crate::transaction::{Leg, Legs, Party};
use crate::wallet::{Provider, SystemWallet, WalletStatus};

pub(super) fn hold(book: &Book, id: TransactionId, asked: &RequestPayout, now: Timestamp) -> Result<Draft, Refusal> {
    if book.has_pending_payout(asked.creator_id) {
        return Err(Refusal::PayoutPending);
    }
    refuse_debt(book, asked.creator_id, Whose::Yours)?;
    let act = Act::PayoutHold(Payout {
        id: PayoutId::new(id.uuid()),
        creator_id: asked.creator_id,
        amount: asked.amount,
        destination: asked.destination.clone(),
        status: PayoutStatus::Pending,
        remark: None,
        created_at: now,
    });
    let legs = between(Party::User(asked.creator_id), Party::System(SystemWallet::Payouts), asked.amount)?;
    Ok(Draft { payer_id: Some(asked.creator_id), ..Draft::new(Action::PayoutHeld, act, asked.amount, legs) })
}

pub(super) fn decide(book: &Book, decision: &DecidePayout) -> Result<Draft, Refusal> {
    let payout = book.payout(decision.payout_id).filter(|payout| Some(payout.creator_id) == decision.creator_id);
    let payout = payout.ok_or(Refusal::PayoutNotFound)?;
    if payout.status != PayoutStatus::Pending {
        return Err(Refusal::PayoutDecided);
    }
    if decision.is_paid { pay(book, payout, decision) } else { reject(book, payout, decision) }
}

fn pay(book: &Book, payout: &Payout, decision: &DecidePayout) -> Result<Draft, Refusal> {
    // The money of a frozen wallet stays where it is, held money included. A rejection credits the wallet, so
    // the book asks for its status by itself.
    if book.wallet(payout.creator_id).is_none_or(|wallet| wallet.status != WalletStatus::Active) {
        return Err(Refusal::WalletFrozen(Whose::Recipients));
    }
    // A refund may have come between the request and the decision.
    refuse_debt(book, payout.creator_id, Whose::Recipients)?;
    let outside = Party::System(SystemWallet::Clearing(Provider::manual()));
    let legs = between(Party::System(SystemWallet::Payouts), outside, payout.amount)?;
    let act = decided(payout, PayoutStatus::Paid, decision, Cents::ZERO);
    Ok(correction(Draft::new(Action::PayoutPaid, act, payout.amount, legs), decision))
}

/// What the creator owes is repaid first, the rest goes back to their wallet.
fn reject(book: &Book, payout: &Payout, decision: &DecidePayout) -> Result<Draft, Refusal> {
    // None of these can fail for an amount in range.
    let impossible = || Refusal::BalanceLimitExceeded(Whose::Recipients);
    let (creator, held) = (payout.creator_id, payout.amount.credit());
    let repaid = book.owed(creator).min(held);
    let back = held.checked_sub(repaid).ok_or_else(impossible)?;
    let legs = [
        Leg { party: Party::System(SystemWallet::Payouts), amount: payout.amount.debit() },
        Leg { party: Party::User(creator), amount: back },
        Leg { party: Party::Debt(creator), amount: repaid },
    ];
    let legs = Legs::balance(without_nothing(legs)).ok_or_else(impossible)?;
    let act = decided(payout, PayoutStatus::Rejected, decision, repaid);
    let draft = Draft::new(Action::PayoutRejected, act, payout.amount, legs);
    let reverses = Some(TransactionId::new(payout.id.uuid()));
    Ok(Draft { payee_id: Some(creator), reverses, ..correction(draft, decision) })
}

fn decided(payout: &Payout, status: PayoutStatus, decision: &DecidePayout, repaid: Cents) -> Act {
    let payout = Payout { status, remark: Some(decision.remark.clone()), ..payout.clone() };
    Act::PayoutDecision { payout, repaid }
}

fn correction(draft: Draft, decision: &DecidePayout) -> Draft {
    let details = vec![("remark", Value::Text(decision.remark.as_str().to_owned()))];
    Draft { is_correction: true, details, ..draft }
}

fn refuse_debt(book: &Book, creator: UserId, whose: Whose) -> Result<(), Refusal> {
    match book.owed(creator) {
        Cents::ZERO => Ok(()),
        owed => Err(Refusal::DebtOutstanding { owed, whose }),
    }
}

/// Two wallets that are never one, so this always balances.
fn between(from: Party, to: Party, amount: crate::money::Amount) -> Result<Legs, Refusal> {
    Legs::between(from, to, amount).ok_or(Refusal::BalanceLimitExceeded(Whose::Recipients))
}
