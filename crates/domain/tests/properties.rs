//! Properties of the rules, each for arbitrary rows and requests: a refusal changes nothing, money is
//! conserved, and a batch that runs again after its commit changes nothing more.

#![expect(clippy::arithmetic_side_effects, reason = "numbers of a test are small, and overflow checks are on")]
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "properties/rows.rs"]
mod rows;

use domain::audit::{Action, Actor};
use domain::book::{Book, Changes, Draft, Rows, WalletChange};
use domain::command::{Command, Deposit, Request, Transfer};
use domain::decide::{Answer, answer, decide};
use domain::id::{TransactionId, UserId, WalletId};
use domain::idempotency::{Fingerprint, Idempotency, Key, Record, StoredResponse};
use domain::money::{Amount, Cents};
use domain::payout::{Payout, PayoutStatus};
use domain::receipt::{Act, Outcome};
use domain::timestamp::{Span, Timestamp};
use domain::transaction::{Leg, Legs, Party, Transaction, TransactionType};
use domain::user::AccountStatus;
use domain::wallet::{Provider, SystemWallet, UserWallet, WalletStatus};
use proptest::collection::{btree_map, vec};
use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_assert_ne, prop_oneof, proptest,
};
use proptest::sample::select;
use proptest::test_runner::{TestCaseError, TestRunner};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// How many people have a wallet; the next number is nobody's.
const USERS: u128 = 4;
const START: Timestamp = Timestamp::from_micros(1_790_812_800_000_000);

fn config(cases: u32) -> ProptestConfig {
    // The minimal case that is printed says all that a file of seeds would.
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn user(number: u128) -> UserId {
    UserId::new(Uuid::from_u128(number))
}

fn amounts() -> impl Strategy<Value = Amount> {
    let most = Amount::MAX.get();
    prop_oneof![1..=100_i64, 1..=most, Just(most)].prop_map(|cents| Amount::new(cents).unwrap())
}

fn wallets(
    accounts: &'static [AccountStatus],
    statuses: &'static [WalletStatus],
) -> impl Strategy<Value = Vec<UserWallet>> {
    let balance = prop_oneof![Just(0), 0..=100_i64, 0..=Amount::MAX.get(), Just(Amount::MAX.get())];
    let users = usize::try_from(USERS).unwrap();
    vec((balance, select(accounts), select(statuses), any::<bool>()), users).prop_map(|rows| {
        let wallet = |((balance, account_status, status, moved), number)| UserWallet {
            id: WalletId::of_user(user(number)),
            user_id: user(number),
            account_status,
            status,
            balance: Cents::new(balance),
            // As another process with a faster clock may have left it.
            last_transaction_at: if moved { Some(START.plus(Span::seconds(1))) } else { None },
        };
        rows.into_iter().zip(1..).map(wallet).collect()
    })
}

fn usable_wallets() -> impl Strategy<Value = Vec<UserWallet>> {
    wallets(&[AccountStatus::Active], &[WalletStatus::Active])
}

fn any_wallets() -> impl Strategy<Value = Vec<UserWallet>> {
    const ACCOUNTS: &[AccountStatus] = &[AccountStatus::Active, AccountStatus::Active, AccountStatus::Suspended];
    const STATUSES: &[WalletStatus] = &[WalletStatus::Active, WalletStatus::Active, WalletStatus::Frozen];
    wallets(ACCOUNTS, STATUSES)
}

/// A command with the number of its key; who asks is who pays or is credited.
fn asks() -> impl Strategy<Value = (UserId, u8, Command)> {
    let deposit = (1..=USERS + 1, amounts()).prop_map(|(to, amount)| {
        let deposit = Deposit {
            user_id: user(to),
            amount,
            provider: Provider::sandbox(),
            provider_tx_id: None,
            pending: None,
            is_release: false,
        };
        (user(to), Command::Deposit(deposit))
    });
    let transfer = (1..=USERS, 1..=USERS + 1, amounts()).prop_map(|(from, to, amount)| {
        let transfer = Transfer { from: user(from), to: user(to), amount, note: None };
        (user(from), Command::Transfer(transfer))
    });
    (prop_oneof![1 => deposit, 3 => transfer], 0..3_u8).prop_map(|((asker, command), key)| (asker, key, command))
}

fn requests(asks: Vec<(UserId, u8, Command)>, first_id: u128, now: Timestamp) -> Vec<Request> {
    let request = |((principal, key, command), id)| Request {
        id: TransactionId::new(Uuid::from_u128(id)),
        actor: Actor { id: Some(principal), credential: None, address: None, request_id: format!("request-{id}") },
        key: Idempotency {
            principal,
            digest: Key::parse(&format!("key-{key}")).unwrap().digest(),
            fingerprint: Fingerprint::of(&[format!("{command:?}").as_bytes()]),
            route: "/api/wallet/transfer".to_owned(),
            first_seen: now,
        },
        command,
    };
    asks.into_iter().zip(first_id..).map(request).collect()
}

fn render(outcome: &Outcome) -> StoredResponse {
    StoredResponse { status: 200, headers: Vec::new(), body: format!("{outcome:?}").into_bytes() }
}

/// A database of two tables: wallets and kept answers.
#[derive(Debug)]
struct Database {
    wallets: Vec<UserWallet>,
    records: Vec<Record>,
}

impl Database {
    fn new(wallets: Vec<UserWallet>) -> Self {
        Self { wallets, records: Vec::new() }
    }

    fn run(&self, batch: &[Request], now: Timestamp) -> (Vec<Answer>, Changes) {
        let mut book =
            Book::new(Rows { wallets: self.wallets.clone(), records: self.records.clone(), ..Rows::default() });
        let answers = batch.iter().map(|request| answer(&mut book, request, now, &render)).collect();
        (answers, book.changes())
    }

    fn save(&mut self, changes: Changes) {
        for change in changes.user_wallets {
            let wallet = self.wallets.iter_mut().find(|wallet| wallet.id == change.id).unwrap();
            wallet.balance = wallet.balance.checked_add(change.delta).unwrap();
            wallet.last_transaction_at = Some(change.last_transaction_at);
        }
        let is_new = |old: &Record, new: &Record| (old.principal, old.digest) == (new.principal, new.digest);
        self.records.retain(|old| !changes.records.iter().any(|new| is_new(old, new)));
        self.records.extend(changes.records);
    }
}

/// What the client hears: the response, and the request id of the first answer if this is a replay.
fn heard(answer: &Answer) -> Option<(&StoredResponse, Option<&str>)> {
    match answer {
        Answer::Executed { response, .. } => Some((response, None)),
        Answer::Replayed { response, original_request_id } => Some((response, Some(original_request_id))),
        Answer::KeyReused => None,
    }
}

/// Balanced, within bounds, and divided without a cent made or lost.
fn check(transaction: &Transaction) -> Result<(), TestCaseError> {
    let entries = || transaction.entries.iter().map(|entry| entry.amount.get());
    prop_assert_eq!(entries().sum::<i64>(), 0);
    prop_assert!(entries().all(|cents| cents != 0));
    prop_assert_eq!(entries().filter(|cents| *cents > 0).sum::<i64>(), transaction.amount.credit().get());
    if let Some(split) = transaction.split {
        prop_assert_eq!(split.total(), Some(transaction.amount.credit()));
        prop_assert!(![split.creator, split.platform, split.processor].iter().any(|part| part.is_negative()));
    }
    for entry in &transaction.entries {
        let most = Amount::MAX.get();
        let bounds = if entry.user_id.is_some() { 0..=most } else { -most..=0 };
        prop_assert!(entry.balance_after.is_none_or(|balance| bounds.contains(&balance.get())), "{:?}", entry);
    }
    if let Act::PayoutDecision { payout, repaid } = &transaction.act {
        check_decision(transaction, payout, *repaid)?;
    }
    if let Act::Refund(row) = &transaction.act {
        prop_assert!(row.sale.left().and_then(|left| left.minus(&row.shares)).is_some(), "{:?}", row);
    }
    Ok(())
}

/// What comes back repays the creator's debt first, and nothing of what goes out does.
fn check_decision(transaction: &Transaction, payout: &Payout, repaid: Cents) -> Result<(), TestCaseError> {
    let debt = transaction.entries.iter().find(|entry| entry.user_id.is_none() && entry.balance_after.is_some());
    prop_assert_eq!(debt.map_or(Cents::ZERO, |entry| entry.amount), repaid);
    let back = transaction.entry_of(payout.creator_id).map_or(0, |entry| entry.amount.get());
    let amount = if payout.status == PayoutStatus::Rejected { payout.amount.credit().get() } else { 0 };
    prop_assert_eq!(back + repaid.get(), amount);
    let left = debt.and_then(|entry| entry.balance_after).unwrap_or(Cents::ZERO);
    prop_assert!(back == 0 || left == Cents::ZERO, "{:?}", transaction);
    Ok(())
}

/// Nobody is paid out, or begins to be, who owes.
fn check_solvency(book: &Book, act: &Act) -> Result<(), TestCaseError> {
    match act {
        Act::PayoutHold(payout) => prop_assert_eq!(book.owed(payout.creator_id), Cents::ZERO),
        Act::PayoutDecision { payout, .. } if payout.status == PayoutStatus::Paid => {
            prop_assert_eq!(book.owed(payout.creator_id), Cents::ZERO);
        }
        _ => {}
    }
    Ok(())
}

/// Everything that a book holds and has changed, as text that can be compared.
fn shown(book: &Book) -> String {
    format!("{book:?}")
}

#[test]
fn a_refusal_leaves_the_book_as_it_was_and_what_is_done_adds_up() {
    let (refused, done) = (RefCell::new(BTreeSet::new()), RefCell::new(BTreeSet::new()));
    let cases = (rows::rows(), rows::moments(), vec(rows::asks(), 1..16));
    let result = TestRunner::new(config(1_500)).run(&cases, |(rows, now, asks)| {
        let mut book = Book::new(rows);
        for request in requests(asks, 1_000, now) {
            let before = shown(&book);
            match decide(&mut book, &request, now) {
                Ok(receipt) => {
                    prop_assert_ne!(shown(&book), before);
                    check(&receipt.transaction)?;
                    check_solvency(&book, &receipt.transaction.act)?;
                    done.borrow_mut().insert(receipt.transaction.kind().as_str());
                }
                Err(refusal) => {
                    prop_assert_eq!(shown(&book), before);
                    refused.borrow_mut().insert(refusal.code());
                }
            }
        }
        Ok(())
    });
    result.unwrap();
    assert_eq!(refused.borrow().len(), 29, "every refusal came up: {refused:?}");
    assert_eq!(done.borrow().len(), TransactionType::ALL.len(), "every kind came up: {done:?}");
}

/// Legs of up to seven parties, the last of which takes what the others leave.
fn balanced_legs() -> impl Strategy<Value = Legs> {
    let cents = prop_oneof![-100..=100_i64, -(1_i64 << 50)..=1_i64 << 50];
    (btree_map(0..7_u8, cents, 1..6), any::<bool>()).prop_filter_map("unbalanced", |(amounts, reversed)| {
        let rest = -amounts.values().sum::<i64>();
        let mut legs: Vec<_> = amounts
            .into_iter()
            .map(|(number, cents)| Leg { party: party(number), amount: Cents::new(cents) })
            .collect();
        legs.push(Leg { party: party(7), amount: Cents::new(rest) });
        if reversed {
            legs.reverse();
        }
        Legs::balance(legs)
    })
}

fn party(number: u8) -> Party {
    match number {
        0 => Party::System(SystemWallet::Platform),
        1 => Party::System(SystemWallet::Processor),
        2 => Party::System(SystemWallet::Promotion),
        3 => Party::System(SystemWallet::Clearing(Provider::sandbox())),
        _ => Party::User(user(u128::from(number - 3))),
    }
}

proptest! {
    #![proptest_config(config(2_000))]

    #[test]
    fn legs_that_balance_have_two_parties_or_more_and_sum_to_zero(
        legs in vec((0..8_u8, prop_oneof![-3..=3_i64, any::<i64>()]), 0..6),
    ) {
        let parties: BTreeSet<_> = legs.iter().map(|(number, _)| *number).collect();
        let sum: i128 = legs.iter().map(|(_, cents)| i128::from(*cents)).sum();
        let right = legs.len() >= 2 && parties.len() == legs.len() && sum == 0 && legs.iter().all(|(_, cents)| *cents != 0);
        let small = legs.iter().all(|(_, cents)| cents.unsigned_abs() <= 3);
        let given: Vec<_> = legs.iter().map(|(number, cents)| Leg { party: party(*number), amount: Cents::new(*cents) }).collect();
        match Legs::balance(given.clone()) {
            Some(balanced) => {
                prop_assert!(right);
                prop_assert!(balanced.iter().eq(&given));
            }
            // Sums that leave 64 bits on the way may be refused; small ones must not be.
            None => prop_assert!(!(right && small)),
        }
    }

    #[test]
    fn whatever_is_posted_conserves_money(wallets in usable_wallets(), drafts in vec(balanced_legs(), 1..12)) {
        let asks = drafts.iter().map(|_| (user(1), 0, Command::Deposit(Deposit {
            user_id: user(1),
            amount: Amount::new(1).unwrap(),
            provider: Provider::sandbox(),
            provider_tx_id: None,
            pending: None,
            is_release: false,
        })));
        let mut book = Book::new(Rows { wallets: wallets.clone(), ..Rows::default() });
        let mut moved: BTreeMap<WalletId, i64> = BTreeMap::new();
        for (legs, request) in drafts.iter().zip(requests(asks.collect(), 1, START)) {
            let act = Act::Transfer { note: None };
            let draft = Draft::new(Action::Transferred, act, Amount::new(1).unwrap(), legs.clone());
            let Ok(transaction) = book.post(&request, draft, START) else { continue };
            let entries = &transaction.entries;
            prop_assert_eq!(entries.iter().map(|entry| i128::from(entry.amount.get())).sum::<i128>(), 0);
            prop_assert!(entries.iter().map(|entry| entry.amount).eq(legs.iter().map(|leg| leg.amount)));
            for entry in entries {
                *moved.entry(entry.wallet_id).or_default() += entry.amount.get();
                let balance = entry.user_id.and_then(|user| book.wallet(user)).map(|wallet| wallet.balance);
                prop_assert_eq!(entry.balance_after, balance);
                prop_assert!(balance.is_none_or(|balance| (Cents::ZERO..=Amount::MAX).contains(&balance)));
            }
        }
        let changes = book.changes();
        let deltas = |rows: &[WalletChange]| rows.iter().map(|row| (row.id, row.delta.get())).collect::<Vec<_>>();
        let changed: BTreeMap<_, _> =
            deltas(&changes.user_wallets).into_iter().chain(deltas(&changes.system_wallets)).collect();
        prop_assert_eq!(changed, moved);
    }

    #[test]
    fn a_batch_that_runs_again_after_its_commit_says_the_same_and_changes_nothing(
        wallets in usable_wallets(),
        earlier in vec(asks(), 0..8),
        batch in vec(asks(), 1..24),
        hours in select(vec![1, 23, 24, 25]),
        waited in 0..60_i64,
    ) {
        let mut rows = Database::new(wallets);
        let (_, changes) = rows.run(&requests(earlier, 1, START), START);
        rows.save(changes);
        // With the keys of the earlier batch held, or free again.
        let now = START.plus(Span::hours(hours));
        let batch = requests(batch, 100, now);
        let (first, changes) = rows.run(&batch, now);
        rows.save(changes);
        let (again, changes) = rows.run(&batch, now.plus(Span::seconds(waited)));
        prop_assert!(first.iter().map(heard).eq(again.iter().map(heard)), "{:?} {:?}", first, again);
        prop_assert_eq!(format!("{changes:?}"), format!("{:?}", Changes::default()));
    }

    #[test]
    fn a_batch_that_runs_again_moves_nothing_and_keeps_its_answers_though_wallets_are_stopped(
        wallets in any_wallets(),
        batch in vec(asks(), 1..24),
        waited in 0..60_i64,
    ) {
        let mut rows = Database::new(wallets);
        let batch = requests(batch, 1, START);
        let (first, changes) = rows.run(&batch, START);
        rows.save(changes);
        let kept: BTreeSet<_> = rows.records.iter().map(|record| record.execution).collect();
        let (again, changes) = rows.run(&batch, START.plus(Span::seconds(waited)));
        prop_assert!(changes.transactions.is_empty() && changes.audit.is_empty());
        prop_assert!(changes.user_wallets.is_empty() && changes.system_wallets.is_empty());
        // A refusal that can be lifted is not kept, and is ruled on again after all that the batch did.
        for ((request, first), again) in batch.iter().zip(&first).zip(&again) {
            if kept.contains(&request.id) {
                prop_assert_eq!(heard(first), heard(again));
            }
        }
    }
}

proptest! {
    // Rows of every kind take their time.
    #![proptest_config(config(300))]

    #[test]
    fn a_batch_of_any_commands_that_runs_again_moves_nothing_more(
        rows in rows::rows(),
        now in rows::moments(),
        batch in vec(rows::asks(), 1..24),
    ) {
        let mut book = Book::new(rows);
        let batch = requests(batch, 1_000, now);
        let run = |book: &mut Book| batch.iter().map(|request| answer(book, request, now, &render)).collect::<Vec<_>>();
        let first = run(&mut book);
        // What an administrator can lift is ruled on again, and may be refused for another reason by now.
        let moved = |book: &Book| format!("{:?}", Changes { records: Vec::new(), ..book.clone().changes() });
        let before = moved(&book);
        let again = run(&mut book);
        prop_assert_eq!(moved(&book), before);
        for ((request, first), again) in batch.iter().zip(&first).zip(&again) {
            let record = book.record(request.key.principal, request.key.digest);
            if record.is_some_and(|record| record.execution == request.id) && matches!(first, Answer::Executed { refusal: None, .. }) {
                prop_assert_eq!(heard(first), heard(again));
            }
        }
    }
}
