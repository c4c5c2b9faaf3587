//! Every table of splits that sales were ever divided by. Rows are only ever added.

use super::{StoreError, View, Work};
use domain::split::Splits;
use domain::timestamp::Timestamp;

/// The six numbers that a table consists of.
fn shares(splits: &Splits) -> [i64; 6] {
    let of = |shares: domain::split::Shares| [shares.platform().get(), shares.processor().get()];
    let [a, b] = of(splits.premium_unlock);
    let [c, d] = of(splits.subscription);
    let [e, f] = of(splits.gift);
    [a, b, c, d, e, f].map(i64::from)
}

fn find(view: &View<'_>, [a, b, c, d, e, f]: [i64; 6]) -> Result<Option<i64>, StoreError> {
    let text = "SELECT version FROM split_versions
        WHERE premium_unlock_platform = $1 AND premium_unlock_processor = $2
            AND subscription_platform = $3 AND subscription_processor = $4
            AND gift_platform = $5 AND gift_processor = $6";
    view.query_opt(text, &[a.into(), b.into(), c.into(), d.into(), e.into(), f.into()], |row| row.get(0))
}

/// The version of a table of splits. One that was never used before gets the next version.
///
/// # Errors
/// [`StoreError::Lost`] if another process took that version in between, or if the database fails.
pub fn find_or_insert(work: &mut Work<'_>, splits: &Splits, now: Timestamp) -> Result<i64, StoreError> {
    let shares = shares(splits);
    if let Some(version) = find(work, shares)? {
        return Ok(version);
    }
    let newest = "SELECT CAST(COALESCE(MAX(version), 0) AS BIGINT) FROM split_versions";
    let newest: i64 = work.query_opt(newest, &[], |row| row.get(0))?.unwrap_or_default();
    let text = "INSERT INTO split_versions (version, premium_unlock_platform, premium_unlock_processor, \
        subscription_platform, subscription_processor, gift_platform, gift_processor, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
    let [a, b, c, d, e, f] = shares;
    let version = newest.saturating_add(1);
    work.execute(text, &[version.into(), a.into(), b.into(), c.into(), d.into(), e.into(), f.into(), now.into()])?;
    // Whoever was faster may have added the same table, or another one under this version.
    find(work, shares)?.ok_or(StoreError::Lost("a version of the splits"))
}
