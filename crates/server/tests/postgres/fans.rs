//! Fans who transfer and unlock, and ask again with the same key until they have an answer. What they wrote down is
//! held against the ledger.

use crate::client::{Account, Answer, Client};
use crate::place::rows;
use domain::id::{ContentId, UserId};
use hyper::Method;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

const DEPOSIT_CENTS: i64 = 100_000_000;
const TRANSFER_CENTS_MAX: i64 = 500;
const ITEM_CENTS: i64 = 10;
/// How long a fan waits before asking again.
const BREATH_MILLISECONDS_MAX: u64 = 40;
/// How long one answer may take: the server gives up an unknown outcome after ten seconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(25);

/// What everybody knows.
#[derive(Debug)]
pub struct World {
    address: SocketAddr,
    people: Vec<String>,
    items: Vec<String>,
    is_over: AtomicBool,
    /// When something was done last.
    last_done: std::sync::Mutex<Instant>,
}

/// What a fan wants, once.
#[derive(Clone, Debug)]
enum Wish {
    /// To whom, how much, and the note that tells it from every other.
    Transfer(usize, i64, String),
    /// Which of the items.
    Unlock(usize),
}

/// A wish under way.
#[derive(Debug)]
struct Pending {
    wish: Wish,
    key: String,
    /// Whether an answer left open if it happened.
    is_in_doubt: bool,
}

/// A fan with a log, which is all that they trust.
#[derive(Debug)]
pub struct Fan {
    index: usize,
    account: Account,
    random: StdRng,
    /// Wishes and keys so far.
    thought: u64,
    items_wanted: usize,
    done: Vec<Wish>,
    /// Answers by their codes.
    answers: BTreeMap<String, usize>,
}

/// An order of the ledger: who, to whom or what, how much, with which note.
type Line = (Uuid, Option<Uuid>, i64, Option<String>);

impl Fan {
    fn think(&mut self, world: &World) -> Pending {
        let is_unlock = self.items_wanted < world.items.len() && self.random.random_bool(0.5);
        let wish = if is_unlock {
            self.items_wanted += 1;
            Wish::Unlock(self.items_wanted - 1)
        } else {
            let other = self.random.random_range(1..world.people.len());
            let to = (self.index + other) % world.people.len();
            let cents = self.random.random_range(1..=TRANSFER_CENTS_MAX);
            self.thought += 1;
            Wish::Transfer(to, cents, format!("{}-{}", self.index, self.thought))
        };
        Pending { wish, key: self.key(), is_in_doubt: false }
    }

    fn key(&mut self) -> String {
        self.thought += 1;
        format!("key-{}-{}", self.index, self.thought)
    }

    /// Wishes and asks until all is over and nothing waits.
    async fn live(mut self, world: Arc<World>) -> Self {
        let mut client = Client::connect(world.address).await.unwrap();
        while !world.is_over.load(Ordering::SeqCst) {
            let mut pending = Some(self.think(&world));
            while let Some(asked) = pending.take() {
                let (path, body) = request(&asked.wish, &world);
                let answer = client.post(&path, &self.account.token, &asked.key, &body);
                let answer = timeout(ANSWER_WITHIN, answer).await.expect("an answer in time").expect("an answer");
                pending = self.write_down(asked, &answer, &world);
                if pending.is_some() {
                    // Not a wait for anything: who asks at once would only be in the way.
                    sleep(Duration::from_millis(self.random.random_range(1..=BREATH_MILLISECONDS_MAX))).await;
                }
            }
        }
        self
    }

    /// What is still to be asked, if anything is.
    fn write_down(&mut self, asked: Pending, answer: &Answer, world: &World) -> Option<Pending> {
        let code = if answer.is_replay() { "replay" } else { answer.body["code"].as_str().unwrap_or("done") };
        *self.answers.entry(code.to_owned()).or_default() += 1;
        match (answer.status, code) {
            (201, _) => {
                let was_failed = answer.is_replay() && !asked.is_in_doubt;
                assert!(!was_failed, "it was said to have failed, and had happened: {asked:?} {answer:?}");
                self.done.push(asked.wish);
                *world.last_done.lock().unwrap() = Instant::now();
                None
            }
            (503, "outcome_unknown") => Some(Pending { is_in_doubt: true, ..asked }),
            (503, "overloaded") if asked.is_in_doubt || self.random.random_bool(0.5) => Some(asked),
            // Nothing was changed, it says: then nobody needs this key. A transfer is forgotten, and must never be
            // found; an item is bought with another key, and must not have been bought.
            (503, "overloaded") => match asked.wish {
                Wish::Transfer(..) => None,
                Wish::Unlock(_) => Some(Pending { key: self.key(), ..asked }),
            },
            _ => panic!("{asked:?} was answered with {answer:?}"),
        }
    }

    fn lines(&self, world: &World) -> impl Iterator<Item = Line> {
        let id = |text: &str| text.parse::<UserId>().unwrap().uuid();
        let own = id(&self.account.id);
        self.done.iter().map(move |wish| match wish {
            Wish::Transfer(to, cents, note) => (own, Some(id(&world.people[*to])), *cents, Some(note.clone())),
            Wish::Unlock(item) => {
                (own, Some(world.items[*item].parse::<ContentId>().unwrap().uuid()), ITEM_CENTS, None)
            }
        })
    }
}

fn request(wish: &Wish, world: &World) -> (String, Value) {
    match wish {
        Wish::Transfer(to, cents, note) => {
            let body = json!({ "to_user_id": world.people[*to], "amount_cents": cents, "note": note });
            ("/api/wallet/transfer".to_owned(), body)
        }
        Wish::Unlock(item) => (format!("/api/content/{}/unlock", world.items[*item]), json!({})),
    }
}

/// Fans on a server, who do what they do until it is over.
#[derive(Debug)]
pub struct Crowd {
    pub world: Arc<World>,
    fans: Vec<Fan>,
}

impl Crowd {
    pub async fn gather(address: SocketAddr, fans: usize, items: usize, seed: u64) -> Self {
        let mut client = Client::connect(address).await.unwrap();
        let creator = client.register("creator").await;
        client.done(Method::POST, "/api/users/me/creator", &creator, "creator", &json!({})).await;
        let mut world = World {
            address,
            people: Vec::with_capacity(fans),
            items: Vec::with_capacity(items),
            is_over: AtomicBool::new(false),
            last_done: std::sync::Mutex::new(Instant::now()),
        };
        for number in 0..items {
            let item = json!({
                "type": "video", "title": number.to_string(), "price_cents": ITEM_CENTS,
                "media_url": "https://cdn.example.com/a",
            });
            let key = format!("item-{number}");
            let made = client.done(Method::POST, "/api/content", &creator, &key, &item).await;
            world.items.push(made["id"].as_str().unwrap().to_owned());
        }
        let mut crowd = Vec::with_capacity(fans);
        for index in 0..fans {
            let account = client.newcomer(&format!("fan{index}"), DEPOSIT_CENTS).await;
            world.people.push(account.id.clone());
            let random = StdRng::seed_from_u64(seed ^ (1 + index as u64));
            let (done, answers) = (Vec::new(), BTreeMap::new());
            crowd.push(Fan { index, account, random, thought: 0, items_wanted: 0, done, answers });
        }
        Self { world: Arc::new(world), fans: crowd }
    }

    /// Lets everybody live until what happens meanwhile is over, and has an answer to everything.
    pub async fn live(mut self, meanwhile: impl Future<Output = ()>) -> Self {
        let begin = |fan: Fan| tokio::spawn(fan.live(Arc::clone(&self.world)));
        let lives: Vec<_> = std::mem::take(&mut self.fans).into_iter().map(begin).collect();
        meanwhile.await;
        self.world.is_over.store(true, Ordering::SeqCst);
        for life in lives {
            self.fans.push(life.await.unwrap());
        }
        self
    }

    /// Answers by their codes.
    pub fn answers(&self) -> BTreeMap<&str, usize> {
        let mut sum = BTreeMap::new();
        for (code, count) in self.fans.iter().flat_map(|fan| &fan.answers) {
            *sum.entry(code.as_str()).or_default() += count;
        }
        sum
    }

    /// Fails unless the ledger has what was acknowledged, once, and nothing else. Says how many transactions there
    /// are, the deposits among them.
    pub fn check(&self, url: &str) -> u64 {
        let text = "SELECT payer_id, CASE type WHEN 'transfer' THEN payee_id ELSE reference_id END, amount_cents, note
            FROM transactions WHERE type IN ('transfer', 'unlock')";
        let mut found: Vec<Line> =
            rows(url, text, |row| (row.get::<_, Id>(0).0, Some(row.get::<_, Id>(1).0), row.get(2), row.get(3)));
        let mut expected: Vec<Line> = self.fans.iter().flat_map(|fan| fan.lines(&self.world)).collect();
        found.sort_unstable();
        expected.sort_unstable();
        let missing = expected.iter().find(|line| found.binary_search(line).is_err());
        assert_eq!(missing, None, "acknowledged, and not in the ledger");
        let invented = found.iter().find(|line| expected.binary_search(line).is_err());
        assert_eq!(invented, None, "in the ledger, and said to have failed");
        let twice = found.windows(2).find(|pair| pair[0] == pair[1]);
        assert_eq!(twice, None, "twice in the ledger");
        (expected.len() + self.fans.len()) as u64
    }
}

impl World {
    /// When something was done last.
    pub fn last_done(&self) -> Instant {
        *self.last_done.lock().unwrap()
    }
}

/// A UUID as the driver has it without its optional features: sixteen bytes.
struct Id(Uuid);

impl<'row> postgres::types::FromSql<'row> for Id {
    fn from_sql(
        _kind: &postgres::types::Type,
        raw: &'row [u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(Uuid::from_slice(raw)?))
    }

    fn accepts(kind: &postgres::types::Type) -> bool {
        *kind == postgres::types::Type::UUID
    }
}
