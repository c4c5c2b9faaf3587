//! What a real database checks when the rows of a transaction are inserted: uniques and checks.

use super::audit::check_audit_record;
use super::{BoardRow, EntryRow, Store};
use crate::told::{Holder, holder};
use domain::audit;
use domain::book::Changes;
use domain::gift::GiftRow;
use domain::id::{SubscriptionId, UnlockId, UserId};
use domain::idempotency::ExecutionDigest;
use domain::money::Cents;
use domain::payout::{Payout, PayoutStatus};
use domain::receipt::{Act, DepositAsked, DepositRow, DepositStatus, RefundRow};
use domain::sale::{Sale, SaleOf};
use domain::split::Split;
use domain::subscription::{Subscription, SubscriptionStatus};
use domain::transaction::{Entry, Transaction};

impl Store {
    pub(super) fn insert(&mut self, transaction: &Transaction, execution: ExecutionDigest, record: &audit::Record) {
        let known = self.transactions.insert(transaction.id, transaction.clone());
        assert!(known.is_none(), "{} was executed twice", transaction.id);
        assert!(self.executions.insert(execution), "one arrival of a key was executed twice: {transaction:?}");
        let amounts = || transaction.entries.iter().map(|entry| entry.amount.get());
        assert_eq!(amounts().sum::<i64>(), 0, "{transaction:?}");
        assert!(amounts().all(|amount| amount != 0), "{transaction:?}");
        assert_eq!(amounts().filter(|amount| *amount > 0).sum::<i64>(), transaction.amount.credit().get());
        if let Some(split) = &transaction.split {
            check_parts(split, transaction.amount.credit().get());
        }
        // Before the entries, because it looks at how things were.
        assert!(self.audit_records.insert(record.tx_id.unwrap()));
        check_audit_record(self, transaction, record);
        for entry in &transaction.entries {
            let has_balance = matches!(holder(entry.wallet_id), Holder::User(_) | Holder::Debt(_));
            assert_eq!(entry.balance_after.is_some(), has_balance, "{entry:?}");
            let row = EntryRow {
                amount: entry.amount.get(),
                balance_after: entry.balance_after.map(Cents::get),
                created_at: transaction.created_at,
            };
            self.entries.entry(entry.wallet_id).or_default().push(row);
        }
        match &transaction.act {
            Act::Deposit(row) => self.insert_deposit(transaction, row),
            Act::Transfer { .. } => {}
            Act::Unlock(row) => {
                let pair = (transaction.payer_id.unwrap(), row.content_id);
                let twice = self.unlocks.insert(pair, row.id);
                assert_eq!(twice, None, "unique (user, content) that is not revoked: {transaction:?}");
                self.insert_sale(transaction, SaleOf::Unlock(row.content_id));
            }
            Act::Subscribe { subscription, ended } => self.insert_subscription(transaction, subscription, *ended),
            Act::Renew(subscription) => {
                self.set_subscription(*subscription);
                self.insert_period(transaction, subscription);
            }
            Act::Gift(row) => self.insert_gift(transaction, row),
            Act::Refund(row) => self.insert_refund(transaction, row),
            Act::PayoutHold(payout) => self.insert_payout(transaction, payout),
            Act::PayoutDecision { payout, repaid } => self.update_payout(transaction, payout, *repaid),
        }
    }

    fn insert_deposit(&mut self, transaction: &Transaction, row: &DepositRow) {
        let from = transaction.entries.iter().find(|entry| entry.user_id.is_none()).unwrap();
        assert!(
            matches!(holder(from.wallet_id), Holder::Clearing(name) if name == row.provider.as_str()),
            "{transaction:?}"
        );
        let (user_id, amount) = (transaction.payee_id.unwrap(), transaction.amount);
        let status = DepositStatus::Pending;
        let provider = row.provider.clone();
        let asked = DepositAsked { id: row.id, user_id, amount, provider, provider_tx_id: None, status };
        assert_eq!(row.status, DepositStatus::Completed);
        if row.was.is_some() {
            assert_eq!(self.deposits[&row.id], asked, "{transaction:?}");
        } else {
            assert_eq!(row.id.uuid(), transaction.id.uuid());
            assert!(!self.deposits.contains_key(&row.id), "{transaction:?}");
        }
        self.deposits
            .insert(row.id, DepositAsked { status: row.status, provider_tx_id: row.provider_tx_id.clone(), ..asked });
        if let Some(id) = &row.provider_tx_id {
            assert!(self.payments.insert((row.provider.clone(), id.clone())), "{transaction:?}");
        }
    }

    fn insert_subscription(&mut self, transaction: &Transaction, row: &Subscription, ended: Option<Subscription>) {
        if let Some(ended) = ended {
            assert_eq!(ended.status, SubscriptionStatus::Ended);
            self.set_subscription(ended);
        }
        assert_eq!(row.id.uuid(), transaction.id.uuid());
        assert!(self.subscriptions.insert(row.id, *row).is_none(), "{transaction:?}");
        let twice = self.active.insert((row.subscriber_id, row.creator_id), row.id);
        assert_eq!(twice, None, "unique (subscriber, creator) that is active: {transaction:?}");
        self.check_subscription(row, row);
        self.insert_period(transaction, row);
    }

    /// The checks of the table, and what an update never touches.
    pub(super) fn check_subscription(&self, old: &Subscription, new: &Subscription) {
        let fixed = |row: &Subscription| (row.subscriber_id, row.creator_id, row.tier, row.price, row.anchor_at);
        assert_eq!(fixed(old), fixed(new));
        assert!(new.period >= old.period && new.period_start < new.period_end && new.period_end <= new.expires_at);
        assert!(old.status == SubscriptionStatus::Active || old == new, "{old:?} comes back as {new:?}");
        let is_active = new.status == SubscriptionStatus::Active;
        assert!(is_active || new.renew_at.is_none(), "{new:?}");
        assert!(self.subscriptions.contains_key(&new.id));
    }

    fn insert_period(&mut self, transaction: &Transaction, row: &Subscription) {
        assert_eq!(row.status, SubscriptionStatus::Active);
        let twice = self.periods.insert((row.id, row.period), transaction.id);
        assert_eq!(twice, None, "unique (subscription, period): {transaction:?}");
        self.insert_sale(transaction, SaleOf::Subscription { id: row.id, period: row.period });
    }

    fn insert_gift(&mut self, transaction: &Transaction, row: &GiftRow) {
        let parties = (transaction.payer_id.unwrap(), transaction.payee_id.unwrap());
        assert_eq!((row.id.uuid(), row.sender_id, row.recipient_id), (transaction.id.uuid(), parties.0, parties.1));
        self.insert_sale(transaction, SaleOf::Gift(row.quantity));
    }

    fn insert_sale(&mut self, transaction: &Transaction, of: SaleOf) {
        let split = transaction.split.unwrap();
        let sale = Sale {
            id: transaction.id,
            payer_id: transaction.payer_id.unwrap(),
            payee_id: transaction.payee_id.unwrap(),
            amount: transaction.amount,
            split,
            refunded: Split::nothing(split.version),
            of,
            created_at: transaction.created_at,
        };
        self.sales.insert(transaction.id, sale);
    }

    fn insert_refund(&mut self, transaction: &Transaction, row: &RefundRow) {
        check_parts(&row.shares, transaction.amount.credit().get());
        assert!((Cents::ZERO..=row.shares.creator).contains(&row.debt), "{row:?}");
        assert_eq!((transaction.reverses, row.id.uuid()), (Some(row.sale.id), transaction.id.uuid()));
        let sale = self.sales.get_mut(&row.sale.id).unwrap();
        assert_eq!(*sale, row.sale, "a refund knows what was given back before it");
        sale.refunded = sale.refunded.plus(&row.shares).unwrap();
        let left = sale.split.minus(&sale.refunded).unwrap();
        assert_eq!(row.in_full, left.total() == Some(Cents::ZERO), "{row:?}");
        if let (SaleOf::Unlock(content), true) = (sale.of, row.in_full) {
            let gone = self.unlocks.remove(&(sale.payer_id, content));
            assert_eq!(gone, Some(UnlockId::new(sale.id.uuid())), "the purchase that was given back");
        }
        if let Some(revoked) = row.revoked {
            assert!(row.in_full && revoked.status == SubscriptionStatus::Revoked, "{row:?}");
            let of = |id: SubscriptionId| SaleOf::Subscription { id, period: revoked.period };
            assert_eq!(row.sale.of, of(revoked.id));
            self.set_subscription(revoked);
        }
    }

    fn insert_payout(&mut self, transaction: &Transaction, payout: &Payout) {
        assert_eq!((payout.id.uuid(), payout.amount), (transaction.id.uuid(), transaction.amount));
        assert_eq!((payout.status, &payout.remark), (PayoutStatus::Pending, &None));
        assert!(!self.has_pending_payout(payout.creator_id), "unique (creator) that is pending: {transaction:?}");
        self.payouts.insert(payout.id, payout.clone());
    }

    fn update_payout(&mut self, transaction: &Transaction, payout: &Payout, repaid: Cents) {
        let old = self.payouts.insert(payout.id, payout.clone()).unwrap();
        assert_eq!(old.status, PayoutStatus::Pending, "decided twice: {transaction:?}");
        assert!(payout.status != PayoutStatus::Pending && payout.remark.is_some());
        assert_eq!((old.creator_id, old.amount, transaction.amount), (payout.creator_id, payout.amount, old.amount));
        assert_eq!(old.destination, payout.destination);
        let back = payout.status == PayoutStatus::Rejected;
        assert_eq!(transaction.reverses.map(|id| id.uuid()), back.then(|| payout.id.uuid()));
        let of_debt = |entry: &&Entry| matches!(holder(entry.wallet_id), Holder::Debt(_));
        let debt = transaction.entries.iter().find(of_debt);
        assert_eq!(debt.map_or(Cents::ZERO, |entry| entry.amount), repaid, "{transaction:?}");
        let owes_still = debt.is_some_and(|entry| entry.balance_after.is_some_and(Cents::is_negative));
        let has_some_back = transaction.entry_of(payout.creator_id).is_some();
        assert!(!(owes_still && has_some_back), "the debt comes first: {transaction:?}");
    }

    pub(super) fn has_pending_payout(&self, creator: UserId) -> bool {
        self.payouts.values().any(|row| row.creator_id == creator && row.status == PayoutStatus::Pending)
    }

    /// Adds to the lines of the leaderboards and to the days of earnings, none of which may go below zero.
    pub(super) fn save_tallies(&mut self, changes: &Changes) {
        assert!(changes.standings.is_sorted_by(|left, right| left.0 < right.0), "every line once, in order");
        assert!(changes.earnings.is_sorted_by(|left, right| left.0 < right.0), "every day once, in order");
        for (line, change) in &changes.standings {
            let new = BoardRow { total: 0, gifts: 0, reached_at: change.reached_at };
            let row = self.boards.entry(*line).or_insert(new);
            row.total += change.total.get();
            row.gifts += change.gifts;
            row.reached_at = row.reached_at.max(change.reached_at);
            assert!(row.total >= 0 && row.gifts >= 0, "{line:?} {row:?}");
        }
        for (day, change) in &changes.earnings {
            let row = self.earnings.entry(*day).or_default();
            let added = [change.sales, change.earned.get(), change.refunded.get()];
            for (sum, added) in row.iter_mut().zip(added) {
                assert!(added >= 0, "{day:?} {change:?}");
                *sum += added;
            }
        }
    }
}

fn check_parts(split: &Split, amount: i64) {
    let parts = [split.creator.get(), split.platform.get(), split.processor.get()];
    assert!(parts.iter().all(|part| *part >= 0) && parts.iter().sum::<i64>() == amount, "{split:?}");
    assert!(split.version > 0);
}
