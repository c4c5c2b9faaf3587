//! What creators publish and what fans buy of it, over the routes, each where it must succeed.

use super::market::transaction_of;
use super::{Call, Person, TestApp, unique};
use axum::http::Method;
use domain::id::TransactionId;
use domain::subscription::PlanTier;
use serde_json::{Value, json};

impl TestApp {
    /// A person who has become a creator.
    pub async fn creator(&self, name: &str) -> Person {
        let person = self.user(name).await;
        person.become_creator().await;
        person
    }

    /// A fan gets everything back that they paid for something.
    pub async fn give_back(&self, original: TransactionId) {
        let admin = self.admin(&unique("admin")).await;
        admin.refund(original, None).fresh_key().send().await.done(201);
    }
}

impl Person {
    /// Makes a content: a video on offer, changed by the members that are given. Its id.
    pub async fn publish(&self, members: Value) -> String {
        let mut body = json!({
            "type": "video", "title": "A title", "price_cents": 500, "media_url": "https://cdn.example.com/secret.mp4",
            "preview_url": "https://cdn.example.com/preview.mp4",
        });
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let reply = self.post("/api/content").json(body).send().await.done(201);
        reply.json()["id"].as_str().unwrap().to_owned()
    }

    /// Makes or changes a plan.
    pub async fn offer(&self, tier: PlanTier, price_cents: i64) {
        let path = format!("/api/creators/me/plans/{}", tier.as_str());
        self.put(path).json(json!({ "price_cents": price_cents })).send().await.done(200);
    }

    /// Buys a content.
    pub async fn buy(&self, content: &str) -> TransactionId {
        let call = self.unlock(content.parse().unwrap()).fresh_key();
        transaction_of(&call.send().await.done(201).json())
    }

    /// Subscribes to a creator, who has a plan of that tier.
    pub async fn join(&self, creator: &Self, tier: PlanTier) -> TransactionId {
        let body = json!({ "creator_id": creator.id.to_string(), "tier": tier.as_str() });
        let call = self.post("/api/subscriptions").json(body).fresh_key();
        transaction_of(&call.send().await.done(201).json())
    }

    pub fn put(&self, path: impl Into<String>) -> Call {
        self.call(Method::PUT, path)
    }
}
