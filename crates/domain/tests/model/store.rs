//! The database of the model test: rows in maps, loaded by what a batch needs, saved by what a book
//! changed. It accepts nothing that a real database would reject, and it can be reconciled at any time.

use crate::ask::{KeyNumber, User, key_digest, user_id};
use domain::audit::{self, Action, EntityType, Value};
use domain::book::{Book, Changes, Rows, WalletChange};
use domain::command::Needs;
use domain::id::{TransactionId, UserId, WalletId};
use domain::idempotency::{ExecutionDigest, KeyDigest, Record};
use domain::money::Cents;
use domain::receipt::Act;
use domain::timestamp::Timestamp;
use domain::transaction::{Transaction, TransactionType};
use domain::user::AccountStatus;
use domain::wallet::{Provider, SystemWallet, UserWallet, WalletStatus};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

#[derive(Debug, Default)]
pub struct Store {
    wallets: BTreeMap<UserId, UserWallet>,
    system: BTreeMap<WalletId, SystemRow>,
    records: HashMap<(UserId, KeyDigest), Record>,
    entries: BTreeMap<WalletId, Vec<EntryRow>>,
    transactions: HashSet<TransactionId>,
    executions: HashSet<ExecutionDigest>,
    audit_records: HashSet<TransactionId>,
    payments: HashSet<(Provider, String)>,
}

#[derive(Debug)]
struct SystemRow {
    balance: i64,
    last_transaction_at: Timestamp,
}

#[derive(Debug)]
struct EntryRow {
    amount: i64,
    balance_after: Option<i64>,
    created_at: Timestamp,
}

impl Store {
    pub fn register(&mut self, user: User) {
        let wallet = UserWallet {
            id: WalletId::of_user(user_id(user)),
            user_id: user_id(user),
            account_status: AccountStatus::Active,
            status: WalletStatus::Active,
            balance: Cents::ZERO,
            last_transaction_at: None,
        };
        self.wallets.insert(user_id(user), wallet);
    }

    pub fn set_frozen(&mut self, user: User, frozen: bool) {
        let status = if frozen { WalletStatus::Frozen } else { WalletStatus::Active };
        self.wallets.get_mut(&user_id(user)).unwrap().status = status;
    }

    pub fn set_suspended(&mut self, user: User, suspended: bool) {
        let status = if suspended { AccountStatus::Suspended } else { AccountStatus::Active };
        self.wallets.get_mut(&user_id(user)).unwrap().account_status = status;
    }

    /// What a person holds; nothing for somebody unknown.
    pub fn balance(&self, user: User) -> i64 {
        self.wallets.get(&user_id(user)).map_or(0, |wallet| wallet.balance.get())
    }

    pub fn record(&self, principal: User, key: KeyNumber) -> Option<&Record> {
        self.records.get(&(user_id(principal), key_digest(key)))
    }

    pub fn records_len(&self) -> usize {
        self.records.len()
    }

    /// Loads exactly what is needed: a rule that reads more than it names finds nothing.
    pub fn load(&self, needs: &Needs) -> Book {
        let wallets = needs.users.iter().filter_map(|user| self.wallets.get(user)).cloned().collect();
        let records = needs.keys.iter().filter_map(|key| self.records.get(key)).cloned().collect();
        let payments = needs.payments.iter().filter(|payment| self.payments.contains(payment)).cloned().collect();
        Book::new(Rows { wallets, records, payments, ..Rows::default() })
    }

    pub fn save(&mut self, changes: Changes) {
        let moved = Self::moved(&changes);
        // Set-based statements need every row once, in one order.
        let ascending = |rows: &[WalletChange]| rows.is_sorted_by(|left, right| left.id < right.id);
        assert!(ascending(&changes.user_wallets) && ascending(&changes.system_wallets), "{changes:?}");
        let changed: BTreeMap<_, _> =
            changes.user_wallets.iter().chain(&changes.system_wallets).map(|row| (row.id, row.delta.get())).collect();
        assert_eq!(changed, moved, "the wallets that change are those that have entries, by as much");
        let keys: Vec<_> = changes.records.iter().map(|record| (record.principal, record.digest)).collect();
        assert!(keys.is_sorted_by(|left, right| left < right), "a key is kept twice in one batch: {keys:?}");

        for change in &changes.user_wallets {
            let wallet = self.wallets.values_mut().find(|wallet| wallet.id == change.id).unwrap();
            wallet.balance = wallet.balance.checked_add(change.delta).unwrap();
            wallet.last_transaction_at = Some(change.last_transaction_at);
        }
        for change in &changes.system_wallets {
            let empty = SystemRow { balance: 0, last_transaction_at: change.last_transaction_at };
            let row = self.system.entry(change.id).or_insert(empty);
            row.balance = row.balance.checked_add(change.delta.get()).unwrap();
            row.last_transaction_at = row.last_transaction_at.max(change.last_transaction_at);
        }
        assert_eq!(changes.audit.len(), changes.transactions.len(), "one audit record to a transaction");
        for ((transaction, execution), record) in changes.transactions.iter().zip(&changes.audit) {
            self.insert(transaction, *execution, record);
        }
        self.records.extend(keys.into_iter().zip(changes.records));
    }

    /// By how much the entries of a batch move each wallet.
    fn moved(changes: &Changes) -> BTreeMap<WalletId, i64> {
        let mut moved = BTreeMap::new();
        for entry in changes.transactions.iter().flat_map(|(transaction, _)| &transaction.entries) {
            *moved.entry(entry.wallet_id).or_default() += entry.amount.get();
        }
        moved
    }

    fn insert(&mut self, transaction: &Transaction, execution: ExecutionDigest, record: &audit::Record) {
        assert!(self.transactions.insert(transaction.id), "{} was executed twice", transaction.id);
        assert!(self.executions.insert(execution), "one arrival of a key was executed twice: {transaction:?}");
        let amounts = || transaction.entries.iter().map(|entry| entry.amount.get());
        assert_eq!(amounts().sum::<i64>(), 0, "{transaction:?}");
        assert_eq!(amounts().filter(|amount| *amount > 0).sum::<i64>(), transaction.amount.credit().get());
        for entry in &transaction.entries {
            assert_eq!(entry.balance_after.is_some(), entry.user_id.is_some(), "{entry:?}");
            let row = EntryRow {
                amount: entry.amount.get(),
                balance_after: entry.balance_after.map(Cents::get),
                created_at: transaction.created_at,
            };
            self.entries.entry(entry.wallet_id).or_default().push(row);
        }
        if let Act::Deposit(row) = &transaction.act {
            let clearing = SystemWallet::Clearing(row.provider.clone()).id();
            let from = transaction.entries.iter().find(|entry| entry.user_id.is_none()).unwrap();
            assert_eq!((row.id.uuid(), from.wallet_id), (transaction.id.uuid(), clearing), "{transaction:?}");
            if let Some(id) = &row.provider_tx_id {
                assert!(self.payments.insert((row.provider.clone(), id.clone())), "{transaction:?}");
            }
        }
        assert!(self.audit_records.insert(record.tx_id.unwrap()));
        check_audit_record(transaction, record);
    }

    /// Adds everything up from nothing, as the reconciliation of a real database does.
    pub fn reconcile(&self) {
        let users = self.wallets.values().map(|wallet| wallet.balance.get());
        let system = self.system.values().map(|row| row.balance);
        assert_eq!(users.chain(system).map(i128::from).sum::<i128>(), 0, "all balances together");
        assert_eq!(self.audit_records, self.transactions, "one audit record to a transaction");
        for wallet in self.wallets.values() {
            assert!(!wallet.balance.is_negative(), "{wallet:?}");
            let rows = self.entries.get(&wallet.id).map_or(&[][..], Vec::as_slice);
            let mut running = 0;
            for row in rows {
                running += row.amount;
                assert_eq!(row.balance_after, Some(running), "the running balance of {wallet:?}");
            }
            assert_eq!(wallet.balance.get(), running, "the entries of {wallet:?}");
            let in_order = rows.is_sorted_by(|earlier, later| earlier.created_at < later.created_at);
            assert!(in_order, "created_at strictly increases in {wallet:?}");
            assert_eq!(wallet.last_transaction_at, rows.last().map(|row| row.created_at));
        }
        for (id, row) in &self.system {
            let rows = &self.entries[id];
            assert_eq!(row.balance, rows.iter().map(|row| row.amount).sum::<i64>(), "the entries of {id}");
            assert_eq!(Some(row.last_transaction_at), rows.iter().map(|row| row.created_at).max());
        }
        let known: BTreeSet<_> =
            self.wallets.values().map(|wallet| wallet.id).chain(self.system.keys().copied()).collect();
        assert!(self.entries.keys().all(|id| known.contains(id)), "an entry belongs to no wallet");
    }
}

/// The audit record says who did what, and the balances on both sides of it.
fn check_audit_record(transaction: &Transaction, record: &audit::Record) {
    assert_eq!((record.tx_id, record.entity_id), (Some(transaction.id), Some(transaction.id.uuid())));
    assert_eq!(record.entity_type, EntityType::Transaction);
    assert_eq!(record.created_at, transaction.created_at);
    assert_eq!(record.actor.id, Some(transaction.user_id));
    let action = match transaction.kind() {
        TransactionType::Deposit => Action::Deposited,
        TransactionType::Transfer => Action::Transferred,
        kind => unreachable!("{kind:?}"),
    };
    assert_eq!(record.action, action);
    let parties = [("payer_balance_cents", transaction.payer_id), ("payee_balance_cents", transaction.payee_id)];
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for (name, user) in parties {
        let Some(entry) = user.and_then(|user| transaction.entry_of(user)) else { continue };
        let balance = entry.balance_after.unwrap().get();
        before.push((name, Value::Integer(balance - entry.amount.get())));
        after.push((name, Value::Integer(balance)));
    }
    assert_eq!((&record.before, &record.after), (&before, &after), "{transaction:?}");
}
