//! From one user to another: the payer's debit, the payee's credit, no split.

use crate::audit::Action;
use crate::book::Draft;
use crate::command::Transfer;
use crate::receipt::{Act, Refusal};
use crate::transaction::{Legs, Party};

pub(super) fn draft(transfer: &Transfer) -> Result<Draft, Refusal> {
    // Two legs of one party do not balance into a transaction: that is a transfer to oneself.
    let legs = Legs::between(Party::User(transfer.from), Party::User(transfer.to), transfer.amount)
        .ok_or(Refusal::SelfTransfer)?;
    Ok(Draft {
        act: Act::Transfer { note: transfer.note.clone() },
        amount: transfer.amount,
        payer_id: Some(transfer.from),
        payee_id: Some(transfer.to),
        legs,
        action: Action::Transferred,
    })
}
