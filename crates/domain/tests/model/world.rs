//! One episode: a ledger from its first registration on, batch by batch, beside the reference model.

#[path = "world/writes.rs"]
mod writes;

use crate::ask::{Ask, Number, ROUTE, Sending, content_id, key_digest, transaction_id, user_id};
use crate::chance::{Chance, LONG_SILENCE, USERS};
use crate::months::DAY;
use crate::reference::{Due, Model};
use crate::store::Store;
use crate::terms::{GIFTS, Policy};
use crate::told::{Told, plain, render};
use domain::book::Changes;
use domain::command::Needs;
use domain::content::Holding;
use domain::decide::{Answer, answer};
use domain::idempotency::{Record, StoredResponse};
use domain::timestamp::Timestamp;
use std::collections::BTreeMap;

/// How often each thing happened.
pub type Tally = BTreeMap<&'static str, u64>;

/// 1 October 2026.
const START: i64 = 1_790_812_800_000_000;

#[derive(Debug)]
pub struct World {
    chance: Chance,
    store: Store,
    model: Model,
    settings: Settings,
    now: i64,
}

/// What an operator has set.
#[derive(Debug)]
pub struct Settings {
    pub terms: usize,
    pub policy: Policy,
    /// Of the gifts, in their order.
    prices: [i64; 4],
}

impl Settings {
    pub fn price_of(&self, gift: &str) -> i64 {
        self.prices[GIFTS.iter().position(|name| *name == gift).unwrap()]
    }
}

/// What is committed, and the renewals that were refused in it.
type Run = (Changes, Vec<Number>);

impl World {
    pub fn new(seed: u64, episode: u64) -> Self {
        let chance = Chance::new(seed, episode);
        let settings = Settings { terms: 0, policy: Policy::default(), prices: [1; 4] };
        let mut world = Self { chance, store: Store::default(), model: Model::default(), settings, now: START };
        for user in 1..=USERS {
            world.register(user);
        }
        world.open();
        world
    }

    /// One batch, with what befalls its commit. Returns the number of new commands.
    pub fn step(&mut self, tally: &mut Tally) -> u64 {
        self.disturb();
        let batch = self.chance.batch(self.now, &self.store, &self.settings);
        let commands = u64::try_from(batch.len()).unwrap();
        if self.chance.once_in(16) {
            self.commit_unheard(batch, tally);
        } else if self.chance.once_in(16) {
            // The connection died and nothing was committed: the model forgets it, too.
            let model = self.model.clone();
            self.run(&batch, tally);
            self.model = model;
            count(tally, "commit lost");
            self.reconnect();
            self.commit(&batch, tally);
        } else {
            self.commit(&batch, tally);
        }
        commands
    }

    /// The connection died after the commit: the batch runs again with the same ids, while the world went on.
    fn commit_unheard(&mut self, batch: Vec<Sending>, tally: &mut Tally) {
        count(tally, "commit unheard");
        self.commit(&batch, tally);
        if self.chance.once_in(8) {
            self.now += LONG_SILENCE;
        } else {
            if self.chance.once_in(3) {
                let others = self.chance.batch(self.now, &self.store, &self.settings);
                self.commit(&others, tally);
            }
            self.reconnect();
        }
        self.commit(&batch, tally);
    }

    /// Takes a moment, or a day if the machine slept meanwhile; administrators do not wait for it.
    fn reconnect(&mut self) {
        self.now += if self.chance.once_in(5) { LONG_SILENCE } else { 50_000 };
        self.write();
    }

    fn commit(&mut self, batch: &[Sending], tally: &mut Tally) {
        let (changes, refused) = self.run(batch, tally);
        self.store.save(changes);
        self.store.reconcile();
        if self.chance.once_in(8) {
            self.reconcile_rows();
        }
        for (user, balance) in &self.model.balances {
            assert_eq!(self.store.balance(*user), *balance, "the balance of user {user}");
            assert_eq!(self.store.owed(*user), self.model.debts.get(user).copied(), "the debt of user {user}");
        }
        assert_eq!(self.store.records_len(), self.model.memory.len(), "as many keys are kept");
        assert!(self.store.unlocked().eq(self.model.unlocked.iter().map(|(pair, sale)| (*pair, *sale))));
        assert!(self.store.subscriptions().map(plain).eq(self.model.subscriptions.values().copied()));
        self.check_access();
        for subscription in refused {
            self.postpone(subscription, tally);
        }
    }

    pub fn reconcile_rows(&self) {
        self.store.reconcile_rows();
        let payouts = self.model.payouts.values();
        assert!(self.store.payouts().map(|row| row.status.as_str()).eq(payouts.map(|row| row.status)));
    }

    /// Somebody looks at some content.
    fn check_access(&mut self) {
        let contents: Vec<_> = self.model.contents.keys().copied().collect();
        let (user, content) = (self.chance.user(), self.chance.one_of(&contents));
        let offer = &self.store.contents[&content_id(content)];
        let subscription = self.store.active_subscription(user, offer.creator_id);
        let holding = Holding {
            unlocked: self.store.has_unlocked(user, offer.id),
            subscribed: subscription.is_some_and(|row| row.is_entitled(Timestamp::from_micros(self.now))),
        };
        let access = offer.access(user_id(user), holding).as_str();
        assert_eq!(access, self.model.access(user, content, self.now), "{user} and {offer:?}");
    }

    /// Answers a batch, and holds every answer and all that it changed against the model.
    fn run(&mut self, batch: &[Sending], tally: &mut Tally) -> Run {
        let requests: Vec<_> = batch.iter().map(Sending::request).collect();
        let mut needs = Needs::default();
        requests.iter().for_each(|request| request.needs(&mut needs));
        let mut book = self.store.load(&needs);
        let (mut done, mut kept, mut refused) = (Vec::new(), BTreeMap::new(), Vec::new());
        let mut winners = Vec::new();
        for (sending, request) in batch.iter().zip(&requests) {
            let due = self.model.answer(sending, self.now);
            let given = answer(&mut book, request, Timestamp::from_micros(self.now), &render);
            assert!(agree(&due, &given), "{sending:?} is due {due:?} and got {}", shown(&given));
            tell(&due, batch, tally);
            self.model.notes.drain(..).for_each(|note| count(tally, note));
            if let Due::Executed { told, .. } = due {
                match (told.refusal(), sending.ask.contends_for()) {
                    (None, won) => {
                        done.push((request.id, &request.actor));
                        winners.extend(won);
                    }
                    (Some(_), Some(lost)) if winners.contains(&lost) => count(tally, lost.0),
                    (Some(_), _) => {}
                }
                if let (Some(code), Ask::Renew { subscription }) = (told.refusal(), sending.ask)
                    && code != "renewal_not_due"
                {
                    refused.push(subscription);
                }
                if self.model.remembers(sending) {
                    kept.insert((request.key.principal, request.key.digest), sending);
                }
            }
        }
        let changes = book.changes();
        // What is refused, replayed or reused adds nothing: these are all the transactions and records.
        let posted = changes.transactions.iter().zip(&changes.audit).map(|((row, _), audit)| (row.id, &audit.actor));
        assert!(posted.eq(done), "the transactions of the batch: {batch:?}");
        let keys: Vec<_> = changes.records.iter().map(|record| (record.principal, record.digest)).collect();
        assert!(keys.iter().eq(kept.keys()), "the keys that the batch keeps: {batch:?}");
        for (record, sending) in changes.records.iter().zip(kept.values()) {
            assert_eq!(*record, self.record(sending), "{sending:?}");
        }
        (changes, refused)
    }

    /// The row that the model's memory of an arrival amounts to.
    fn record(&self, sending: &Sending) -> Record {
        let told = &self.model.memory[&(sending.principal, sending.key)].told;
        Record {
            principal: user_id(sending.principal),
            digest: key_digest(sending.key),
            fingerprint: sending.ask.fingerprint(),
            execution: transaction_id(sending.number),
            tx_id: told.refusal().is_none().then(|| transaction_id(sending.number)),
            route: ROUTE.to_owned(),
            request_id: sending.request_id(),
            response: told.stored(),
            created_at: Timestamp::from_micros(sending.first_seen),
            expires_at: Timestamp::from_micros(sending.first_seen + DAY),
        }
    }
}

fn agree(due: &Due, given: &Answer) -> bool {
    match (due, given) {
        (Due::Executed { told, .. }, Answer::Executed { response, refusal }) => {
            *response == told.stored() && *refusal == told.refusal()
        }
        (Due::Own { told }, Answer::Executed { response, .. }) => *response == told.stored(),
        (Due::Replayed { told, original, .. }, Answer::Replayed { response, original_request_id }) => {
            *response == told.stored() && *original_request_id == original.request_id()
        }
        (Due::Reused, Answer::KeyReused) => true,
        _ => false,
    }
}

fn shown(answer: &Answer) -> String {
    let body = |response: &StoredResponse| String::from_utf8_lossy(&response.body).into_owned();
    match answer {
        Answer::Executed { response, refusal } => format!("executed ({refusal:?}): {}", body(response)),
        Answer::Replayed { response, original_request_id } => {
            format!("replayed from {original_request_id}: {}", body(response))
        }
        Answer::KeyReused => "key reused".to_owned(),
    }
}

fn tell(due: &Due, batch: &[Sending], tally: &mut Tally) {
    match due {
        Due::Executed { told: Told::Refused(refused), .. } => count(tally, refused.code),
        Due::Executed { told: Told::Done(done), free_for } => {
            count(tally, done.row.what());
            if free_for.is_some() {
                count(tally, "expired and executed again");
            }
            if *free_for == Some(0) {
                count(tally, "executed again in the first free microsecond");
            }
        }
        Due::Own { .. } => count(tally, "own work known again"),
        Due::Replayed { original, left, .. } => {
            count(tally, "replayed");
            if *left == 1 {
                count(tally, "replayed in the last microsecond");
            }
            if batch.iter().any(|sending| sending.number == original.number) {
                count(tally, "replayed within its batch");
            }
        }
        Due::Reused => count(tally, "reused"),
    }
}

fn count(tally: &mut Tally, kind: &'static str) {
    *tally.entry(kind).or_default() += 1;
}
