//! What somebody is told, in plain numbers. The reference model makes one by its own rules, the ledger's
//! outcome is read into one, and both go out as the same bytes only if every number agrees.

use crate::ask::{User, user_of};
use domain::idempotency::StoredResponse;
use domain::receipt::{Act, Outcome};
use domain::refusal::{Refusal, Whose};

/// One leg: whose (none for the system's), how much, and the balance after it.
pub type Leg = (Option<User>, i64, Option<i64>);

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Told {
    Done(Done),
    Refused { code: &'static str, about: &'static str, numbers: Vec<i64> },
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Done {
    pub number: u128,
    pub asker: User,
    pub kind: &'static str,
    pub payer: Option<User>,
    pub payee: Option<User>,
    pub amount: i64,
    pub legs: Vec<Leg>,
    /// The provider and its reference, or the note.
    pub words: Vec<String>,
    pub at: i64,
}

impl Told {
    pub fn refused(code: &'static str, about: &'static str) -> Self {
        Self::Refused { code, about, numbers: Vec::new() }
    }

    pub const fn refusal(&self) -> Option<&'static str> {
        match self {
            Self::Done(_) => None,
            Self::Refused { code, .. } => Some(code),
        }
    }

    pub fn stored(&self) -> StoredResponse {
        StoredResponse {
            status: if self.refusal().is_none() { 201 } else { 422 },
            headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
            body: format!("{self:?}").into_bytes(),
        }
    }
}

/// The pure function that turns an outcome into what goes out.
pub fn render(outcome: &Outcome) -> StoredResponse {
    let told = match outcome {
        Ok(receipt) => {
            let transaction = &receipt.transaction;
            let leg = |entry: &domain::transaction::Entry| {
                (entry.user_id.map(user_of), entry.amount.get(), entry.balance_after.map(domain::money::Cents::get))
            };
            Told::Done(Done {
                number: transaction.id.uuid().as_u128(),
                asker: user_of(transaction.user_id),
                kind: transaction.kind().as_str(),
                payer: transaction.payer_id.map(user_of),
                payee: transaction.payee_id.map(user_of),
                amount: transaction.amount.credit().get(),
                legs: transaction.entries.iter().map(leg).collect(),
                words: words(&transaction.act),
                at: transaction.created_at.as_micros(),
            })
        }
        Err(refusal) => refused(refusal),
    };
    told.stored()
}

fn words(act: &Act) -> Vec<String> {
    match act {
        Act::Deposit(row) => {
            let provider = row.provider.as_str().to_owned();
            [provider, row.status.as_str().to_owned()].into_iter().chain(row.provider_tx_id.clone()).collect()
        }
        Act::Transfer { note } => note.iter().map(|note| note.as_str().to_owned()).collect(),
        act => unreachable!("nobody asks for {act:?}"),
    }
}

/// Without a wildcard, so that a new refusal cannot be left out of the model.
fn refused(refusal: &Refusal) -> Told {
    match refusal {
        Refusal::InsufficientFunds { available, required } => {
            let numbers = vec![available.get(), required.get()];
            Told::Refused { code: refusal.code(), about: "", numbers }
        }
        Refusal::RecipientNotFound | Refusal::SelfTransfer | Refusal::PaymentKnown => Told::refused(refusal.code(), ""),
        Refusal::WalletFrozen(whose) | Refusal::AccountSuspended(whose) | Refusal::BalanceLimitExceeded(whose) => {
            let about = match whose {
                Whose::Yours => "yours",
                Whose::Payers | Whose::Recipients => "theirs",
            };
            Told::refused(refusal.code(), about)
        }
        refusal => unreachable!("nobody asks for what is refused with {refusal:?}"),
    }
}
