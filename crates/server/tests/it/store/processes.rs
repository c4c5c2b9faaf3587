//! Two processes on one file, as a command line beside a server: nothing is lost and nobody is refused.

use super::{databases, open, soon, user_id};
use domain::id::{UserId, WalletId};
use superapp::store::{Database, StoreError, Work};

/// Adds one to a balance the careless way: reads it, and writes what it should be then.
fn increment(work: &mut Work<'_>, user: UserId) -> Result<(), StoreError> {
    let id = WalletId::of_user(user);
    let read = "SELECT balance_cents FROM wallets WHERE id = $1";
    let balance: i64 = work.query_opt(read, &[id.into()], |row| row.get(0))?.unwrap_or_default();
    work.execute_one("UPDATE wallets SET balance_cents = $2 WHERE id = $1", &[id.into(), (balance + 1).into()])
}

async fn increment_often(database: Database, times: usize, tasks: usize) {
    let mut set = tokio::task::JoinSet::new();
    for _ in 0..tasks {
        let database = database.clone();
        set.spawn(async move {
            for _ in 0..times {
                database.write(|work| increment(work, user_id(1)), soon()).await.unwrap();
            }
        });
    }
    set.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_that_write_at_once_lose_no_update_and_see_no_error() {
    for db in databases() {
        db.user(1).await;
        let other = open(&db.place.location);
        let (times, tasks) = (50, 4);
        tokio::join!(increment_often(db.database.clone(), times, tasks), increment_often(other.clone(), times, tasks),);
        for database in [&db.database, &other] {
            let read = |view: &superapp::store::View<'_>| {
                view.query_opt("SELECT balance_cents FROM wallets", &[], |row| row.get::<i64>(0))
            };
            assert_eq!(database.read(read).await.unwrap(), Some(400));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_may_come_and_go_while_another_writes() {
    for db in databases() {
        db.user(1).await;
        let visits = async {
            for _ in 0..10 {
                let visitor = open(&db.place.location);
                visitor.write(|work| increment(work, user_id(1)), soon()).await.unwrap();
                visitor.close().await;
            }
        };
        tokio::join!(increment_often(db.database.clone(), 100, 1), visits);
        let read = |view: &superapp::store::View<'_>| {
            view.query_opt("SELECT balance_cents FROM wallets", &[], |row| row.get::<i64>(0))
        };
        assert_eq!(db.read(read).await, Some(110));
    }
}
