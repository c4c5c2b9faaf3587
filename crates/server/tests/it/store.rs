//! The contract of the store: every public function of it has its promise written down here, once, for
//! every database that there is.

mod api_keys;
mod audit_logs;
mod backup;
mod contents;
mod copy;
mod creators;
mod deposits;
mod dialect;
mod earnings;
mod entitlement_tokens;
mod entitlements;
mod entries;
mod gate;
mod gifts;
mod idempotency_keys;
mod indexes;
mod jobs;
mod leaderboards;
mod ledger;
mod migrations;
mod payment_events;
mod payouts;
mod plans;
mod processes;
mod reconciliation;
mod reconciliations;
mod refresh_tokens;
mod schema;
mod sessions;
mod shutdown;
mod sign_in_failures;
mod split_versions;
mod subscriptions;
mod transactions;
mod units;
mod users;
mod values;
mod views;
mod wallets;

use crate::place::{self, Place};
use domain::audit::Actor;
use domain::id::{SessionId, TransactionId, UserId};
use domain::timestamp::Timestamp;
use domain::user::{Email, Role, Username};
use std::path::PathBuf;
use std::time::Duration;
use superapp::store::users::NewUser;
use superapp::store::{Database, Location, LookUp, StoreError, View, Work};
use tokio::time::Instant;
use uuid::Uuid;

/// When the tests begin: a round number in 2033, far from both ends of time.
pub const START: Timestamp = Timestamp::from_micros(2_000_000_000_000_000);

/// A database of a test's own, with its schema in place.
#[derive(Debug)]
pub struct Fixture {
    pub database: Database,
    pub place: Place,
}

/// Every kind of database that this run holds the contract for, each one fresh. `scripts/test` makes a run of each.
pub fn databases() -> Vec<Fixture> {
    vec![Fixture::on(Place::new())]
}

/// A moment until which nothing in a test has to wait.
pub fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Opens another handle on a database, as another process would.
pub fn open(location: &Location) -> Database {
    Database::open(location, &place::options()).unwrap()
}

impl Fixture {
    /// A file, whatever the run is on: for what only files have.
    pub fn sqlite() -> Self {
        Self::on(Place::sqlite())
    }

    fn on(place: Place) -> Self {
        Self { database: open(&place.location), place }
    }

    pub fn path(&self) -> PathBuf {
        self.place.file()
    }

    /// A unit of work that is expected to succeed.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Work<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        self.try_write(work).await.unwrap()
    }

    pub async fn try_write<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Work<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.database.write(work, soon()).await
    }

    /// A read that is expected to succeed.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnMut(&View<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        self.database.read(read).await.unwrap()
    }

    /// A look-up that is expected to succeed.
    pub async fn find<T: Send + 'static>(&self, look_up: LookUp<T>) -> Option<T> {
        self.database.find(look_up).await.unwrap()
    }

    /// A user with a wallet.
    pub async fn user(&self, number: u128) -> UserId {
        let new = new_user(number);
        let id = new.id;
        self.write(move |work| {
            superapp::store::users::insert(work, &new)?;
            superapp::store::wallets::insert_user(work, new.id, "IDR", START)
        })
        .await;
        id
    }

    /// A connection past every rule of ours, to look behind the scenes and to break things.
    pub fn sqlite_connection(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).unwrap()
    }
}

pub fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub fn user_id(number: u128) -> UserId {
    UserId::new(uuid(number))
}

pub fn session_id(number: u128) -> SessionId {
    SessionId::new(uuid(number))
}

pub fn transaction_id(number: u128) -> TransactionId {
    TransactionId::new(uuid(number))
}

/// An account whose every field follows from a number.
pub fn new_user(number: u128) -> NewUser {
    NewUser {
        id: user_id(number),
        email: Email::parse(&format!("user{number}@example.com")).unwrap(),
        username: Some(Username::parse(&format!("User{number}")).unwrap()),
        password_hash: format!("hash {number}"),
        role: Role::User,
        created_at: START,
    }
}

/// A unit of work that adds one account.
pub fn insert(number: u128) -> impl FnMut(&mut Work<'_>) -> Result<(), StoreError> + Send + 'static {
    move |work| superapp::store::users::insert(work, &new_user(number))
}

/// How many accounts there are.
pub fn count(view: &View<'_>) -> Result<usize, StoreError> {
    view.query("SELECT 1 FROM users", &[], |_| Ok(())).map(|rows| rows.len())
}

pub fn actor(user: UserId) -> Actor {
    Actor { id: Some(user), credential: None, address: None, request_id: "request".to_owned() }
}
