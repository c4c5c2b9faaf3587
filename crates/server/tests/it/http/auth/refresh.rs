//! Refresh tokens: each is good once, a copy ends the session, and a lost answer does not.

use crate::harness::{Person, Reply, TestApp, together};
use domain::timestamp::Span;
use serde_json::json;

/// Exchanges the token and takes the new pair.
async fn next(person: &Person) -> Person {
    person.with(&person.refresh().send().await.done(200))
}

async fn is_alive(person: &Person) -> bool {
    person.get("/api/users/me").send().await.status == 200
}

#[tokio::test]
async fn each_exchange_gives_a_new_pair() {
    let app = TestApp::new().await;
    let first = app.user("ann").await;
    let second = next(&first).await;
    let third = next(&second).await;
    assert_ne!(first.refresh_token, second.refresh_token);
    assert_ne!(second.refresh_token, third.refresh_token);
    assert_ne!(first.access_token, second.access_token);
    assert!(is_alive(&first).await, "an access token is good until it lapses");
    assert!(is_alive(&third).await);
    assert_eq!(third.sessions().await.len(), 1, "it is one session all along");
    assert_eq!(first.id, third.id);
}

#[tokio::test]
async fn a_token_that_comes_again_ends_its_whole_family() {
    let app = TestApp::new().await;
    let first = app.user("ann").await;
    let elsewhere = first.sign_in().await;
    let third = next(&next(&first).await).await;
    first.refresh().send().await.refused(401, "refresh_token_reused");
    assert!(!is_alive(&first).await && !is_alive(&third).await, "access tokens end with their family");
    third.refresh().send().await.refused(401, "invalid_refresh_token");
    first.refresh().send().await.refused(401, "refresh_token_reused");
    assert!(is_alive(&elsewhere).await, "another sign-in is another family");
    next(&elsewhere).await;
}

#[tokio::test]
async fn a_lost_answer_is_given_again_for_ten_seconds() {
    let app = TestApp::new().await;
    let first = app.user("ann").await;
    let second = next(&first).await;
    for seconds in [0, 5, 5] {
        app.advance(Span::seconds(seconds));
        let again = next(&first).await;
        assert_eq!(again.refresh_token, second.refresh_token, "it is the very same successor");
        assert!(is_alive(&again).await);
    }
    let third = next(&second).await;
    assert!(is_alive(&next(&third).await).await);
}

#[tokio::test]
async fn a_microsecond_later_the_same_token_is_a_copy() {
    let app = TestApp::new().await;
    let first = app.user("ann").await;
    let second = next(&first).await;
    app.advance(Span::seconds(10));
    app.advance(Span::MICROSECOND);
    first.refresh().send().await.refused(401, "refresh_token_reused");
    assert!(!is_alive(&first).await && !is_alive(&second).await);
    second.refresh().send().await.refused(401, "invalid_refresh_token");
}

#[tokio::test]
async fn once_the_successor_was_used_the_predecessor_is_a_copy_at_once() {
    let app = TestApp::new().await;
    let first = app.user("ann").await;
    let second = next(&first).await;
    let third = next(&second).await;
    first.refresh().send().await.refused(401, "refresh_token_reused");
    assert!(!is_alive(&third).await);
}

#[tokio::test]
async fn only_the_immediate_predecessor_may_ask_again() {
    let app = TestApp::new().await;
    let first = app.user("ann").await;
    let second = next(&first).await;
    let third = next(&second).await;
    assert_eq!(next(&second).await.refresh_token, third.refresh_token);
    first.refresh().send().await.refused(401, "refresh_token_reused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tabs_that_refresh_at_once_get_one_successor() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let replies = together((0..32).map(|_| ann.refresh().send())).await;
    let tokens: Vec<String> = replies.into_iter().map(|reply| ann.with(&reply.done(200)).refresh_token).collect();
    assert!(tokens.iter().all(|token| *token == tokens[0]), "{tokens:?}");
    let again = ann.with(&ann.refresh().send().await.done(200));
    assert_eq!(again.refresh_token, tokens[0]);
    assert!(is_alive(&next(&again).await).await, "nobody was taken for a thief");
}

#[tokio::test]
async fn a_token_that_is_none_is_refused_without_saying_why() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let unknown = format!("sar_{}", "A".repeat(43));
    let mut answers = Vec::new();
    for token in ["", "x", "sar_", &unknown, &ann.access_token, &"x".repeat(10_000), "sar_\u{0}", "' OR 1=1 --"] {
        let call = app.post("/api/auth/refresh").header("x-request-id", "same-for-all");
        let reply = call.json(json!({ "refresh_token": token })).send().await.refused(401, "invalid_refresh_token");
        answers.push(reply.bytes);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    assert!(is_alive(&ann).await);
}

#[tokio::test]
async fn an_unused_token_lapses_after_a_week() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    app.advance_almost(Span::days(7));
    next(&ann).await;
    app.advance(Span::MICROSECOND);
    bob.refresh().send().await.refused(401, "invalid_refresh_token");
}

#[tokio::test]
async fn a_session_ends_after_thirty_days_however_often_it_is_refreshed() {
    let app = TestApp::new().await;
    let mut ann = app.user("ann").await;
    for _ in 0..4 {
        app.advance(Span::days(6));
        ann = next(&ann).await;
    }
    app.advance_almost(Span::days(6));
    ann = next(&ann).await;
    assert!(is_alive(&ann).await);
    app.advance(Span::MICROSECOND);
    assert!(!is_alive(&ann).await, "the access token has lived for a microsecond only");
    ann.refresh().send().await.refused(401, "invalid_refresh_token");
}

#[tokio::test]
async fn a_suspended_account_cannot_refresh_and_loses_nothing_by_trying() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    app.suspend(&ann).await;
    ann.refresh().send().await.refused(403, "account_suspended");
    app.reinstate(&ann).await;
    assert!(is_alive(&next(&ann).await).await);
}

#[tokio::test]
async fn a_refresh_does_not_need_and_does_not_mind_an_access_token() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let reply: Reply = ann.refresh().bearer("garbage").send().await.done(200);
    assert!(is_alive(&ann.with(&reply)).await);
}
