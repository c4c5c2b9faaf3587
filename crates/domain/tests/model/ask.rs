//! What the people of the model ask for, in plain numbers, and the same thing as the ledger is asked it.

use domain::audit::Actor;
use domain::command::{Command, Deposit, Request, Transfer};
use domain::id::{TransactionId, UserId};
use domain::idempotency::{Fingerprint, Idempotency, Key, KeyDigest};
use domain::money::Amount;
use domain::text::Note;
use domain::timestamp::Timestamp;
use domain::wallet::Provider;
use uuid::Uuid;

/// A person, by number.
pub type User = u64;

/// A key, by number; every person has their own.
pub type KeyNumber = u16;

/// What somebody wants done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ask {
    Deposit { to: User, amount: i64, through: &'static str, reference: Option<u16> },
    Transfer { from: User, to: User, amount: i64, note: Option<&'static str> },
}

/// One arrival of a request. A client that retries makes another one, with a number of its own.
#[derive(Clone, Copy, Debug)]
pub struct Sending {
    pub number: u128,
    pub principal: User,
    pub key: KeyNumber,
    pub ask: Ask,
    pub first_seen: i64,
}

pub const ROUTE: &str = "/api/wallet/model";

pub fn user_id(user: User) -> UserId {
    UserId::new(Uuid::from_u128(user.into()))
}

pub fn user_of(id: UserId) -> User {
    id.uuid().as_u128().try_into().unwrap()
}

pub fn transaction_id(number: u128) -> TransactionId {
    TransactionId::new(Uuid::from_u128(number))
}

pub fn key_digest(key: KeyNumber) -> KeyDigest {
    Key::parse(&format!("key-{key}")).unwrap().digest()
}

impl Ask {
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&[format!("{self:?}").as_bytes()])
    }

    fn command(&self) -> Command {
        match *self {
            Self::Deposit { to, amount, through, reference } => Command::Deposit(Deposit {
                user_id: user_id(to),
                amount: Amount::new(amount).unwrap(),
                provider: Provider::parse(through).unwrap(),
                provider_tx_id: reference.map(|number| format!("payment {number}")),
                pending: None,
                is_release: false,
            }),
            Self::Transfer { from, to, amount, note } => Command::Transfer(Transfer {
                from: user_id(from),
                to: user_id(to),
                amount: Amount::new(amount).unwrap(),
                note: note.and_then(|text| Note::parse(text).unwrap()),
            }),
        }
    }
}

impl Sending {
    pub fn request_id(&self) -> String {
        format!("request-{}", self.number)
    }

    pub fn actor(&self) -> Actor {
        Actor { id: Some(user_id(self.principal)), credential: None, address: None, request_id: self.request_id() }
    }

    pub fn request(&self) -> Request {
        Request {
            id: transaction_id(self.number),
            actor: self.actor(),
            key: Idempotency {
                principal: user_id(self.principal),
                digest: key_digest(self.key),
                fingerprint: self.ask.fingerprint(),
                route: ROUTE.to_owned(),
                first_seen: Timestamp::from_micros(self.first_seen),
            },
            command: self.ask.command(),
        }
    }
}
