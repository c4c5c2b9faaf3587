//! Money in: the provider's clearing wallet owes it, the user has it.

use crate::audit::Action;
use crate::book::{Book, Draft};
use crate::command::Deposit;
use crate::id::{DepositId, TransactionId};
use crate::receipt::{Act, DepositRow, DepositStatus};
use crate::refusal::Refusal;
use crate::transaction::{Legs, Party};
use crate::wallet::SystemWallet;

pub(super) fn draft(book: &Book, id: TransactionId, deposit: &Deposit) -> Result<Draft, Refusal> {
    let (from, action) = if deposit.is_release {
        (DepositStatus::Held, Action::DepositReleased)
    } else {
        (DepositStatus::Pending, Action::Deposited)
    };
    if let Some(asked) = deposit.pending {
        let asked = book.deposit(asked).ok_or(Refusal::DepositNotFound)?;
        if deposit.is_release && asked.status != from {
            return Err(Refusal::DepositNotHeld);
        }
        let matches = asked.user_id == deposit.user_id
            && asked.amount == deposit.amount
            && asked.provider == deposit.provider
            && asked.status == from
            // A release is for the payment that the deposit is held for, as the administrator saw it.
            && (!deposit.is_release || asked.provider_tx_id == deposit.provider_tx_id);
        if !matches {
            return Err(Refusal::DepositMismatch);
        }
    }
    if deposit.provider_tx_id.as_ref().is_some_and(|id| book.knows_payment(&deposit.provider, id)) {
        return Err(Refusal::PaymentKnown);
    }
    let clearing = Party::System(SystemWallet::Clearing(deposit.provider.clone()));
    // A user and a clearing wallet are never one party, so this always balances.
    let legs =
        Legs::between(clearing, Party::User(deposit.user_id), deposit.amount).ok_or(Refusal::RecipientNotFound)?;
    let act = Act::Deposit(DepositRow {
        id: deposit.pending.unwrap_or(DepositId::new(id.uuid())),
        provider: deposit.provider.clone(),
        provider_tx_id: deposit.provider_tx_id.clone(),
        status: DepositStatus::Completed,
        was: deposit.pending.map(|_| from),
    });
    Ok(Draft { payee_id: Some(deposit.user_id), ..Draft::new(action, act, deposit.amount, legs) })
}
