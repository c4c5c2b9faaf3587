//! From one user to another: the payer's debit, the payee's credit, no split.

use crate::audit::Action;
use crate::book::Draft;
use crate::command::Transfer;
use crate::receipt::Act;
use crate::refusal::Refusal;
use crate::transaction::{Legs, Party};

pub(super) fn draft(transfer: &Transfer) -> Result<Draft, Refusal> {
    // Two legs of one party do not balance into a transaction: that is a transfer to oneself.
    let legs = Legs::between(Party::User(transfer.from), Party::User(transfer.to), transfer.amount)
        .ok_or(Refusal::SelfTransfer)?;
    let act = Act::Transfer { note: transfer.note.clone() };
    Ok(Draft {
        payer_id: Some(transfer.from),
        payee_id: Some(transfer.to),
        ..Draft::new(Action::Transferred, act, transfer.amount, legs)
    })
}
