//! Secrets through every field of every route, error paths included: none comes out in a line, a figure or a problem.
//!
//! Ten thousand by default; `CANARIES=100000` for as many as one likes.

use super::recording::{Recording, count, figures};
use crate::harness::{Call, Operation, Person, TestApp, operations};
use axum::http::Method;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value, json};

/// In every secret, so that it can be looked for. Nothing else has it.
const MARK: &str = "Kn4ry7";

fn letters(random: &mut StdRng, length: usize) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    let text: String = (0..length).map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())])).collect();
    format!("{MARK}{text}")
}

/// A number that a card may have.
fn card(random: &mut StdRng) -> String {
    let digits: Vec<u32> = std::iter::once(4).chain((0..14).map(|_| random.random_range(0..10))).collect();
    let doubled = |(at, digit): (usize, &u32)| if at % 2 == 0 { digit * 2 / 10 + digit * 2 % 10 } else { *digit };
    let check = (10 - digits.iter().enumerate().map(doubled).sum::<u32>() % 10) % 10;
    digits.iter().chain([&check]).map(ToString::to_string).collect()
}

/// A secret that is known by its looks, so that it must not be shown wherever it stands.
fn shaped(random: &mut StdRng, cards: &mut Vec<String>) -> String {
    let secret = letters(random, 24);
    match random.random_range(0..8) {
        0 => format!("eyJhbGciOiJIUzI1NiJ9.{secret}.{secret}"),
        1 => format!("sa_live_{secret}"),
        2 => format!("postgres://app:{secret}@db.example.com:5432/app"),
        3 => format!("$argon2id$v=19$m=19456,t=2,p=1${secret}${secret}"),
        4 => format!("-----BEGIN PRIVATE KEY-----{secret}-----END PRIVATE KEY-----"),
        5 => format!("{{\"password\":\"{secret}\"}}"),
        6 => format!("https://ann:{secret}@example.com/"),
        _ => {
            cards.push(card(random));
            cards.last().unwrap().clone()
        }
    }
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

struct Shooter {
    app: TestApp,
    person: Person,
    random: StdRng,
    cards: Vec<String>,
}

impl Shooter {
    fn secret(&mut self) -> String {
        if self.random.random_bool(0.5) {
            letters(&mut self.random, 24)
        } else {
            shaped(&mut self.random, &mut self.cards)
        }
    }

    fn path(&mut self, operation: &Operation) -> String {
        let id = encoded(&self.secret());
        let parts =
            operation.path.split('/').map(|part| if part.starts_with('{') { id.clone() } else { part.to_owned() });
        let path = parts.collect::<Vec<_>>().join("/");
        let (name, value) = (
            ["password", "token", "q", "cursor", "type", "limit"][self.random.random_range(0..6)],
            encoded(&self.secret()),
        );
        if self.random.random_bool(0.7) { format!("{path}?{name}={value}") } else { path }
    }

    /// A body whose member at `place` is a secret, or which is one as a whole.
    fn body(&mut self, operation: &Operation, place: usize) -> String {
        let names: Vec<String> = operation
            .body
            .as_ref()
            .and_then(|schema| schema["properties"].as_object())
            .map_or_else(Vec::new, |members| members.keys().cloned().collect());
        let secret = self.secret();
        if place >= names.len() {
            // The name of a member is told to whoever sent it, unless it looks like a secret.
            let named = shaped(&mut self.random, &mut self.cards);
            let odd = [
                secret.clone(),
                format!("{{\"password\":\"{secret}"),
                json!({ named: secret }).to_string(),
                json!([secret]).to_string(),
            ];
            return odd[place % odd.len()].clone();
        }
        let value = |(at, name): (usize, &String)| {
            let right = match name.as_str() {
                _ if at == place => secret.clone().into(),
                "email" => format!("{}@example.com", letters(&mut self.random, 8).to_lowercase()).into(),
                "to_user_id" | "creator_id" | "recipient_id" => self.person.id.to_string().into(),
                name if name.ends_with("cents") || name == "quantity" => 1.into(),
                "subscriber_only" | "is_active" => false.into(),
                "provider" => "sandbox".into(),
                "type" => "video".into(),
                "tier" => "monthly".into(),
                _ => Value::from("a word or two"),
            };
            (name.clone(), right)
        };
        Value::Object(names.iter().enumerate().map(value).collect::<Map<_, _>>()).to_string()
    }

    fn credential(&mut self, call: Call) -> Call {
        let secret = self.secret().replace(['\r', '\n'], "");
        match self.random.random_range(0..6) {
            0 => call.bearer(&secret),
            1 => call.header("authorization", format!("Basic {secret}")),
            2 => call.header("x-api-key", secret),
            _ => call.bearer(&self.person.access_token),
        }
    }

    async fn shoot(&mut self, operation: &Operation, place: usize) {
        let method = if self.random.random_bool(0.05) { Method::TRACE } else { operation.method.clone() };
        let path = self.path(operation);
        let call = self.app.call(method, path);
        let mut call = self.credential(call).header("cookie", format!("session={}", self.secret()));
        let agent = shaped(&mut self.random, &mut self.cards);
        call = call.header("user-agent", format!("app/1.0 {agent}")).header("x-forwarded-for", self.secret());
        call = call.header("referer", format!("https://example.com/?token={}", self.secret()));
        if self.random.random_bool(0.7) {
            call = call.key(&self.secret());
        }
        let body = self.body(operation, place);
        let call = if self.random.random_bool(0.1) { call.body(body) } else { call.text(body) };
        let reply = call.send().await;
        let told = String::from_utf8_lossy(&reply.bytes);
        assert!(reply.status < 400 || !told.contains(MARK), "{reply}: {told}");
        assert!(reply.status < 400 || !self.cards.iter().any(|card| told.contains(card)), "{reply}: {told}");
    }
}

#[tokio::test]
async fn no_secret_comes_out_in_a_line_a_figure_or_a_problem() {
    let wanted = std::env::var("CANARIES").map_or(10_000, |wanted| wanted.parse().unwrap());
    count();
    let lines = Recording::start();
    let app = TestApp::new().await;
    let person = app.rich("ann", 1_000_000).await;
    let mut shooter = Shooter { app, person, random: StdRng::seed_from_u64(7), cards: Vec::new() };
    let operations = operations(&shooter.app);
    // Each shot has about five of them.
    let shots = wanted / 5;
    for shot in 0..shots {
        let operation = &operations[shot % operations.len()];
        // A session of its own now and then: some of them sign out.
        if shot % 50 == 0 {
            shooter.person = shooter.app.another_session(&shooter.person).await;
        }
        shooter.shoot(operation, shot / operations.len() % 12).await;
    }
    let figures = figures(&shooter.app).await;
    let texts = lines.texts();
    let requests = texts.iter().filter(|line| line.contains("app/1.0 ")).count();
    assert!(requests >= shots, "there is a line for each: {requests}");
    for text in texts.iter().map(String::as_str).chain(figures.lines()) {
        assert!(!text.contains(MARK), "{text}");
    }
    let all = texts.concat() + &figures;
    for card in shooter.cards.iter().rev().take(1_000) {
        assert!(!all.contains(card), "{card}");
    }
}
