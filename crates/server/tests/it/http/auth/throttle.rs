//! Guessing at passwords: who has to wait, who has not, and what nobody is told.

use crate::harness::{PASSWORD, Person, Reply, TestApp, together};
use domain::audit::Actor;
use domain::timestamp::Span;
use futures_util::FutureExt;
use serde_json::json;
use std::time::Duration;
use superapp::operations::{Context, Denial, sessions};
use superapp::store::{Work, sign_in_failures, users};
use tokio::time::Instant;

async fn login(app: &TestApp, peer: &str, email: &str, password: &str) -> Reply {
    let call = app.post("/api/auth/login").peer(&format!("{peer}:4711"));
    call.json(json!({ "email": email, "password": password })).send().await
}

async fn wrong(app: &TestApp, peer: &str, email: &str) -> Reply {
    login(app, peer, email, "not this one").await
}

/// An address of its own for each number.
fn peer(number: u32) -> String {
    std::net::Ipv4Addr::from_bits(0x0B00_0000 + number).to_string()
}

/// Gives an account failures that nobody need wait for.
async fn fail(app: &TestApp, person: &Person, failures: usize) {
    let (user, now) = (person.id, app.clock.now());
    let add = move |work: &mut Work<'_>| (0..failures).try_for_each(|_| sign_in_failures::add(work, user, now));
    app.database.write(add, Instant::now() + Duration::from_secs(10)).await.unwrap();
}

/// Wrong passwords in a row.
async fn failures(app: &TestApp, person: &Person) -> i64 {
    let user = person.id;
    app.database.read(move |view| sign_in_failures::count(view, user)).await.unwrap()
}

#[tokio::test]
async fn after_five_failures_each_wait_is_twice_as_long_and_ends_at_its_second() {
    let app = TestApp::new().await;
    app.user("ann").await;
    for email in ["ann@example.com", "nobody@example.com"] {
        for _ in 0..5 {
            wrong(&app, "192.0.2.1", email).await.refused(401, "invalid_credentials");
        }
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900] {
            let refused = wrong(&app, "192.0.2.1", email).await.refused(429, "too_many_sign_ins");
            assert_eq!(refused.header("retry-after"), seconds.to_string());
            app.advance_almost(Span::seconds(seconds));
            // Even what is right is not looked at.
            login(&app, "192.0.2.1", email, PASSWORD).await.refused(429, "too_many_sign_ins");
            app.advance(Span::MICROSECOND);
            wrong(&app, "192.0.2.1", email).await.refused(401, "invalid_credentials");
        }
        app.advance(Span::hours(1));
    }
}

#[tokio::test]
async fn a_success_opens_the_way_again() {
    let app = TestApp::new().await;
    app.user("ann").await;
    for _ in 0..10 {
        for _ in 0..4 {
            wrong(&app, "192.0.2.1", "ann@example.com").await.refused(401, "invalid_credentials");
        }
        login(&app, "192.0.2.1", "ann@example.com", PASSWORD).await.done(200);
        // One address has thirty failures in a quarter of an hour, and this is not about those.
        app.advance(Span::seconds(900));
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM sign_in_failures").await, 0);
}

#[tokio::test]
async fn an_address_checks_thirty_guesses_in_a_quarter_of_an_hour_whatever_the_accounts() {
    let app = TestApp::new().await;
    app.user("ann").await;
    let mut checked = 0;
    for number in 0..300 {
        let reply = wrong(&app, "192.0.2.1", &format!("{}@example.com", number % 100)).await;
        checked += usize::from(reply.status == 401);
    }
    assert_eq!(checked, 30);
    let refused = wrong(&app, "192.0.2.1", "ann@example.com").await.refused(429, "too_many_sign_ins");
    assert_eq!(refused.header("retry-after"), "900");
    login(&app, "192.0.2.2", "ann@example.com", PASSWORD).await.done(200);
    app.advance(Span::seconds(900));
    login(&app, "192.0.2.1", "ann@example.com", PASSWORD).await.done(200);
}

#[tokio::test]
async fn loopback_is_spared_as_an_address_and_not_at_an_account() {
    let app = TestApp::new().await;
    app.user("ann").await;
    for number in 0..40 {
        let email = format!("{number}@example.com");
        wrong(&app, "127.0.0.1", &email).await.refused(401, "invalid_credentials");
    }
    for _ in 0..5 {
        wrong(&app, "127.0.0.1", "ann@example.com").await.refused(401, "invalid_credentials");
    }
    wrong(&app, "127.0.0.1", "ann@example.com").await.refused(429, "too_many_sign_ins");
}

#[tokio::test]
async fn the_owner_signs_in_from_elsewhere_while_the_account_is_under_attack() {
    let app = TestApp::new().await;
    app.user("ann").await;
    for number in 0..90 {
        wrong(&app, &peer(number), "ann@example.com").await.refused(401, "invalid_credentials");
        if number % 3 == 0 {
            login(&app, "198.51.100.1", "ann@example.com", PASSWORD).await.done(200);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn however_many_addresses_guess_at_once_a_hundred_guesses_are_compared() {
    let app = TestApp::with(&[("SUPERAPP_AUTH__HASH_QUEUE", "1000")]).await;
    let ann = app.user("ann").await;
    let calls = (0..400).map(|number| {
        let call = app.post("/api/auth/login").peer(&format!("{}:1", peer(number)));
        call.json(json!({ "email": ann.email, "password": "not this one" })).send()
    });
    for reply in together(calls).await {
        reply.refused(401, "invalid_credentials");
    }
    let compared = "SELECT COUNT(*) FROM audit_logs WHERE after LIKE '%invalid_credentials%'";
    let at_all = "SELECT COUNT(*) FROM audit_logs WHERE action = 'session.refused'";
    // An attempt that is on record and not quite over counts twice for a moment: never too little.
    let at_once = app.count(compared).await;
    assert!((50..=100).contains(&at_once), "{at_once}");
    for number in 0..100 {
        wrong(&app, &peer(1_000 + number), &ann.email).await.refused(401, "invalid_credentials");
    }
    assert_eq!((app.count(compared).await, app.count(at_all).await), (100, 500));
    assert_eq!(app.count("SELECT failures FROM sign_in_failures").await, 100);
    // What is right is not told from what is wrong any more, from wherever it comes.
    let right = login(&app, "198.51.100.1", "ann@example.com", PASSWORD).await.refused(401, "invalid_credentials");
    let nobody = login(&app, "198.51.100.1", "nobody@example.com", PASSWORD).await.refused(401, "invalid_credentials");
    let plain = |reply: &Reply| String::from_utf8_lossy(&reply.bytes).replace(&reply.request_id(), "");
    assert_eq!(plain(&right), plain(&nobody));
    ann.get("/api/users/me").send().await.done(200);
}

#[tokio::test]
async fn a_hundredth_failure_disables_the_password_and_a_success_before_it_begins_anew() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    fail(&app, &ann, 99).await;
    login(&app, "192.0.2.1", "ann@example.com", PASSWORD).await.done(200);
    assert_eq!(app.count("SELECT COUNT(*) FROM sign_in_failures").await, 0);
    fail(&app, &ann, 99).await;
    wrong(&app, "192.0.2.1", "ann@example.com").await.refused(401, "invalid_credentials");
    login(&app, "192.0.2.1", "ann@example.com", PASSWORD).await.refused(401, "invalid_credentials");
    login(&app, "192.0.2.1", &bob.email, PASSWORD).await.done(200);
    assert_eq!(app.count("SELECT failures FROM sign_in_failures").await, 100, "it stays at a hundred");
    // Whoever is signed in cannot go on guessing either.
    let change = json!({ "current_password": PASSWORD, "new_password": "a horse of another colour" });
    ann.post("/api/auth/password").json(change).send().await.refused(422, "wrong_password");
}

#[tokio::test]
async fn guesses_at_the_current_password_count_like_those_at_sign_in() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let change = |current: &str| {
        let body = json!({ "current_password": current, "new_password": "a horse of another colour" });
        ann.post("/api/auth/password").peer("192.0.2.1:1").json(body).send()
    };
    for _ in 0..5 {
        change("not this one").await.refused(422, "wrong_password");
    }
    change(PASSWORD).await.refused(429, "too_many_sign_ins");
    login(&app, "192.0.2.1", "ann@example.com", PASSWORD).await.refused(429, "too_many_sign_ins");
    assert_eq!(app.count("SELECT failures FROM sign_in_failures").await, 5);
    let refused = "SELECT COUNT(*) FROM audit_logs WHERE action = 'user.password_refused'";
    assert_eq!(app.count(refused).await, 6);
    app.advance(Span::seconds(1));
    change(PASSWORD).await.done(204);
    assert_eq!(app.count("SELECT COUNT(*) FROM sign_in_failures").await, 0);
}

#[tokio::test]
async fn every_attempt_is_on_record_with_its_outcome_and_without_what_was_typed() {
    let app = TestApp::on_a_file().await;
    let (ann, sue) = (app.user("ann").await, app.user("sue").await);
    app.suspend(&sue).await;
    let (mut attempts, mut secrets) = (0, Vec::new());
    for round in 0..50 {
        let secret = format!("canary-{round}-password");
        for email in ["ann@example.com", "sue@example.com", "nobody@example.com"] {
            login(&app, &peer(round), email, &secret).await.refused(401, "invalid_credentials");
            attempts += 1;
        }
        login(&app, &peer(round), &sue.email, PASSWORD).await.refused(403, "account_suspended");
        login(&app, &peer(round), &ann.email, PASSWORD).await.done(200);
        attempts += 2;
        secrets.push(secret);
    }
    for _ in 0..10 {
        login(&app, "192.0.2.1", "ann@example.com", "canary-0-password").await;
        attempts += 1;
    }
    let actions = "SELECT COUNT(*) FROM audit_logs WHERE action IN ('session.created', 'session.refused')";
    // Each of the two signed in when they registered.
    assert_eq!(app.count(actions).await, attempts + 2);
    let throttled = "SELECT COUNT(*) FROM audit_logs WHERE after LIKE '%too_many_sign_ins%' AND address = '192.0.2.1'";
    assert_eq!(app.count(throttled).await, 5);
    let disk = app.disk();
    for secret in secrets {
        assert!(!disk.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()), "{secret}");
    }
}

#[tokio::test]
async fn a_hash_is_renewed_at_the_next_sign_in_after_the_settings_ask_for_more() {
    let mut app = TestApp::new().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let stronger = "SELECT COUNT(*) FROM users WHERE password_hash LIKE '%m=128,t=2,p=1%'";
    app.move_to_a_copy(&[("SUPERAPP_AUTH__ARGON2_MEMORY_KIB", "128"), ("SUPERAPP_AUTH__ARGON2_PASSES", "2")]).await;
    let (ann, bob) = (ann.at(&app), bob.at(&app));
    wrong(&app, "192.0.2.1", &ann.email).await.refused(401, "invalid_credentials");
    assert_eq!(app.count(stronger).await, 0);
    ann.sign_in().await;
    assert_eq!(app.count(stronger).await, 1);
    // The session that was there before is still good: it is the same password.
    ann.get("/api/users/me").send().await.done(200);
    bob.sign_in().await;
    assert_eq!(app.count(stronger).await, 2);
    ann.sign_in().await;
    let pepper = [("SUPERAPP_AUTH__PASSWORD_PEPPER", "a-pepper-for-tests-only-0123456789abcdef")];
    app.move_to_a_copy(&pepper).await;
    let ann = ann.at(&app);
    ann.sign_in().await;
    ann.sign_in().await;
    assert_eq!(app.count("SELECT COUNT(*) FROM users WHERE password_hash LIKE '%keyid=%'").await, 1);
}

#[tokio::test]
async fn a_crowd_that_meets_a_renewed_hash_is_let_in_and_none_of_it_is_counted() {
    let mut app = TestApp::new().await;
    let ann = app.user("ann").await;
    app.move_to_a_copy(&[("SUPERAPP_AUTH__ARGON2_MEMORY_KIB", "128"), ("SUPERAPP_AUTH__ARGON2_PASSES", "2")]).await;
    // Each from a network of its own, so that none waits for another.
    let peers: Vec<_> = (0..12).map(peer).collect();
    let refused = "SELECT COUNT(*) FROM audit_logs WHERE action = 'session.refused'";
    let at_once = peers.iter().map(|peer| login(&app, peer, &ann.email, PASSWORD));
    for reply in futures_util::future::join_all(at_once).await {
        reply.done(200);
    }
    assert_eq!((failures(&app, &ann).await, app.count(refused).await), (0, 0));
    wrong(&app, &peer(20), &ann.email).await.refused(401, "invalid_credentials");
    assert_eq!((failures(&app, &ann).await, app.count(refused).await), (1, 1));
}

#[tokio::test]
async fn who_would_be_answered_too_late_is_told_that_there_is_no_room_and_nothing_is_counted() {
    let mut app = TestApp::new().await;
    let ann = app.user("ann").await;
    // Each takes some tenths of a second, one after the other.
    app.move_to_a_copy(&[
        ("SUPERAPP_AUTH__ARGON2_MEMORY_KIB", "65536"),
        ("SUPERAPP_AUTH__ARGON2_PASSES", "8"),
        ("SUPERAPP_AUTH__HASHERS", "1"),
        ("SUPERAPP_SERVER__REQUEST_DEADLINE_SECONDS", "1"),
    ])
    .await;
    let others: Vec<_> = (0..24).map(|number| (peer(number), format!("nobody{number}@example.com"))).collect();
    let before = others.iter().map(|(peer, email)| wrong(&app, peer, email));
    let last = peer(99);
    let ((), reply) = tokio::join!(
        async { drop(futures_util::future::join_all(before).await) },
        login(&app, &last, &ann.email, PASSWORD)
    );
    assert_eq!((reply.status, reply.header("retry-after")), (503, "1"), "{reply}");
    assert_eq!(failures(&app, &ann).await, 0);
}

#[tokio::test]
async fn who_hangs_up_while_a_password_is_compared_has_guessed_all_the_same() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let on_record = "SELECT COUNT(*) FROM audit_logs WHERE action = 'session.refused'";
    let from = peer(1);
    for number in 1..=3 {
        {
            let mut call = std::pin::pin!(wrong(&app, &from, &ann.email));
            // As far as the attempt, which is then on its own.
            assert!(call.as_mut().now_or_never().is_none());
        }
        let until = Instant::now() + Duration::from_secs(10);
        while failures(&app, &ann).await < number {
            assert!(Instant::now() < until, "the guess was not counted");
            tokio::task::yield_now().await;
        }
        assert_eq!(app.count(on_record).await, number);
    }
}

#[tokio::test]
async fn a_renewed_hash_takes_the_place_of_no_other_password() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let hash_of = |id| app.database.read(move |view| users::password_hash(view, id));
    let old = hash_of(ann.id).await.unwrap().unwrap();
    let change = json!({ "current_password": PASSWORD, "new_password": "a horse of another colour" });
    ann.post("/api/auth/password").json(change).send().await.done(204);
    let new = hash_of(ann.id).await.unwrap();
    let actor = Actor { id: None, credential: None, address: None, request_id: "late".to_owned() };
    let context = Context { now: app.clock.now(), actor, ids: app.ids.clone() };
    let user = ann.id;
    let late = move |work: &mut Work<'_>| sessions::sign_in(work, &context, user, (&old, Some("renewed")), None);
    let done = app.database.write(late, Instant::now() + Duration::from_secs(10)).await.unwrap();
    assert_eq!(done.map(|_| ()), Err(Denial::HashChanged));
    assert_eq!(failures(&app, &ann).await, 0);
    assert_eq!(hash_of(ann.id).await.unwrap(), new);
}

#[tokio::test]
async fn a_crowd_of_right_passwords_is_let_in_one_after_the_other() {
    let app = TestApp::new().await;
    app.user("ann").await;
    let crowd = |password: &'static str| {
        let body = json!({ "email": "ann@example.com", "password": password });
        let call = |_| app.post("/api/auth/login").peer("192.0.2.1:4711").json(body.clone()).send();
        together((0..40).map(call).collect::<Vec<_>>())
    };
    for reply in crowd(PASSWORD).await {
        reply.done(200);
    }
    // And a crowd of wrong ones is not.
    let checked = crowd("not this one").await.iter().filter(|reply| reply.status == 401).count();
    assert_eq!(checked, 5);
}

#[tokio::test]
async fn a_used_key_is_no_way_to_guess_at_a_password() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let change = |current: &str, key: &str| {
        let body = json!({ "current_password": current, "new_password": "another battery staple" });
        ann.post("/api/auth/password").key(key).peer("192.0.2.1:4711").json(body)
    };
    change("a first guess", "used").send().await.refused(422, "wrong_password");
    assert_eq!(app.count("SELECT COUNT(*) FROM sign_in_failures").await, 1);
    for guess in ["a second guess", PASSWORD] {
        change(guess, "used").send().await.refused(422, "idempotency_key_reused");
    }
    // Many at once under one new key: each that is compared counts.
    let guesses = (0..8).map(|number| change(&format!("guess number {number}"), "new").send());
    let replies = together(guesses.collect::<Vec<_>>()).await;
    let compared = replies.iter().filter(|reply| reply.status != 429).count();
    assert!(compared <= 4, "{compared}");
    // The same request again is what it was, and no guess.
    let done = change(PASSWORD, "right").peer("198.51.100.1:1").send().await.done(204);
    change(PASSWORD, "right").peer("198.51.100.1:1").send().await.replays(&done);
}
