//! Random histories of events, with crashes, freezes and administrators in between.

use super::{CURRENCY, START, asked, failed, right, user};
use crate::audit::Actor;
use crate::book::{Book, Rows};
use crate::command::{Command, Deposit, Request};
use crate::decide::{Answer, answer};
use crate::id::{DepositId, TransactionId, UserId, WalletId};
use crate::idempotency::{Fingerprint, Idempotency, Key, Record, StoredResponse};
use crate::money::Cents;
use crate::payment::{EventOutcome, PaymentEvent, Verdict, creditable, judge, unsettled};
use crate::receipt::{Act, DepositAsked, DepositStatus, Outcome};
use crate::timestamp::{Span, Timestamp};
use crate::user::AccountStatus;
use crate::wallet::{Provider, UserWallet, WalletStatus};
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use std::collections::{BTreeMap, HashSet};
use uuid::Uuid;

/// Where the process dies while it follows an event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Crash {
    BeforeTheLedger,
    AfterTheLedger,
}

#[derive(Clone, Debug)]
enum Step {
    /// An event arrives under an id, which may have come before, even with another content.
    Deliver { id: u8, event: PaymentEvent, crash: Option<Crash> },
    /// An administrator credits a deposit.
    Release { deposit: u8, key: u8 },
    /// An administrator rejects a deposit.
    Reject { deposit: u8 },
    /// A wallet stops, or goes on.
    Freeze { user: u8, is_frozen: bool },
    /// So much later that no key is remembered.
    NextDay,
}

const DEPOSITS: u8 = 3;

fn steps() -> impl Strategy<Value = Step> {
    let event = (0..=DEPOSITS, any::<bool>(), 0..=DEPOSITS, prop_oneof![4 => Just(0), 1 => -1..=1_i64]).prop_map(
        |(deposit, succeeded, payment, off)| {
            let event = if succeeded { right(deposit) } else { failed(deposit) };
            let amount_cents = event.amount_cents.map(|cents| cents + off);
            let provider_tx_id = Some(format!("payment {payment}"));
            PaymentEvent { amount_cents, provider_tx_id, ..event }
        },
    );
    let crash =
        prop_oneof![3 => Just(None), 1 => Just(Some(Crash::BeforeTheLedger)), 1 => Just(Some(Crash::AfterTheLedger))];
    prop_oneof![
        8 => (0..8_u8, event, crash).prop_map(|(id, event, crash)| Step::Deliver { id, event, crash }),
        2 => (0..DEPOSITS, any::<u8>()).prop_map(|(deposit, key)| Step::Release { deposit, key }),
        1 => (0..DEPOSITS).prop_map(|deposit| Step::Reject { deposit }),
        2 => (0..2_u8, any::<bool>()).prop_map(|(user, is_frozen)| Step::Freeze { user, is_frozen }),
        1 => Just(Step::NextDay),
    ]
}

/// A database of four tables, and what was credited.
#[derive(Debug)]
struct World {
    now: Timestamp,
    next_id: u128,
    wallets: Vec<UserWallet>,
    deposits: Vec<DepositAsked>,
    events: BTreeMap<u8, (PaymentEvent, EventOutcome)>,
    payments: HashSet<(Provider, String)>,
    records: Vec<Record>,
    credits: Vec<(DepositId, UserId, i64)>,
    /// What each deposit is held for.
    held_for: BTreeMap<DepositId, PaymentEvent>,
    /// Everything that was ever said to be paid.
    paid: HashSet<(DepositId, i64)>,
}

impl World {
    fn new() -> Self {
        let wallet = |number| UserWallet {
            id: WalletId::of_user(user(number)),
            user_id: user(number),
            account_status: AccountStatus::Active,
            status: WalletStatus::Active,
            balance: Cents::ZERO,
            last_transaction_at: None,
        };
        Self {
            now: START,
            next_id: 1_000,
            wallets: (0..2).map(wallet).collect(),
            deposits: (0..DEPOSITS).map(|number| asked(number, DepositStatus::Pending)).collect(),
            events: BTreeMap::new(),
            payments: HashSet::new(),
            records: Vec::new(),
            credits: Vec::new(),
            held_for: BTreeMap::new(),
            paid: HashSet::new(),
        }
    }

    fn deposit(&mut self, id: Option<DepositId>) -> Option<&mut DepositAsked> {
        self.deposits.iter_mut().find(|deposit| Some(deposit.id) == id)
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Deliver { id, event, crash } => self.deliver(id, event, crash),
            Step::Release { deposit, key } => {
                let deposit =
                    self.deposits.iter().find(|row| row.id == asked(deposit, DepositStatus::Held).id).cloned();
                let deposit = deposit.unwrap();
                let paid = self.held_for.get(&deposit.id).map_or(Ok(deposit.amount), |paid| creditable(paid, CURRENCY));
                let Ok(amount) = paid else { return };
                let deposit = DepositAsked { amount, ..deposit };
                self.execute(
                    &deposit,
                    deposit.provider_tx_id.clone(),
                    true,
                    &format!("release {key}").replace(' ', "-"),
                );
            }
            Step::Reject { deposit } => {
                let id = asked(deposit, DepositStatus::Held).id;
                let deposit = self.deposit(Some(id)).unwrap();
                if matches!(deposit.status, DepositStatus::Held | DepositStatus::Pending) {
                    deposit.status = DepositStatus::Failed;
                }
            }
            Step::Freeze { user: number, is_frozen } => {
                let wallet = self.wallets.iter_mut().find(|wallet| wallet.user_id == user(number)).unwrap();
                wallet.status = if is_frozen { WalletStatus::Frozen } else { WalletStatus::Active };
            }
            Step::NextDay => self.now = self.now.plus(Span::hours(25)),
        }
    }

    fn follow(&mut self, event: &PaymentEvent, verdict: Verdict) {
        if let (Verdict::Hold(_), Some(id)) = (verdict, event.deposit_id) {
            self.held_for.insert(id, event.clone());
        }
        let Some(deposit) = self.deposit(event.deposit_id) else { return };
        match verdict {
            Verdict::Fail => deposit.status = DepositStatus::Failed,
            Verdict::Hold(_) => {
                deposit.status = DepositStatus::Held;
                deposit.provider_tx_id.clone_from(&event.provider_tx_id);
            }
            Verdict::Settle | Verdict::Ignore(_) => {}
        }
    }

    fn deliver(&mut self, id: u8, event: PaymentEvent, crash: Option<Crash>) {
        if !self.events.contains_key(&id) {
            let deposit = self.deposit(event.deposit_id).cloned();
            let verdict = judge(deposit.as_ref(), &event, CURRENCY);
            self.follow(&event, verdict);
            self.paid.extend(event.deposit_id.zip(event.amount_cents));
            self.events.insert(id, (event, verdict.outcome().0));
        }
        let (event, outcome) = self.events.get(&id).cloned().unwrap();
        if outcome != EventOutcome::Settling || crash == Some(Crash::BeforeTheLedger) {
            return;
        }
        let deposit = self.deposit(event.deposit_id).cloned().unwrap();
        let done = self.execute(&deposit, event.provider_tx_id.clone(), false, &format!("webhook-in:acme:{id}"));
        if crash == Some(Crash::AfterTheLedger) {
            return;
        }
        let deposit = self.deposit(event.deposit_id).cloned();
        let outcome = if done {
            EventOutcome::Completed
        } else {
            let verdict = match judge(deposit.as_ref(), &event, CURRENCY) {
                Verdict::Settle => unsettled(deposit.as_ref()),
                verdict => verdict,
            };
            self.follow(&event, verdict);
            verdict.outcome().0
        };
        self.events.insert(id, (event, outcome));
    }

    /// Whether the ledger did it, now or before.
    fn execute(&mut self, deposit: &DepositAsked, provider_tx_id: Option<String>, is_release: bool, key: &str) -> bool {
        self.next_id += 1;
        let command = Command::Deposit(Deposit {
            user_id: deposit.user_id,
            amount: deposit.amount,
            provider: deposit.provider.clone(),
            provider_tx_id,
            pending: Some(deposit.id),
            is_release,
        });
        let request = Request {
            id: TransactionId::new(Uuid::from_u128(self.next_id)),
            actor: Actor { id: None, credential: None, address: None, request_id: "request".to_owned() },
            key: Idempotency {
                principal: UserId::SYSTEM,
                digest: Key::parse(key).unwrap().digest(),
                fingerprint: Fingerprint::of(&[key.as_bytes()]),
                route: String::new(),
                first_seen: self.now,
            },
            command,
        };
        let mut book = Book::new(Rows {
            wallets: self.wallets.clone(),
            deposits: self.deposits.clone(),
            payments: self.payments.iter().cloned().collect(),
            records: self.records.clone(),
            ..Rows::default()
        });
        let render = |outcome: &Outcome| StoredResponse {
            status: if outcome.is_ok() { 201 } else { 409 },
            headers: Vec::new(),
            body: Vec::new(),
        };
        let answered = answer(&mut book, &request, self.now, &render);
        self.save(&book);
        match answered {
            Answer::Executed { response, .. } | Answer::Replayed { response, .. } => response.status == 201,
            Answer::KeyReused => false,
        }
    }

    fn save(&mut self, book: &Book) {
        let changes = book.clone().changes();
        for change in &changes.user_wallets {
            let wallet = self.wallets.iter_mut().find(|wallet| wallet.id == change.id).unwrap();
            wallet.balance = wallet.balance.checked_add(change.delta).unwrap();
            wallet.last_transaction_at = Some(change.last_transaction_at);
        }
        for record in changes.records {
            self.records.retain(|kept| kept.digest != record.digest);
            self.records.push(record);
        }
        for (transaction, _) in changes.transactions {
            let Act::Deposit(row) = transaction.act else { continue };
            self.credits.push((row.id, transaction.payee_id.unwrap(), transaction.amount.credit().get()));
            self.payments.extend(row.provider_tx_id.clone().map(|id| (row.provider, id)));
            let deposit = self.deposit(Some(row.id)).unwrap();
            (deposit.status, deposit.provider_tx_id) = (row.status, row.provider_tx_id);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_history_credits_a_deposit_twice_or_another_amount_than_was_paid(steps in vec(steps(), 1..40)) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
            let mut seen = HashSet::new();
            for (id, credited, cents) in &world.credits {
                prop_assert!(seen.insert(*id), "credited twice");
                let deposit = world.deposits.iter().find(|deposit| deposit.id == *id).unwrap();
                prop_assert_eq!(*credited, deposit.user_id);
                prop_assert!(world.paid.contains(&(*id, *cents)), "nobody paid {} for it", cents);
            }
            for deposit in &world.deposits {
                prop_assert_eq!(deposit.status == DepositStatus::Completed, seen.contains(&deposit.id));
            }
            for wallet in &world.wallets {
                let sum: i64 = world.credits.iter().filter(|credit| credit.1 == wallet.user_id).map(|credit| credit.2).sum();
                prop_assert_eq!(wallet.balance.get(), sum);
            }
            let payments: HashSet<_> = world.deposits.iter().filter(|row| seen.contains(&row.id)).filter_map(|row| row.provider_tx_id.clone()).collect();
            let named = world.deposits.iter().filter(|row| seen.contains(&row.id) && row.provider_tx_id.is_some()).count();
            prop_assert_eq!(payments.len(), named, "one payment was credited to two deposits");
        }
    }
}
