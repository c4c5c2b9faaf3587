//! The rows that each act adds or changes beside its transaction and its entries.

use crate::store::{StoreError, Work, deposits};
use domain::gift::GiftRow;
use domain::payout::Payout;
use domain::receipt::{Act, RefundRow, UnlockRow};
use domain::sale::SaleOf;
use domain::subscription::Subscription;
use domain::text::{Note, Reason};
use domain::transaction::Transaction;

pub(super) fn save(work: &mut Work<'_>, transaction: &Transaction) -> Result<(), StoreError> {
    match &transaction.act {
        Act::Transfer { .. } => Ok(()),
        Act::Deposit(deposit) if deposit.was.is_some() => deposits::complete(work, transaction, deposit),
        Act::Deposit(deposit) => deposits::insert(work, transaction, deposit),
        Act::Unlock(unlock) => insert_unlock(work, transaction, unlock),
        Act::Subscribe { subscription, ended } => {
            if let Some(ended) = ended {
                // First, because there is one active subscription to a creator at a time.
                update_subscription(work, ended, transaction)?;
            }
            insert_subscription(work, subscription)?;
            insert_period(work, subscription, transaction)
        }
        Act::Renew(subscription) => {
            update_subscription(work, subscription, transaction)?;
            insert_period(work, subscription, transaction)
        }
        Act::Gift(gift) => insert_gift(work, transaction, gift),
        Act::Refund(refund) => save_refund(work, transaction, refund),
        Act::PayoutHold(payout) => insert_payout(work, payout),
        Act::PayoutDecision { payout, .. } => decide_payout(work, transaction, payout),
    }
}

fn insert_unlock(work: &mut Work<'_>, transaction: &Transaction, unlock: &UnlockRow) -> Result<(), StoreError> {
    let text = "INSERT INTO unlocks (id, user_id, content_id, creator_id, amount_cents, created_at)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    let inserted = work.execute(
        text,
        &[
            unlock.id.into(),
            transaction.payer_id.into(),
            unlock.content_id.into(),
            transaction.payee_id.into(),
            transaction.amount.into(),
            transaction.created_at.into(),
        ],
    )?;
    if inserted == 1 { Ok(()) } else { Err(StoreError::Lost("an unlock")) }
}

fn insert_subscription(work: &mut Work<'_>, row: &Subscription) -> Result<(), StoreError> {
    let text =
        "INSERT INTO subscriptions (id, subscriber_id, creator_id, tier, status, price_cents, anchor_at, period, \
        period_start, period_end, expires_at, auto_renew, renew_at, renewals_tried, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15) ON CONFLICT DO NOTHING";
    let inserted = work.execute(
        text,
        &[
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
        ],
    )?;
    if inserted == 1 { Ok(()) } else { Err(StoreError::Lost("a subscription")) }
}

fn update_subscription(work: &mut Work<'_>, row: &Subscription, transaction: &Transaction) -> Result<(), StoreError> {
    let text = "UPDATE subscriptions SET status = $2, period = $3, period_start = $4, period_end = $5, expires_at = $6, \
        auto_renew = $7, renew_at = $8, renewals_tried = $9, updated_at = $10 WHERE id = $1 AND status = 'active'";
    let values = [
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
    ];
    match work.execute(text, &values)? {
        1 => Ok(()),
        _ => Err(StoreError::Lost("a subscription")),
    }
}

/// One charge for a period: whoever charges it a second time has lost.
fn insert_period(work: &mut Work<'_>, row: &Subscription, transaction: &Transaction) -> Result<(), StoreError> {
    let text =
        "INSERT INTO subscription_periods (subscription_id, period, tx_id, amount_cents, period_start, period_end)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    let values = [
        row.id.into(),
        row.period.into(),
        transaction.id.into(),
        transaction.amount.into(),
        row.period_start.into(),
        row.period_end.into(),
    ];
    match work.execute(text, &values)? {
        1 => Ok(()),
        _ => Err(StoreError::Lost("a period of a subscription")),
    }
}

fn insert_gift(work: &mut Work<'_>, transaction: &Transaction, gift: &GiftRow) -> Result<(), StoreError> {
    let text = "INSERT INTO gifts (id, sender_id, recipient_id, gift_type, quantity, amount_cents, message, context, \
        created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    work.execute_one(
        text,
        &[
            gift.id.into(),
            gift.sender_id.into(),
            gift.recipient_id.into(),
            gift.gift_type.as_str().into(),
            gift.quantity.get().into(),
            transaction.amount.into(),
            gift.message.as_ref().map(Note::as_str).into(),
            gift.context.as_ref().map(Note::as_str).into(),
            transaction.created_at.into(),
        ],
    )
}

fn save_refund(work: &mut Work<'_>, transaction: &Transaction, refund: &RefundRow) -> Result<(), StoreError> {
    let text = "INSERT INTO refunds (id, original_tx_id, amount_cents, creator_cents, platform_cents, processor_cents, \
        debt_cents, reason, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    work.execute_one(
        text,
        &[
            refund.id.into(),
            refund.sale.id.into(),
            transaction.amount.into(),
            refund.shares.creator.into(),
            refund.shares.platform.into(),
            refund.shares.processor.into(),
            refund.debt.into(),
            refund.reason.as_str().into(),
            transaction.created_at.into(),
        ],
    )?;
    match refund.sale.of {
        SaleOf::Unlock(_) if refund.in_full => {
            let text = "UPDATE unlocks SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
            work.execute_one(text, &[refund.sale.id.into(), transaction.created_at.into()])
        }
        SaleOf::Gift(_) => {
            let text = "UPDATE gifts SET refunded_cents = refunded_cents + $2 WHERE id = $1";
            work.execute_one(text, &[refund.sale.id.into(), transaction.amount.into()])
        }
        SaleOf::Unlock(_) | SaleOf::Subscription { .. } => match &refund.revoked {
            Some(revoked) => update_subscription(work, revoked, transaction),
            None => Ok(()),
        },
    }
}

fn insert_payout(work: &mut Work<'_>, payout: &Payout) -> Result<(), StoreError> {
    let text = "INSERT INTO payouts (id, creator_id, amount_cents, destination, status, created_at)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    let values = [
        payout.id.into(),
        payout.creator_id.into(),
        payout.amount.into(),
        payout.destination.as_str().into(),
        payout.status.into(),
        payout.created_at.into(),
    ];
    match work.execute(text, &values)? {
        1 => Ok(()),
        _ => Err(StoreError::Lost("a payout")),
    }
}

fn decide_payout(work: &mut Work<'_>, transaction: &Transaction, payout: &Payout) -> Result<(), StoreError> {
    let text = "UPDATE payouts SET status = $2, remark = $3, decision_tx_id = $4, decided_at = $5
        WHERE id = $1 AND status = 'pending'";
    let values = [
        payout.id.into(),
        payout.status.into(),
        payout.remark.as_ref().map(Reason::as_str).into(),
        transaction.id.into(),
        transaction.created_at.into(),
    ];
    match work.execute(text, &values)? {
        1 => Ok(()),
        _ => Err(StoreError::Lost("the decision of a payout")),
    }
}
