//! What fans buy of creators, through the ledger's door: so that the tests of what they see then need no route
//! but their own.

use super::{Person, TestApp, unique};
use domain::audit::Actor;
use domain::command::{Command, Parties, Refund, Request, Subscribe, Unlock};
use domain::decide::Answer;
use domain::id::{ContentId, SubscriptionId, TransactionId, UserId};
use domain::idempotency::{Fingerprint, Idempotency, Key, StoredResponse};
use domain::receipt::Outcome;
use domain::subscription::PlanTier;
use domain::text::Reason;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use superapp::ledger::Submission;
use tokio::time::Instant;

fn render(outcome: &Outcome) -> StoredResponse {
    let body = outcome.as_ref().map(|receipt| receipt.transaction.id.to_string()).unwrap_or_default();
    StoredResponse { status: 201, headers: Vec::new(), body: body.into_bytes() }
}

impl TestApp {
    /// A person who has become a creator.
    pub async fn creator(&self, name: &str) -> Person {
        let person = self.user(name).await;
        person.post("/api/users/me/creator").send().await.done(200);
        person
    }

    async fn execute(&self, principal: UserId, command: Command) -> TransactionId {
        let key = Idempotency {
            principal,
            digest: Key::parse(&unique("sale")).unwrap().digest(),
            fingerprint: Fingerprint::of(&[b"sale"]),
            route: "/test".to_owned(),
            first_seen: self.clock.now(),
        };
        let actor = Actor { id: Some(principal), credential: None, address: None, request_id: "sale".to_owned() };
        let request = Request { id: TransactionId::new(self.ids.uuid()), actor, key, command };
        let deadline = Instant::now() + Duration::from_secs(60);
        let submission = Submission { request, render: Arc::new(render), deadline };
        match self.ledger.execute(submission, Box::new(())).await.unwrap() {
            Answer::Executed { response, refusal: None } => String::from_utf8(response.body).unwrap().parse().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// A fan buys a content.
    pub async fn unlock(&self, fan: &Person, creator: &Person, content: &str) -> TransactionId {
        let command = Unlock {
            user_id: fan.id,
            content_id: content.parse::<ContentId>().unwrap(),
            creator_id: Some(creator.id),
            expected_price: None,
            terms: self.splits.premium_unlock(),
        };
        self.execute(fan.id, Command::Unlock(command)).await
    }

    /// A fan subscribes to a creator, who has a plan of that tier.
    pub async fn subscribe(&self, fan: &Person, creator: &Person, tier: PlanTier) -> TransactionId {
        let command = Subscribe {
            subscriber_id: fan.id,
            creator_id: creator.id,
            tier,
            expected_price: None,
            terms: self.splits.subscription(),
            policy: self.renewal_policy,
        };
        self.execute(fan.id, Command::Subscribe(command)).await
    }

    /// A fan gets everything back that they paid for something.
    pub async fn give_back(&self, fan: &Person, creator: &Person, original: TransactionId) {
        let subscription_id = Some(SubscriptionId::new(original.uuid()));
        let parties = Some(Parties { payer_id: fan.id, payee_id: creator.id, subscription_id });
        let reason = Reason::parse("a mistake").unwrap();
        self.execute(UserId::SYSTEM, Command::Refund(Refund { original, parties, amount: None, reason })).await;
    }
}

impl Person {
    /// Makes a content, which must succeed: a video on offer, changed by the members that are given. Its id.
    pub async fn publish(&self, members: Value) -> String {
        let mut body = json!({
            "type": "video", "title": "A title", "price_cents": 500, "media_url": "https://cdn.example.com/secret.mp4",
            "preview_url": "https://cdn.example.com/preview.mp4",
        });
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let reply = self.post("/api/content").json(body).send().await.done(201);
        reply.json()["id"].as_str().unwrap().to_owned()
    }

    /// Makes or changes a plan, which must succeed.
    pub async fn offer(&self, tier: PlanTier, price_cents: i64) {
        let path = format!("/api/creators/me/plans/{}", tier.as_str());
        self.put(path).json(json!({ "price_cents": price_cents })).send().await.done(200);
    }

    pub fn put(&self, path: impl Into<String>) -> super::Call {
        self.call(axum::http::Method::PUT, path)
    }
}
