//! Parameters and columns: what goes in comes out, and what does not fit is an error and not a guess.

use super::{Fixture, START, count, databases, new_user, uuid};
use domain::id::{TransactionId, UserId};
use domain::money::Cents;
use domain::timestamp::Timestamp;
use superapp::store::{Column, StoreError, Value, View, Work};
use uuid::Uuid;

/// Sends a value to the database and reads it back.
fn echo<T: Column>(view: &View<'_>, value: Value<'_>) -> Result<T, StoreError> {
    let found = view.query_opt("SELECT $1", &[value], |row| row.get(0))?;
    found.ok_or(StoreError::Broken("no row"))
}

#[tokio::test]
async fn what_goes_in_comes_out() {
    let db = Fixture::sqlite();
    db.read(|view| {
        for number in [0, 1, -1, i64::MAX, i64::MIN, 1 << 53, (1 << 53) + 1] {
            assert_eq!(echo::<i64>(view, number.into())?, number);
            assert_eq!(echo::<Cents>(view, Cents::new(number).into())?, Cents::new(number));
            assert_eq!(echo::<Timestamp>(view, Timestamp::from_micros(number).into())?.as_micros(), number);
        }
        for text in ["", "plain", "naïve 😀", "'; DROP TABLE users; --", "$1 ?1 %s", "a\nb"] {
            assert_eq!(echo::<String>(view, text.into())?, text);
            assert_eq!(echo::<Vec<u8>>(view, text.as_bytes().into())?, text.as_bytes());
        }
        for bits in [0, 1, u128::MAX] {
            assert_eq!(echo::<Uuid>(view, uuid(bits).into())?, uuid(bits));
            assert_eq!(echo::<UserId>(view, UserId::new(uuid(bits)).into())?, UserId::new(uuid(bits)));
        }
        assert_eq!(echo::<[u8; 3]>(view, [1, 2, 3].as_slice().into())?, [1, 2, 3]);
        assert_eq!(echo::<Option<i64>>(view, Value::Null)?, None);
        assert_eq!(echo::<Option<i64>>(view, Some(5).into())?, Some(5));
        assert_eq!(echo::<Option<TransactionId>>(view, Option::<TransactionId>::None.into())?, None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_does_not_fit_is_an_error() {
    let db = Fixture::sqlite();
    db.read(|view| {
        let misfits = [
            echo::<i64>(view, "5".into()).err(),
            echo::<i64>(view, Value::Null).err(),
            echo::<String>(view, 5.into()).err(),
            echo::<String>(view, b"bytes".as_slice().into()).err(),
            echo::<Vec<u8>>(view, "text".into()).err(),
            echo::<[u8; 3]>(view, [1, 2].as_slice().into()).err(),
            echo::<Uuid>(view, [0; 15].as_slice().into()).err(),
            echo::<UserId>(view, "usr_1".into()).err(),
            echo::<Option<i64>>(view, "5".into()).err(),
            view.query_opt("SELECT 0.5", &[], |row| row.get::<i64>(0)).err(),
            view.query_opt("SELECT 1", &[], |row| row.get::<i64>(1)).err(),
        ];
        for (index, misfit) in misfits.iter().enumerate() {
            assert!(matches!(misfit, Some(StoreError::Column { .. })), "{index}: {misfit:?}");
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn parameters_are_bound_by_their_number_and_not_by_their_place() {
    for db in databases() {
        let read = |view: &View<'_>| {
            view.query_opt("SELECT $2, $1, $2", &["one".into(), "two".into()], |row| {
                Ok([row.get::<String>(0)?, row.get(1)?, row.get(2)?])
            })
        };
        assert_eq!(db.read(read).await.unwrap(), ["two", "one", "two"]);
    }
}

#[tokio::test]
async fn a_query_gives_every_row_and_query_opt_the_first() {
    for db in databases() {
        for number in 1..=3 {
            db.user(number).await;
        }
        let text = "SELECT email FROM users WHERE created_at = $1 ORDER BY email";
        let every = db.read(move |view| view.query(text, &[START.into()], |row| row.get::<String>(0))).await;
        assert_eq!(every, ["user1@example.com", "user2@example.com", "user3@example.com"]);
        let first = db.read(move |view| view.query_opt(text, &[START.into()], |row| row.get::<String>(0))).await;
        assert_eq!(first.as_deref(), Some("user1@example.com"));
        let none = db.read(move |view| view.query_opt(text, &[0.into()], |row| row.get::<String>(0))).await;
        assert_eq!(none, None);
    }
}

#[tokio::test]
async fn a_reader_of_rows_may_not_ask_for_more_rows() {
    for db in databases() {
        db.user(1).await;
        let names = db.database.read(|view| {
            view.query("SELECT id FROM users", &[], |row| {
                let id: UserId = row.get(0)?;
                view.find(&superapp::store::users::username(id))
            })
        });
        let names = names.await;
        assert!(matches!(names, Err(StoreError::Broken("a statement among the rows of another"))), "{names:?}");
    }
}

#[tokio::test]
async fn a_unit_of_work_that_hides_an_error_is_not_kept() {
    for db in databases() {
        let hide = |work: &mut Work<'_>| {
            superapp::store::users::insert(work, &new_user(1))?;
            let _ = work.execute("INSERT INTO users (id) VALUES ($1)", &[uuid(2).into()]);
            Ok(())
        };
        let result = db.try_write(hide).await;
        assert!(matches!(result, Err(StoreError::Broken(_))), "{result:?}");
        assert_eq!(db.read(count).await, 0);
    }
}

#[tokio::test]
async fn an_error_of_the_reader_of_rows_is_the_answer() {
    for db in databases() {
        db.user(1).await;
        let read =
            |view: &View<'_>| view.query("SELECT 1", &[], |_| Err::<(), _>(StoreError::Broken("as the reader says")));
        let result = db.database.read(read).await;
        assert!(matches!(result, Err(StoreError::Broken("as the reader says"))), "{result:?}");
    }
}
