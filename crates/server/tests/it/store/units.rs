//! Units of work: all or nothing, alone in their failures, answered after the commit.

use super::gate::gate;
use super::{Fixture, count, databases, insert, new_user, soon, user_id};
use domain::id::UserId;
use domain::user::Role;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;
use superapp::store::{Database, Options, StoreError, Work, users};
use tokio::time::Instant;

async fn is_pending(mut future: Pin<&mut impl Future>) -> bool {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
}

/// Runs `a`, `b`, `c` and `d` in one group: they are queued while the writer is held.
async fn in_one_group<A, B, C, D>(
    db: &Fixture,
    (a, b, c, d): (A, B, C, D),
) -> (A::Output, B::Output, C::Output, D::Output)
where
    A: Future,
    B: Future,
    C: Future,
    D: Future,
{
    let (mut gate, wait) = gate();
    let held = db.write(move |_| wait.wait());
    let open = async {
        gate.reached().await;
        // The others were polled before this one, so they are in the queue.
        gate.open();
    };
    let ((), a, b, c, d, ()) = tokio::join!(held, a, b, c, d, open);
    (a, b, c, d)
}

#[tokio::test]
async fn a_unit_of_work_is_kept_whole_or_not_at_all() {
    for db in databases() {
        let failing = db.try_write(|work| {
            users::insert(work, &new_user(1))?;
            users::insert(work, &new_user(2))?;
            Err::<(), _>(StoreError::Broken("as the test wants it"))
        });
        assert!(matches!(failing.await, Err(StoreError::Broken("as the test wants it"))));
        assert_eq!(db.read(count).await, 0);
        assert_eq!(db.write(|work| users::insert(work, &new_user(1)).map(|()| 7)).await, 7);
        assert_eq!(db.read(count).await, 1);
    }
}

#[tokio::test]
async fn a_unit_of_work_reads_its_own_writes() {
    for db in databases() {
        let found = db.write(|work| {
            users::insert(work, &new_user(1))?;
            users::find(work, user_id(1))
        });
        assert_eq!(found.await.unwrap().id, user_id(1));
    }
}

#[tokio::test]
async fn execute_counts_rows_and_execute_one_insists_on_one() {
    for db in databases() {
        db.user(1).await;
        db.user(2).await;
        let touch = |work: &mut Work<'_>, role: &'static str| {
            work.execute("UPDATE users SET tier = 'premium' WHERE role = $1", &[role.into()])
        };
        assert_eq!(db.write(move |work| touch(work, "user")).await, 2);
        assert_eq!(db.write(move |work| touch(work, "admin")).await, 0);
        let both = db.try_write(|work| work.execute_one("UPDATE users SET role = 'admin'", &[])).await;
        assert!(matches!(both, Err(StoreError::Broken(_))), "{both:?}");
        assert_eq!(db.read(|view| users::find(view, user_id(1))).await.unwrap().role, Role::User);
    }
}

#[tokio::test]
async fn a_failing_closure_rolls_back_only_itself_while_its_neighbours_commit() {
    for db in databases() {
        let failing = db.try_write(|work| {
            users::insert(work, &new_user(2))?;
            work.execute("INSERT INTO users (id) VALUES (NULL)", &[])
        });
        let panicking = db.try_write(|work| -> Result<(), StoreError> {
            users::insert(work, &new_user(3))?;
            panic!("as the test wants it")
        });
        let group = (db.try_write(insert(1)), failing, panicking, db.try_write(insert(4)));
        let (first, failed, panicked, last) = in_one_group(&db, group).await;
        assert!(first.is_ok() && last.is_ok(), "{first:?} {last:?}");
        assert!(matches!(failed, Err(StoreError::Refused(_))), "{failed:?}");
        assert!(matches!(panicked, Err(StoreError::Panicked)), "{panicked:?}");
        let ids = db.read(|view| view.query("SELECT id FROM users ORDER BY id", &[], |row| row.get::<UserId>(0))).await;
        assert_eq!(ids, [user_id(1), user_id(4)]);
    }
}

#[tokio::test]
async fn the_first_of_a_group_fails_as_alone_as_any_other() {
    for db in databases() {
        let (mut gate, wait) = gate();
        let first = db.try_write(move |work| {
            users::insert(work, &new_user(1))?;
            wait.wait()?;
            Err::<(), _>(StoreError::Broken("as the test wants it"))
        });
        let open = async {
            gate.reached().await;
            gate.open();
        };
        // The second was polled before the gate opened, so it is in the first one's group.
        let (first, second, ()) = tokio::join!(first, db.try_write(insert(2)), open);
        assert!(matches!(first, Err(StoreError::Broken(_))), "{first:?}");
        assert!(second.is_ok(), "{second:?}");
        let ids = db.read(|view| view.query("SELECT id FROM users", &[], |row| row.get::<UserId>(0))).await;
        assert_eq!(ids, [user_id(2)]);
    }
}

#[tokio::test]
async fn a_closure_whose_error_ends_the_whole_transaction_does_not_take_its_neighbours_along() {
    let db = Fixture::sqlite();
    // As SQLite does by itself when the disk is full.
    let vicious = db.try_write(|work| {
        work.execute("ROLLBACK", &[])?;
        Err::<(), _>(StoreError::Broken("as the test wants it"))
    });
    let sly = db.try_write(|work| work.execute("ROLLBACK", &[]).map(|_| ()));
    let group = (db.try_write(insert(1)), vicious, db.try_write(insert(2)), sly);
    let (first, vicious, second, sly) = in_one_group(&db, group).await;
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    assert!(matches!(vicious, Err(StoreError::Broken(_))), "{vicious:?}");
    assert!(sly.is_err(), "what it claims to have done was rolled back");
    assert_eq!(db.read(count).await, 2);
}

/// A closure that takes its own savepoint away in its first run, and ends as it is told.
fn without_savepoint(
    number: u128,
    end: fn() -> Result<(), StoreError>,
) -> impl FnMut(&mut Work<'_>) -> Result<(), StoreError> + Send + 'static {
    let mut runs = 0;
    move |work| {
        users::insert(work, &new_user(number))?;
        runs += 1;
        if runs == 1 { work.execute("RELEASE unit", &[]).and_then(|_| end()) } else { end() }
    }
}

#[tokio::test]
async fn a_group_that_cannot_keep_one_unit_apart_is_undone_and_every_unit_is_answered_truly() {
    let db = Fixture::sqlite();
    let failing = without_savepoint(2, || Err(StoreError::Broken("as the test wants it")));
    let group = (db.try_write(insert(1)), db.try_write(failing), db.try_write(insert(3)), db.try_write(insert(4)));
    let (first, failed, third, fourth) = in_one_group(&db, group).await;
    assert!(first.is_ok() && third.is_ok() && fourth.is_ok(), "{first:?} {third:?} {fourth:?}");
    assert!(matches!(failed, Err(StoreError::Broken(_))), "{failed:?}");
    let ids = "SELECT id FROM users ORDER BY id";
    let kept = async || db.read(move |view| view.query(ids, &[], |row| row.get::<UserId>(0))).await;
    assert_eq!(kept().await, [user_id(1), user_id(3), user_id(4)]);
    // One that succeeded and could not be closed runs again, with those before it.
    let lost = without_savepoint(6, || Ok(()));
    let group = (db.try_write(insert(5)), db.try_write(lost), db.try_write(insert(7)), async {});
    let (fifth, sixth, seventh, ()) = in_one_group(&db, group).await;
    assert!(fifth.is_ok() && sixth.is_ok() && seventh.is_ok(), "{fifth:?} {sixth:?} {seventh:?}");
    assert_eq!(kept().await.len(), 6);
}

#[tokio::test]
async fn nothing_is_answered_or_seen_before_the_commit_of_its_group() {
    let db = Fixture::sqlite();
    let ((mut before, wait_before), (mut behind, wait_behind)) = (gate(), gate());
    let mut held = pin!(db.write(move |_| wait_before.wait()));
    let mut first = pin!(db.write(insert(1)));
    let mut last = pin!(db.write(move |_| wait_behind.wait()));
    // Polled once, they are in the queue, in this order.
    assert!(is_pending(held.as_mut()).await && is_pending(first.as_mut()).await && is_pending(last.as_mut()).await);
    before.reached().await;
    before.open();
    behind.reached().await;
    assert!(is_pending(first.as_mut()).await, "it ran, and its group goes on");
    assert_eq!(db.read(count).await, 0);
    behind.open();
    tokio::join!(held, first, last);
    assert_eq!(db.read(count).await, 1);
}

#[tokio::test]
async fn a_write_whose_deadline_passed_in_the_queue_is_not_executed() {
    for db in databases() {
        let late = db.database.write(insert(1), Instant::now());
        let group = (late, db.try_write(insert(2)), async {}, async {});
        let (late, timely, (), ()) = in_one_group(&db, group).await;
        assert!(matches!(late, Err(StoreError::Overloaded)), "{late:?}");
        assert!(timely.is_ok());
        assert_eq!(db.read(|view| users::find(view, user_id(1))).await, None);
    }
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_any_more_is_done_all_the_same() {
    for db in databases() {
        let (mut gate, wait) = gate();
        let held = db.write(move |_| wait.wait());
        let hang_up = async {
            gate.reached().await;
            let mut abandoned = Box::pin(db.write(insert(1)));
            assert!(is_pending(abandoned.as_mut()).await);
            drop(abandoned);
            gate.open();
        };
        tokio::join!(held, hang_up);
        db.write(insert(2)).await;
        assert_eq!(db.read(count).await, 2);
    }
}

#[tokio::test]
async fn more_writes_than_may_wait_are_refused_at_once() {
    for db in databases() {
        let database =
            Database::open(&db.place.location, &Options { queue: 1, writers: 1, ..Options::default() }).unwrap();
        let (mut gate, wait) = gate();
        let held = database.write(move |_| wait.wait(), soon());
        let others = async {
            gate.reached().await;
            let third = async {
                let result = database.write(insert(3), soon()).await;
                gate.open();
                result
            };
            tokio::join!(database.write(insert(2), soon()), third)
        };
        let (held, (second, third)) = tokio::join!(held, others);
        assert!(held.is_ok() && second.is_ok());
        assert!(matches!(third, Err(StoreError::Overloaded)), "{third:?}");
        assert_eq!(db.read(|view| users::find(view, user_id(3))).await, None);
    }
}

/// A unit of work that is in somebody's way for its first `times` runs, and a count of its runs.
fn busy(times: usize) -> (Arc<AtomicUsize>, impl FnMut(&mut Work<'_>) -> Result<(), StoreError> + Send + 'static) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let work = move |work: &mut Work<'_>| {
        users::insert(work, &new_user(1))?;
        let run = counted.fetch_add(1, Ordering::SeqCst);
        if run < times { Err(StoreError::Busy(None)) } else { Ok(()) }
    };
    (runs, work)
}

#[tokio::test(start_paused = true)]
async fn a_passing_error_runs_the_whole_unit_again() {
    for db in databases() {
        let (runs, work) = busy(4);
        db.write(work).await;
        assert_eq!(runs.load(Ordering::SeqCst), 5);
        assert_eq!(db.read(count).await, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_passing_error_that_does_not_pass_is_tried_until_the_deadline() {
    for db in databases() {
        let (runs, work) = busy(usize::MAX);
        let begun = Instant::now();
        let result = db.try_write(work).await;
        assert!(matches!(result, Err(StoreError::Overloaded)), "{result:?}");
        assert!(runs.load(Ordering::SeqCst) > 100 && Instant::now() <= begun + Duration::from_secs(60));
        assert_eq!(db.read(count).await, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn tries_end_at_the_deadline() {
    for db in databases() {
        let (runs, work) = busy(usize::MAX);
        let result = db.database.write(work, Instant::now() + Duration::from_millis(4)).await;
        assert!(matches!(result, Err(StoreError::Overloaded)), "{result:?}");
        assert!(runs.load(Ordering::SeqCst) <= 1, "the shortest pause is longer than what is left");
    }
}

#[tokio::test]
async fn a_full_disk_is_named_and_what_comes_after_it_works() {
    let db = Fixture::sqlite();
    let fill = db.try_write(|work| {
        work.execute("PRAGMA max_page_count = 1", &[])?;
        for number in 0..10_000 {
            users::insert(work, &new_user(number))?;
        }
        Ok(())
    });
    let group = (db.try_write(insert(20_001)), fill, async {}, async {});
    let (before, full, (), ()) = in_one_group(&db, group).await;
    assert!(matches!(full, Err(StoreError::Full(_))), "{full:?}");
    assert!(full.unwrap_err().is_outage());
    let known = if before.is_ok() { 1 } else { 0 };
    assert_eq!(db.read(count).await, known, "kept if it was acknowledged, and only then");
    db.write(|work| work.execute("PRAGMA max_page_count = 1000000", &[])).await;
    db.write(insert(20_002)).await;
    assert_eq!(db.read(count).await, known + 1);
}

#[test]
fn what_may_run_again_is_always_the_databases_fault() {
    let errors = [
        (StoreError::Busy(None), true, true),
        (StoreError::Lost("a row"), true, true),
        (StoreError::Overloaded, false, true),
        (StoreError::Closed, false, true),
        (StoreError::OutcomeUnknown, false, false),
        (StoreError::Panicked, false, false),
        (StoreError::Broken("why"), false, false),
        (StoreError::Column { column: 0, expected: "cents" }, false, false),
    ];
    for (error, passing, outage) in errors {
        assert_eq!((error.is_passing(), error.is_outage()), (passing, outage), "{error:?}");
    }
}
