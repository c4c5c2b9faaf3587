//! Tokens for media gateways: each refresh token is good once and in its period, a copy ends them all, a lost answer
//! does not, and nobody is locked out for good.

use crate::harness::{Person, Reply, TestApp, together, transaction_of};
use domain::subscription::PlanTier;
use domain::timestamp::Span;
use serde_json::{Value, json};
use superapp::renewals::renew_due;

/// A fan who subscribes to a creator for a month, from 15 January on.
struct Fan {
    app: TestApp,
    ann: Person,
    id: String,
    sale: Value,
}

impl Fan {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(settings: &[(&str, &str)]) -> Self {
        Self::on(TestApp::with(settings).await).await
    }

    async fn on(app: TestApp) -> Self {
        let (ann, bob) = (app.rich("ann", 10_000).await, app.user("bob").await);
        app.plan(&bob, PlanTier::Monthly, 1_000).await;
        let sale = ann.subscribe(&bob).fresh_key().send().await.done(201).json();
        let id = sale["subscription"]["id"].as_str().unwrap().to_owned();
        Self { app, ann, id, sale }
    }

    fn path(&self) -> String {
        format!("/api/subscriptions/{}/token", self.id)
    }

    /// Asks without a refresh token, and without a body.
    async fn ask(&self, person: &Person) -> Reply {
        person.post(self.path()).send().await
    }

    async fn show(&self, person: &Person, token: &str) -> Reply {
        person.post(self.path()).json(json!({ "refresh_token": token })).send().await
    }

    /// The first token of a period, or of a new sign-in.
    async fn begin(&self, person: &Person) -> String {
        refresh_token(&self.ask(person).await.done(200))
    }

    async fn next(&self, person: &Person, token: &str) -> String {
        refresh_token(&self.show(person, token).await.done(200))
    }
}

fn refresh_token(reply: &Reply) -> String {
    reply.json()["refresh_token"].as_str().unwrap().to_owned()
}

fn access_token(reply: &Reply) -> String {
    reply.json()["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_token_tells_a_gateway_who_may_see_what_of_whom_and_until_when() {
    let fan = Fan::new().await;
    let reply = fan.ask(&fan.ann).await.done(200);
    assert_eq!(reply.json()["expires_at"], "2027-01-15T08:05:00Z");
    let claims = fan.app.entitlement_tokens.verify(&access_token(&reply), fan.app.clock.now()).unwrap();
    assert_eq!((claims.sub.as_str(), claims.subscription_id.as_str()), (&*fan.ann.id.to_string(), &*fan.id));
    assert_eq!(json!(claims.creator_id), fan.sale["subscription"]["creator_id"]);
    assert_eq!(
        (claims.iss.as_str(), claims.aud.as_str(), claims.tier.as_str()),
        ("superapp", "superapp-media", "monthly")
    );
    assert_eq!((claims.exp - claims.iat, claims.nbf), (300, claims.iat));
    let short = Fan::with(&[("SUPERAPP_SUBSCRIPTIONS__TOKEN_SECONDS", "7")]).await;
    assert_eq!(short.ask(&short.ann).await.done(200).json()["expires_at"], "2027-01-15T08:00:07Z");
}

#[tokio::test]
async fn no_token_of_one_kind_is_taken_for_one_of_another() {
    let fan = Fan::new().await;
    let reply = fan.ask(&fan.ann).await.done(200);
    for token in [access_token(&reply), refresh_token(&reply)] {
        let stranger = fan.ann.with_token(token.clone());
        stranger.get("/api/users/me").send().await.refused(401, "unauthenticated");
        let body = json!({ "refresh_token": token });
        fan.app.post("/api/auth/refresh").json(body).send().await.refused(401, "invalid_refresh_token");
    }
    assert_eq!(fan.app.entitlement_tokens.verify(&fan.ann.access_token, fan.app.clock.now()), None);
    for token in [&fan.ann.refresh_token, &fan.ann.access_token, &access_token(&reply), "", "sae_", "' OR 1=1 --"] {
        fan.show(&fan.ann, token).await.refused(401, "invalid_entitlement_token");
    }
    fan.next(&fan.ann, &refresh_token(&reply)).await;
}

#[tokio::test]
async fn after_the_first_token_of_a_period_the_last_one_given_is_required() {
    let fan = Fan::new().await;
    let first = fan.begin(&fan.ann).await;
    fan.app.advance(Span::seconds(11));
    fan.ask(&fan.ann).await.refused(400, "refresh_token_required");
    let second = fan.next(&fan.ann, &first).await;
    fan.ask(&fan.ann).await.refused(400, "refresh_token_required");
    let third = fan.next(&fan.ann, &second).await;
    assert!(first != second && second != third);
    let session = fan.ann.refresh().send().await.done(200);
    fan.ask(&fan.ann.with(&session)).await.refused(400, "refresh_token_required");
    fan.next(&fan.ann, &third).await;
}

#[tokio::test]
async fn a_lost_answer_is_given_again_for_ten_seconds_and_the_first_one_too() {
    let fan = Fan::new().await;
    let first = fan.begin(&fan.ann).await;
    fan.app.advance(Span::seconds(10));
    assert_eq!(fan.begin(&fan.ann).await, first);
    let second = fan.next(&fan.ann, &first).await;
    for seconds in [0, 4, 6] {
        fan.app.advance(Span::seconds(seconds));
        assert_eq!(fan.next(&fan.ann, &first).await, second, "it is the very same successor");
    }
    let third = fan.next(&fan.ann, &second).await;
    fan.next(&fan.ann, &third).await;
}

#[tokio::test]
async fn a_millisecond_later_the_used_token_is_a_copy_and_ends_the_tokens_of_its_period() {
    let fan = Fan::new().await;
    let first = fan.begin(&fan.ann).await;
    let second = fan.next(&fan.ann, &first).await;
    fan.app.advance(Span::seconds(10));
    assert_eq!(fan.next(&fan.ann, &first).await, second);
    (0..1_000).for_each(|_| fan.app.advance(Span::MICROSECOND));
    let copy = fan.show(&fan.ann, &first).await.refused(401, "entitlement_token_reused");
    let row = &fan.app.audit_of(&copy).await[0];
    assert_eq!((row.action.as_str(), row.actor), ("subscription.token_reused", Some(fan.ann.id)));
    fan.show(&fan.ann, &second).await.refused(401, "entitlement_token_reused");
    fan.ask(&fan.ann).await.refused(400, "refresh_token_required");
    // Access itself is not lost, and a new sign-in brings the tokens back.
    let path = format!("/api/entitlements?creator_id={}", fan.sale["subscription"]["creator_id"].as_str().unwrap());
    assert_eq!(fan.ann.get(path).send().await.done(200).json()["access"], "subscription");
    fan.app.advance(Span::MICROSECOND);
    let anew = fan.ann.sign_in().await;
    let other = fan.begin(&anew).await;
    // Tokens of the family that is dead cannot harm the new one.
    for token in [&first, &second] {
        fan.show(&fan.ann, token).await.refused(401, "invalid_entitlement_token");
    }
    fan.next(&anew, &other).await;
}

#[tokio::test]
async fn an_older_token_is_a_copy_at_once() {
    let fan = Fan::new().await;
    let first = fan.begin(&fan.ann).await;
    let second = fan.next(&fan.ann, &first).await;
    let third = fan.next(&fan.ann, &second).await;
    fan.show(&fan.ann, &first).await.refused(401, "entitlement_token_reused");
    fan.show(&fan.ann, &third).await.refused(401, "entitlement_token_reused");
}

#[tokio::test]
async fn who_lost_the_token_signs_in_anew_and_begins_again() {
    let fan = Fan::new().await;
    let lost = fan.begin(&fan.ann).await;
    fan.app.advance(Span::seconds(60));
    fan.ask(&fan.ann).await.refused(400, "refresh_token_required");
    let anew = fan.ann.sign_in().await;
    let first = fan.begin(&anew).await;
    fan.show(&fan.ann, &lost).await.refused(401, "invalid_entitlement_token");
    fan.next(&anew, &first).await;
    fan.ask(&anew).await.refused(400, "refresh_token_required");
}

#[tokio::test]
async fn a_renewal_ends_the_tokens_of_the_period_before() {
    let fan = Fan::new().await;
    fan.app.advance_almost(Span::days(31));
    let ann = fan.ann.sign_in().await;
    let old = fan.begin(&ann).await;
    fan.app.advance(Span::MICROSECOND);
    // In the grace it is still the period that was paid for.
    let old = fan.next(&ann, &old).await;
    assert_eq!(renew_due(&fan.app).await.unwrap(), 1);
    fan.show(&ann, &old).await.refused(401, "invalid_entitlement_token");
    let first = fan.begin(&ann).await;
    fan.show(&ann, &old).await.refused(401, "invalid_entitlement_token");
    fan.next(&ann, &first).await;
}

#[tokio::test]
async fn no_token_outlives_the_access_of_a_cancelled_subscription() {
    let fan = Fan::new().await;
    fan.ann.post(format!("/api/subscriptions/{}/cancel", fan.id)).send().await.done(200);
    fan.app.advance(Span::seconds(31 * 86_400 - 20));
    let ann = fan.ann.sign_in().await;
    let reply = fan.ask(&ann).await.done(200);
    assert_eq!(reply.json()["expires_at"], "2027-02-15T08:00:00Z");
    fan.app.advance_almost(Span::seconds(20));
    let token = access_token(&reply);
    assert!(fan.app.entitlement_tokens.verify(&token, fan.app.clock.now()).is_some());
    let last = fan.show(&ann, &refresh_token(&reply)).await.done(200);
    assert_eq!(last.json()["expires_at"], "2027-02-15T08:00:00Z");
    fan.app.advance(Span::MICROSECOND);
    assert_eq!(fan.app.entitlement_tokens.verify(&token, fan.app.clock.now()), None);
    assert_eq!(fan.app.entitlement_tokens.verify(&access_token(&last), fan.app.clock.now()), None);
    fan.show(&ann, &refresh_token(&last)).await.refused(409, "subscription_ended");
    fan.ask(&ann.sign_in().await).await.refused(409, "subscription_ended");
}

#[tokio::test]
async fn a_refund_ends_the_tokens_at_once() {
    let fan = Fan::new().await;
    let token = fan.begin(&fan.ann).await;
    fan.app.give_back(transaction_of(&fan.sale)).await;
    let refused = fan.show(&fan.ann, &token).await.refused(409, "subscription_ended");
    let row = &fan.app.audit_of(&refused).await[0];
    assert_eq!((row.action.as_str(), &row.after), ("subscription.token_refused", &json!({ "reason": "not_entitled" })));
    fan.ask(&fan.ann).await.refused(409, "subscription_ended");
}

#[tokio::test]
async fn a_subscription_of_somebody_else_is_none() {
    let fan = Fan::new().await;
    let token = fan.begin(&fan.ann).await;
    let eve = fan.app.user("eve").await;
    let creator = fan.app.user("cleo").await;
    for person in [&eve, &creator] {
        fan.ask(person).await.refused(404, "subscription_not_found");
        fan.show(person, &token).await.refused(404, "subscription_not_found");
    }
    let unknown = "/api/subscriptions/sub_00000000000000000000000000/token";
    fan.ann.post(unknown).send().await.refused(404, "subscription_not_found");
    fan.app.post(fan.path()).send().await.refused(401, "unauthenticated");
    fan.next(&fan.ann, &token).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thirty_two_uses_of_one_token_at_once_give_one_successor() {
    let fan = Fan::new().await;
    let firsts = together((0..32).map(|_| fan.ann.post(fan.path()).send())).await;
    let firsts: Vec<String> = firsts.into_iter().map(|reply| refresh_token(&reply.done(200))).collect();
    assert!(firsts.iter().all(|token| *token == firsts[0]), "{firsts:?}");
    let show = || fan.ann.post(fan.path()).json(json!({ "refresh_token": firsts[0] })).send();
    let seconds = together((0..32).map(|_| show())).await;
    let seconds: Vec<String> = seconds.into_iter().map(|reply| refresh_token(&reply.done(200))).collect();
    assert!(seconds.iter().all(|token| *token == seconds[0]), "{seconds:?}");
    fan.next(&fan.ann, &seconds[0]).await;
}

#[tokio::test]
async fn the_database_and_the_keys_hold_no_token() {
    let fan = Fan::on(TestApp::on_a_file().await).await;
    let body = json!({ "refresh_token": null });
    let reply = fan.ann.post(fan.path()).key("k").json(body).send().await.done(200);
    let again = fan.ann.post(fan.path()).key("k").send().await.done(200);
    assert_eq!(refresh_token(&again), refresh_token(&reply), "an answer that was lost, not one that was stored");
    let second = fan.show(&fan.ann, &refresh_token(&reply)).await.done(200);
    let disk = fan.app.disk();
    for token in [access_token(&reply), refresh_token(&reply), refresh_token(&second)] {
        assert!(!disk.windows(token.len()).any(|bytes| bytes == token.as_bytes()));
    }
}
