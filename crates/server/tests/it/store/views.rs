//! Views: one state of the database from the first row to the last, and no way to write.

use super::gate::gate;
use super::{START, databases, user_id};
use domain::user::Role;
use superapp::store::{Database, Options, StoreError, View, users};

fn roles(view: &View<'_>) -> Result<Vec<String>, StoreError> {
    view.query("SELECT role FROM users ORDER BY id", &[], |row| row.get(0))
}

#[tokio::test]
async fn a_read_sees_one_state_while_a_write_commits_in_between() {
    for db in databases() {
        db.user(1).await;
        let (mut gate, wait) = gate();
        let reading = db.read(move |view| {
            let before = roles(view)?;
            wait.wait()?;
            Ok((before, roles(view)?))
        });
        let writing = async {
            gate.reached().await;
            db.write(|work| users::update_role(work, user_id(1), Role::Creator, START)).await;
            db.user(2).await;
            // A read that begins now sees it, though the other one still runs.
            assert_eq!(db.read(roles).await, ["creator", "user"]);
            gate.open();
        };
        let ((before, after), ()) = tokio::join!(reading, writing);
        assert_eq!(before, ["user"]);
        assert_eq!(after, before);
    }
}

#[tokio::test]
async fn a_read_sees_every_write_that_was_answered() {
    for db in databases() {
        for number in 1..=100 {
            db.user(number).await;
            assert_eq!(db.read(roles).await.len(), usize::try_from(number).unwrap());
        }
    }
}

#[tokio::test]
async fn a_read_cannot_write() {
    for db in databases() {
        db.user(1).await;
        for text in [
            "DELETE FROM users",
            "UPDATE users SET role = 'admin'",
            "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (2, '', '', 0) RETURNING 1",
            "DROP TABLE users",
            "CREATE TABLE more (id INTEGER)",
            "CREATE INDEX more ON users (tier)",
        ] {
            let result = db.database.read(move |view| view.query(text, &[], |_| Ok(()))).await;
            assert!(matches!(result, Err(StoreError::Refused(_))), "{text}: {result:?}");
        }
        assert_eq!(db.read(roles).await, ["user"]);
    }
}

#[tokio::test]
async fn a_read_that_panics_loses_only_itself_and_leaves_no_old_snapshot() {
    for db in databases() {
        // One thread, so that the next read comes to the one that panicked.
        let database = Database::open(&db.place.location, &Options { readers: 1, ..Options::default() }).unwrap();
        let panicking = |view: &View<'_>| -> Result<(), StoreError> {
            roles(view)?;
            panic!("as the test wants it")
        };
        let result = database.read(panicking).await;
        assert!(matches!(result, Err(StoreError::Panicked)), "{result:?}");
        db.user(1).await;
        assert_eq!(database.read(roles).await.unwrap(), ["user"]);
    }
}

#[tokio::test]
async fn a_read_that_fails_leaves_no_old_snapshot() {
    for db in databases() {
        let database = Database::open(&db.place.location, &Options { readers: 1, ..Options::default() }).unwrap();
        let failing = |view: &View<'_>| {
            roles(view)?;
            view.query("SELECT nothing FROM nowhere", &[], |_| Ok(()))
        };
        assert!(matches!(database.read(failing).await, Err(StoreError::Refused(_))));
        db.user(1).await;
        assert_eq!(database.read(roles).await.unwrap(), ["user"]);
    }
}

#[tokio::test]
async fn a_read_that_waited_for_too_long_is_not_executed() {
    for db in databases() {
        let impatient = Options { read_wait: std::time::Duration::ZERO, ..Options::default() };
        let database = Database::open(&db.place.location, &impatient).unwrap();
        let executed = |_: &View<'_>| -> Result<(), StoreError> { panic!("it was executed") };
        let result = database.read(executed).await;
        assert!(matches!(result, Err(StoreError::Overloaded)), "{result:?}");
    }
}

#[tokio::test]
async fn more_reads_than_may_wait_are_refused_at_once() {
    for db in databases() {
        let narrow = Options { readers: 1, queue: 1, ..Options::default() };
        let database = Database::open(&db.place.location, &narrow).unwrap();
        let (mut gate, wait) = gate();
        let first = database.read(move |_| wait.wait());
        let others = async {
            gate.reached().await;
            let second = database.read(roles);
            let third = async {
                let result = database.read(roles).await;
                gate.open();
                result
            };
            tokio::join!(second, third)
        };
        let (first, (second, third)) = tokio::join!(first, others);
        assert!(first.is_ok() && second.is_ok());
        assert!(matches!(third, Err(StoreError::Overloaded)), "{third:?}");
    }
}
