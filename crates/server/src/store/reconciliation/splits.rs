//! Splits: every sale divided anew by the version of the table that it names, every refund by what was left of
//! its sale, and both against their entries.

use super::NAMED_MAX;
use crate::store::{Row, StoreError, View};
use domain::id::TransactionId;
use domain::money::{Amount, Cents};
use domain::reconciliation::Discrepancy;
use domain::split::{BasisPoints, Shares, Split, Terms};
use domain::timestamp::Timestamp;
use domain::wallet::SystemWallet;

/// The entries of a sale or a refund by whose wallet they are in; nothing where there is none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Paid {
    fan: Cents,
    creator: Cents,
    platform: Cents,
    processor: Cents,
}

pub(super) fn split_mismatch(view: &View<'_>, _now: Timestamp) -> Result<Vec<Discrepancy>, StoreError> {
    let mut found = sales(view)?;
    found.extend(refunds(view)?);
    found.truncate(usize::try_from(NAMED_MAX).unwrap_or_default());
    Ok(found)
}

/// Keeps a transaction that is divided wrongly, as long as there is room.
fn note(found: &mut Vec<Discrepancy>, is_right: bool, tx_id: TransactionId) {
    if !is_right && found.len() < usize::try_from(NAMED_MAX).unwrap_or_default() {
        found.push(Discrepancy::SplitMismatch { tx_id });
    }
}

fn sales(view: &View<'_>) -> Result<Vec<Discrepancy>, StoreError> {
    let text = "SELECT t.tx_id, t.amount_cents, t.split_version, t.creator_cents, t.platform_cents, t.processor_cents,
            f.amount_cents, c.amount_cents, d.amount_cents, a.amount_cents, b.amount_cents,
            CASE t.type WHEN 'unlock' THEN v.premium_unlock_platform WHEN 'gift' THEN v.gift_platform
                ELSE v.subscription_platform END,
            CASE t.type WHEN 'unlock' THEN v.premium_unlock_processor WHEN 'gift' THEN v.gift_processor
                ELSE v.subscription_processor END
        FROM transactions t
        LEFT JOIN split_versions v ON v.version = t.split_version
        LEFT JOIN entries f ON f.wallet_id = t.payer_id AND f.created_at = t.created_at AND f.tx_id = t.tx_id
        LEFT JOIN entries c ON c.wallet_id = t.payee_id AND c.created_at = t.created_at AND c.tx_id = t.tx_id
        LEFT JOIN wallets w ON w.user_id = t.payee_id AND w.kind = 'debt'
        LEFT JOIN entries d ON d.wallet_id = w.id AND d.created_at = t.created_at AND d.tx_id = t.tx_id
        LEFT JOIN entries a ON a.wallet_id = $1 AND a.created_at = t.created_at AND a.tx_id = t.tx_id
        LEFT JOIN entries b ON b.wallet_id = $2 AND b.created_at = t.created_at AND b.tx_id = t.tx_id
        WHERE t.type IN ('unlock', 'subscription', 'gift') ORDER BY t.tx_id";
    let (platform, processor) = (SystemWallet::Platform.id(), SystemWallet::Processor.id());
    let mut found = Vec::new();
    view.query(text, &[platform.into(), processor.into()], |row| {
        let (stored, paid) = (split(row, 2)?, paid(row, 6)?);
        let terms = terms(row.get(2)?, row.get(11)?, row.get(12)?);
        let amount: Cents = row.get(1)?;
        let is_right = stored.is_some() && stored == terms.and_then(|terms| terms.split(amount));
        let is_paid = stored.and_then(|split| expected(amount, &split)) == paid;
        note(&mut found, is_right && is_paid, row.get(0)?);
        Ok(())
    })?;
    Ok(found)
}

/// In the order in which they were made, each by what the ones before it had left.
fn refunds(view: &View<'_>) -> Result<Vec<Discrepancy>, StoreError> {
    let text = "SELECT t.tx_id, t.amount_cents, t.split_version, t.creator_cents, t.platform_cents, t.processor_cents,
            f.amount_cents, c.amount_cents, d.amount_cents, a.amount_cents, b.amount_cents,
            o.tx_id, o.split_version, o.creator_cents, o.platform_cents, o.processor_cents,
            r.creator_cents, r.platform_cents, r.processor_cents, r.debt_cents
        FROM refunds r
        LEFT JOIN transactions t ON t.tx_id = r.id
        JOIN transactions o ON o.tx_id = r.original_tx_id
        LEFT JOIN entries f ON f.wallet_id = t.payee_id AND f.created_at = t.created_at AND f.tx_id = t.tx_id
        LEFT JOIN entries c ON c.wallet_id = t.payer_id AND c.created_at = t.created_at AND c.tx_id = t.tx_id
        LEFT JOIN wallets w ON w.user_id = t.payer_id AND w.kind = 'debt'
        LEFT JOIN entries d ON d.wallet_id = w.id AND d.created_at = t.created_at AND d.tx_id = t.tx_id
        LEFT JOIN entries a ON a.wallet_id = $1 AND a.created_at = t.created_at AND a.tx_id = t.tx_id
        LEFT JOIN entries b ON b.wallet_id = $2 AND b.created_at = t.created_at AND b.tx_id = t.tx_id
        ORDER BY r.original_tx_id, r.created_at, r.id";
    let (platform, processor) = (SystemWallet::Platform.id(), SystemWallet::Processor.id());
    let (mut found, mut left): (_, Option<(TransactionId, Split)>) = (Vec::new(), None);
    view.query(text, &[platform.into(), processor.into()], |row| {
        let original: TransactionId = row.get(11)?;
        let before = left.filter(|(sale, _)| *sale == original).map(|(_, left)| left);
        // A sale without a split is named as such.
        let Some(before) = before.map_or_else(|| split(row, 12), |left| Ok(Some(left)))? else { return Ok(()) };
        let (creator, platform, processor) = (row.get(16)?, row.get(17)?, row.get(18)?);
        let kept = Split { version: before.version, creator, platform, processor };
        left = Some((original, before.minus(&kept).unwrap_or(Split::nothing(before.version))));
        // So is a row without a transaction.
        let Some(tx_id) = row.get(0)? else { return Ok(()) };
        // And what is given back beyond what was left.
        let due = Amount::new(row.get(1)?).ok().and_then(|amount| before.share_refund(amount));
        let (stored, debt): (_, Cents) = (split(row, 2)?, row.get(19)?);
        let is_right = stored == Some(kept) && due.is_none_or(|due| due == kept);
        let is_paid = expected(row.get(1)?, &kept).and_then(undo) == paid(row, 6)?;
        let is_owed = row.get::<Option<Cents>>(8)?.unwrap_or(Cents::ZERO).checked_neg() == Some(debt);
        note(&mut found, is_right && is_paid && is_owed, tx_id);
        Ok(())
    })?;
    Ok(found)
}

pub(super) fn refund_exceeds_original(view: &View<'_>, _now: Timestamp) -> Result<Vec<Discrepancy>, StoreError> {
    let text = "SELECT t.tx_id, t.amount_cents, CAST(s.amount_cents AS BIGINT) FROM (
            SELECT original_tx_id, SUM(amount_cents) AS amount_cents, SUM(creator_cents) AS creator_cents,
                SUM(platform_cents) AS platform_cents, SUM(processor_cents) AS processor_cents
            FROM refunds GROUP BY original_tx_id) s
        JOIN transactions t ON t.tx_id = s.original_tx_id
        WHERE s.amount_cents > t.amount_cents OR s.creator_cents > t.creator_cents
            OR s.platform_cents > t.platform_cents OR s.processor_cents > t.processor_cents
        ORDER BY t.tx_id LIMIT $1";
    view.query(text, &[NAMED_MAX.into()], |row| {
        Ok(Discrepancy::RefundExceedsOriginal { tx_id: row.get(0)?, amount: row.get(1)?, refunded: row.get(2)? })
    })
}

/// The split in four columns: the version and the three parts.
fn split(row: &Row<'_>, first: usize) -> Result<Option<Split>, StoreError> {
    let parts: [Option<i64>; 4] = [row.get(first)?, row.get(first + 1)?, row.get(first + 2)?, row.get(first + 3)?];
    let [Some(version), Some(creator), Some(platform), Some(processor)] = parts else { return Ok(None) };
    let [creator, platform, processor] = [creator, platform, processor].map(Cents::new);
    Ok(Some(Split { version, creator, platform, processor }))
}

/// The entries in five columns: the fan's, the creator's own, that of their debt, platform and processor.
fn paid(row: &Row<'_>, first: usize) -> Result<Option<Paid>, StoreError> {
    let cents = |column| Ok::<_, StoreError>(row.get::<Option<Cents>>(column)?.unwrap_or(Cents::ZERO));
    let (own, debt) = (cents(first + 1)?, cents(first + 2)?);
    let (fan, platform, processor) = (cents(first)?, cents(first + 3)?, cents(first + 4)?);
    Ok(own.checked_add(debt).map(|creator| Paid { fan, creator, platform, processor }))
}

/// The entries that a sale must have.
fn expected(amount: Cents, split: &Split) -> Option<Paid> {
    let Split { creator, platform, processor, .. } = *split;
    Some(Paid { fan: amount.checked_neg()?, creator, platform, processor })
}

/// The entries of the way back.
fn undo(paid: Paid) -> Option<Paid> {
    let [fan, creator, platform, processor] =
        [paid.fan, paid.creator, paid.platform, paid.processor].map(Cents::checked_neg);
    Some(Paid { fan: fan?, creator: creator?, platform: platform?, processor: processor? })
}

/// The terms of one kind of sale, as its version of the table has them.
fn terms(version: Option<i64>, platform: Option<i64>, processor: Option<i64>) -> Option<Terms> {
    let (platform, processor) = (u16::try_from(platform?).ok()?, u16::try_from(processor?).ok()?);
    let creator = BasisPoints::WHOLE.get().checked_sub(platform)?.checked_sub(processor)?;
    Some(Terms { version: version?, shares: Shares::new(creator, platform, processor).ok()? })
}
