//! The database of the model test: rows in maps, loaded by what a batch needs, saved by what a book
//! changed. It accepts nothing that a real database would reject, and it can be reconciled at any time.

#[path = "store/audit.rs"]
mod audit;
#[path = "store/insert.rs"]
mod insert;
#[path = "store/reconcile.rs"]
mod reconcile;
#[path = "store/seen.rs"]
mod seen;

use crate::ask::{KeyNumber, Number, User, key_digest, user_id};
use domain::book::{Book, Changes, Rows, WalletChange};
use domain::command::Needs;
use domain::content::Offer;
use domain::gift::Standing;
use domain::id::{ContentId, DepositId, PayoutId, SubscriptionId, TransactionId, UnlockId, UserId, WalletId};
use domain::idempotency::{ExecutionDigest, KeyDigest, Record};
use domain::money::Cents;
use domain::payout::{Payout, PayoutStatus};
use domain::receipt::DepositAsked;
use domain::sale::{EarningDay, Sale};
use domain::subscription::{Plan, PlanTier, Subscription, SubscriptionStatus};
use domain::timestamp::Timestamp;
use domain::transaction::Transaction;
use domain::user::AccountStatus;
use domain::wallet::{Provider, UserWallet, WalletStatus};
use std::collections::{BTreeMap, HashMap, HashSet};

#[derive(Debug, Default)]
pub struct Store {
    wallets: BTreeMap<UserId, UserWallet>,
    debts: BTreeMap<UserId, UserWallet>,
    system: BTreeMap<WalletId, SystemRow>,
    records: HashMap<(UserId, KeyDigest), Record>,
    entries: BTreeMap<WalletId, Vec<EntryRow>>,
    transactions: BTreeMap<TransactionId, Transaction>,
    executions: HashSet<ExecutionDigest>,
    audit_records: HashSet<TransactionId>,
    payments: HashSet<(Provider, String)>,
    pub contents: BTreeMap<ContentId, Offer>,
    pub plans: BTreeMap<(UserId, PlanTier), Plan>,
    /// Those that are not revoked: the unique index.
    unlocks: BTreeMap<(UserId, ContentId), UnlockId>,
    subscriptions: BTreeMap<SubscriptionId, Subscription>,
    /// Those that are active: the unique index.
    active: BTreeMap<(UserId, UserId), SubscriptionId>,
    /// Every period that was ever charged for.
    periods: BTreeMap<(SubscriptionId, i64), TransactionId>,
    /// Sales, joined with what was given back.
    sales: BTreeMap<TransactionId, Sale>,
    payouts: BTreeMap<PayoutId, Payout>,
    deposits: BTreeMap<DepositId, DepositAsked>,
    boards: BTreeMap<Standing, BoardRow>,
    earnings: BTreeMap<EarningDay, [i64; 3]>,
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

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct BoardRow {
    total: i64,
    gifts: i64,
    reached_at: Timestamp,
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

    /// An ordinary write beside the ledger, such as a cancellation.
    pub fn set_subscription(&mut self, row: Subscription) {
        let old = self.subscriptions[&row.id];
        let status = row.status;
        self.subscriptions.insert(row.id, row);
        self.check_subscription(&old, &row);
        if old.status == SubscriptionStatus::Active && status != SubscriptionStatus::Active {
            self.active.remove(&(row.subscriber_id, row.creator_id));
        }
    }

    pub fn set_deposit(&mut self, row: DepositAsked) {
        self.deposits.insert(row.id, row);
    }

    /// What a person holds; nothing for somebody unknown.
    pub fn balance(&self, user: User) -> i64 {
        self.wallets.get(&user_id(user)).map_or(0, |wallet| wallet.balance.get())
    }

    /// What a person owes, if there is a debt wallet.
    pub fn owed(&self, user: User) -> Option<i64> {
        self.debts.get(&user_id(user)).map(|wallet| -wallet.balance.get())
    }

    pub fn record(&self, principal: User, key: KeyNumber) -> Option<&Record> {
        self.records.get(&(user_id(principal), key_digest(key)))
    }

    pub fn records_len(&self) -> usize {
        self.records.len()
    }

    /// Who has unlocked what, by which purchase.
    pub fn unlocked(&self) -> impl Iterator<Item = ((User, u64), Number)> {
        self.unlocks.iter().map(|((user, content), id)| {
            let content = content.uuid().as_u128().try_into().unwrap();
            ((crate::ask::user_of(*user), content), id.uuid().as_u128())
        })
    }

    pub fn has_unlocked(&self, user: User, content: ContentId) -> bool {
        self.unlocks.contains_key(&(user_id(user), content))
    }

    pub fn subscriptions(&self) -> impl Iterator<Item = &Subscription> {
        self.subscriptions.values()
    }

    pub fn active_subscription(&self, fan: User, creator: UserId) -> Option<&Subscription> {
        self.active.get(&(user_id(fan), creator)).map(|id| &self.subscriptions[id])
    }

    pub fn payouts(&self) -> impl Iterator<Item = &Payout> {
        self.payouts.values()
    }

    pub fn sales(&self) -> impl Iterator<Item = &Sale> {
        self.sales.values()
    }

    pub fn deposits(&self) -> impl DoubleEndedIterator<Item = &DepositAsked> {
        self.deposits.values()
    }

    /// Loads exactly what is needed: a rule that reads more than it names finds nothing.
    pub fn load(&self, needs: &Needs) -> Book {
        let active = needs.subscribers.iter().filter_map(|pair| self.active.get(pair));
        let subscriptions = needs.subscriptions.iter().chain(active).filter_map(|id| self.subscriptions.get(id));
        let is_payee = |row: &&Payout| row.status == PayoutStatus::Pending && needs.payees.contains(&row.creator_id);
        let pending = self.payouts.values().filter(is_payee);
        let payouts = needs.payouts.iter().filter_map(|id| self.payouts.get(id)).chain(pending);
        Book::new(Rows {
            wallets: needs.users.iter().filter_map(|user| self.wallets.get(user)).cloned().collect(),
            debts: needs.debtors.iter().filter_map(|user| self.debts.get(user)).cloned().collect(),
            records: needs.keys.iter().filter_map(|key| self.records.get(key)).cloned().collect(),
            contents: needs.contents.iter().filter_map(|id| self.contents.get(id)).copied().collect(),
            unlocks: needs.unlocks.iter().filter(|pair| self.unlocks.contains_key(pair)).copied().collect(),
            plans: needs.plans.iter().filter_map(|plan| self.plans.get(plan)).copied().collect(),
            subscriptions: subscriptions.copied().collect(),
            sales: needs.sales.iter().filter_map(|id| self.sales.get(id)).copied().collect(),
            payouts: payouts.cloned().collect(),
            deposits: needs.deposits.iter().filter_map(|id| self.deposits.get(id)).cloned().collect(),
            payments: needs.payments.iter().filter(|payment| self.payments.contains(payment)).cloned().collect(),
        })
    }

    pub fn save(&mut self, changes: Changes) {
        let moved = Self::moved(&changes);
        // Set-based statements need every row once, in one order.
        let ascending = |rows: &[WalletChange]| rows.is_sorted_by(|left, right| left.id < right.id);
        let debts: Vec<_> = changes.debt_wallets.iter().map(|(_, change)| *change).collect();
        assert!(ascending(&changes.user_wallets) && ascending(&changes.system_wallets) && ascending(&debts));
        let all = changes.user_wallets.iter().chain(&changes.system_wallets).chain(&debts);
        let changed: BTreeMap<_, _> = all.map(|row| (row.id, row.delta.get())).collect();
        assert_eq!(changed, moved, "the wallets that change are those that have entries, by as much");
        let keys: Vec<_> = changes.records.iter().map(|record| (record.principal, record.digest)).collect();
        assert!(keys.is_sorted_by(|left, right| left < right), "a key is kept twice in one batch: {keys:?}");

        for change in &changes.user_wallets {
            let wallet = self.wallets.values_mut().find(|wallet| wallet.id == change.id).unwrap();
            credit(wallet, change);
        }
        self.save_debts(&changes.debt_wallets);
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
        self.save_tallies(&changes);
        self.records.extend(keys.into_iter().zip(changes.records));
    }

    fn save_debts(&mut self, changes: &[(UserId, WalletChange)]) {
        for (creator, change) in changes {
            assert_eq!(change.id, WalletId::of_debt(*creator));
            let wallet = self.debts.entry(*creator).or_insert_with(|| UserWallet {
                id: change.id,
                user_id: *creator,
                account_status: AccountStatus::Active,
                status: WalletStatus::Active,
                balance: Cents::ZERO,
                last_transaction_at: None,
            });
            credit(wallet, change);
        }
    }

    /// By how much the entries of a batch move each wallet.
    fn moved(changes: &Changes) -> BTreeMap<WalletId, i64> {
        let mut moved = BTreeMap::new();
        for entry in changes.transactions.iter().flat_map(|(transaction, _)| &transaction.entries) {
            *moved.entry(entry.wallet_id).or_default() += entry.amount.get();
        }
        moved
    }
}

fn credit(wallet: &mut UserWallet, change: &WalletChange) {
    wallet.balance = wallet.balance.checked_add(change.delta).unwrap();
    wallet.last_transaction_at = Some(change.last_transaction_at);
}
