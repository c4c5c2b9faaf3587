//! Sales, refunds and payouts against the rows that say what they were for, in both directions.

use super::NAMED_MAX;
use crate::store::{StoreError, View};
use domain::reconciliation::{Discrepancy, Entitlement};
use domain::timestamp::Timestamp;
use domain::wallet::{Provider, SystemWallet};

/// Every transaction of a sale, a refund or a payout has its row, and both say the same.
///
/// A payout has two: the one that holds the money, under the payout's own id, and the one that decides. What a
/// rejection gives back repays the creator's debt first.
pub(super) fn sale_without_row(view: &View<'_>, _now: Timestamp) -> Result<Vec<Discrepancy>, StoreError> {
    let text = "SELECT t.type, t.tx_id FROM transactions t WHERE
            (t.type = 'unlock' AND NOT EXISTS (SELECT 1 FROM unlocks u WHERE u.id = t.tx_id
                AND u.amount_cents = t.amount_cents AND u.user_id = t.payer_id AND u.creator_id = t.payee_id
                AND u.content_id = t.reference_id AND u.created_at = t.created_at))
            OR (t.type = 'subscription' AND NOT EXISTS (SELECT 1 FROM subscription_periods p
                JOIN subscriptions s ON s.id = p.subscription_id WHERE p.tx_id = t.tx_id
                AND p.amount_cents = t.amount_cents AND s.subscriber_id = t.payer_id AND s.creator_id = t.payee_id
                AND s.id = t.reference_id))
            OR (t.type = 'gift' AND NOT EXISTS (SELECT 1 FROM gifts g WHERE g.id = t.tx_id
                AND g.amount_cents = t.amount_cents AND g.sender_id = t.payer_id AND g.recipient_id = t.payee_id
                AND g.created_at = t.created_at AND g.refunded_cents
                    = COALESCE((SELECT SUM(r.amount_cents) FROM refunds r WHERE r.original_tx_id = g.id), 0)))
            OR (t.type = 'refund' AND NOT EXISTS (SELECT 1 FROM refunds r
                JOIN transactions o ON o.tx_id = r.original_tx_id WHERE r.id = t.tx_id
                AND r.amount_cents = t.amount_cents AND r.original_tx_id = t.reverses_tx_id
                AND r.created_at = t.created_at AND o.payer_id = t.payee_id AND o.payee_id = t.payer_id
                AND o.type IN ('unlock', 'subscription', 'gift')))
            OR (t.type = 'payout' AND NOT EXISTS (SELECT 1 FROM payouts p
                WHERE p.id = t.reference_id AND p.amount_cents = t.amount_cents AND (
                    (p.id = t.tx_id AND p.creator_id = t.payer_id AND EXISTS (SELECT 1 FROM entries e
                        WHERE e.wallet_id = $2 AND e.created_at = t.created_at AND e.tx_id = t.tx_id
                            AND e.amount_cents = t.amount_cents))
                    OR (p.decision_tx_id = t.tx_id AND p.decided_at = t.created_at AND p.status = 'paid'
                        AND EXISTS (SELECT 1 FROM entries e
                            WHERE e.wallet_id = $3 AND e.created_at = t.created_at AND e.tx_id = t.tx_id
                                AND e.amount_cents = t.amount_cents))
                    OR (p.decision_tx_id = t.tx_id AND p.decided_at = t.created_at AND p.status = 'rejected'
                        AND t.reverses_tx_id = p.id AND t.payee_id = p.creator_id
                        AND t.amount_cents = (SELECT CAST(COALESCE(SUM(e.amount_cents), 0) AS BIGINT) FROM entries e
                            WHERE e.created_at = t.created_at AND e.tx_id = t.tx_id AND (e.wallet_id = t.payee_id
                                OR e.wallet_id IN (SELECT w.id FROM wallets w WHERE w.user_id = t.payee_id AND w.kind = 'debt')))
                        AND NOT EXISTS (SELECT 1 FROM wallets w
                            JOIN entries e ON e.wallet_id = w.id AND e.created_at = t.created_at AND e.tx_id = t.tx_id
                            WHERE w.user_id = t.payee_id AND w.kind = 'debt' AND e.balance_after_cents < 0
                                AND e.amount_cents < t.amount_cents)))))
        ORDER BY t.tx_id LIMIT $1";
    let (held, out) = (SystemWallet::Payouts.id(), SystemWallet::Clearing(Provider::manual()).id());
    view.query(text, &[NAMED_MAX.into(), held.into(), out.into()], |row| {
        Ok(Discrepancy::SaleWithoutRow { kind: row.get(0)?, tx_id: row.get(1)? })
    })
}

/// Every row of a sale, a refund or a payout has its transaction. What they say is compared from the other side.
pub(super) fn row_without_sale(view: &View<'_>, _now: Timestamp) -> Result<Vec<Discrepancy>, StoreError> {
    let text = "SELECT kind, tx_id FROM (
            SELECT 'unlock' AS kind, id AS tx_id FROM unlocks
            UNION ALL SELECT 'subscription', tx_id FROM subscription_periods
            UNION ALL SELECT 'gift', id FROM gifts
            UNION ALL SELECT 'refund', id FROM refunds
            UNION ALL SELECT 'payout', id FROM payouts
            UNION ALL SELECT 'payout', decision_tx_id FROM payouts WHERE decision_tx_id IS NOT NULL) named
        WHERE NOT EXISTS (SELECT 1 FROM transactions t WHERE t.tx_id = named.tx_id AND t.type = named.kind)
        ORDER BY tx_id, kind LIMIT $1";
    view.query(text, &[NAMED_MAX.into()], |row| {
        Ok(Discrepancy::RowWithoutSale { kind: row.get(0)?, tx_id: row.get(1)? })
    })
}

/// A debt is zero or less: nobody is repaid more than they lent.
pub(super) fn positive_debt(view: &View<'_>, _now: Timestamp) -> Result<Vec<Discrepancy>, StoreError> {
    let text = "SELECT id, balance_cents FROM wallets WHERE kind = 'debt' AND balance_cents > 0 ORDER BY id LIMIT $1";
    view.query(text, &[NAMED_MAX.into()], |row| {
        Ok(Discrepancy::PositiveDebt { wallet_id: row.get(0)?, balance: row.get(1)? })
    })
}

pub(super) fn payouts_mismatch(view: &View<'_>, _now: Timestamp) -> Result<Vec<Discrepancy>, StoreError> {
    let text = "SELECT CAST(COALESCE((SELECT SUM(balance_cents) FROM wallets WHERE kind = 'payouts'), 0) AS BIGINT),
        CAST(COALESCE((SELECT SUM(amount_cents) FROM payouts WHERE status = 'pending'), 0) AS BIGINT)";
    let sums = view.query_opt(text, &[], |row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?)))?;
    let differ = sums.filter(|(held, pending)| held != pending);
    Ok(differ.into_iter().map(|(held, pending)| Discrepancy::PayoutsMismatch { held, pending }).collect())
}

/// A content is somebody's unless all of it was given back, and so is a subscription by its newest period.
pub(super) fn entitlement_mismatch(view: &View<'_>, _now: Timestamp) -> Result<Vec<Discrepancy>, StoreError> {
    let text = "SELECT u.id FROM unlocks u WHERE (u.revoked_at IS NOT NULL)
            <> (COALESCE((SELECT SUM(r.amount_cents) FROM refunds r WHERE r.original_tx_id = u.id), 0) >= u.amount_cents)
        ORDER BY u.id LIMIT $1";
    let mut found = view.query(text, &[NAMED_MAX.into()], |row| {
        Ok(Discrepancy::EntitlementMismatch { entitlement: Entitlement::Unlock(row.get(0)?) })
    })?;
    // One that has ended may have been given back or not: it is nobody's any more.
    let text = "SELECT s.id FROM subscriptions s
        LEFT JOIN subscription_periods p ON p.subscription_id = s.id AND p.period = s.period
        WHERE s.status <> 'ended' AND (p.tx_id IS NULL OR (s.status = 'revoked')
            <> (COALESCE((SELECT SUM(r.amount_cents) FROM refunds r WHERE r.original_tx_id = p.tx_id), 0) >= p.amount_cents))
        ORDER BY s.id LIMIT $1";
    found.extend(view.query(text, &[NAMED_MAX.into()], |row| {
        Ok(Discrepancy::EntitlementMismatch { entitlement: Entitlement::Subscription(row.get(0)?) })
    })?);
    found.truncate(usize::try_from(NAMED_MAX).unwrap_or_default());
    Ok(found)
}
