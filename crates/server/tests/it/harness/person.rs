//! People, as the tests speak of them: they register, deposit, pay each other and look at their wallets.

use super::{Call, Client, PASSWORD, Reply, TestApp};
use axum::http::Method;
use domain::id::{SessionId, UserId};
use serde_json::{Value, json};

/// Somebody who is signed in.
#[derive(Clone)]
pub struct Person {
    client: Client,
    pub id: UserId,
    pub email: String,
    pub access_token: String,
    pub refresh_token: String,
}

impl Person {
    /// Makes an account.
    pub async fn register(client: &Client, name: &str) -> Self {
        let body = json!({ "email": format!("{name}@example.com"), "password": PASSWORD, "username": name });
        let call = Call::new(client.clone(), Method::POST, "/api/auth/register").json(body);
        Self::of(client, &call.send().await.done(201))
    }

    fn of(client: &Client, reply: &Reply) -> Self {
        let body = reply.json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            client: client.clone(),
            id: text(&body["user"]["id"]).parse().unwrap(),
            email: text(&body["user"]["email"]),
            access_token: text(&body["access_token"]),
            refresh_token: text(&body["refresh_token"]),
        }
    }

    /// The same person on another device.
    pub async fn sign_in(&self) -> Self {
        self.sign_in_with(PASSWORD).await
    }

    /// The same person on another device, with another password than the usual one.
    pub async fn sign_in_with(&self, password: &str) -> Self {
        let call = Call::new(self.client.clone(), Method::POST, "/api/auth/login");
        let reply = call.json(json!({ "email": self.email, "password": password })).send().await;
        Self::of(&self.client, &reply.done(200))
    }

    /// The same person at the server that a test has now, after it moved.
    pub fn at(&self, app: &TestApp) -> Self {
        Self { client: app.client.clone(), ..self.clone() }
    }

    /// Exchanges the refresh token.
    pub fn refresh(&self) -> Call {
        let call = Call::new(self.client.clone(), Method::POST, "/api/auth/refresh");
        call.json(json!({ "refresh_token": self.refresh_token }))
    }

    /// The same person with the credentials of an answer.
    pub fn with(&self, reply: &Reply) -> Self {
        Self::of(&self.client, reply)
    }

    /// The same person with another access token.
    pub fn with_token(&self, access_token: String) -> Self {
        Self { access_token, ..self.clone() }
    }

    /// Any request, signed in.
    pub fn call(&self, method: Method, path: impl Into<String>) -> Call {
        Call::new(self.client.clone(), method, path).bearer(&self.access_token)
    }

    pub fn get(&self, path: impl Into<String>) -> Call {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: impl Into<String>) -> Call {
        self.call(Method::POST, path)
    }

    pub fn patch(&self, path: impl Into<String>) -> Call {
        self.call(Method::PATCH, path)
    }

    pub fn delete(&self, path: impl Into<String>) -> Call {
        self.call(Method::DELETE, path)
    }

    /// A transfer, without a key yet.
    pub fn transfer(&self, to: &Self, cents: i64) -> Call {
        self.post("/api/wallet/transfer").json(json!({ "to_user_id": to.id.to_string(), "amount_cents": cents }))
    }

    /// A deposit through the sandbox, without a key yet.
    pub fn deposit(&self, cents: i64) -> Call {
        self.post("/api/wallet/deposits").json(json!({ "amount_cents": cents, "provider": "sandbox" }))
    }

    /// A transfer that must succeed.
    pub async fn pay(&self, to: &Self, cents: i64) -> Reply {
        self.transfer(to, cents).fresh_key().send().await.done(201)
    }

    /// What the wallet holds.
    pub async fn balance(&self) -> i64 {
        self.get("/api/wallet/balance").send().await.done(200).json()["balance_cents"].as_i64().unwrap()
    }

    /// The newest lines of the wallet's history, at most 100.
    pub async fn history(&self) -> Vec<Value> {
        let page = self.get("/api/wallet/transactions?limit=100").send().await.done(200).json();
        page["data"].as_array().unwrap().clone()
    }

    /// The session of the token that this person shows.
    pub async fn session(&self) -> SessionId {
        let list = self.sessions().await;
        let current = list.iter().find(|session| session["current"] == true).unwrap();
        current["id"].as_str().unwrap().parse().unwrap()
    }

    /// All live sessions.
    pub async fn sessions(&self) -> Vec<Value> {
        self.get("/api/auth/sessions").send().await.done(200).json()["data"].as_array().unwrap().clone()
    }
}
