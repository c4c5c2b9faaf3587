//! A ledger with people in it, on a real database and on a clock that stands still.

use super::market::splits;
use crate::store::{Fixture, START, actor};
use domain::command::{Command, Deposit, Request, Transfer};
use domain::id::{TransactionId, UserId};
use domain::idempotency::{Fingerprint, Idempotency, Key, StoredResponse};
use domain::money::Amount;
use domain::receipt::Outcome;
use domain::timestamp::{Span, Timestamp};
use domain::wallet::{Provider, SystemWallet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use superapp::clock::{Clock, Ids};
use superapp::ledger::{DatabaseEngine, Engine, Ledger, Limits, Submission};
use superapp::store::reconciliation::CHECKS;
use superapp::store::{View, split_versions, wallets};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How long a command of these tests may wait: longer than any of them lasts.
const PATIENCE: Duration = Duration::from_secs(600);

/// The people, their ledger, and the file that it lies in.
#[derive(Debug)]
pub struct Bank {
    pub db: Fixture,
    pub clock: Clock,
    pub users: Vec<UserId>,
    ids: Ids,
}

/// What goes out for an outcome: the transaction, or the code of the refusal.
pub fn render(outcome: &Outcome) -> StoredResponse {
    let (status, body) = match outcome {
        Ok(receipt) => (201, receipt.transaction.id.to_string()),
        Err(refusal) => (422, refusal.code().to_owned()),
    };
    StoredResponse { status, headers: Vec::new(), body: body.into_bytes() }
}

impl Bank {
    /// Users 1 to `users`, without money, and the system's wallets.
    pub async fn open(db: Fixture, users: u128) -> Self {
        let mut ids = Vec::new();
        for number in 1..=users {
            ids.push(db.user(number).await);
        }
        let system = [
            SystemWallet::Platform,
            SystemWallet::Processor,
            SystemWallet::Payouts,
            SystemWallet::Clearing(Provider::sandbox()),
            SystemWallet::Clearing(Provider::manual()),
        ];
        let version = db.write(move |work| {
            wallets::insert_system(work, &system, "IDR", START)?;
            split_versions::find_or_insert(work, &splits().splits, START)
        });
        assert_eq!(version.await, splits().version);
        let clock = Clock::frozen(START);
        Self { db, users: ids, ids: Ids::new(clock.clone()), clock }
    }

    /// Moves the clock on.
    pub fn advance(&self, span: Span) {
        if let Clock::Frozen(at) = &self.clock {
            at.fetch_add(span.as_micros(), Ordering::SeqCst);
        }
    }

    /// The door to the real engine.
    pub fn ledger(&self) -> (Ledger, JoinHandle<()>) {
        Ledger::start(self.engine(), Limits::default())
    }

    pub fn engine(&self) -> DatabaseEngine {
        DatabaseEngine::new(self.db.database.clone(), self.clock.clone())
    }

    pub fn deposit(&self, user: usize, cents: i64) -> Command {
        let amount = Amount::new(cents).unwrap();
        Command::Deposit(Deposit {
            user_id: self.users[user],
            amount,
            provider: Provider::sandbox(),
            provider_tx_id: None,
            pending: None,
            is_release: false,
        })
    }

    pub fn transfer(&self, from: usize, to: usize, cents: i64) -> Command {
        let amount = Amount::new(cents).unwrap();
        Command::Transfer(Transfer { from: self.users[from], to: self.users[to], amount, note: None })
    }

    /// A command with a key of its own.
    pub fn submission(&self, key: &str, command: Command) -> Submission {
        let principal = asker(&command);
        let key = Idempotency {
            principal,
            digest: Key::parse(key).unwrap().digest(),
            fingerprint: Fingerprint::of(&[format!("{command:?}").as_bytes()]),
            route: "/test".to_owned(),
            first_seen: self.clock.now(),
        };
        let request = Request { id: TransactionId::new(self.ids.uuid()), actor: actor(principal), key, command };
        Submission { request, render: Arc::new(render), deadline: Instant::now() + PATIENCE }
    }

    /// Executes commands in batches, through the engine and without the queue. Each gets a key of its own.
    pub async fn execute(&self, label: &str, commands: Vec<Command>) {
        let engine = self.engine();
        let submissions: Vec<_> = commands
            .into_iter()
            .enumerate()
            .map(|(index, command)| self.submission(&format!("{label}-{index}"), command))
            .collect();
        for batch in submissions.chunks(500) {
            engine.run(batch.into()).await.unwrap();
        }
    }

    /// The codes of everything that does not add up, each once.
    pub async fn discrepancies(&self, now: Timestamp) -> Vec<&'static str> {
        self.db.read(move |view| discrepancies(view, now)).await
    }

    /// Asserts that everything adds up.
    pub async fn assert_sound(&self) {
        assert_eq!(self.discrepancies(self.clock.now()).await, Vec::<&str>::new());
    }

    /// How many transactions there are of a type.
    pub async fn count(&self, kind: &'static str) -> i64 {
        let text = "SELECT COUNT(*) FROM transactions WHERE type = $1";
        self.db.read(move |view| view.query_opt(text, &[kind.into()], |row| row.get(0))).await.unwrap()
    }
}

/// Who asks for a command. Administrators are nobody in particular here.
fn asker(command: &Command) -> UserId {
    match command {
        Command::Deposit(deposit) => deposit.user_id,
        Command::Transfer(transfer) => transfer.from,
        Command::Unlock(unlock) => unlock.user_id,
        Command::Subscribe(subscribe) => subscribe.subscriber_id,
        Command::Gift(gift) => gift.sender_id,
        Command::RequestPayout(payout) => payout.creator_id,
        Command::Renew(_) | Command::Refund(_) | Command::DecidePayout(_) => UserId::SYSTEM,
    }
}

/// The codes of everything that does not add up, each once, in the order of the report.
pub fn discrepancies(view: &View<'_>, now: Timestamp) -> Result<Vec<&'static str>, superapp::store::StoreError> {
    let mut codes = Vec::new();
    for (_, check) in CHECKS {
        codes.extend(check(view, now)?.iter().map(domain::reconciliation::Discrepancy::code));
    }
    codes.dedup();
    Ok(codes)
}
