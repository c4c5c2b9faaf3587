//! Makes everybody and everything through the API, before the clock starts, and asks for the look at the ledger after it.

use super::{Account, Content, Stage, bearer};
use crate::clock::{random_bytes, stopwatch};
use crate::loadtest::cast::{Cast, PRICE_CENTS, Tier};
use crate::loadtest::client::{Ask, Client, Fault, Target};
use crate::loadtest::plan::Scenario;
use crate::loadtest::progress::Display;
use crate::loadtest::report::Reconciliation;
use anyhow::{Context, anyhow, bail};
use futures_util::stream::iter;
use futures_util::{StreamExt, TryStreamExt};
use hyper::Method;
use hyper::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use uuid::Uuid;

/// Accounts that are made at once: a few more than a server hashes passwords at once.
const AT_ONCE: usize = 4;
/// How long one thing is tried, if the server has no room for it.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a look at the whole ledger may take.
const LOOK_TIMEOUT: Duration = Duration::from_secs(600);
/// The largest deposit of a server with default settings.
const DEPOSIT_CENTS_MAX: u64 = 1_000_000_000_000_000;
pub(in crate::loadtest) const PASSWORD: &str = "load test, load test";

/// Asks the server who it is.
///
/// # Errors
/// If nobody answers, or somebody else.
pub async fn version(client: &Client, target: &Target) -> anyhow::Result<String> {
    let answer = client.ask(Ask::get("/api/health")).await.map_err(|fault| {
        anyhow!("nobody answers at {target} ({fault}); start a server with `superapp serve`, or name one with --target")
    })?;
    match (answer.status, text(&answer.json(), "version").as_deref()) {
        (200, Some(version)) => Ok(version.to_owned()),
        (status, _) => bail!("{target} answers {status} to GET /api/health: it is not healthy, or not a superapp"),
    }
}

/// Makes everybody and everything. `unlimited` has an administrator lift all limits.
///
/// # Errors
/// If the server refuses something, or has no room for it for a minute.
pub async fn set(client: &Client, cast: &Cast, admin: Option<&SecretString>, unlimited: bool) -> anyhow::Result<Stage> {
    let admin = admin.map(authorization).transpose()?;
    let maker = Maker { client, admin, run: run_name(), keys: AtomicU64::new(0), unlimited };
    let display = Display::set_up(cast.accounts());
    let numbers = 0..usize::try_from(cast.accounts())?;
    let mut made = iter(numbers.map(|number| maker.account(number, cast))).buffer_unordered(AT_ONCE);
    let (mut accounts, mut contents) = (Vec::new(), Vec::new());
    while let Some((account, offers)) = made.try_next().await? {
        contents.extend(offers.into_iter().map(|id| Content { id, creator: account.number }));
        accounts.push(account);
        display.made(accounts.len());
    }
    drop(made);
    accounts.sort_unstable_by_key(|account| account.number);
    let gift = maker.fund(&accounts, cast).await?;
    display.end();
    let (run, keys) = (maker.run, maker.keys);
    let turns = Scenario::ALL.into_iter().map(|scenario| (scenario, AtomicU64::new(0))).collect();
    Ok(Stage { cast: cast.clone(), accounts, contents, gift, turns, sign_ins: AtomicU64::new(0), run, keys })
}

/// A look at the whole ledger, by the server itself.
pub async fn reconcile(target: &Target, admin: &SecretString) -> Reconciliation {
    let look = async {
        // Longer than a request of the load may take.
        let client = Client::new(target.clone(), LOOK_TIMEOUT, 1);
        let ask = Ask::send(Method::POST, "/api/admin/reconciliations", json!({})).by(&authorization(admin)?);
        let answer = client.ask(ask).await?;
        let body = answer.json();
        match (answer.status, text(&body, "status").as_deref()) {
            (201, Some(status)) => anyhow::Ok((status == "clean", body)),
            (status, _) => bail!("the server answered {status} {}", text(&body, "code").unwrap_or_default()),
        }
    };
    match look.await {
        Ok((true, body)) => Reconciliation::Clean(body),
        Ok((false, body)) => Reconciliation::Discrepancies(body),
        Err(error) => Reconciliation::Failed(format!("{error:#}")),
    }
}

fn authorization(token: &SecretString) -> anyhow::Result<HeaderValue> {
    let value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret().trim()));
    let mut value = value.context("the administrator's token has letters that no token has")?;
    value.set_sensitive(true);
    Ok(value)
}

/// A member that is a text.
fn text(value: &Value, member: &str) -> Option<String> {
    value.get(member)?.as_str().map(str::to_owned)
}

/// What tells this run's accounts and keys from those of others.
fn run_name() -> String {
    Uuid::from_bytes(random_bytes()).simple().to_string().chars().take(12).collect()
}

/// Who makes accounts.
#[derive(Debug)]
struct Maker<'run> {
    client: &'run Client,
    admin: Option<HeaderValue>,
    run: String,
    keys: AtomicU64,
    unlimited: bool,
}

impl Maker<'_> {
    /// Somebody of the tier that is due at this place, and the contents they offer.
    async fn account(&self, number: usize, cast: &Cast) -> anyhow::Result<(Account, Vec<String>)> {
        let email = format!("load-{}-{number}@example.com", self.run);
        let new = json!({ "email": email, "password": PASSWORD });
        let made = self.done(201, || Ask::send(Method::POST, "/api/auth/register", new.clone())).await?;
        let id = made.get("user").and_then(|user| text(user, "id")).context("an account without an id")?;
        let bearer = bearer(&made).context("an account without a token")?;
        let place = u64::try_from(number)?;
        let mut offers = Vec::new();
        if place >= cast.free + cast.premium {
            let become_creator = || Ask::send(Method::POST, "/api/users/me/creator", json!({})).by(&bearer);
            self.done(200, become_creator).await?;
            if self.unlimited {
                self.set_tier(&id, "admin").await?;
            }
            offers = self.offers(&bearer, cast.contents_each).await?;
        } else if place >= cast.free {
            self.set_tier(&id, Tier::Premium.name()).await?;
        }
        let (unlocked, subscribed) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok((Account { id, email, number, bearer: Mutex::new(bearer), unlocked, subscribed }, offers))
    }

    async fn set_tier(&self, id: &str, tier: &str) -> anyhow::Result<()> {
        let Some(admin) = &self.admin else { return Ok(()) };
        let path = format!("/api/admin/users/{id}");
        let change = || Ask::send(Method::PATCH, &path, json!({ "tier": tier })).by(admin);
        self.done(200, change).await.context("the administrator's token did not change a tier")?;
        Ok(())
    }

    /// A monthly plan and contents, all at the same price.
    async fn offers(&self, bearer: &HeaderValue, contents: u64) -> anyhow::Result<Vec<String>> {
        let plan = || {
            let plan = json!({ "price_cents": PRICE_CENTS });
            Ask::send(Method::PUT, "/api/creators/me/plans/monthly", plan).by(bearer)
        };
        self.done(200, plan).await?;
        let mut offers = Vec::new();
        for number in 0..contents {
            let content = json!({
                "type": "video", "title": format!("Content {number} of a load test"), "price_cents": PRICE_CENTS,
                "media_url": "https://cdn.example.com/load",
            });
            let made = self.done(201, || Ask::send(Method::POST, "/api/content", content.clone()).by(bearer)).await?;
            offers.push(text(&made, "id").context("a content without an id")?);
        }
        Ok(offers)
    }

    /// Gives everybody what they will spend, and twice that. The cheapest gift.
    async fn fund(&self, accounts: &[Account], cast: &Cast) -> anyhow::Result<String> {
        let first = accounts.first().context("a run without accounts")?.bearer();
        let catalogue = self.done(200, || Ask::get("/api/gifts/catalog").by(&first)).await?;
        let gifts = catalogue.get("data").and_then(Value::as_array).into_iter().flatten();
        let priced = gifts.filter_map(|gift| Some((gift.get("price_cents")?.as_u64()?, text(gift, "gift_type")?)));
        let cheapest = priced.min();
        let (cents, gift) = cheapest.context("the server has no gifts")?;
        let amount = (2 * cast.bought_each * (cents + 2 * PRICE_CENTS)).clamp(PRICE_CENTS, DEPOSIT_CENTS_MAX);
        let deposit = json!({ "amount_cents": amount, "provider": "sandbox" });
        let paid = accounts.iter().map(|account| {
            let (bearer, key, deposit) = (account.bearer(), self.key(), &deposit);
            async move {
                let ask = || Ask::send(Method::POST, "/api/wallet/deposits", deposit.clone()).by(&bearer);
                self.done(201, || ask().once(key.clone())).await
            }
        });
        let all = iter(paid).buffer_unordered(16).try_for_each(|_| async { Ok(()) }).await;
        all.context("no money came: the sandbox provider is needed, which production does not have")?;
        Ok(gift)
    }

    fn key(&self) -> String {
        format!("{}-{}", self.run, self.keys.fetch_add(1, Ordering::Relaxed))
    }

    /// Asks until there is an answer that is not "later". Its body.
    async fn done<'ask>(&self, expected: u16, ask: impl Fn() -> Ask<'ask>) -> anyhow::Result<Value> {
        let began = stopwatch();
        loop {
            let answer = match self.client.ask(ask()).await {
                Err(fault @ (Fault::NotConnected | Fault::TooMany)) if began.elapsed() > PATIENCE => bail!(fault),
                Err(Fault::NotConnected | Fault::TooMany) => None,
                other => Some(other?),
            };
            match answer {
                Some(answer) if answer.status == expected => return Ok(answer.json()),
                Some(answer) if !matches!(answer.status, 429 | 503) || began.elapsed() > PATIENCE => {
                    let (path, status, problem) = (ask().path, answer.status, answer.json());
                    let detail = text(&problem, "detail").unwrap_or_default();
                    bail!("setting the stage: {path} was answered with {status} {detail}");
                }
                other => {
                    let seconds = other.and_then(|answer| answer.retry_after).unwrap_or(1);
                    tokio::time::sleep(Duration::from_secs(seconds)).await;
                }
            }
        }
    }
}
