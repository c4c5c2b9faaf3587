//! A server of a crowd's own with fans, creators and an administrator, and the sums that must be right afterwards.

use super::storm::{Ask, Progress, Storm};
use crate::client::{Account, Client};
use crate::place::Place;
use crate::server::{Server, reconcile, run};
use hyper::Method;
use serde_json::{Value, json};
use std::sync::Arc;

const PASSWORD: &str = "correct horse battery staple";

pub struct Stage {
    place: Arc<Place>,
    server: Server,
    client: Client,
    /// Keys that nobody has used begin with the next number.
    keys: u64,
    /// Fans so far.
    fans: usize,
}

/// The text of a member.
fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

impl Stage {
    pub async fn new() -> Self {
        let place = Arc::new(Place::new());
        let server = Server::start(place.path(), &place.settings(&[])).await;
        let client = Client::connect(server.address).await.unwrap();
        Self { place, server, client, keys: 0, fans: 0 }
    }

    /// A key that nobody has used.
    pub fn key(&mut self) -> String {
        self.keys += 1;
        format!("key-{}", self.keys)
    }

    /// Fans who have deposited as much each.
    pub async fn fans(&mut self, count: usize, cents: i64) -> Vec<Account> {
        let mut fans = Vec::with_capacity(count);
        for _ in 0..count {
            self.fans += 1;
            fans.push(self.client.newcomer(&format!("fan{}", self.fans), cents).await);
        }
        fans
    }

    /// A creator who has nothing yet.
    pub async fn creator(&mut self) -> Account {
        let creator = self.client.register("creator").await;
        self.done(Method::POST, "/api/users/me/creator", &creator, &json!({})).await;
        creator
    }

    /// An administrator, made beside the running server.
    pub async fn admin(&mut self) -> Account {
        let create = ["admin", "create", "--email", "root@example.com", "--password-stdin"];
        let ended = run(self.place.path(), &self.place.settings(&[]), &create, PASSWORD);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let login = json!({ "email": "root@example.com", "password": PASSWORD });
        let body = self.client.post("/api/auth/login", "", "", &login).await.unwrap().body;
        Account { id: text(&body["user"]["id"]), token: text(&body["access_token"]) }
    }

    /// Something that must succeed. Its answer.
    pub async fn done(&mut self, method: Method, path: &str, who: &Account, body: &Value) -> Value {
        let key = self.key();
        self.client.done(method, path, who, &key, body).await
    }

    /// A content on offer. Its id.
    pub async fn item(&mut self, creator: &Account, price_cents: i64) -> String {
        let body = json!({
            "type": "video", "title": "A title", "price_cents": price_cents, "media_url": "https://cdn.example.com/a",
        });
        text(&self.done(Method::POST, "/api/content", creator, &body).await["id"])
    }

    /// A monthly plan on offer.
    pub async fn plan(&mut self, creator: &Account, price_cents: i64) {
        let body = json!({ "price_cents": price_cents });
        self.done(Method::PUT, "/api/creators/me/plans/monthly", creator, &body).await;
    }

    /// What a wallet holds.
    pub async fn balance(&mut self, who: &Account) -> i64 {
        let answer = self.client.get("/api/wallet/balance", &who.token).await.unwrap();
        answer.body["balance_cents"].as_i64().unwrap_or_else(|| panic!("{answer:?}"))
    }

    /// A request with a key of its own.
    pub fn ask(&mut self, who: &Account, path: impl Into<String>, body: Value) -> Ask {
        Ask { token: who.token.clone(), path: path.into(), key: self.key(), body }
    }

    /// Sends all of it at once, one request on each connection, while a reconciliation looks on.
    pub async fn at_once(&self, name: &str, asks: Vec<Ask>) -> Storm {
        self.rage(name, &Progress::default(), asks.into_iter().map(|ask| vec![ask]).collect()).await
    }

    /// The same for several requests on each connection.
    pub async fn rage(&self, name: &str, progress: &Progress, lines: Vec<Vec<Ask>>) -> Storm {
        let place = Arc::clone(&self.place);
        let look = tokio::task::spawn_blocking(move || reconcile(place.path(), &place.settings(&[])));
        let storm = Storm::rage(name, self.server.address, progress, lines).await;
        look.await.unwrap();
        storm
    }

    /// Another connection, for what happens in the middle of a storm.
    pub async fn connect(&self) -> Client {
        Client::connect(self.server.address).await.unwrap()
    }

    /// The answer to a query for one number, past the server.
    pub fn count(&self, text: &str) -> i64 {
        self.place.count(text)
    }

    /// Ends the server. Fails unless every sum is right, counted here and by reconciliation, and there are as many
    /// transactions as were made.
    pub async fn end(self, transactions: u64) {
        for (wrong, text) in [
            ("cents from nowhere", "SELECT SUM(balance_cents) FROM wallets"),
            ("negative balances", "SELECT COUNT(*) FROM wallets WHERE kind = 'user' AND balance_cents < 0"),
            (
                "balances that are not their entries",
                "SELECT COUNT(*) FROM wallets w WHERE w.balance_cents <>
                    (SELECT COALESCE(SUM(e.amount_cents), 0) FROM entries e WHERE e.wallet_id = w.id)",
            ),
        ] {
            assert_eq!(self.count(text), 0, "{wrong}");
        }
        self.server.stop().await;
        assert_eq!(reconcile(self.place.path(), &self.place.settings(&[])), transactions);
    }
}
