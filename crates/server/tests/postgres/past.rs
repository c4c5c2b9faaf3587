//! A server that ran a month ago: in this process, by a clock of that time, on the database that other processes have
//! now. What was subscribed to then is due.

use crate::client::{Account, Client};
use crate::place::Place;
use crate::server::LEAN;
use domain::timestamp::Span;
use hyper::Method;
use serde_json::json;
use std::collections::BTreeMap;
use superapp::app::{App, location, open_database};
use superapp::auth::secrets::Secrets;
use superapp::clock::Clock;
use superapp::config::Sources;
use superapp::http;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// No month is longer, and every grace of more than three days goes on for longer.
const AGO: Span = Span::days(31);
pub const PRICE_CENTS: i64 = 1_000;

/// What is left of that time.
#[derive(Debug)]
pub struct Past {
    pub creators: Vec<Account>,
    /// Contents of the first creator.
    pub items: Vec<String>,
}

/// Makes creators with plans, contents of the first one, and fans who subscribe to the first one, and can pay once more.
pub async fn past(place: &Place, creators: usize, items: usize, subscribers: usize) -> Past {
    let named = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let environment: BTreeMap<_, _> = place.settings(LEAN).into_iter().map(named).collect();
    let config = Sources { file: None, environment }.load().unwrap();
    // The directory that the servers of now have their secrets in.
    let directory = place.path().join("data");
    let secrets = Secrets::load(&config.auth, &directory).unwrap();
    let clock = Clock::frozen(Clock::System.now().minus(AGO));
    let database = open_database(&config, &location(&config, &directory).unwrap(), &clock).unwrap();
    let (app, ledger) = App::build(config, secrets, database.clone(), clock).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let serving = tokio::spawn(async move {
        let router = http::router(&app);
        let stopped = async {
            let _ = stopped.await;
        };
        http::server::serve(&app, router, listener, stopped).await
    });
    let mut client = Client::connect(address).await.unwrap();
    let past = populate(&mut client, creators, items, subscribers).await;
    drop(client);
    stop.send(()).unwrap();
    assert!(serving.await.unwrap(), "it drained");
    ledger.await.unwrap();
    database.close().await;
    past
}

async fn populate(client: &mut Client, creators: usize, items: usize, subscribers: usize) -> Past {
    let mut past = Past { creators: Vec::new(), items: Vec::new() };
    for number in 0..creators {
        let creator = client.register(&format!("creator{number}")).await;
        client.done(Method::POST, "/api/users/me/creator", &creator, "creator", &json!({})).await;
        let plan = json!({ "price_cents": PRICE_CENTS });
        client.done(Method::PUT, "/api/creators/me/plans/monthly", &creator, "plan", &plan).await;
        past.creators.push(creator);
    }
    let popular = &past.creators[0];
    for number in 0..items {
        let item = json!({
            "type": "video", "title": number.to_string(), "price_cents": PRICE_CENTS,
            "media_url": "https://cdn.example.com/a",
        });
        let made = client.done(Method::POST, "/api/content", popular, &format!("item-{number}"), &item).await;
        past.items.push(made["id"].as_str().unwrap().to_owned());
    }
    let body = json!({ "creator_id": popular.id, "tier": "monthly" });
    for number in 0..subscribers {
        let fan = client.newcomer(&format!("subscriber{number}"), 2 * PRICE_CENTS).await;
        client.done(Method::POST, "/api/subscriptions", &fan, "subscribe", &body).await;
    }
    past
}
