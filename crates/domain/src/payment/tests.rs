//! Events in any order: each pair of event and deposit, and random histories with crashes, freezes and administrators
//! in between.

#![expect(clippy::arithmetic_side_effects, reason = "numbers of a test are small, and overflow checks are on")]

use super::{Doubt, EventId, EventOutcome, EventType, PaymentEvent, Verdict, judge};
use crate::audit::Actor;
use crate::book::{Book, Rows};
use crate::command::{Command, Deposit, Request};
use crate::decide::{Answer, answer};
use crate::id::{DepositId, TransactionId, UserId, WalletId};
use crate::idempotency::{Fingerprint, Idempotency, Key, Record, StoredResponse};
use crate::money::{Amount, Cents};
use crate::receipt::{Act, DepositAsked, DepositStatus, Outcome};
use crate::timestamp::{Span, Timestamp};
use crate::user::AccountStatus;
use crate::wallet::{Provider, UserWallet, WalletStatus};
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use std::collections::{BTreeMap, HashSet};
use uuid::Uuid;

const CURRENCY: &str = "IDR";
const START: Timestamp = Timestamp::from_micros(1_790_812_800_000_000);

fn provider() -> Provider {
    Provider::parse("acme").unwrap()
}

fn user(number: u8) -> UserId {
    UserId::new(Uuid::from_u128(u128::from(number) + 1))
}

fn asked(number: u8, status: DepositStatus) -> DepositAsked {
    DepositAsked {
        id: DepositId::new(Uuid::from_u128(u128::from(number))),
        user_id: user(number % 2),
        amount: Amount::new(100 * (i64::from(number) + 1)).unwrap(),
        provider: provider(),
        provider_tx_id: (status == DepositStatus::Completed).then(|| "payment 0".to_owned()),
        status,
    }
}

/// What the provider says when all is well with a deposit.
fn right(number: u8) -> PaymentEvent {
    let deposit = asked(number, DepositStatus::Pending);
    PaymentEvent {
        provider: provider(),
        event_id: EventId::parse("event").unwrap(),
        event_type: EventType::Succeeded.as_str().to_owned(),
        deposit_id: Some(deposit.id),
        provider_tx_id: Some(format!("payment {number}")),
        amount_cents: Some(deposit.amount.credit().get()),
        currency: Some(CURRENCY.to_owned()),
    }
}

fn failed(number: u8) -> PaymentEvent {
    PaymentEvent { event_type: EventType::Failed.as_str().to_owned(), ..right(number) }
}

#[test]
fn an_event_id_is_plain_and_has_no_full_stop() {
    for (text, valid) in [("evt_1", true), ("", false), ("a.b", false), ("a b", false), ("é", false), ("\u{7f}", false)]
    {
        assert_eq!(EventId::parse(text).is_ok(), valid, "{text:?}");
    }
    assert!(EventId::parse(&"a".repeat(200)).is_ok() && EventId::parse(&"a".repeat(201)).is_err());
}

#[test]
fn every_event_meets_every_deposit() {
    use DepositStatus::{Completed, Failed, Held, Pending};
    use Verdict::{Fail, Hold, Ignore, Settle};
    let other = PaymentEvent { provider_tx_id: Some("another".to_owned()), ..right(0) };
    for (event, status, verdict) in [
        (right(0), Pending, Settle),
        (right(0), Failed, Hold(Doubt::AfterFailure)),
        (right(0), Completed, Ignore(Doubt::AlreadyCompleted)),
        (other, Completed, Ignore(Doubt::SecondPayment)),
        (right(0), Held, Ignore(Doubt::AlreadyHeld)),
        (failed(0), Pending, Fail),
        (failed(0), Failed, Ignore(Doubt::AlreadyFailed)),
        (failed(0), Completed, Ignore(Doubt::AlreadyCompleted)),
        (failed(0), Held, Ignore(Doubt::AlreadyHeld)),
    ] {
        assert_eq!(judge(Some(&asked(0, status)), &event, CURRENCY), verdict, "{event:?} {status:?}");
    }
}

#[test]
fn whatever_does_not_match_is_held_or_ignored() {
    let pending = asked(0, DepositStatus::Pending);
    for (event, verdict) in [
        (PaymentEvent { amount_cents: Some(99), ..right(0) }, Verdict::Hold(Doubt::WrongAmount)),
        (PaymentEvent { amount_cents: Some(-100), ..right(0) }, Verdict::Hold(Doubt::WrongAmount)),
        (PaymentEvent { amount_cents: None, ..right(0) }, Verdict::Hold(Doubt::WrongAmount)),
        (PaymentEvent { currency: Some("EUR".to_owned()), ..right(0) }, Verdict::Hold(Doubt::WrongCurrency)),
        (PaymentEvent { currency: Some("idr".to_owned()), ..right(0) }, Verdict::Hold(Doubt::WrongCurrency)),
        (PaymentEvent { currency: None, ..right(0) }, Verdict::Hold(Doubt::WrongCurrency)),
        (PaymentEvent { provider_tx_id: None, ..right(0) }, Verdict::Hold(Doubt::NoPayment)),
        (PaymentEvent { event_type: String::new(), ..right(0) }, Verdict::Ignore(Doubt::Unreadable)),
        (PaymentEvent { event_type: "payment.created".to_owned(), ..right(0) }, Verdict::Ignore(Doubt::UnknownType)),
        (PaymentEvent { provider: Provider::sandbox(), ..right(0) }, Verdict::Ignore(Doubt::UnknownDeposit)),
        (PaymentEvent { deposit_id: None, ..right(0) }, Verdict::Ignore(Doubt::UnknownDeposit)),
        (right(1), Verdict::Ignore(Doubt::UnknownDeposit)),
        // What says that there is no money needs to say no more.
        (PaymentEvent { amount_cents: None, currency: None, provider_tx_id: None, ..failed(0) }, Verdict::Fail),
    ] {
        assert_eq!(judge(Some(&pending), &event, CURRENCY), verdict, "{event:?}");
    }
    assert_eq!(judge(None, &right(0), CURRENCY), Verdict::Ignore(Doubt::UnknownDeposit));
}

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
        let Some(deposit) = self.deposit(event.deposit_id) else { return };
        match verdict {
            Verdict::Fail => deposit.status = DepositStatus::Failed,
            Verdict::Hold(_) => {
                deposit.status = DepositStatus::Held;
                deposit.provider_tx_id = event.provider_tx_id.clone();
            }
            Verdict::Settle | Verdict::Ignore(_) => {}
        }
    }

    fn deliver(&mut self, id: u8, event: PaymentEvent, crash: Option<Crash>) {
        if !self.events.contains_key(&id) {
            let deposit = self.deposit(event.deposit_id).cloned();
            let verdict = judge(deposit.as_ref(), &event, CURRENCY);
            self.follow(&event, verdict);
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
                Verdict::Settle => Verdict::Hold(Doubt::AlreadyHeld),
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
    fn no_history_credits_a_deposit_twice_or_another_amount_than_was_asked_for(steps in vec(steps(), 1..40)) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
            let mut seen = HashSet::new();
            for (id, credited, cents) in &world.credits {
                prop_assert!(seen.insert(*id), "credited twice");
                let deposit = world.deposits.iter().find(|deposit| deposit.id == *id).unwrap();
                prop_assert_eq!((*credited, *cents), (deposit.user_id, deposit.amount.credit().get()));
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
