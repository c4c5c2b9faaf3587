//! The rows beside the wallets that a batch reads, kept up to date by what its commands do: so the second
//! purchase of an item in one batch sees the first.

use crate::content::Offer;
use crate::id::{ContentId, DepositId, PayoutId, SubscriptionId, TransactionId, UserId};
use crate::idempotency::Record;
use crate::payout::{Payout, PayoutStatus};
use crate::receipt::{Act, DepositAsked, DepositRow, RefundRow};
use crate::sale::{Sale, SaleOf};
use crate::subscription::{Plan, PlanTier, Subscription, SubscriptionStatus};
use crate::transaction::Transaction;
use crate::wallet::{Provider, UserWallet};
use std::collections::{HashMap, HashSet};

/// Everything that a store loads for a batch. What a command did not name is not here.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Users' wallets.
    pub wallets: Vec<UserWallet>,
    /// Debt wallets, as wallets of their creators; always active.
    pub debts: Vec<UserWallet>,
    /// What is recorded of keys.
    pub records: Vec<Record>,
    /// Contents.
    pub contents: Vec<Offer>,
    /// Purchases that were not given back.
    pub unlocks: Vec<(UserId, ContentId)>,
    /// Plans.
    pub plans: Vec<Plan>,
    /// Subscriptions.
    pub subscriptions: Vec<Subscription>,
    /// Sales.
    pub sales: Vec<Sale>,
    /// Payouts.
    pub payouts: Vec<Payout>,
    /// Deposits that were asked for.
    pub deposits: Vec<DepositAsked>,
    /// Payments that were credited.
    pub payments: Vec<(Provider, String)>,
}

/// The rows by their keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    pub(super) contents: HashMap<ContentId, Offer>,
    pub(super) unlocks: HashSet<(UserId, ContentId)>,
    pub(super) plans: HashMap<(UserId, PlanTier), Plan>,
    pub(super) subscriptions: HashMap<SubscriptionId, Subscription>,
    pub(super) sales: HashMap<TransactionId, Sale>,
    pub(super) payouts: HashMap<PayoutId, Payout>,
    pub(super) deposits: HashMap<DepositId, DepositAsked>,
    pub(super) payments: HashSet<(Provider, String)>,
}

/// Sorts loaded rows: wallets, debts and records for the book itself, and the rest.
pub(super) fn sort(rows: Rows) -> (Vec<UserWallet>, Vec<UserWallet>, Vec<Record>, Held) {
    let held = Held {
        contents: rows.contents.into_iter().map(|row| (row.id, row)).collect(),
        unlocks: rows.unlocks.into_iter().collect(),
        plans: rows.plans.into_iter().map(|row| ((row.creator_id, row.tier), row)).collect(),
        subscriptions: rows.subscriptions.into_iter().map(|row| (row.id, row)).collect(),
        sales: rows.sales.into_iter().map(|row| (row.id, row)).collect(),
        payouts: rows.payouts.into_iter().map(|row| (row.id, row)).collect(),
        deposits: rows.deposits.into_iter().map(|row| (row.id, row)).collect(),
        payments: rows.payments.into_iter().collect(),
    };
    (rows.wallets, rows.debts, rows.records, held)
}

impl Held {
    pub(super) fn active_subscription(&self, subscriber: UserId, creator: UserId) -> Option<&Subscription> {
        // A batch names a handful of them for each command, and a fan at most one that is active.
        self.subscriptions.values().find(|row| {
            (row.subscriber_id, row.creator_id) == (subscriber, creator) && row.status == SubscriptionStatus::Active
        })
    }

    pub(super) fn has_pending_payout(&self, creator: UserId) -> bool {
        self.payouts.values().any(|row| row.creator_id == creator && row.status == PayoutStatus::Pending)
    }

    /// Follows a transaction that was posted.
    pub(super) fn apply(&mut self, transaction: &Transaction) {
        match &transaction.act {
            Act::Transfer { .. } | Act::Gift(_) => {}
            Act::Deposit(row) => self.deposited(row),
            Act::Unlock(row) => {
                self.unlocks.extend(transaction.payer_id.map(|user| (user, row.content_id)));
            }
            Act::Subscribe { subscription, ended } => {
                for row in ended.iter().chain([subscription]) {
                    self.subscriptions.insert(row.id, *row);
                }
            }
            Act::Renew(subscription) => {
                self.subscriptions.insert(subscription.id, *subscription);
            }
            Act::Refund(row) => self.refunded(row),
            Act::PayoutHold(payout) | Act::PayoutDecision { payout, .. } => {
                self.payouts.insert(payout.id, payout.clone());
            }
        }
    }

    fn deposited(&mut self, row: &DepositRow) {
        if let Some(asked) = self.deposits.get_mut(&row.id) {
            asked.status = row.status;
        }
        self.payments.extend(row.provider_tx_id.clone().map(|id| (row.provider.clone(), id)));
    }

    fn refunded(&mut self, row: &RefundRow) {
        if let Some(sale) = self.sales.get_mut(&row.sale.id)
            && let Some(refunded) = sale.refunded.plus(&row.shares)
        {
            sale.refunded = refunded;
        }
        if let (SaleOf::Unlock(content), true) = (row.sale.of, row.in_full) {
            self.unlocks.remove(&(row.sale.payer_id, content));
        }
        if let Some(revoked) = &row.revoked {
            self.subscriptions.insert(revoked.id, *revoked);
        }
    }
}
