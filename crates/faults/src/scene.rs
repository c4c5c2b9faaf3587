//! Somebody of everybody, with something of everything, and what each of it is called.

use crate::server::{Answer, Asked, Server, WEBHOOK_SECRET, migrate};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use std::collections::BTreeMap;
use std::path::Path;
use superapp::store::Options;

/// The password of everybody.
pub const PASSWORD: &str = "correct horse battery staple";

/// Names with what they stand for: the ids of things, and `NAME.token` for people.
pub type Names = BTreeMap<String, String>;

/// A text with every `{name}` replaced.
#[must_use]
pub fn fill(text: &str, names: &Names) -> String {
    names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

/// An event of the provider `acme`, signed.
#[must_use]
pub fn event(id: &str, body: &Value) -> Asked {
    let seconds = crate::server::NOW.as_micros() / 1_000_000;
    let text = body.to_string();
    let signature = Webhook::new(WEBHOOK_SECRET).expect("a secret").sign(id, seconds, text.as_bytes());
    Asked::new("POST", "/api/webhooks/payments/acme")
        .json(body)
        .header("webhook-id", id)
        .header("webhook-timestamp", seconds.to_string())
        .header("webhook-signature", signature.expect("a signature"))
}

/// What the provider says of a deposit.
#[must_use]
pub fn paid(deposit: &str, payment: &str, cents: i64) -> Value {
    let data = json!({ "deposit_id": deposit, "provider_tx_id": payment, "amount_cents": cents, "currency": "IDR" });
    json!({ "type": "payment.succeeded", "data": data })
}

struct Stage {
    server: Server,
    names: Names,
    keys: u64,
}

/// Makes the database of a directory, with everybody on it, and closes it.
pub async fn make(directory: &Path) -> Names {
    migrate(directory).expect("a new database");
    let server = Server::open(directory, &Options::default()).await.expect("a server on a new database");
    let mut stage = Stage { server, names: Names::new(), keys: 0 };
    for name in ["fan", "mate", "star", "nova", "mint", "root", "gone"] {
        stage.register(name).await;
    }
    for name in ["star", "nova", "mint"] {
        stage.ask(name, "POST", "/api/users/me/creator", None, 200).await;
    }
    for name in ["fan", "mate", "star", "nova", "mint"] {
        let body = json!({ "amount_cents": 10_000_000, "provider": "sandbox" });
        stage.ask(name, "POST", "/api/wallet/deposits", Some(body), 201).await;
    }
    let root = stage.names["root"].parse::<domain::id::UserId>().expect("an id");
    stage.server.change("UPDATE users SET role = 'admin' WHERE id = $1", root.uuid()).await;
    stage.publish().await;
    stage.trade().await;
    stage.pay_in_and_out().await;
    stage.sign_in().await;
    stage.server.close().await;
    stage.names
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

impl Stage {
    async fn send(&mut self, who: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.keys += 1;
        let asked = Asked::new(method, fill(path, &self.names)).bearer(&self.names[&format!("{who}.token")]);
        let asked = asked.key(format!("scene-{}", self.keys));
        let asked = body.map_or_else(|| asked.clone(), |body| asked.clone().json(&body));
        self.server.send(&asked).await
    }

    async fn ask(&mut self, who: &str, method: &str, path: &str, body: Option<Value>, status: u16) -> Value {
        let answer = self.send(who, method, path, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    fn name(&mut self, name: &str, value: &Value) {
        self.names.insert(name.to_owned(), text(value));
    }

    async fn register(&mut self, name: &str) {
        let body = json!({ "email": format!("{name}@example.com"), "password": PASSWORD, "username": name });
        let made = self.server.ask(&Asked::new("POST", "/api/auth/register").json(&body), 201).await;
        self.name(name, &made["user"]["id"]);
        self.name(&format!("{name}.token"), &made["access_token"]);
        self.name(&format!("{name}.refresh"), &made["refresh_token"]);
        let wallet = text(&made["user"]["id"]).replace("usr_", "wal_");
        self.names.insert(format!("{name}.wallet"), wallet);
    }

    async fn publish(&mut self) {
        for name in ["bought", "shown", "doomed"] {
            let body = json!({
                "type": "video", "title": "A title", "price_cents": 500, "media_url": "https://cdn.example.com/a.mp4",
            });
            let made = self.ask("star", "POST", "/api/content", Some(body), 201).await;
            self.name(name, &made["id"]);
        }
        for name in ["star", "nova"] {
            let plan = json!({ "price_cents": 1_000 });
            self.ask(name, "PUT", "/api/creators/me/plans/monthly", Some(plan), 200).await;
        }
    }

    async fn trade(&mut self) {
        let sold = self.ask("fan", "POST", "/api/content/{bought}/unlock", None, 201).await;
        self.name("sale", &sold["transaction"]["tx_id"]);
        for (name, who) in [("subscription", "fan"), ("cancelled", "mate")] {
            let body = json!({ "creator_id": self.names["star"], "tier": "monthly" });
            let made = self.ask(who, "POST", "/api/subscriptions", Some(body), 201).await;
            self.name(name, &made["subscription"]["id"]);
        }
        self.ask("mate", "POST", "/api/subscriptions/{cancelled}/cancel", None, 200).await;
    }

    async fn pay_in_and_out(&mut self) {
        for (name, cents) in [("pending", None), ("held", Some(1)), ("doubted", Some(2))] {
            let body = json!({ "amount_cents": 700, "provider": "acme" });
            let made = self.ask("fan", "POST", "/api/wallet/deposits", Some(body), 201).await;
            self.name(name, &made["id"]);
            if let Some(cents) = cents {
                let body = paid(&self.names[name], &format!("pay_{name}"), cents);
                self.server.ask(&event(&format!("evt_{name}"), &body), 200).await;
            }
        }
        for (name, who) in [("payout", "star"), ("refused", "nova")] {
            let body = json!({ "amount_cents": 400_000, "destination": "a bank" });
            let made = self.ask(who, "POST", "/api/payouts", Some(body), 201).await;
            self.name(name, &made["id"]);
        }
        let body = json!({ "reason": "a word" });
        self.ask("root", "POST", "/api/admin/wallets/{gone.wallet}/freeze", Some(body), 200).await;
    }

    async fn sign_in(&mut self) {
        let body = json!({ "name": "program", "scopes": ["wallet:read"] });
        let made = self.ask("fan", "POST", "/api/api-keys", Some(body), 201).await;
        self.name("key", &made["id"]);
        for name in ["first", "second"] {
            let body = json!({ "email": "mate@example.com", "password": PASSWORD });
            let made = self.server.ask(&Asked::new("POST", "/api/auth/login").json(&body), 200).await;
            self.name(&format!("{name}.token"), &made["access_token"]);
            self.name(&format!("{name}.refresh"), &made["refresh_token"]);
        }
        let list = self.ask("first", "GET", "/api/auth/sessions", None, 200).await;
        let sessions = list["data"].as_array().expect("a list").clone();
        let own = sessions.iter().find(|session| session["current"] == true).expect("the session that asks");
        self.name("session", &own["id"]);
    }
}
