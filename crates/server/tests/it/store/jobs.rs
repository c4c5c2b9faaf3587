//! Jobs: held by one run at a time, given back by the one that holds them, and due when they are due.

use super::{Fixture, START, databases, uuid};
use domain::timestamp::{Span, Timestamp};
use superapp::store::jobs::{self, Job, Outcome};

const LEASE: Span = Span::seconds(10);

fn at(second: i64) -> Timestamp {
    START.plus(Span::seconds(second))
}

async fn claim(db: &Fixture, holder: u128, second: i64) -> bool {
    db.write(move |work| jobs::claim(work, "sweep", uuid(holder), at(second), LEASE)).await
}

async fn finish(db: &Fixture, holder: u128, second: i64, next: i64, outcome: Outcome) -> bool {
    db.write(move |work| jobs::finish(work, "sweep", uuid(holder), at(second), at(next), outcome)).await
}

async fn only(db: &Fixture) -> Job {
    let mut list = db.read(jobs::list).await;
    assert_eq!(list.len(), 1);
    list.remove(0)
}

#[tokio::test]
async fn a_job_that_never_ran_is_due_and_then_held() {
    for db in databases() {
        assert_eq!(db.read(jobs::list).await, []);
        assert!(claim(&db, 1, 0).await);
        let expected = Job {
            name: "sweep".to_owned(),
            holder: Some(uuid(1)),
            held_until: at(10),
            started_at: Some(at(0)),
            finished_at: None,
            next_run_at: at(0),
            runs: 0,
            failures: 0,
            last_outcome: String::new(),
        };
        assert_eq!(only(&db).await, expected);
        assert!(!claim(&db, 2, 9).await);
        assert!(!claim(&db, 1, 9).await, "a run begins once");
        assert!(db.write(|work| jobs::claim(work, "other", uuid(2), at(0), LEASE)).await, "others are not in its way");
    }
}

#[tokio::test]
async fn whoever_holds_it_can_hold_it_for_longer_and_nobody_else_can() {
    for db in databases() {
        let prolong =
            async |holder, second| db.write(move |work| jobs::prolong(work, "sweep", uuid(holder), at(second))).await;
        assert!(!prolong(1, 10).await);
        assert!(claim(&db, 1, 0).await);
        assert!(prolong(1, 25).await && !prolong(2, 99).await);
        assert!(!claim(&db, 2, 24).await && claim(&db, 2, 25).await);
        assert!(!prolong(1, 99).await, "another run has it");
        assert!(finish(&db, 2, 26, 60, Outcome::Done).await);
        assert!(!prolong(2, 99).await, "it was given back");
    }
}

#[tokio::test]
async fn it_is_due_again_when_it_says_so() {
    for db in databases() {
        assert!(claim(&db, 1, 0).await);
        assert!(finish(&db, 1, 3, 60, Outcome::Done).await);
        assert!(!claim(&db, 2, 59).await && !only(&db).await.is_due(at(59)));
        assert!(only(&db).await.is_due(at(60)) && claim(&db, 2, 60).await);
        assert!(finish(&db, 2, 61, 120, Outcome::Failed).await);
        let job = only(&db).await;
        assert_eq!((job.runs, job.failures, job.last_outcome.as_str()), (2, 1, "failed"));
        assert_eq!((job.holder, job.started_at, job.finished_at), (None, Some(at(60)), Some(at(61))));
        assert_eq!(job.next_run_at, at(120));
    }
}

#[tokio::test]
async fn a_hold_lapses_and_whoever_lost_it_changes_nothing_any_more() {
    for db in databases() {
        assert!(claim(&db, 1, 0).await);
        assert!(!only(&db).await.is_due(at(9)) && only(&db).await.is_due(at(10)));
        assert!(claim(&db, 2, 10).await);
        assert!(!finish(&db, 1, 11, 60, Outcome::Done).await);
        assert_eq!((only(&db).await.holder, only(&db).await.runs), (Some(uuid(2)), 0));
        assert!(finish(&db, 2, 12, 60, Outcome::Done).await);
        assert!(!finish(&db, 2, 13, 99, Outcome::Done).await, "given back once");
        assert_eq!((only(&db).await.runs, only(&db).await.next_run_at), (1, at(60)));
    }
}

#[tokio::test]
async fn a_success_is_known_until_a_run_fails() {
    for db in databases() {
        assert!(claim(&db, 1, 0).await);
        assert_eq!(only(&db).await.last_success(), None, "it runs for the first time");
        assert!(finish(&db, 1, 5, 10, Outcome::Done).await);
        assert!(claim(&db, 2, 10).await);
        assert_eq!(jobs::Job::last_success(&only(&db).await), Some(at(5)));
        assert!(finish(&db, 2, 15, 20, Outcome::Failed).await);
        assert_eq!(only(&db).await.last_success(), None, "when it was is not known any more");
    }
}
