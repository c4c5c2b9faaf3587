//! Money in: the provider's clearing wallet owes it, the user has it.

use crate::audit::Action;
use crate::book::Draft;
use crate::command::Deposit;
use crate::id::{DepositId, TransactionId};
use crate::receipt::{Act, DepositRow, DepositStatus, Refusal};
use crate::transaction::{Legs, Party};
use crate::wallet::SystemWallet;

pub(super) fn draft(id: TransactionId, deposit: &Deposit) -> Result<Draft, Refusal> {
    let clearing = Party::System(SystemWallet::Clearing(deposit.provider.clone()));
    // A user and a clearing wallet are never one party, so this always balances.
    let legs =
        Legs::between(clearing, Party::User(deposit.user_id), deposit.amount).ok_or(Refusal::RecipientNotFound)?;
    Ok(Draft {
        act: Act::Deposit(DepositRow {
            id: DepositId::new(id.uuid()),
            provider: deposit.provider.clone(),
            provider_tx_id: deposit.provider_tx_id.clone(),
            status: DepositStatus::Completed,
        }),
        amount: deposit.amount,
        payer_id: None,
        payee_id: Some(deposit.user_id),
        legs,
        action: Action::Deposited,
    })
}
