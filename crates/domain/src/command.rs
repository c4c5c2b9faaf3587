//! Everything that can be asked of the ledger.

use crate::audit::Actor;
use crate::id::{TransactionId, UserId};
use crate::idempotency::{Idempotency, KeyDigest};
use crate::money::Amount;
use crate::wallet::Provider;
use std::collections::BTreeSet;
use thiserror::Error;

/// One command, with everything that makes its execution unique.
///
/// Every request has a key, jobs included: so a commit whose outcome was not heard of can always be
/// resolved by looking the key up.
#[derive(Clone, Debug)]
pub struct Request {
    /// The id of the transaction that it makes, if it makes one. Made before the commit.
    pub id: TransactionId,
    /// Who asks.
    pub actor: Actor,
    /// The key.
    pub key: Idempotency,
    /// What is asked.
    pub command: Command,
}

/// What can be asked. A new command is a variant here, a file in `decide`, and rows in the store.
#[derive(Clone, Debug)]
pub enum Command {
    /// Money in from a payment provider.
    Deposit(Deposit),
    /// From one user to another.
    Transfer(Transfer),
}

/// Credits a user with money that a payment provider received.
#[derive(Clone, Debug)]
pub struct Deposit {
    /// Who is credited.
    pub user_id: UserId,
    /// How much.
    pub amount: Amount,
    /// Through whom.
    pub provider: Provider,
    /// The provider's own id of the payment.
    pub provider_tx_id: Option<String>,
}

/// Moves money from one user to another.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// Who pays.
    pub from: UserId,
    /// Who is paid.
    pub to: UserId,
    /// How much.
    pub amount: Amount,
    /// A word to the recipient.
    pub note: Option<Note>,
}

/// A short text from one user to another: at most 200 characters, no control characters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Note(String);

/// Why a text is not a [`Note`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("must be at most {max} characters, without control characters", max = Note::CHARACTERS_MAX)]
pub struct InvalidNote;

impl Note {
    /// The longest note.
    pub const CHARACTERS_MAX: usize = 200;

    /// Checks length and characters; an empty text is no note.
    ///
    /// # Errors
    /// [`InvalidNote`] for a long text or one with control characters.
    pub fn parse(text: &str) -> Result<Option<Self>, InvalidNote> {
        if text.chars().count() > Self::CHARACTERS_MAX || text.chars().any(char::is_control) {
            return Err(InvalidNote);
        }
        Ok((!text.is_empty()).then(|| Self(text.to_owned())))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The rows that a batch needs before it can be decided.
///
/// A command names all its rows, so loading never needs a second round. Sorted, because wallets are
/// locked in this order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Needs {
    /// Users whose wallets are read or moved.
    pub users: BTreeSet<UserId>,
    /// Idempotency keys.
    pub keys: BTreeSet<(UserId, KeyDigest)>,
}

impl Request {
    /// Adds the rows that this request needs.
    pub fn needs(&self, needs: &mut Needs) {
        needs.keys.insert((self.key.principal, self.key.digest));
        match &self.command {
            Command::Deposit(deposit) => {
                needs.users.insert(deposit.user_id);
            }
            Command::Transfer(transfer) => {
                needs.users.insert(transfer.from);
                needs.users.insert(transfer.to);
            }
        }
    }
}
