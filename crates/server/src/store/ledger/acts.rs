//! The rows that the acts of a batch add or change beside their transactions and entries.
//!
//! They go out in waves. Within a wave no two acts are about the same thing, so each statement may run for all of
//! them at once: first what ends or is given back, then what takes its place. An act about something that the wave
//! holds already begins the next one.

use crate::store::{StoreError, Value, Work, deposits};
use domain::gift::GiftRow;
use domain::id::{ContentId, DepositId, TransactionId, UserId};
use domain::idempotency::ExecutionDigest;
use domain::payout::Payout;
use domain::receipt::{Act, DepositRow, RefundRow, UnlockRow};
use domain::sale::SaleOf;
use domain::subscription::Subscription;
use domain::text::{Note, Reason};
use domain::transaction::Transaction;
use std::collections::BTreeSet;

pub(super) fn save(work: &mut Work<'_>, transactions: &[(Transaction, ExecutionDigest)]) -> Result<(), StoreError> {
    let mut wave = Wave::default();
    for (transaction, _) in transactions {
        let Some(subject) = Subject::of(transaction) else { continue };
        if wave.subjects.contains(&subject) {
            std::mem::take(&mut wave).save(work)?;
        }
        wave.subjects.insert(subject);
        wave.add(transaction);
    }
    wave.save(work)
}

/// What an act is about: of each there is one row at a time, or one that only one act may change at a time.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Subject {
    Deposit(DepositId),
    /// A fan and a content.
    Unlock(Option<UserId>, ContentId),
    /// A fan and a creator.
    Subscription(UserId, UserId),
    Gift(TransactionId),
    /// A creator.
    Payout(UserId),
}

impl Subject {
    fn of(transaction: &Transaction) -> Option<Self> {
        match &transaction.act {
            Act::Transfer { .. } => None,
            Act::Deposit(deposit) => Some(Self::Deposit(deposit.id)),
            Act::Unlock(unlock) => Some(Self::Unlock(transaction.payer_id, unlock.content_id)),
            Act::Subscribe { subscription, .. } | Act::Renew(subscription) => {
                Some(Self::Subscription(subscription.subscriber_id, subscription.creator_id))
            }
            Act::Gift(_) => Some(Self::Gift(transaction.id)),
            Act::Refund(refund) => Some(match refund.sale.of {
                SaleOf::Unlock(content) => Self::Unlock(Some(refund.sale.payer_id), content),
                SaleOf::Subscription { .. } => Self::Subscription(refund.sale.payer_id, refund.sale.payee_id),
                SaleOf::Gift(_) => Self::Gift(refund.sale.id),
            }),
            Act::PayoutHold(payout) | Act::PayoutDecision { payout, .. } => Some(Self::Payout(payout.creator_id)),
        }
    }
}

/// The rows of a wave, statement by statement.
#[derive(Debug, Default)]
struct Wave<'batch> {
    subjects: BTreeSet<Subject>,
    deposits: Vec<(&'batch Transaction, &'batch DepositRow)>,
    unlocks_revoked: Vec<[Value<'batch>; 2]>,
    gifts_refunded: Vec<[Value<'batch>; 2]>,
    subscriptions_changed: Vec<[Value<'batch>; 10]>,
    payouts_decided: Vec<[Value<'batch>; 5]>,
    refunds: Vec<[Value<'batch>; 9]>,
    unlocks: Vec<[Value<'batch>; 6]>,
    subscriptions: Vec<[Value<'batch>; 15]>,
    periods: Vec<[Value<'batch>; 6]>,
    gifts: Vec<[Value<'batch>; 9]>,
    payouts: Vec<[Value<'batch>; 6]>,
}

impl<'batch> Wave<'batch> {
    fn add(&mut self, transaction: &'batch Transaction) {
        match &transaction.act {
            Act::Transfer { .. } => {}
            Act::Deposit(deposit) => self.deposits.push((transaction, deposit)),
            Act::Unlock(row) => self.unlocks.push(unlock(transaction, row)),
            Act::Subscribe { subscription, ended } => {
                self.subscriptions_changed.extend(ended.as_ref().map(|ended| changed(ended, transaction)));
                self.subscriptions.push(begun(subscription));
                self.periods.push(period(subscription, transaction));
            }
            Act::Renew(subscription) => {
                self.subscriptions_changed.push(changed(subscription, transaction));
                self.periods.push(period(subscription, transaction));
            }
            Act::Gift(row) => self.gifts.push(gift(transaction, row)),
            Act::Refund(row) => self.add_refund(transaction, row),
            Act::PayoutHold(payout) => self.payouts.push(held(payout)),
            Act::PayoutDecision { payout, .. } => self.payouts_decided.push(decided(transaction, payout)),
        }
    }

    fn add_refund(&mut self, transaction: &'batch Transaction, row: &'batch RefundRow) {
        self.refunds.push(refund(transaction, row));
        let original = row.sale.id.into();
        match row.sale.of {
            SaleOf::Unlock(_) if row.in_full => self.unlocks_revoked.push([original, transaction.created_at.into()]),
            SaleOf::Gift(_) => self.gifts_refunded.push([original, transaction.amount.into()]),
            SaleOf::Unlock(_) | SaleOf::Subscription { .. } => {
                self.subscriptions_changed.extend(row.revoked.as_ref().map(|revoked| changed(revoked, transaction)));
            }
        }
    }

    fn save(self, work: &mut Work<'_>) -> Result<(), StoreError> {
        for (transaction, deposit) in &self.deposits {
            match deposit.was {
                Some(_) => deposits::complete(work, transaction, deposit)?,
                None => deposits::insert(work, transaction, deposit)?,
            }
        }
        work.execute_or_lose(UNLOCK_REVOKED, &self.unlocks_revoked, "an unlock")?;
        work.execute_or_lose(GIFT_REFUNDED, &self.gifts_refunded, "a gift")?;
        work.execute_or_lose(SUBSCRIPTION_CHANGED, &self.subscriptions_changed, "a subscription")?;
        work.execute_or_lose(PAYOUT_DECIDED, &self.payouts_decided, "a payout")?;
        work.execute_or_lose(REFUND, &self.refunds, "a refund")?;
        work.execute_or_lose(UNLOCK, &self.unlocks, "an unlock")?;
        work.execute_or_lose(SUBSCRIPTION, &self.subscriptions, "a subscription")?;
        work.execute_or_lose(PERIOD, &self.periods, "a period of a subscription")?;
        work.execute_or_lose(GIFT, &self.gifts, "a gift")?;
        work.execute_or_lose(PAYOUT, &self.payouts, "a payout")
    }
}

const UNLOCK: &str = "INSERT INTO unlocks (id, user_id, content_id, creator_id, amount_cents, created_at)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";

fn unlock<'batch>(transaction: &Transaction, row: &UnlockRow) -> [Value<'batch>; 6] {
    [
        row.id.into(),
        transaction.payer_id.into(),
        row.content_id.into(),
        transaction.payee_id.into(),
        transaction.amount.into(),
        transaction.created_at.into(),
    ]
}

const UNLOCK_REVOKED: &str = "UPDATE unlocks SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";

/// Of two processes that begin a subscription of a fan to a creator, one has lost.
pub(in crate::store) const SUBSCRIPTION: &str =
    "INSERT INTO subscriptions (id, subscriber_id, creator_id, tier, status, price_cents, anchor_at, period, \
    period_start, period_end, expires_at, auto_renew, renew_at, renewals_tried, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15)
    ON CONFLICT (subscriber_id, creator_id) WHERE status = 'active' DO NOTHING";

fn begun<'batch>(row: &Subscription) -> [Value<'batch>; 15] {
    [
        row.id.into(),
        row.subscriber_id.into(),
        row.creator_id.into(),
        row.tier.into(),
        row.status.into(),
        row.price.into(),
        row.anchor_at.into(),
        row.period.into(),
        row.period_start.into(),
        row.period_end.into(),
        row.expires_at.into(),
        row.auto_renew.into(),
        row.renew_at.into(),
        row.renewals_tried.into(),
        row.created_at.into(),
    ]
}

const SUBSCRIPTION_CHANGED: &str = "UPDATE subscriptions SET status = $2, period = $3, period_start = $4, period_end = $5, expires_at = $6, \
    auto_renew = $7, renew_at = $8, renewals_tried = $9, updated_at = $10 WHERE id = $1 AND status = 'active'";

fn changed<'batch>(row: &Subscription, transaction: &Transaction) -> [Value<'batch>; 10] {
    [
        row.id.into(),
        row.status.into(),
        row.period.into(),
        row.period_start.into(),
        row.period_end.into(),
        row.expires_at.into(),
        row.auto_renew.into(),
        row.renew_at.into(),
        row.renewals_tried.into(),
        transaction.created_at.into(),
    ]
}

/// One charge for a period: whoever charges it a second time has lost.
const PERIOD: &str =
    "INSERT INTO subscription_periods (subscription_id, period, tx_id, amount_cents, period_start, period_end)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";

fn period<'batch>(row: &Subscription, transaction: &Transaction) -> [Value<'batch>; 6] {
    [
        row.id.into(),
        row.period.into(),
        transaction.id.into(),
        transaction.amount.into(),
        row.period_start.into(),
        row.period_end.into(),
    ]
}

const GIFT: &str = "INSERT INTO gifts (id, sender_id, recipient_id, gift_type, quantity, amount_cents, message, context, \
    created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

fn gift<'batch>(transaction: &Transaction, row: &'batch GiftRow) -> [Value<'batch>; 9] {
    [
        row.id.into(),
        row.sender_id.into(),
        row.recipient_id.into(),
        row.gift_type.as_str().into(),
        row.quantity.get().into(),
        transaction.amount.into(),
        row.message.as_ref().map(Note::as_str).into(),
        row.context.as_ref().map(Note::as_str).into(),
        transaction.created_at.into(),
    ]
}

const GIFT_REFUNDED: &str = "UPDATE gifts SET refunded_cents = refunded_cents + $2 WHERE id = $1";

const REFUND: &str = "INSERT INTO refunds (id, original_tx_id, amount_cents, creator_cents, platform_cents, \
    processor_cents, debt_cents, reason, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

fn refund<'batch>(transaction: &Transaction, row: &'batch RefundRow) -> [Value<'batch>; 9] {
    [
        row.id.into(),
        row.sale.id.into(),
        transaction.amount.into(),
        row.shares.creator.into(),
        row.shares.platform.into(),
        row.shares.processor.into(),
        row.debt.into(),
        row.reason.as_str().into(),
        transaction.created_at.into(),
    ]
}

const PAYOUT: &str = "INSERT INTO payouts (id, creator_id, amount_cents, destination, status, created_at)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";

fn held(payout: &Payout) -> [Value<'_>; 6] {
    [
        payout.id.into(),
        payout.creator_id.into(),
        payout.amount.into(),
        payout.destination.as_str().into(),
        payout.status.into(),
        payout.created_at.into(),
    ]
}

const PAYOUT_DECIDED: &str = "UPDATE payouts SET status = $2, remark = $3, decision_tx_id = $4, decided_at = $5
    WHERE id = $1 AND status = 'pending'";

fn decided<'batch>(transaction: &Transaction, payout: &'batch Payout) -> [Value<'batch>; 5] {
    [
        payout.id.into(),
        payout.status.into(),
        payout.remark.as_ref().map(Reason::as_str).into(),
        transaction.id.into(),
        transaction.created_at.into(),
    ]
}
