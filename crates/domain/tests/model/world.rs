//! One episode: a ledger from its first registration on, batch by batch, beside the reference model.

use crate::ask::{ROUTE, Sending, User, key_digest, transaction_id, user_id};
use crate::chance::{Chance, LATECOMER, LONG_SILENCE, USERS};
use crate::reference::{DAY, Due, Model};
use crate::store::Store;
use crate::told::{Told, render};
use domain::book::Changes;
use domain::command::Needs;
use domain::decide::{Answer, answer};
use domain::idempotency::{Record, StoredResponse};
use domain::timestamp::Timestamp;
use std::collections::{BTreeMap, HashSet};

/// How often each thing happened.
pub type Tally = BTreeMap<&'static str, u64>;

/// 1 October 2026.
const START: i64 = 1_790_812_800_000_000;

#[derive(Debug)]
pub struct World {
    chance: Chance,
    store: Store,
    model: Model,
    now: i64,
}

impl World {
    pub fn new(seed: u64, episode: u64) -> Self {
        let chance = Chance::new(seed, episode);
        let mut world = Self { chance, store: Store::default(), model: Model::default(), now: START };
        for user in 1..=USERS {
            world.register(user);
        }
        world
    }

    /// One batch, with what befalls its commit. Returns the number of new commands.
    pub fn step(&mut self, tally: &mut Tally) -> u64 {
        self.disturb();
        let batch = self.chance.batch(self.now, &self.store);
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
                let others = self.chance.batch(self.now, &self.store);
                self.commit(&others, tally);
            }
            self.reconnect();
        }
        self.commit(&batch, tally);
    }

    /// Takes a moment, or a day if the machine slept meanwhile; administrators do not wait for it.
    fn reconnect(&mut self) {
        self.now += if self.chance.once_in(5) { LONG_SILENCE } else { 50_000 };
        self.change_standing();
    }

    fn commit(&mut self, batch: &[Sending], tally: &mut Tally) {
        let changes = self.run(batch, tally);
        self.store.save(changes);
        self.store.reconcile();
        for (user, balance) in &self.model.balances {
            assert_eq!(self.store.balance(*user), *balance, "the balance of user {user}");
        }
        assert_eq!(self.store.records_len(), self.model.memory.len(), "as many keys are kept");
    }

    /// Answers a batch, and holds every answer and all that it changed against the model.
    fn run(&mut self, batch: &[Sending], tally: &mut Tally) -> Changes {
        let requests: Vec<_> = batch.iter().map(Sending::request).collect();
        let mut needs = Needs::default();
        requests.iter().for_each(|request| request.needs(&mut needs));
        let mut book = self.store.load(&needs);
        let (mut done, mut kept) = (Vec::new(), BTreeMap::new());
        for (sending, request) in batch.iter().zip(&requests) {
            let due = self.model.answer(sending, self.now);
            let given = answer(&mut book, request, Timestamp::from_micros(self.now), &render);
            assert!(agree(&due, &given), "{sending:?} is due {due:?} and got {}", shown(&given));
            tell(&due, batch, tally);
            if let Due::Executed { told, .. } = due {
                if told.refusal().is_none() {
                    done.push((request.id, &request.actor));
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
        changes
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

    /// Time passes, and administrators are at work.
    fn disturb(&mut self) {
        self.now = self.chance.tick(self.now, &self.store);
        self.change_standing();
        if !self.model.balances.contains_key(&LATECOMER) && self.chance.once_in(60) {
            self.register(LATECOMER);
        }
    }

    fn change_standing(&mut self) {
        if self.chance.once_in(3) {
            let (user, frozen) = (self.chance.user(), self.chance.once_in(10));
            self.store.set_frozen(user, frozen);
            mark(&mut self.model.frozen, user, frozen);
        }
        if self.chance.once_in(3) {
            let (user, suspended) = (self.chance.user(), self.chance.once_in(10));
            self.store.set_suspended(user, suspended);
            mark(&mut self.model.suspended, user, suspended);
        }
    }

    fn register(&mut self, user: User) {
        self.store.register(user);
        self.model.balances.insert(user, 0);
    }
}

fn mark(users: &mut HashSet<User>, user: User, marked: bool) {
    if marked {
        users.insert(user);
    } else {
        users.remove(&user);
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
        Due::Executed { told: Told::Refused { code, .. }, .. } => count(tally, code),
        Due::Executed { told: Told::Done(done), free_for } => {
            count(tally, done.kind);
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
