//! Refresh tokens: found with their session, exchanged once, and followed to their successor.

use super::{START, databases, session_id, user_id};
use domain::timestamp::{Span, Timestamp};
use superapp::store::sessions::{self, NewSession};
use superapp::store::{StoreError, Work, refresh_tokens};

fn at(second: i64) -> Timestamp {
    START.plus(Span::seconds(second))
}

fn sign_in(work: &mut Work<'_>) -> Result<(), StoreError> {
    let new = NewSession {
        id: session_id(7),
        user_id: user_id(1),
        address: None,
        user_agent: None,
        created_at: at(0),
        expires_at: at(100),
    };
    sessions::insert(work, &new)?;
    refresh_tokens::insert(work, &[1; 32], new.id, at(0), at(50))
}

#[tokio::test]
async fn a_token_is_found_with_the_state_of_its_session() {
    for db in databases() {
        db.write(sign_in).await;
        let found = db.read(|view| refresh_tokens::find(view, &[1; 32])).await.unwrap();
        assert_eq!((found.session_id, found.user_id), (session_id(7), user_id(1)));
        assert_eq!((found.session.expires_at, found.session.revoked_at), (at(100), None));
        assert_eq!((found.token.expires_at, found.token.used_at), (at(50), None));
        assert_eq!((found.token.successor_used, found.successor_nonce), (false, None));
        assert!(db.read(|view| refresh_tokens::find(view, &[2; 32])).await.is_none());
        db.write(|work| sessions::revoke(work, session_id(7), user_id(1), at(3))).await;
        let found = db.read(|view| refresh_tokens::find(view, &[1; 32])).await.unwrap();
        assert_eq!(found.session.revoked_at, Some(at(3)));
    }
}

#[tokio::test]
async fn a_token_is_exchanged_once() {
    for db in databases() {
        db.write(sign_in).await;
        db.write(|work| refresh_tokens::mark_used(work, &[1; 32], &[8; 32], &[2; 32], at(1))).await;
        let again = db.try_write(|work| refresh_tokens::mark_used(work, &[1; 32], &[9; 32], &[3; 32], at(2))).await;
        assert!(matches!(again, Err(StoreError::Lost(_))), "{again:?}");
        let unknown = db.try_write(|work| refresh_tokens::mark_used(work, &[5; 32], &[9; 32], &[3; 32], at(2))).await;
        assert!(matches!(unknown, Err(StoreError::Lost(_))), "{unknown:?}");
        let found = db.read(|view| refresh_tokens::find(view, &[1; 32])).await.unwrap();
        assert_eq!((found.token.used_at, found.successor_nonce), (Some(at(1)), Some([8; 32])));
    }
}

#[tokio::test]
async fn a_token_knows_whether_its_successor_was_exchanged() {
    for db in databases() {
        db.write(sign_in).await;
        db.write(|work| {
            refresh_tokens::mark_used(work, &[1; 32], &[8; 32], &[2; 32], at(1))?;
            refresh_tokens::insert(work, &[2; 32], session_id(7), at(1), at(51))
        })
        .await;
        let successor_used = || async {
            let found = db.read(|view| refresh_tokens::find(view, &[1; 32])).await.unwrap();
            found.token.successor_used
        };
        assert!(!successor_used().await);
        db.write(|work| refresh_tokens::mark_used(work, &[2; 32], &[9; 32], &[3; 32], at(2))).await;
        assert!(successor_used().await);
    }
}

#[tokio::test]
async fn one_token_cannot_be_recorded_twice() {
    for db in databases() {
        db.write(sign_in).await;
        let again = db.try_write(|work| refresh_tokens::insert(work, &[1; 32], session_id(7), at(1), at(51))).await;
        assert!(matches!(again, Err(StoreError::Lost(_))), "{again:?}");
    }
}
