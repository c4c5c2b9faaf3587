//! What a visitor does: each scenario step by step. A step that is not answered as it must be is the visitor's last.

use super::client::{Answer, Ask, Client, Fault};
use super::plan::{Arrival, Scenario};
use super::record::{Outcome, Recorder, Sample};
use super::stage::{Account, PASSWORD, Stage};
use hyper::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// One visitor on the way.
#[derive(Debug)]
pub struct Visit<'run> {
    pub client: &'run Client,
    pub stage: &'run Stage,
    pub recorder: &'run Recorder,
    /// When the run began.
    pub began: Instant,
    pub arrival: Arrival,
}

impl Visit<'_> {
    /// Does what they came for.
    pub async fn run(&self) {
        let at = self.arrival.at;
        let done = match self.arrival.scenario {
            Scenario::Health => self.step(at, "GET /api/health", 200, Ask::get("/api/health")).await.map(|_| ()),
            Scenario::SignIn => self.sign_in(at).await,
            Scenario::Wallet => self.wallet(at).await,
            Scenario::Unlock => self.unlock(at).await,
            Scenario::Subscriptions => self.subscribe(at).await,
            Scenario::Gifts => self.gift(at).await,
        };
        if done == Err(Stop::NothingLeft) {
            // Nobody was asked anything: the cast was too small, and that must show.
            self.note("none", at, at, Outcome::Failed("nothing left to buy".to_owned()));
        }
    }

    async fn sign_in(&self, at: Duration) -> Result<(), Stop> {
        let who = self.stage.returning().ok_or(Stop::NothingLeft)?;
        let body = json!({ "email": who.email, "password": PASSWORD });
        let route = "POST /api/auth/login";
        let (answer, _) = self.step(at, route, 200, Ask::send(Method::POST, "/api/auth/login", body)).await?;
        who.renew(&answer);
        Ok(())
    }

    async fn wallet(&self, at: Duration) -> Result<(), Stop> {
        let who = self.visitor()?;
        let to = self.stage.other(who).ok_or(Stop::NothingLeft)?;
        let look = Ask::get("/api/wallet/balance").by(&who.bearer());
        let (_, at) = self.step(at, "GET /api/wallet/balance", 200, look).await?;
        let pay = self.money(who, "/api/wallet/transfer", json!({ "to_user_id": to.id, "amount_cents": 1 }));
        self.step(at, "POST /api/wallet/transfer", 201, pay).await.map(|_| ())
    }

    async fn unlock(&self, at: Duration) -> Result<(), Stop> {
        let who = self.visitor()?;
        let content = self.stage.unbought(who).ok_or(Stop::NothingLeft)?;
        let path = format!("/api/content/{content}");
        let (_, at) = self.step(at, "GET /api/content/{id}", 200, Ask::get(&path).by(&who.bearer())).await?;
        let path = format!("{path}/unlock");
        let buy = self.money(who, &path, json!({}));
        self.step(at, "POST /api/content/{id}/unlock", 201, buy).await.map(|_| ())
    }

    async fn subscribe(&self, at: Duration) -> Result<(), Stop> {
        let who = self.visitor()?;
        let creator = self.stage.unsubscribed(who).ok_or(Stop::NothingLeft)?;
        let sign_up = self.money(who, "/api/subscriptions", json!({ "creator_id": creator, "tier": "monthly" }));
        let (_, at) = self.step(at, "POST /api/subscriptions", 201, sign_up).await?;
        let look = Ask::get("/api/subscriptions/active").by(&who.bearer());
        self.step(at, "GET /api/subscriptions/active", 200, look).await.map(|_| ())
    }

    async fn gift(&self, at: Duration) -> Result<(), Stop> {
        let who = self.visitor()?;
        let to = self.stage.creator(who).ok_or(Stop::NothingLeft)?;
        let gift = json!({ "recipient_id": to.id, "gift_type": self.stage.gift, "quantity": 1 });
        let (_, at) = self.step(at, "POST /api/gifts/send", 201, self.money(who, "/api/gifts/send", gift)).await?;
        let path = format!("/api/gifts/leaderboard?creator_id={}&period=day", to.id);
        let look = Ask::get(&path).by(&who.bearer());
        self.step(at, "GET /api/gifts/leaderboard", 200, look).await.map(|_| ())
    }

    fn visitor(&self) -> Result<&Account, Stop> {
        self.stage.visitor(self.arrival.scenario).ok_or(Stop::NothingLeft)
    }

    /// A payment, with a key of its own.
    fn money<'ask>(&self, who: &Account, path: &'ask str, body: Value) -> Ask<'ask> {
        Ask::send(Method::POST, path, body).by(&who.bearer()).once(self.stage.key())
    }

    /// One request that was due at a moment. What was answered, and when: the next one is due then.
    async fn step(
        &self,
        due: Duration,
        route: &'static str,
        expected: u16,
        ask: Ask<'_>,
    ) -> Result<(Value, Duration), Stop> {
        let answer: Result<Answer, Fault> = self.client.ask(ask).await;
        let over = self.began.elapsed();
        let outcome = Outcome::of(&answer, expected);
        self.note(route, due, over, outcome.clone());
        match (outcome, answer) {
            // Only who signs in has something in the answer that is needed.
            (Outcome::Good, Ok(answer)) if self.arrival.scenario == Scenario::SignIn => Ok((answer.json(), over)),
            (Outcome::Good, _) => Ok((Value::Null, over)),
            _ => Err(Stop::NotAsItMust),
        }
    }

    fn note(&self, route: &'static str, due: Duration, over: Duration, outcome: Outcome) {
        let Arrival { phase, scenario, .. } = self.arrival;
        self.recorder.add(&Sample { phase, scenario, route, due, waited: over.saturating_sub(due), outcome });
    }
}

/// Why a visit ends early.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stop {
    /// The answer was not the one it should be; that is noted.
    NotAsItMust,
    /// There is nothing that this account can still do.
    NothingLeft,
}
