//! Money out: held at once in a wallet of its own, then paid or given back, exactly once.

use crate::audit::{Action, Value};
use crate::book::{Book, Draft};
use crate::command::{DecidePayout, RequestPayout};
use crate::id::{PayoutId, TransactionId};
use crate::payout::{Payout, PayoutStatus};
use crate::receipt::Act;
use crate::refusal::{Refusal, Whose};
use crate::timestamp::Timestamp;
use crate::transaction::{Legs, Party};
use crate::wallet::{Provider, SystemWallet, WalletStatus};

pub(super) fn hold(book: &Book, id: TransactionId, asked: &RequestPayout, now: Timestamp) -> Result<Draft, Refusal> {
    if book.has_pending_payout(asked.creator_id) {
        return Err(Refusal::PayoutPending);
    }
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
    // The money of a frozen wallet stays where it is, held money included. A rejection credits the wallet, so
    // the book asks for its status by itself.
    let is_frozen = book.wallet(payout.creator_id).is_none_or(|wallet| wallet.status != WalletStatus::Active);
    if decision.is_paid && is_frozen {
        return Err(Refusal::WalletFrozen(Whose::Recipients));
    }
    let (status, action, to, payee_id) = if decision.is_paid {
        let outside = Party::System(SystemWallet::Clearing(Provider::manual()));
        (PayoutStatus::Paid, Action::PayoutPaid, outside, None)
    } else {
        let back = Party::User(payout.creator_id);
        (PayoutStatus::Rejected, Action::PayoutRejected, back, Some(payout.creator_id))
    };
    let act = Act::PayoutDecision(Payout { status, remark: Some(decision.remark.clone()), ..payout.clone() });
    let legs = between(Party::System(SystemWallet::Payouts), to, payout.amount)?;
    Ok(Draft {
        payee_id,
        reverses: (!decision.is_paid).then(|| TransactionId::new(payout.id.uuid())),
        is_correction: true,
        details: vec![("remark", Value::Text(decision.remark.as_str().to_owned()))],
        ..Draft::new(action, act, payout.amount, legs)
    })
}

/// Two wallets that are never one, so this always balances.
fn between(from: Party, to: Party, amount: crate::money::Amount) -> Result<Legs, Refusal> {
    Legs::between(from, to, amount).ok_or(Refusal::BalanceLimitExceeded(Whose::Recipients))
}
