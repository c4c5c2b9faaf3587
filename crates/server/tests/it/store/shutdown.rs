//! The end of a database: what was queued is answered, what comes later is told, and the file is whole.

use super::gate::gate;
use super::{Fixture, count, databases, insert, new_user, open, soon, user_id};
use std::future::poll_fn;
use std::path::PathBuf;
use std::task::Poll;
use superapp::store::{Database, Options, StoreError, Work, users};

fn wal_bytes(db: &Fixture) -> u64 {
    let wal = PathBuf::from(format!("{}-wal", db.path().display()));
    std::fs::metadata(wal).map_or(0, |metadata| metadata.len())
}

#[tokio::test]
async fn close_answers_everything_that_was_queued_before_it() {
    for db in databases() {
        let (mut gate, wait) = gate();
        let held = db.write(move |_| wait.wait());
        let queued = async {
            let mut writes: Vec<_> = (1..=100).map(|number| Box::pin(db.try_write(insert(number)))).collect();
            let mut reads: Vec<_> = (1..=100)
                .map(|number| Box::pin(db.database.read(move |view| users::find(view, user_id(number)))))
                .collect();
            poll_fn(|context| {
                writes.iter_mut().for_each(|write| assert!(write.as_mut().poll(context).is_pending()));
                reads.iter_mut().for_each(|read| assert!(!matches!(read.as_mut().poll(context), Poll::Ready(Err(_)))));
                Poll::Ready(())
            })
            .await;
            gate.reached().await;
            let close = async {
                gate.open();
                db.database.close().await;
            };
            let answers = async {
                for write in writes {
                    write.await.unwrap();
                }
            };
            tokio::join!(close, answers)
        };
        tokio::join!(held, queued);
        let reopened = open(&db.place.location);
        let found = reopened.read(count).await.unwrap();
        assert_eq!(found, 100);
    }
}

#[tokio::test]
async fn a_closed_database_says_so() {
    for db in databases() {
        db.database.ping().await.unwrap();
        db.database.close().await;
        let ping = db.database.ping().await;
        assert!(matches!(ping, Err(StoreError::Closed)), "{ping:?}");
        let write = db.try_write(insert(1)).await;
        assert!(matches!(write, Err(StoreError::Closed)), "{write:?}");
        let read = db.database.read(|view| users::find(view, user_id(1))).await;
        assert!(matches!(read, Err(StoreError::Closed)), "{read:?}");
        db.database.close().await;
    }
}

#[tokio::test]
async fn whoever_comes_while_it_closes_is_answered_too() {
    for db in databases() {
        for round in 0..50 {
            let database = open(&db.place.location);
            let mut tasks = tokio::task::JoinSet::new();
            for number in 0..20 {
                let database = database.clone();
                tasks.spawn(async move {
                    let id = 1 + round * 100 + number;
                    if number == 10 {
                        database.close().await;
                    }
                    match database.write(insert(id), soon()).await {
                        Ok(()) => Some(id),
                        Err(StoreError::Closed) => None,
                        Err(error) => panic!("{error}"),
                    }
                });
            }
            let acknowledged: Vec<u128> = tasks.join_all().await.into_iter().flatten().collect();
            for id in acknowledged {
                assert!(db.read(move |view| users::find(view, user_id(id))).await.is_some(), "{id} was acknowledged");
            }
        }
    }
}

#[tokio::test]
async fn the_log_is_folded_into_the_file_at_close() {
    let db = Fixture::sqlite();
    for number in 1..=100 {
        db.write(insert(number)).await;
    }
    assert!(db.database.disk_bytes().wal > 0);
    assert_eq!(db.database.disk_bytes().wal, wal_bytes(&db));
    db.database.close().await;
    assert_eq!(wal_bytes(&db), 0);
    assert_eq!(db.database.disk_bytes().wal, 0);
    assert_eq!(db.database.disk_bytes().database, std::fs::metadata(db.path()).unwrap().len());
    // The file alone is the whole database.
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("copy.db");
    std::fs::copy(db.path(), &copy).unwrap();
    let found = open(&copy.as_path().into()).read(count).await.unwrap();
    assert_eq!(found, 100);
}

#[tokio::test]
async fn reopening_after_a_drop_without_close_finds_everything() {
    for db in databases() {
        for round in 1..=5 {
            let database = open(&db.place.location);
            database.write(insert(round), soon()).await.unwrap();
            drop(database);
            let again = open(&db.place.location);
            let found = again.read(count).await.unwrap();
            assert_eq!(found, usize::try_from(round).unwrap());
        }
    }
}

#[tokio::test]
async fn a_log_that_grew_too_long_is_emptied_by_the_writer() {
    let db = Fixture::sqlite();
    let bytes_max = 256 * 1024;
    // Without the checkpointer, so that only the writer can do it.
    let options = Options { wal_bytes_max: bytes_max, checkpoint_pages: i64::MAX, ..Options::default() };
    let database = Database::open(&db.place.location, &options).unwrap();
    let many = |work: &mut Work<'_>| (1..=5_000).try_for_each(|number| users::insert(work, &new_user(number)));
    database.write(many, soon()).await.unwrap();
    // Answered before the log is looked at; the next one comes after that.
    database.write(insert(5_001), soon()).await.unwrap();
    assert!(database.disk_bytes().wal < bytes_max, "{:?}", database.disk_bytes());
    let found = database.read(count).await.unwrap();
    assert_eq!(found, 5_001);
}

#[tokio::test]
async fn the_checkpointer_copies_the_log_beside_the_writer() {
    let db = Fixture::sqlite();
    let database = Database::open(&db.place.location, &Options { checkpoint_pages: 1, ..Options::default() }).unwrap();
    database.write(insert(1), soon()).await.unwrap();
    let looking = db.sqlite_connection();
    let left = || {
        looking.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?))
    };
    let deadline = soon();
    while left().unwrap() > 0 {
        assert!(tokio::time::Instant::now() < deadline, "the checkpointer does nothing");
        tokio::task::yield_now().await;
    }
}
