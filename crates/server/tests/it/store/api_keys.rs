//! API keys: who shows one, what is listed, and what ends.

use super::{Fixture, START, databases, user_id};
use domain::api_key::{Life, Scopes};
use domain::id::ApiKeyId;
use domain::timestamp::{Span, Timestamp};
use superapp::store::api_keys::{self, ApiKey, NewApiKey};
use uuid::Uuid;

fn at(second: i64) -> Timestamp {
    START.plus(Span::seconds(second))
}

fn key_id(number: u128) -> ApiKeyId {
    ApiKeyId::new(Uuid::from_u128(number))
}

fn digest(number: u8) -> [u8; 32] {
    [number; 32]
}

async fn insert(db: &Fixture, number: u8, user: u128, expires_at: Option<Timestamp>) -> ApiKey {
    let key = ApiKey {
        id: key_id(number.into()),
        name: format!("key {number}"),
        last_four: "abcd".to_owned(),
        scopes: Scopes::parse(["wallet:read", "content:write"]).unwrap(),
        networks: "10.0.0.0/8 ::1".to_owned(),
        created_at: at(number.into()),
        used_at: None,
        life: Life { expires_at, revoked_at: None },
    };
    let new = NewApiKey { user_id: user_id(user), digest: digest(number), key: key.clone() };
    db.write(move |work| api_keys::insert(work, &new)).await;
    key
}

#[tokio::test]
async fn the_bearer_of_a_key_is_its_owner_and_the_key_is_as_it_was_made() {
    for db in databases() {
        let (ann, bob) = (db.user(1).await, db.user(2).await);
        let of_ann = insert(&db, 1, 1, None).await;
        let of_bob = insert(&db, 2, 2, Some(at(100))).await;
        for (number, owner, key) in [(1, ann, of_ann), (2, bob, of_bob)] {
            let (user, found) = db.find(api_keys::bearer(digest(number))).await.unwrap();
            assert_eq!((user.id, found), (owner, key));
        }
        assert!(db.find(api_keys::bearer(digest(3))).await.is_none());
    }
}

#[tokio::test]
async fn a_secret_is_one_keys() {
    for db in databases() {
        db.user(1).await;
        let key = insert(&db, 1, 1, None).await;
        let again = NewApiKey { user_id: user_id(1), digest: digest(1), key: ApiKey { id: key_id(2), ..key } };
        assert!(db.try_write(move |work| api_keys::insert(work, &again)).await.is_err());
    }
}

#[tokio::test]
async fn ones_own_keys_are_listed_newest_first_without_those_that_were_ended() {
    for db in databases() {
        let (ann, _) = (db.user(1).await, db.user(2).await);
        for number in 1..=4 {
            insert(&db, number, 1, (number == 2).then(|| at(50))).await;
        }
        insert(&db, 5, 2, None).await;
        assert!(db.write(move |work| api_keys::revoke(work, key_id(3), ann, at(60))).await);
        let names = async |before, limit| {
            let keys = db.read(move |view| api_keys::list(view, ann, before, limit)).await;
            keys.into_iter().map(|key| key.name).collect::<Vec<_>>()
        };
        assert_eq!(names(None, 10).await, ["key 4", "key 2", "key 1"]);
        assert_eq!(names(None, 2).await, ["key 4", "key 2"]);
        assert_eq!(names(Some((at(2), key_id(2))), 10).await, ["key 1"]);
        // A moment before its end a key is good, at its end it is not.
        for (moment, live) in [(at(49), 3), (at(50), 2)] {
            assert_eq!(db.read(move |view| api_keys::live(view, ann, moment)).await, live);
        }
    }
}

#[tokio::test]
async fn a_key_is_ended_once_and_by_its_owner() {
    for db in databases() {
        let (ann, bob) = (db.user(1).await, db.user(2).await);
        insert(&db, 1, 1, None).await;
        for (user, id, ended) in [(bob, 1, false), (ann, 2, false), (ann, 1, true), (ann, 1, false)] {
            assert_eq!(db.write(move |work| api_keys::revoke(work, key_id(id), user, at(9))).await, ended);
        }
        let (_, key) = db.find(api_keys::bearer(digest(1))).await.unwrap();
        assert_eq!(key.life, Life { expires_at: None, revoked_at: Some(at(9)) });
    }
}

#[tokio::test]
async fn the_latest_use_stays() {
    for db in databases() {
        db.user(1).await;
        insert(&db, 1, 1, None).await;
        insert(&db, 2, 1, None).await;
        for (noted, kept) in [(at(5), at(5)), (at(3), at(5)), (at(7), at(7))] {
            db.write(move |work| api_keys::touch(work, key_id(1), noted)).await;
            let (_, key) = db.find(api_keys::bearer(digest(1))).await.unwrap();
            assert_eq!(key.used_at, Some(kept));
        }
        assert_eq!(db.find(api_keys::bearer(digest(2))).await.unwrap().1.used_at, None);
    }
}
