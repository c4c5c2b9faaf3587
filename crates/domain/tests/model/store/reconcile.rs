//! Adds everything up from nothing, as the reconciliation of a real database does.

use super::{BoardRow, Store};
use crate::months::{day_start, month_start, week_start};
use crate::told::{Holder, holder};
use domain::gift::{BoardPeriod, Standing};
use domain::id::TransactionId;
use domain::payout::PayoutStatus;
use domain::receipt::Act;
use domain::sale::{EarningDay, SaleOf, Source};
use domain::subscription::SubscriptionStatus;
use domain::timestamp::Timestamp;
use domain::wallet::UserWallet;
use std::collections::{BTreeMap, BTreeSet};

impl Store {
    /// Wallets, their entries, and the money that is held.
    pub fn reconcile(&self) {
        let people = || self.wallets.values().chain(self.debts.values());
        let system = self.system.values().map(|row| row.balance);
        let all = people().map(|wallet| wallet.balance.get()).chain(system);
        assert_eq!(all.map(i128::from).sum::<i128>(), 0, "all balances together");
        let audited = self.transactions.keys().all(|id| self.audit_records.contains(id));
        assert!(audited && self.audit_records.len() == self.transactions.len(), "one audit record to a transaction");
        assert!(self.wallets.values().all(|wallet| !wallet.balance.is_negative()));
        assert!(self.debts.values().all(|wallet| wallet.balance.get() <= 0), "{:?}", self.debts);
        people().for_each(|wallet| self.reconcile_wallet(wallet));
        for (id, row) in &self.system {
            let rows = &self.entries[id];
            assert_eq!(row.balance, rows.iter().map(|row| row.amount).sum::<i64>(), "the entries of {id}");
            assert_eq!(Some(row.last_transaction_at), rows.iter().map(|row| row.created_at).max());
        }
        let known: BTreeSet<_> = people().map(|wallet| wallet.id).chain(self.system.keys().copied()).collect();
        assert!(self.entries.keys().all(|id| known.contains(id)), "an entry belongs to no wallet");
        let held = self.system.iter().find(|(id, _)| holder(**id) == Holder::Payouts).map_or(0, |(_, row)| row.balance);
        let pending = self.payouts.values().filter(|payout| payout.status == PayoutStatus::Pending);
        assert_eq!(held, pending.map(|payout| payout.amount.credit().get()).sum::<i64>(), "the pending payouts");
    }

    fn reconcile_wallet(&self, wallet: &UserWallet) {
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

    /// What is kept beside the ledger, made anew from its transactions: leaderboards, earnings, what was given
    /// back, and who is entitled to what.
    pub fn reconcile_rows(&self) {
        let mut boards = BTreeMap::new();
        let mut earnings: BTreeMap<EarningDay, [i64; 3]> = BTreeMap::new();
        let mut given_back: BTreeMap<TransactionId, [i64; 3]> = BTreeMap::new();
        for transaction in self.transactions.values() {
            let at = transaction.created_at;
            if let Act::Refund(row) = &transaction.act {
                let sum = given_back.entry(row.sale.id).or_default();
                let shares = [row.shares.creator, row.shares.platform, row.shares.processor];
                sum.iter_mut().zip(shares).for_each(|(sum, share)| *sum += share.get());
                let sale = &self.sales[&row.sale.id];
                earnings.entry(day_of(sale.payee_id, &sale.of, at)).or_default()[2] += row.shares.creator.get();
            } else if let Some(sale) = self.sales.get(&transaction.id) {
                let day = earnings.entry(day_of(sale.payee_id, &sale.of, at)).or_default();
                day[0] += 1;
                day[1] += sale.split.creator.get();
            }
        }
        for sale in self.sales.values() {
            let back = given_back.get(&sale.id).copied().unwrap_or_default();
            assert_eq!(
                back,
                [sale.refunded.creator, sale.refunded.platform, sale.refunded.processor].map(|part| part.get())
            );
            let left = sale.amount.credit().get() - back.iter().sum::<i64>();
            assert!(left >= 0, "{sale:?}");
            match sale.of {
                SaleOf::Gift(quantity) => {
                    for line in lines(sale) {
                        let new = BoardRow { total: 0, gifts: 0, reached_at: sale.created_at };
                        let row = boards.entry(line).or_insert(new);
                        row.total += left;
                        row.gifts += if left == 0 { 0 } else { quantity.get() };
                        row.reached_at = row.reached_at.max(sale.created_at);
                    }
                }
                SaleOf::Unlock(content) => {
                    let id = self.unlocks.get(&(sale.payer_id, content)).map(|id| id.uuid());
                    assert_eq!(id == Some(sale.id.uuid()), left > 0, "who paid for it has it: {sale:?}");
                }
                SaleOf::Subscription { id, period } => {
                    assert_eq!(self.periods[&(id, period)], sale.id);
                    let subscription = &self.subscriptions[&id];
                    let runs = subscription.status == SubscriptionStatus::Active && subscription.period == period;
                    assert!(!runs || left > 0, "what was given back does not run: {subscription:?}");
                }
            }
        }
        assert_eq!(boards, self.boards, "the leaderboards are the gifts, less what was given back");
        assert_eq!(earnings, self.earnings, "the earnings are the sales, and what was given back of them");
        assert_eq!(
            self.active.len(),
            self.subscriptions.values().filter(|row| row.status == SubscriptionStatus::Active).count()
        );
    }
}

fn day_of(creator_id: domain::id::UserId, of: &SaleOf, at: Timestamp) -> EarningDay {
    let source = match of {
        SaleOf::Unlock(_) => Source::Unlock,
        SaleOf::Subscription { .. } => Source::Subscription,
        SaleOf::Gift(_) => Source::Gift,
    };
    EarningDay { creator_id, day_start: Timestamp::from_micros(day_start(at.as_micros())), source }
}

/// The four boards of the creator, and the four over all.
fn lines(sale: &domain::sale::Sale) -> impl Iterator<Item = Standing> {
    let at = sale.created_at.as_micros();
    let starts = [
        (BoardPeriod::Day, day_start(at)),
        (BoardPeriod::Week, week_start(at)),
        (BoardPeriod::Month, month_start(at)),
        (BoardPeriod::All, 0),
    ];
    let (sender_id, recipient) = (sale.payer_id, sale.payee_id);
    [Some(recipient), None].into_iter().flat_map(move |creator_id| {
        starts.map(|(period, start)| Standing {
            creator_id,
            period,
            period_start: Timestamp::from_micros(start),
            sender_id,
        })
    })
}
