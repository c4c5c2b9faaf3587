//! The door with the real engine behind it, on a database whose commits are answered, lost or never made.

use super::bank::Bank;
use crate::store::databases;
use domain::decide::Answer;
use domain::id::UserId;
use proptest::prelude::{ProptestConfig, Strategy, any, prop_oneof, proptest};
use std::collections::VecDeque;
use std::sync::Mutex;
use superapp::ledger::{Batch, DatabaseEngine, Engine, Ledger, LedgerError, Limits, Submission};
use superapp::store::{StoreError, wallets};

/// What happens to one run of a batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fault {
    /// Nothing.
    None,
    /// It is committed, and the answer is lost.
    AnswerLost,
    /// It is never run, and nobody knows.
    RequestLost,
    /// It is never run, and that is known.
    Outage,
    /// It is never run, because some command in it breaks it.
    Broken,
}

/// The real engine, with a script of faults before it. After the script everything works.
struct Faulty {
    engine: DatabaseEngine,
    script: Mutex<VecDeque<Fault>>,
}

impl Engine for Faulty {
    async fn run(&self, batch: Batch) -> Result<Vec<Answer>, StoreError> {
        let fault = self.script.lock().unwrap().pop_front().unwrap_or(Fault::None);
        match fault {
            Fault::None => self.engine.run(batch).await,
            Fault::AnswerLost => {
                self.engine.run(batch).await?;
                Err(StoreError::OutcomeUnknown)
            }
            Fault::RequestLost => Err(StoreError::OutcomeUnknown),
            Fault::Outage => Err(StoreError::Closed),
            Fault::Broken => Err(StoreError::Broken("as the script says")),
        }
    }
}

fn faulty(bank: &Bank, script: &[Fault], limits: Limits) -> Ledger {
    let engine = Faulty { engine: bank.engine(), script: Mutex::new(script.iter().copied().collect()) };
    Ledger::start(engine, limits).0
}

async fn execute(ledger: &Ledger, submission: &Submission) -> Result<Answer, LedgerError> {
    ledger.execute(submission.clone(), Box::new(())).await
}

async fn balance(bank: &Bank, user: UserId) -> i64 {
    bank.db.find(wallets::find_by_user(user)).await.unwrap().balance.get()
}

fn executed(answer: Result<Answer, LedgerError>, submission: &Submission) {
    match answer.unwrap() {
        Answer::Executed { response, refusal: None } => {
            assert_eq!(response.body, submission.request.id.to_string().into_bytes());
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_that_did_commit_is_answered_as_executed() {
    use Fault::{AnswerLost, RequestLost};
    for script in
        [&[AnswerLost][..], &[AnswerLost; 5], &[RequestLost, AnswerLost], &[AnswerLost, Fault::Outage, RequestLost]]
    {
        for db in databases() {
            let bank = Bank::open(db, 1).await;
            let ledger = faulty(&bank, script, Limits::default());
            let submission = bank.submission("key", bank.deposit(0, 70));
            executed(execute(&ledger, &submission).await, &submission);
            assert_eq!((bank.count("deposit").await, balance(&bank, bank.users[0]).await), (1, 70));
            bank.assert_sound().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_that_never_ran_is_executed_once() {
    for db in databases() {
        let bank = Bank::open(db, 1).await;
        let ledger = faulty(&bank, &[Fault::RequestLost; 3], Limits::default());
        let submission = bank.submission("key", bank.deposit(0, 70));
        executed(execute(&ledger, &submission).await, &submission);
        assert_eq!((bank.count("deposit").await, balance(&bank, bank.users[0]).await), (1, 70));
        bank.assert_sound().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_whose_commit_was_not_heard_of_is_the_same_refusal() {
    for db in databases() {
        let bank = Bank::open(db, 2).await;
        let ledger = faulty(&bank, &[Fault::AnswerLost], Limits::default());
        let submission = bank.submission("key", bank.transfer(0, 1, 1));
        let Answer::Executed { response, .. } = execute(&ledger, &submission).await.unwrap() else { panic!() };
        assert_eq!(response.body, b"insufficient_funds");
        assert_eq!(bank.count("transfer").await, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_key_tells_what_became_of_an_unknown_outcome() {
    for db in databases() {
        let bank = Bank::open(db, 1).await;
        let impatient = Limits { resolve: std::time::Duration::ZERO, ..Limits::default() };
        let ledger = faulty(&bank, &[Fault::AnswerLost], impatient);
        let command = bank.deposit(0, 70);
        let first = bank.submission("key", command.clone());
        assert!(matches!(execute(&ledger, &first).await, Err(LedgerError::OutcomeUnknown)));
        let again = bank.submission("key", command);
        let Answer::Replayed { response, .. } = execute(&ledger, &again).await.unwrap() else { panic!() };
        assert_eq!(response.body, first.request.id.to_string().into_bytes());
        assert_eq!(bank.count("deposit").await, 1);
    }
}

#[tokio::test]
async fn one_key_sent_many_times_at_once_is_executed_once() {
    for db in databases() {
        let bank = Bank::open(db, 1).await;
        let (ledger, _) = bank.ledger();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let (ledger, submission) = (ledger.clone(), bank.submission("key", bank.deposit(0, 70)));
            tasks.spawn(async move { execute(&ledger, &submission).await.unwrap() });
        }
        let answers = tasks.join_all().await;
        let first = answers.iter().filter(|answer| matches!(answer, Answer::Executed { .. })).count();
        let replayed = answers.iter().filter(|answer| matches!(answer, Answer::Replayed { .. })).count();
        assert_eq!((first, replayed), (1, 99));
        let other = execute(&ledger, &bank.submission("key", bank.deposit(0, 71))).await.unwrap();
        assert_eq!(other, Answer::KeyReused);
        assert_eq!(bank.count("deposit").await, 1);
        bank.assert_sound().await;
    }
}

#[tokio::test]
async fn a_balance_that_covers_some_of_many_payments_at_once_pays_exactly_those() {
    for db in databases() {
        let bank = Bank::open(db, 2).await;
        bank.execute("in", vec![bank.deposit(0, 37)]).await;
        let (ledger, _) = bank.ledger();
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..100 {
            let (ledger, submission) = (ledger.clone(), bank.submission(&number.to_string(), bank.transfer(0, 1, 1)));
            tasks.spawn(async move { execute(&ledger, &submission).await.unwrap() });
        }
        let answers = tasks.join_all().await;
        let paid = answers.iter().filter(|answer| matches!(answer, Answer::Executed { refusal: None, .. })).count();
        assert_eq!((paid, bank.count("transfer").await), (37, 37));
        assert_eq!((balance(&bank, bank.users[0]).await, balance(&bank, bank.users[1]).await), (0, 37));
        bank.assert_sound().await;
    }
}

/// Sends transfers from several clients at once and checks that each answer is true.
async fn pay_through(script: Vec<Fault>, transfers: usize, batch: usize, patience_ms: u64) {
    for db in databases() {
        let bank = Bank::open(db, 4).await;
        bank.execute("in", (0..4).map(|user| bank.deposit(user, 1_000_000)).collect()).await;
        let resolve = std::time::Duration::from_millis(patience_ms);
        let ledger = faulty(&bank, &script, Limits { queue: 8_192, batch, lanes: 1, resolve });
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..transfers {
            let command = bank.transfer(number % 4, (number + 1) % 4, 1 + i64::try_from(number).unwrap());
            let (ledger, submission) = (ledger.clone(), bank.submission(&number.to_string(), command));
            tasks.spawn(async move { (execute(&ledger, &submission).await, submission.request.id) });
        }
        for (answer, id) in tasks.join_all().await {
            let text = "SELECT COUNT(*) FROM transactions WHERE tx_id = $1";
            let count = bank.db.read(move |view| view.query_opt(text, &[id.into()], |row| row.get::<i64>(0))).await;
            let count = count.unwrap_or_default();
            match answer {
                Ok(Answer::Executed { refusal: None, .. }) => assert_eq!(count, 1, "acknowledged: {id}"),
                Ok(other) => panic!("{other:?}"),
                Err(LedgerError::OutcomeUnknown) => {}
                Err(error) => assert_eq!(count, 0, "{error}, and yet it was executed: {id}"),
            }
        }
        bank.assert_sound().await;
    }
}

fn faults() -> impl Strategy<Value = Fault> {
    prop_oneof![
        4 => proptest::strategy::Just(Fault::None),
        3 => proptest::strategy::Just(Fault::AnswerLost),
        2 => proptest::strategy::Just(Fault::RequestLost),
        1 => proptest::strategy::Just(Fault::Outage),
        3 => proptest::strategy::Just(Fault::Broken),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_fails_every_answer_is_true_and_the_ledger_adds_up(
        script in proptest::collection::vec(faults(), 0..60),
        transfers in 1_usize..300,
        batch in 1_usize..64,
        patient in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(pay_through(script, transfers, batch, if patient { 10_000 } else { 300 }));
    }
}
