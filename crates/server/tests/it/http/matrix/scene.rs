//! Somebody with something of everything, and texts in it that nobody else may ever read.

use super::table::Row;
use crate::harness::{Call, Person, Reply, TestApp};
use crate::http::webhooks::{ask, event, server, succeeded};
use axum::http::Method;
use domain::subscription::PlanTier;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Who asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Caller {
    Anonymous,
    User,
    Creator,
    Admin,
    Owner,
}

/// In the order of the columns of the table.
pub const CALLERS: [Caller; 5] = [Caller::Anonymous, Caller::User, Caller::Creator, Caller::Admin, Caller::Owner];

/// Begins every planted text.
const CANARY: &str = "canary";

/// A server with everybody on it.
pub struct Scene {
    pub app: TestApp,
    olga: Person,
    otto: Person,
    cora: Person,
    root: Person,
    /// What the table names, by its name.
    names: BTreeMap<&'static str, String>,
    /// What nobody is told who is neither the owner nor an administrator, beside the planted texts.
    secrets: Vec<String>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

impl Scene {
    pub async fn new() -> Self {
        let app = server().await;
        let (mut olga, star) = (app.rich("olga", 73_918_462).await, app.rich("star", 5_000_000).await);
        let (otto, cora, root) = (app.user("otto").await, app.creator("cora").await, app.admin("root").await);
        for person in [&olga, &star] {
            person.become_creator().await;
            person.offer(PlanTier::Yearly, 1_000).await;
        }
        let email = json!({ "email": "canary-olga@example.com" });
        olga.patch("/api/users/me").json(email).send().await.done(200);
        olga.email = "canary-olga@example.com".to_owned();
        let names = BTreeMap::from([
            ("acme", "acme".to_owned()),
            ("monthly", "monthly".to_owned()),
            ("user", olga.id.to_string()),
            ("account", olga.id.to_string()),
            ("wallet", olga.id.to_string().replace("usr_", "wal_")),
            ("access_token", olga.access_token.clone()),
        ]);
        let mut scene = Self { app, olga, otto, cora, root, names, secrets: Vec::new() };
        scene.publish().await;
        scene.trade(&star).await;
        scene.pay_in_and_out().await;
        scene.administer().await;
        let balance = scene.olga.balance().await.to_string();
        assert!(balance.len() > 7, "too short to be found by accident: {balance}");
        let private =
            ["wallet", "hidden", "session", "key", "transaction", "sale", "deposit", "subscription", "payout"];
        scene.secrets = private.iter().map(|name| scene.names[name].clone()).chain([balance]).collect();
        scene
    }

    async fn publish(&mut self) {
        let shown = json!({ "title": "on offer", "price_cents": 800_000_000, "media_url": "https://canary.example.com/shown.mp4" });
        let hidden = json!({
            "title": "canary title", "description": "canary description", "is_active": false,
            "media_url": "https://canary.example.com/hidden.mp4", "preview_url": "https://canary.example.com/preview.mp4",
        });
        self.names.insert("shown", self.olga.publish(shown).await);
        self.names.insert("hidden", self.olga.publish(hidden).await);
    }

    /// The owner buys, subscribes, gives and is given to.
    async fn trade(&mut self, star: &Person) {
        let media = json!({ "media_url": "https://canary.example.com/bought.mp4", "price_cents": 1_000 });
        let sale = self.olga.buy(&star.publish(media).await).await;
        self.names.insert("sale", sale.to_string());
        let paid = self.olga.post("/api/wallet/transfer").fresh_key();
        let body = json!({ "to_user_id": star.id.to_string(), "amount_cents": 11, "note": "canary note" });
        let paid = paid.json(body).send().await.done(201).json();
        self.names.insert("transaction", text(&paid["tx_id"]));
        let body = json!({ "creator_id": star.id.to_string(), "tier": "yearly" });
        let joined = self.olga.post("/api/subscriptions").fresh_key().json(body).send().await.done(201).json();
        self.names.insert("subscription", text(&joined["subscription"]["id"]));
        for (from, to) in [(&self.olga, star), (star, &self.olga)] {
            let body = json!({
                "recipient_id": to.id.to_string(), "gift_type": "rose", "quantity": 1, "message": "canary message",
                "context": "canary context",
            });
            from.post("/api/gifts/send").fresh_key().json(body).send().await.done(201);
        }
        let page = self.olga.get("/api/wallet/transactions?limit=1").send().await.done(200).json();
        self.names.insert("history", text(&page["next_cursor"]));
    }

    /// A deposit of each kind, a payout that was decided, and one that was not.
    async fn pay_in_and_out(&mut self) {
        let (pending, completed, held) =
            (ask(&self.olga, 501).await, ask(&self.olga, 502).await, ask(&self.olga, 503).await);
        self.names.insert("deposit", text(&pending.json()["id"]));
        event(&self.app, "canary-completed", &succeeded(&completed, "canary_pay")).send().await.done(200);
        let mut wrong = succeeded(&held, "canary_held");
        wrong["data"]["amount_cents"] = 1.into();
        event(&self.app, "canary-held", &wrong).send().await.done(200);
        let ask = json!({ "amount_cents": 400_000, "destination": "canary destination" });
        let payout = self.olga.post("/api/payouts").fresh_key().json(ask.clone()).send().await.done(201).json();
        let id = text(&payout["id"]);
        let reject = self.root.post(format!("/api/admin/payouts/{id}/reject")).fresh_key();
        reject.json(json!({ "reason": "canary remark" })).send().await.done(200);
        self.names.insert("payout", id);
        self.olga.post("/api/payouts").fresh_key().json(ask).send().await.done(201);
    }

    /// What administrators do to the owner, and a device of the owner's.
    async fn administer(&mut self) {
        for act in ["freeze", "unfreeze"] {
            let path = format!("/api/admin/wallets/{}/{act}", self.names["wallet"]);
            self.root.post(path).json(json!({ "reason": "canary reason" })).send().await.done(200);
        }
        let path = format!("/api/admin/transactions/{}/refund", self.names["sale"]);
        let refund = json!({ "amount_cents": 100, "reason": "canary refund" });
        self.root.post(path).fresh_key().json(refund).send().await.done(201);
        let found = self.root.post("/api/admin/reconciliations").send().await.done(201).json();
        self.names.insert("reconciliation", text(&found["id"]));
        let login = json!({ "email": self.olga.email, "password": crate::harness::PASSWORD });
        let device = self.app.post("/api/auth/login").header("user-agent", "canary device").json(login);
        let device = self.olga.with(&device.send().await.done(200));
        self.names.insert("session", device.session().await.to_string());
        let key = json!({ "name": "canary key", "scopes": ["wallet:read"] });
        let key = self.olga.post("/api/api-keys").json(key).send().await.done(201).json();
        self.names.insert("key", text(&key["id"]));
    }

    /// What a name of the table stands for.
    pub fn value(&self, name: &str) -> String {
        self.names[name].clone()
    }

    /// Something of the same kind that is not there; for what is in everybody's view the thing itself.
    pub fn nothing(&self, name: &str) -> String {
        let value = self.value(name);
        match value.split_once('_') {
            // Every id is a word and 26 letters.
            Some((prefix, rest)) if prefix.len() <= 3 && rest.len() == 26 => {
                format!("{prefix}_00000000000000000000000001")
            }
            _ => value,
        }
    }

    /// Whether a row names something by its id that is not in everybody's view.
    pub fn names_something(&self, row: &Row) -> bool {
        let is_named =
            |name: &&'static str| row.path.contains(&format!("{{{name}}}")) && self.value(name) != self.nothing(name);
        self.names.keys().any(is_named)
    }

    /// A text of the table with its names replaced: those in braces as `named` says.
    pub fn fill(&self, text: &str, named: fn(&Self, &str) -> String) -> String {
        self.names.iter().fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), &named(self, name)).replace(&format!("<{name}>"), value)
        })
    }

    /// Somebody who has an account.
    pub fn person(&self, caller: Caller) -> Option<&Person> {
        match caller {
            Caller::Anonymous => None,
            Caller::User => Some(&self.otto),
            Caller::Creator => Some(&self.cora),
            Caller::Admin => Some(&self.root),
            Caller::Owner => Some(&self.olga),
        }
    }

    /// A request of a caller's, each in a session of its own, so that none ends another one's.
    pub async fn call(&self, caller: Caller, method: Method, path: &str) -> Call {
        let Some(person) = self.person(caller) else { return self.app.call(method, path) };
        self.app.another_session(person).await.call(method, path)
    }

    /// What a caller is answered in a cell of the table.
    pub async fn send(&self, row: &Row, caller: Caller, key: &str, named: fn(&Self, &str) -> String) -> Reply {
        let path = self.fill(row.path, named);
        let call = self.call(caller, row.method.parse().unwrap(), &path).await;
        self.finish(call, row, key, named).await
    }

    /// What a program is answered that shows this credential.
    pub async fn send_as(&self, row: &Row, credential: &str, key: &str, named: fn(&Self, &str) -> String) -> Reply {
        let call = self.app.call(row.method.parse().unwrap(), self.fill(row.path, named)).bearer(credential);
        self.finish(call, row, key, named).await
    }

    async fn finish(&self, call: Call, row: &Row, key: &str, named: fn(&Self, &str) -> String) -> Reply {
        let call = if row.method == "GET" { call } else { call.key(key) };
        let call = if row.body.is_empty() { call } else { call.text(self.fill(row.body, named)) };
        call.send().await
    }

    /// Every text that is looked for.
    pub fn private(&self) -> Vec<String> {
        self.secrets.iter().cloned().chain([CANARY.to_owned()]).collect()
    }

    /// What an answer tells of the owner's.
    pub fn private_in(&self, reply: &Reply) -> Vec<String> {
        let body = String::from_utf8_lossy(&reply.bytes).to_lowercase();
        let headers: String = reply.headers.values().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        self.private().into_iter().filter(|text| body.contains(text) || headers.contains(text.as_str())).collect()
    }

    /// What a write could change of what is somebody's, beside money: a text for each row.
    pub async fn things(&self) -> Vec<String> {
        let texts = [
            "SELECT title || ' ' || price_cents || ' ' || is_active || ' ' || updated_at FROM contents ORDER BY id",
            "SELECT status || ' ' || auto_renew || ' ' || updated_at FROM subscriptions ORDER BY id",
            "SELECT status FROM payouts ORDER BY id",
            "SELECT status FROM deposits ORDER BY id",
            "SELECT status FROM wallets ORDER BY id",
            "SELECT email || ' ' || role || ' ' || tier || ' ' || updated_at FROM users ORDER BY id",
            "SELECT name || ' ' || COALESCE(revoked_at, 0) FROM api_keys WHERE name <> 'program' ORDER BY id",
            "SELECT 'ended ' || COUNT(revoked_at) FROM sessions",
            "SELECT 'tokens ' || COUNT(*) FROM entitlement_tokens",
        ];
        let read = move |view: &superapp::store::View<'_>| {
            let of = |text: &&'static str| view.query(text, &[], |row| row.get::<String>(0));
            texts.iter().map(of).collect::<Result<Vec<_>, _>>()
        };
        self.app.database.read(read).await.unwrap().concat()
    }

    /// Every wallet with its balance, and how many transactions there were.
    pub async fn money(&self) -> (Vec<(Vec<u8>, i64)>, i64) {
        let text = "SELECT id, balance_cents FROM wallets ORDER BY id";
        let wallets = self.app.database.read(move |view| {
            view.query(text, &[], |row| Ok((row.get::<uuid::Uuid>(0)?.into_bytes().to_vec(), row.get(1)?)))
        });
        (wallets.await.unwrap(), self.app.transactions().await)
    }
}
