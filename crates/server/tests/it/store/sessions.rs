//! Sign-ins: who shows a credential, what is listed, and what ends when.

use super::{Fixture, START, databases, session_id, user_id};
use domain::id::{SessionId, UserId};
use domain::timestamp::{Span, Timestamp};
use superapp::store::sessions::{self, LISTED_MAX, NewSession};
use superapp::store::{StoreError, refresh_tokens};

fn at(second: i64) -> Timestamp {
    START.plus(Span::seconds(second))
}

async fn sign_in(db: &Fixture, session: u128, user: u128, from: i64, until: i64) -> SessionId {
    let new = NewSession {
        id: session_id(session),
        user_id: user_id(user),
        address: Some("192.0.2.1".to_owned()),
        user_agent: Some("agent".to_owned()),
        created_at: at(from),
        expires_at: at(until),
    };
    db.write(move |work| sessions::insert(work, &new)).await;
    session_id(session)
}

async fn listed(db: &Fixture, user: UserId, now: Timestamp) -> Vec<SessionId> {
    db.read(move |view| sessions::list(view, user, now)).await.iter().map(|session| session.id).collect()
}

#[tokio::test]
async fn the_bearer_of_a_session_is_its_user_and_nobody_else() {
    for db in databases() {
        let (ann, bob) = (db.user(1).await, db.user(2).await);
        let session = sign_in(&db, 1, 1, 0, 100).await;
        let (user, state) = db.find(sessions::bearer(session, ann)).await.unwrap();
        assert_eq!(user.id, ann);
        assert_eq!((state.expires_at, state.revoked_at), (at(100), None));
        assert!(db.find(sessions::bearer(session, bob)).await.is_none());
        assert!(db.find(sessions::bearer(session_id(9), ann)).await.is_none());
    }
}

#[tokio::test]
async fn a_session_knows_when_it_began() {
    for db in databases() {
        let session = sign_in(&db, 1, 1, 7, 100).await;
        assert_eq!(db.read(move |view| sessions::created_at(view, session)).await, Some(at(7)));
        assert_eq!(db.read(|view| sessions::created_at(view, session_id(9))).await, None);
    }
}

#[tokio::test]
async fn a_sign_in_is_listed_as_it_was_recorded() {
    for db in databases() {
        let ann = db.user(1).await;
        sign_in(&db, 1, 1, 0, 100).await;
        let list = db.read(move |view| sessions::list(view, ann, at(1))).await;
        assert_eq!(list.len(), 1);
        assert_eq!(list[0].address.as_deref(), Some("192.0.2.1"));
        assert_eq!(list[0].user_agent.as_deref(), Some("agent"));
        assert_eq!((list[0].created_at, list[0].used_at, list[0].expires_at), (at(0), at(0), at(100)));
        db.write(|work| sessions::touch(work, session_id(1), at(5))).await;
        assert_eq!(db.read(move |view| sessions::list(view, ann, at(6))).await[0].used_at, at(5));
        let result = db.try_write(|work| sessions::touch(work, session_id(9), at(5))).await;
        assert!(matches!(result, Err(StoreError::Broken(_))), "{result:?}");
    }
}

#[tokio::test]
async fn only_live_sessions_are_listed_newest_first() {
    for db in databases() {
        let ann = db.user(1).await;
        let old = sign_in(&db, 3, 1, 0, 100).await;
        let new = sign_in(&db, 1, 1, 10, 100).await;
        let short = sign_in(&db, 2, 1, 5, 20).await;
        sign_in(&db, 4, 2, 0, 100).await;
        assert_eq!(listed(&db, ann, at(15)).await, [new, short, old]);
        assert_eq!(listed(&db, ann, at(20)).await, [new, old], "it ends at its last moment, not after it");
        db.write(move |work| sessions::revoke(work, new, user_id(1), at(16))).await;
        assert_eq!(listed(&db, ann, at(20)).await, [old]);
    }
}

#[tokio::test]
async fn a_list_has_an_end() {
    for db in databases() {
        let ann = db.user(1).await;
        let count = LISTED_MAX + 3;
        for number in 1..=count {
            sign_in(&db, u128::from(number.unsigned_abs()), 1, number, 1_000).await;
        }
        let list = listed(&db, ann, at(count)).await;
        assert_eq!(i64::try_from(list.len()), Ok(LISTED_MAX));
        assert_eq!(list[0], session_id(u128::from(count.unsigned_abs())), "the newest are kept");
    }
}

#[tokio::test]
async fn a_session_is_ended_once_and_only_by_its_user() {
    for db in databases() {
        let (ann, bob) = (db.user(1).await, db.user(2).await);
        let session = sign_in(&db, 1, 1, 0, 100).await;
        let revoke = |user, second| db.write(move |work| sessions::revoke(work, session, user, at(second)));
        assert!(!revoke(bob, 1).await);
        assert!(!revoke(ann, 100).await, "it had ended by itself");
        assert!(revoke(ann, 2).await);
        assert!(!revoke(ann, 3).await);
        let (_, state) = db.find(sessions::bearer(session, ann)).await.unwrap();
        assert_eq!(state.revoked_at, Some(at(2)), "the first end counts");
    }
}

#[tokio::test]
async fn every_other_session_of_a_user_is_ended() {
    for db in databases() {
        let (ann, bob) = (db.user(1).await, db.user(2).await);
        let keep = sign_in(&db, 1, 1, 0, 100).await;
        for session in 2..=4 {
            sign_in(&db, session, 1, 0, 100).await;
        }
        let theirs = sign_in(&db, 5, 2, 0, 100).await;
        assert_eq!(db.write(move |work| sessions::revoke_others(work, ann, keep, at(1))).await, 3);
        assert_eq!(db.write(move |work| sessions::revoke_others(work, ann, keep, at(2))).await, 0);
        assert_eq!(listed(&db, ann, at(3)).await, [keep]);
        assert_eq!(listed(&db, bob, at(3)).await, [theirs]);
    }
}

#[tokio::test]
async fn a_sweep_forgets_ended_sessions_with_their_tokens_and_no_more_than_asked() {
    for db in databases() {
        let ann = db.user(1).await;
        for (session, until) in [(1, 10), (2, 20), (3, 30), (4, 40)] {
            let id = sign_in(&db, session, 1, 0, until).await;
            let hash = [u8::try_from(session).unwrap(); 32];
            db.write(move |work| refresh_tokens::insert(work, &hash, id, START, at(100))).await;
        }
        let sweep = |before, limit| db.write(move |work| sessions::sweep(work, at(before), limit));
        assert_eq!(sweep(10, 10).await, 0, "one that ends at the moment itself stays");
        assert_eq!(sweep(31, 2).await, 2, "the oldest first");
        assert_eq!(listed(&db, ann, START).await.len(), 2);
        for (token, kept) in [(1, false), (2, false), (3, true), (4, true)] {
            let found = db.read(move |view| refresh_tokens::find(view, &[token; 32])).await;
            assert_eq!(found.is_some(), kept, "{token}");
        }
        let orphans = "SELECT COUNT(*) FROM refresh_tokens WHERE session_id NOT IN (SELECT id FROM sessions)";
        let count = db.read(move |view| view.query_opt(orphans, &[], |row| row.get::<i64>(0))).await;
        assert_eq!(count, Some(0));
        assert_eq!(sweep(31, 2).await, 1);
        assert_eq!(sweep(31, 2).await, 0);
        assert_eq!(listed(&db, ann, START).await, [session_id(4)]);
    }
}
