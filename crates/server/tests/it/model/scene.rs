//! A server and the reference model beside it, which are asked the same and must say the same.

use super::step::{CONTENTS, Step, Wish};
use super::told;
use crate::ask::{Ask, Number, Seen, Sending, User};
use crate::chance::{ADMIN, CREATORS, NOBODY, PEOPLE};
use crate::harness::{Person, Reply, TestApp};
use crate::reference::{Content, Due, Model, Plan};
use crate::terms::POLICIES;
use crate::told::{Row, Told};
use axum::http::Method;
use domain::id::{ContentId, PayoutId, TransactionId, UserId, WalletId};
use domain::subscription::PlanTier;
use domain::timestamp::Span;
use proptest::sample::Index;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

const PLAN_CENTS: i64 = 200_000;
const ROSE_CENTS: i64 = 100_000;

/// A request as it is sent, and as the model is asked it.
#[derive(Clone, Debug)]
struct Asked {
    sending: Sending,
    path: String,
    body: Value,
}

/// A transaction that was made.
#[derive(Clone, Debug)]
struct Made {
    number: Number,
    id: String,
    /// Fan and creator, of a sale, and the subscription that it was for.
    sale: Option<(User, User, Option<Number>)>,
}

pub struct Scene {
    app: TestApp,
    people: BTreeMap<User, Person>,
    contents: Vec<String>,
    model: Model,
    asked: Vec<Asked>,
    made: Vec<Made>,
    payouts: Vec<(Number, String, User)>,
    /// What each key was answered first.
    answers: HashMap<(User, u16), Reply>,
    number: Number,
    pub tally: BTreeMap<String, u64>,
}

/// What is wrong, if anything is.
pub type Verdict = Result<(), String>;

impl Scene {
    pub async fn new() -> Self {
        let app = TestApp::with(&[("SUPERAPP_AUTH__ACCESS_TOKEN_SECONDS", "86400")]).await;
        let (mut people, mut model) = (BTreeMap::new(), Model::default());
        for user in 1..=PEOPLE {
            people.insert(user, app.user(&format!("person{user}")).await);
        }
        people.insert(ADMIN, app.admin("admin").await);
        model.balances.extend(people.keys().map(|user| (*user, 0)));
        let mut contents = Vec::new();
        for creator in 1..=CREATORS {
            people[&creator].become_creator().await;
        }
        for content in 1..=CONTENTS {
            let (creator, price) = (content % CREATORS + 1, i64::try_from(content).unwrap() * 30_001);
            contents.push(people[&creator].publish(json!({ "price_cents": price })).await);
            model.contents.insert(content, Content { creator, price, subscriber_only: false, is_active: true });
        }
        // The last one has none.
        for creator in 1..CREATORS {
            people[&creator].offer(PlanTier::Monthly, PLAN_CENTS).await;
            model.plans.insert((creator, 1), Plan { price: PLAN_CENTS, is_active: true });
        }
        let (asked, made, payouts) = (Vec::new(), Vec::new(), Vec::new());
        let (answers, tally) = (HashMap::new(), BTreeMap::new());
        Self { app, people, contents, model, asked, made, payouts, answers, number: 0, tally }
    }

    fn now(&self) -> i64 {
        self.app.clock.now().as_micros()
    }

    fn id_of(&self, user: User) -> UserId {
        self.people.get(&user).map_or_else(|| UserId::new(self.app.ids.uuid()), |person| person.id)
    }

    /// One step at both.
    pub async fn step(&mut self, step: &Step) -> Verdict {
        match step {
            Step::Ask(who, wish) => {
                let asked = self.think(*who, wish);
                self.send(asked).await
            }
            Step::Again(which) => match pick(*which, &self.asked).cloned() {
                Some(asked) => self.send(asked).await,
                None => Ok(()),
            },
            Step::Reuse(which, cents) => {
                let Some(Asked { sending, .. }) = pick(*which, &self.asked).cloned() else { return Ok(()) };
                let mut other = self.think(sending.principal, &Wish::Deposit(*cents));
                other.sending.key = sending.key;
                self.send(other).await
            }
            Step::Look(who, content) => self.look(*who, *content).await,
            Step::Freeze(who, frozen) => {
                let verb = if *frozen { "freeze" } else { "unfreeze" };
                let path = format!("/api/admin/wallets/{}/{verb}", WalletId::of_user(self.id_of(*who)));
                self.people[&ADMIN].post(path).json(json!({ "reason": "a model" })).send().await.done(200);
                let _ = if *frozen { self.model.frozen.insert(*who) } else { self.model.frozen.remove(who) };
                Ok(())
            }
            Step::Offer(content, price, is_active) => {
                self.offer(*content, *price, *is_active).await;
                Ok(())
            }
            Step::Wait(hours) => {
                self.app.advance(Span::hours(*hours));
                for person in self.people.values_mut() {
                    *person = person.sign_in().await;
                }
                Ok(())
            }
        }
    }

    async fn offer(&mut self, content: u64, price: i64, is_active: bool) {
        let row = self.model.contents.get_mut(&content).unwrap();
        (row.price, row.is_active) = (price, is_active);
        let path = format!("/api/content/{}", self.contents[place(content)]);
        let body = json!({ "price_cents": price, "is_active": is_active });
        self.people[&row.creator].patch(path).json(body).send().await.done(200);
    }

    /// What somebody sees of a content that they see at all.
    async fn look(&mut self, who: User, content: u64) -> Verdict {
        let reply = self.people[&who].get(format!("/api/content/{}", self.contents[place(content)])).send().await;
        let access = self.model.access(who, content, self.now());
        // What is off offer is there for its creator and for who bought it, whatever it costs by now.
        let row = &self.model.contents[&content];
        let is_seen = row.is_active || row.creator == who || self.model.unlocked.contains_key(&(who, content));
        let expected = if is_seen { json!([200, access]) } else { json!([404, null]) };
        same(&json!([reply.status, reply.json()["access"]]), &expected, &reply)
    }

    /// A wish as a request, with a new key.
    fn think(&mut self, who: User, wish: &Wish) -> Asked {
        self.number += 1;
        // What the settings are by default.
        let mut seen = Seen { price: ROSE_CENTS, policy: POLICIES[0], ..Seen::default() };
        let (mut principal, id) = (who, |user| self.id_of(user).to_string());
        let (ask, path, body) = match *wish {
            Wish::Deposit(amount) => (
                Ask::Deposit { to: who, amount, through: "sandbox", reference: None, pending: None },
                "/api/wallet/deposits".to_owned(),
                json!({ "amount_cents": amount, "provider": "sandbox" }),
            ),
            Wish::Transfer(to, amount) => (
                Ask::Transfer { from: who, to, amount, note: None },
                "/api/wallet/transfer".to_owned(),
                json!({ "to_user_id": id(to), "amount_cents": amount }),
            ),
            Wish::Unlock(content, is_right) => {
                let row = self.model.contents.get(&content);
                seen.creator = row.map(|row| row.creator);
                let expected = is_right.map(|is_right| row.map_or(1, |row| row.price) + i64::from(!is_right));
                // A price of nothing is none that a request may name.
                let expected = expected.filter(|cents| *cents > 0);
                let unknown = || ContentId::new(self.app.ids.uuid()).to_string();
                let content_id = row.map_or_else(unknown, |_| self.contents[place(content)].clone());
                let path = format!("/api/content/{content_id}/unlock");
                (Ask::Unlock { fan: who, content, expected }, path, price(json!({}), expected))
            }
            Wish::Subscribe(creator, is_right) => {
                let expected = is_right.map(|is_right| PLAN_CENTS + i64::from(!is_right));
                let body = price(json!({ "creator_id": id(creator), "tier": "monthly" }), expected);
                let ask = Ask::Subscribe { fan: who, creator, months: 1, expected };
                (ask, "/api/subscriptions".to_owned(), body)
            }
            Wish::Gift(to, quantity) => (
                Ask::Gift { from: who, to, gift: "rose", quantity, message: None },
                "/api/gifts/send".to_owned(),
                json!({ "recipient_id": id(to), "gift_type": "rose", "quantity": quantity }),
            ),
            Wish::Refund(which, amount) => {
                principal = ADMIN;
                let unknown = || Made {
                    number: Number::MAX,
                    id: TransactionId::new(self.app.ids.uuid()).to_string(),
                    sale: None,
                };
                let made = pick(which, &self.made).cloned().unwrap_or_else(unknown);
                if let Some((fan, creator, subscription)) = made.sale {
                    (seen.fan, seen.creator, seen.subscription) = (Some(fan), Some(creator), subscription);
                }
                let body = json!({ "reason": "a model", "amount_cents": amount });
                let path = format!("/api/admin/transactions/{}/refund", made.id);
                (Ask::Refund { sale: made.number, amount }, path, body)
            }
            Wish::Payout(amount) => {
                // Only creators may ask.
                principal = (who - 1) % CREATORS + 1;
                let body = json!({ "amount_cents": amount, "destination": "a bank" });
                (Ask::Payout { creator: principal, amount }, "/api/payouts".to_owned(), body)
            }
            Wish::Decide(which, is_paid) => {
                principal = ADMIN;
                let unknown = || (Number::MAX, PayoutId::new(self.app.ids.uuid()).to_string(), NOBODY);
                let (payout, id, creator) = pick(which, &self.payouts).cloned().unwrap_or_else(unknown);
                seen.creator = (payout != Number::MAX).then_some(creator);
                let (verb, member) = if is_paid { ("approve", "reference") } else { ("reject", "reason") };
                (
                    Ask::Decide { payout, is_paid },
                    format!("/api/admin/payouts/{id}/{verb}"),
                    json!({ member: "a model" }),
                )
            }
        };
        let (number, key) = (self.number, u16::try_from(self.number).unwrap());
        Asked { sending: Sending { number, principal, key, ask, first_seen: 0, seen }, path, body }
    }

    /// Asks both, and compares.
    async fn send(&mut self, mut asked: Asked) -> Verdict {
        self.number += 1;
        (asked.sending.number, asked.sending.first_seen) = (self.number, self.now());
        let sending = asked.sending;
        let due = self.model.answer(&sending, self.now());
        self.model.notes.clear();
        let person = &self.people[&sending.principal];
        let call = person.call(Method::POST, &asked.path).key(&format!("key-{}", sending.key)).json(asked.body.clone());
        let reply = call.send().await;
        let memory = (sending.principal, sending.key);
        let kind = match &due {
            Due::Executed { told, .. } => {
                let expected = told::expected(told);
                same(&told::heard(told, &reply), &expected, &reply)?;
                if reply.is_replay() {
                    return Err(format!("nobody asked before: {reply}"));
                }
                self.remember(&sending, told, &reply);
                told.refusal().unwrap_or_else(|| told::what(told))
            }
            Due::Replayed { .. } => {
                let first = &self.answers[&memory];
                if !reply.is_replay() || (reply.status, &reply.bytes) != (first.status, &first.bytes) {
                    return Err(format!("{reply} is no replay of {first}"));
                }
                "replayed"
            }
            Due::Reused => {
                same(&json!([reply.status, reply.code()]), &json!([422, "idempotency_key_reused"]), &reply)?;
                "reused"
            }
            Due::Own { .. } => return Err("each arrival has a number of its own".to_owned()),
        };
        if matches!(due, Due::Executed { .. }) {
            self.answers.insert(memory, reply);
        }
        *self.tally.entry(kind.to_owned()).or_default() += 1;
        self.asked.push(asked);
        self.compare_balance(sending.principal).await
    }

    /// What later steps may refer to.
    fn remember(&mut self, sending: &Sending, told: &Told, reply: &Reply) {
        let Told::Done(done) = told else { return };
        let body = reply.json();
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let id = text("/transaction/tx_id").or_else(|| text("/tx_id"));
        let subscription = if let Row::Subscribe { new, .. } = &done.row { Some(new.id) } else { None };
        let is_sale = matches!(done.row, Row::Unlock { .. } | Row::Subscribe { .. } | Row::Gift { .. });
        let sale = done.payer.zip(done.payee).filter(|_| is_sale).map(|(fan, creator)| (fan, creator, subscription));
        // Deposits are left out: too many of the refunds would be asked of them.
        let id = id.filter(|_| !matches!(done.row, Row::Deposit { .. }));
        self.made.extend(id.map(|id| Made { number: sending.number, id, sale }));
        if let (Row::Payout { creator, .. }, Ask::Payout { .. }) = (&done.row, sending.ask) {
            self.payouts.extend(text("/id").map(|id| (sending.number, id, *creator)));
        }
    }

    async fn compare_balance(&self, user: User) -> Verdict {
        let reply = self.people[&user].get("/api/wallet/balance").send().await;
        same(&reply.json()["balance_cents"], &json!(self.model.balances[&user]), &reply)
    }

    /// Everybody's balance.
    pub async fn compare(&self) -> Verdict {
        for user in self.people.keys() {
            self.compare_balance(*user).await?;
        }
        Ok(())
    }
}

fn place(content: u64) -> usize {
    usize::try_from(content - 1).unwrap()
}

fn pick<T>(which: Index, all: &[T]) -> Option<&T> {
    if all.is_empty() { None } else { Some(which.get(all)) }
}

fn price(mut body: Value, expected: Option<i64>) -> Value {
    if let Some(cents) = expected {
        body["expected_price_cents"] = json!(cents);
    }
    body
}

fn same(heard: &Value, expected: &Value, reply: &Reply) -> Verdict {
    if heard == expected { Ok(()) } else { Err(format!("{heard}, and the model says {expected}: {reply}")) }
}
