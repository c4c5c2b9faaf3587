//! Money in: the provider's clearing wallet owes it, the user has it.

use crate::audit::Action;
use crate::book::{Book, Draft};
use crate::command::Deposit;
use crate::id::{DepositId, TransactionId};
use crate::receipt::{Act, DepositAsked, DepositRow, DepositStatus};
use crate::refusal::Refusal;
use crate::transaction::{Legs, Party};
use crate::wallet::SystemWallet;

pub(super) fn draft(book: &Book, id: TransactionId, deposit: &Deposit) -> Result<Draft, Refusal> {
    let mut was = None;
    if let Some(asked) = deposit.pending {
        let asked = book.deposit(asked).ok_or(Refusal::DepositNotFound)?;
        if deposit.is_release && asked.status != DepositStatus::Held {
            return Err(Refusal::DepositNotHeld);
        }
        if !matches(asked, deposit) {
            return Err(Refusal::DepositMismatch);
        }
        was = Some(asked.status);
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
        was,
    });
    let action = if deposit.is_release { Action::DepositReleased } else { Action::Deposited };
    Ok(Draft { payee_id: Some(deposit.user_id), ..Draft::new(action, act, deposit.amount, legs) })
}

/// Whether a credit is for what was asked, and comes when it may.
fn matches(asked: &DepositAsked, deposit: &Deposit) -> bool {
    let same_payment = asked.provider_tx_id == deposit.provider_tx_id;
    let is_right = match asked.status {
        // A release is of the payment that the deposit is held for, as the administrator saw it: of all of it.
        DepositStatus::Held if deposit.is_release => same_payment,
        DepositStatus::Held => asked.amount == deposit.amount && !same_payment,
        DepositStatus::Pending => asked.amount == deposit.amount,
        DepositStatus::Completed | DepositStatus::Failed => false,
    };
    is_right && asked.user_id == deposit.user_id && asked.provider == deposit.provider
}
