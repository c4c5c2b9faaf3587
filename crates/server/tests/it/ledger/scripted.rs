//! An engine that does as a script says, with no database and no rules behind it.

use crate::store::{START, actor, transaction_id, user_id};
use domain::command::{Command, Request, Transfer};
use domain::decide::Answer;
use domain::idempotency::{Fingerprint, Idempotency, Key, StoredResponse};
use domain::money::Amount;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use superapp::ledger::{Batch, Engine, Hold, Ledger, LedgerError, Limits, Submission};
use superapp::store::StoreError;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// What becomes of one run, given which run it is, from 0, and the numbers of the commands in it.
type Script = Box<dyn Fn(usize, &[u128]) -> Result<(), StoreError> + Send + Sync>;

/// The engine's side.
pub struct Scripted {
    script: Script,
    runs: Arc<Mutex<Vec<Vec<u128>>>>,
    began: UnboundedSender<()>,
    permits: Arc<Semaphore>,
}

/// The test's side of an engine, with the door before it.
pub struct Stage {
    pub ledger: Ledger,
    pub writer: JoinHandle<()>,
    pub runs: Arc<Mutex<Vec<Vec<u128>>>>,
    began: UnboundedReceiver<()>,
    permits: Arc<Semaphore>,
}

impl Engine for Scripted {
    async fn run(&self, batch: Batch) -> Result<Vec<Answer>, StoreError> {
        let numbers: Vec<u128> = batch.iter().map(number).collect();
        let run = {
            let mut runs = self.runs.lock().unwrap();
            runs.push(numbers.clone());
            runs.len() - 1
        };
        // The test may have left the stage; the engine plays on.
        let _ = self.began.send(());
        self.permits.acquire().await.unwrap().forget();
        (self.script)(run, &numbers)?;
        Ok(numbers.iter().map(|number| answer(*number)).collect())
    }
}

/// The number that a test gave to a command.
pub fn number(submission: &Submission) -> u128 {
    submission.request.id.uuid().as_u128()
}

/// The answer that a command gets from a scripted engine: its own number.
pub fn answer(number: u128) -> Answer {
    let response = StoredResponse { status: 201, headers: Vec::new(), body: number.to_string().into_bytes() };
    Answer::Executed { response, refusal: None }
}

pub fn limits() -> Limits {
    Limits { queue: 100, batch: 10, lanes: 1, resolve: Duration::from_secs(10) }
}

impl Stage {
    /// An engine that runs as often as it is asked to.
    pub fn open(
        limits: Limits,
        script: impl Fn(usize, &[u128]) -> Result<(), StoreError> + Send + Sync + 'static,
    ) -> Self {
        let stage = Self::held(limits, script);
        stage.release();
        stage
    }

    /// An engine that begins a run and waits until it is released.
    pub fn held(
        limits: Limits,
        script: impl Fn(usize, &[u128]) -> Result<(), StoreError> + Send + Sync + 'static,
    ) -> Self {
        let (sender, began) = unbounded_channel();
        let (runs, permits) = (Arc::new(Mutex::default()), Arc::new(Semaphore::new(0)));
        let engine = Scripted {
            script: Box::new(script),
            runs: Arc::clone(&runs),
            began: sender,
            permits: Arc::clone(&permits),
        };
        let (ledger, writer) = Ledger::start(engine, limits);
        Self { ledger, writer, runs, began, permits }
    }

    /// Waits until the engine begins a run.
    pub async fn began(&mut self) {
        self.began.recv().await.unwrap();
    }

    /// Lets the engine run as often as it likes.
    pub fn release(&self) {
        self.permits.add_permits(1_000_000);
    }

    /// The commands of every run so far.
    pub fn runs(&self) -> Vec<Vec<u128>> {
        self.runs.lock().unwrap().clone()
    }

    /// Sends a command and waits for its answer.
    pub async fn execute(&self, number: u128) -> Result<Answer, LedgerError> {
        self.ledger.execute(submission(number), nothing_held()).await
    }

    /// Sends commands one behind the other and leaves their answers to be waited for.
    pub fn spawn(&self, numbers: impl IntoIterator<Item = u128>) -> Vec<JoinHandle<Result<Answer, LedgerError>>> {
        self.pay(numbers.into_iter().map(submission))
    }

    /// The same of any commands.
    pub fn pay(
        &self,
        submissions: impl IntoIterator<Item = Submission>,
    ) -> Vec<JoinHandle<Result<Answer, LedgerError>>> {
        let send = |submission| {
            let ledger = self.ledger.clone();
            tokio::spawn(async move { ledger.execute(submission, nothing_held()).await })
        };
        submissions.into_iter().map(send).collect()
    }
}

/// What each of several commands was answered.
pub async fn answers(tasks: Vec<JoinHandle<Result<Answer, LedgerError>>>) -> Vec<Result<Answer, LedgerError>> {
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

pub fn nothing_held() -> Hold {
    Box::new(())
}

/// A command that is told from others by its number, and may wait for a minute.
pub fn submission(number: u128) -> Submission {
    between(number, 1, 2)
}

/// The same from one user to another.
pub fn between(number: u128, from: u128, to: u128) -> Submission {
    let (from, to, amount) = (user_id(from), user_id(to), Amount::new(1).unwrap());
    let key = Idempotency {
        principal: from,
        digest: Key::parse(&number.to_string()).unwrap().digest(),
        fingerprint: Fingerprint::of(&[]),
        route: "/test".to_owned(),
        first_seen: START,
    };
    let command = Command::Transfer(Transfer { from, to, amount, note: None });
    Submission {
        request: Request { id: transaction_id(number), actor: actor(from), key, command },
        render: Arc::new(super::bank::render),
        deadline: Instant::now() + Duration::from_secs(60),
    }
}
