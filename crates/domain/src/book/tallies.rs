//! Sums that are kept beside the ledger so that reading them is one row: leaderboards and daily earnings.
//!
//! A batch adds each line once, however many sales it holds. Reconciliation recomputes all of them.

use crate::gift::{Standing, StandingChange, standings};
use crate::money::Cents;
use crate::receipt::{Act, RefundRow};
use crate::sale::{EarningChange, EarningDay, SaleOf, Source};
use crate::timestamp::Timestamp;
use crate::transaction::Transaction;
use std::collections::BTreeMap;

/// What a batch adds to the sums, in the order in which rows are locked.
#[derive(Clone, Debug, Default)]
pub(super) struct Tallies {
    standings: BTreeMap<Standing, StandingChange>,
    earnings: BTreeMap<EarningDay, EarningChange>,
}

/// The lines in order.
pub(super) type Sorted = (Vec<(Standing, StandingChange)>, Vec<(EarningDay, EarningChange)>);

impl Tallies {
    /// Follows a transaction that was posted.
    pub(super) fn apply(&mut self, transaction: &Transaction) {
        match &transaction.act {
            Act::Unlock(_) => self.earned(transaction, Source::Unlock),
            Act::Subscribe { .. } | Act::Renew(_) => self.earned(transaction, Source::Subscription),
            Act::Gift(gift) => {
                self.earned(transaction, Source::Gift);
                let parties = (gift.sender_id, gift.recipient_id);
                let (total, at) = (transaction.amount.credit(), transaction.created_at);
                self.given(parties, at, StandingChange { total, gifts: gift.quantity.get(), reached_at: at });
            }
            Act::Refund(row) => self.refunded(transaction, row),
            Act::Deposit(_) | Act::Transfer { .. } | Act::PayoutHold(_) | Act::PayoutDecision { .. } => {}
        }
    }

    pub(super) fn into_sorted(self) -> Sorted {
        (self.standings.into_iter().collect(), self.earnings.into_iter().collect())
    }

    fn earned(&mut self, transaction: &Transaction, source: Source) {
        if let (Some(creator), Some(split)) = (transaction.payee_id, transaction.split) {
            let change = EarningChange { sales: 1, earned: split.creator, refunded: Cents::ZERO };
            self.add(EarningDay::of(creator, source, transaction.created_at), change);
        }
    }

    fn add(&mut self, day: EarningDay, change: EarningChange) {
        let sum = self.earnings.entry(day).or_default();
        sum.sales = sum.sales.saturating_add(change.sales);
        sum.earned = sum.earned.saturating_add(change.earned);
        sum.refunded = sum.refunded.saturating_add(change.refunded);
    }

    fn given(
        &mut self,
        (sender, recipient): (crate::id::UserId, crate::id::UserId),
        at: Timestamp,
        change: StandingChange,
    ) {
        for line in standings(sender, recipient, at) {
            let sum = self.standings.entry(line);
            let sum = sum.or_insert(StandingChange { total: Cents::ZERO, gifts: 0, reached_at: change.reached_at });
            sum.total = sum.total.saturating_add(change.total);
            sum.gifts = sum.gifts.saturating_add(change.gifts);
            sum.reached_at = sum.reached_at.max(change.reached_at);
        }
    }

    /// What a refund takes back counts on the day of the refund; a gift leaves the boards that it was on.
    fn refunded(&mut self, transaction: &Transaction, row: &RefundRow) {
        let day = EarningDay::of(row.sale.payee_id, row.sale.of.source(), transaction.created_at);
        self.add(day, EarningChange { refunded: row.shares.creator, ..EarningChange::default() });
        if let SaleOf::Gift(quantity) = row.sale.of
            && let Some(total) = transaction.amount.credit().checked_neg()
        {
            let gifts = if row.in_full { quantity.get().saturating_neg() } else { 0 };
            let at = row.sale.created_at;
            self.given((row.sale.payer_id, row.sale.payee_id), at, StandingChange { total, gifts, reached_at: at });
        }
    }
}
