//! What people of the tests sell each other: contents and plans that are simply there, and how they are bought.

use super::{Call, Person, TestApp};
use domain::id::{ContentId, TransactionId};
use domain::subscription::PlanTier;
use serde_json::{Value, json};
use std::time::Duration;
use superapp::store::Work;
use tokio::time::Instant;

impl TestApp {
    /// A content of somebody's, on offer at a price.
    pub async fn content(&self, creator: &Person, price_cents: i64) -> ContentId {
        let (id, creator, now) = (ContentId::new(self.ids.uuid()), creator.id, self.clock.now());
        let text = "INSERT INTO contents (id, creator_id, type, title, price_cents, subscriber_only, media_url, is_active, \
            created_at, updated_at) VALUES ($1, $2, 'video', 'a title', $3, 0, 'https://example.com/a', 1, $4, $4)";
        let insert = move |work: &mut Work<'_>| {
            work.execute_one(text, &[id.into(), creator.into(), price_cents.into(), now.into()])
        };
        self.database.write(insert, Instant::now() + Duration::from_secs(10)).await.unwrap();
        id
    }

    /// Changes a content: `subscriber_only = 1`, `is_active = 0`, `price_cents = 7`.
    pub async fn change_content(&self, id: ContentId, text: &'static str) {
        let change = move |work: &mut Work<'_>| work.execute_one(text, &[id.into()]);
        self.database.write(change, Instant::now() + Duration::from_secs(10)).await.unwrap();
    }

    /// A plan of somebody's, on offer at a price.
    pub async fn plan(&self, creator: &Person, tier: PlanTier, price_cents: i64) {
        let (creator, now) = (creator.id, self.clock.now());
        let text = "INSERT INTO plans (creator_id, tier, price_cents, is_active, created_at, updated_at)
            VALUES ($1, $2, $3, 1, $4, $4)";
        let insert = move |work: &mut Work<'_>| {
            work.execute_one(text, &[creator.into(), tier.into(), price_cents.into(), now.into()])
        };
        self.database.write(insert, Instant::now() + Duration::from_secs(10)).await.unwrap();
    }

    /// Changes the plans of a creator.
    pub async fn change_plan(&self, creator: &Person, text: &'static str) {
        let creator = creator.id;
        let change = move |work: &mut Work<'_>| work.execute_one(text, &[creator.into()]);
        self.database.write(change, Instant::now() + Duration::from_secs(10)).await.unwrap();
    }

    /// Somebody who runs the place.
    pub async fn admin(&self, name: &str) -> Person {
        let admin = self.user(name).await;
        self.promote(&admin).await;
        admin
    }
}

impl Person {
    /// Becomes a creator.
    pub async fn become_creator(&self) {
        self.post("/api/users/me/creator").send().await.done(200);
    }

    /// Buys a content, without a key yet.
    pub fn unlock(&self, content: ContentId) -> Call {
        self.post(format!("/api/content/{content}/unlock"))
    }

    /// Subscribes for a month, without a key yet.
    pub fn subscribe(&self, creator: &Self) -> Call {
        self.post("/api/subscriptions").json(json!({ "creator_id": creator.id.to_string(), "tier": "monthly" }))
    }

    /// Sends roses, without a key yet.
    pub fn roses(&self, recipient: &Self, quantity: i64) -> Call {
        let body = json!({ "recipient_id": recipient.id.to_string(), "gift_type": "rose", "quantity": quantity });
        self.post("/api/gifts/send").json(body)
    }

    /// Gives a sale back, without a key yet.
    pub fn refund(&self, transaction: TransactionId, cents: Option<i64>) -> Call {
        let mut body = json!({ "reason": "a mistake" });
        if let Some(cents) = cents {
            body["amount_cents"] = cents.into();
        }
        self.post(format!("/api/admin/transactions/{transaction}/refund")).json(body)
    }

    /// Asks for a payout, without a key yet.
    pub fn ask_payout(&self, cents: i64) -> Call {
        self.post("/api/payouts").json(json!({ "amount_cents": cents, "destination": "a bank" }))
    }
}

/// The transaction of a sale.
pub fn transaction_of(sale: &Value) -> TransactionId {
    sale["transaction"]["tx_id"].as_str().unwrap().parse().unwrap()
}
