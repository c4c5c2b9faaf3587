//! Looking at the whole ledger, and keeping what was found. Repairs nothing.

use super::{Context, Event};
use crate::store::reconciliation::{CHECKS, Extent, balances, extent};
use crate::store::reconciliations::{self, Named, Reconciliation};
use crate::store::{StoreError, View, Work};
use domain::audit::{Action, EntityType, Value};
use domain::id::ReconciliationId;
use domain::reconciliation::Discrepancy;
use domain::timestamp::Timestamp;

/// Discrepancies of each kind that a result names, so that all of it fits into a stored answer. The command line
/// names more.
pub const NAMED_OF_A_KIND_MAX: usize = 10;

/// Everything that one look found.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// How much was looked at.
    pub extent: Extent,
    /// What does not add up.
    pub discrepancies: Vec<Discrepancy>,
    /// The sum of the balances of each kind of wallet.
    pub balances: Vec<(&'static str, i64)>,
}

/// Runs every check in one snapshot. It can take long, so it asks before each one whether to go on.
///
/// # Errors
/// If the database fails; [`StoreError::Closed`] if it was not to go on.
pub fn look(view: &View<'_>, now: Timestamp, goes_on: impl Fn() -> bool) -> Result<Findings, StoreError> {
    let mut findings = Findings { extent: extent(view)?, discrepancies: Vec::new(), balances: balances(view)? };
    for (_, check) in CHECKS {
        if !goes_on() {
            return Err(StoreError::Closed);
        }
        findings.discrepancies.extend(check(view, now)?);
    }
    Ok(findings)
}

/// Keeps what was found in a look that began at `started_at`. One that somebody asked for is on record.
///
/// # Errors
/// If the database fails.
pub fn keep(
    work: &mut Work<'_>,
    context: &Context,
    findings: &Findings,
    started_at: Timestamp,
) -> Result<Reconciliation, StoreError> {
    let of_code = |code: &'static str| findings.discrepancies.iter().filter(move |found| found.code() == code);
    let name = |found: &Discrepancy| Named { code: found.code().to_owned(), detail: found.to_string() };
    let result = Reconciliation {
        id: ReconciliationId::new(context.ids.uuid()),
        requested_by: context.actor.id,
        wallets: findings.extent.wallets,
        transactions: findings.extent.transactions,
        found: i64::try_from(findings.discrepancies.len()).unwrap_or(i64::MAX),
        named: Discrepancy::CODES.iter().flat_map(|code| of_code(code).take(NAMED_OF_A_KIND_MAX).map(name)).collect(),
        started_at,
        finished_at: context.now,
    };
    reconciliations::insert(work, &result)?;
    if context.actor.id.is_some() {
        let mut event = Event::new(Action::Reconciled, EntityType::Reconciliation, Some(result.id.uuid()));
        event.after = vec![("discrepancies", Value::Integer(result.found))];
        context.record(work, event)?;
    }
    Ok(result)
}

/// Tells whoever watches: gauges of what was found and of who holds how much, and a line in the log for each
/// discrepancy that is named.
pub fn tell(findings: &Findings, result: &Reconciliation) {
    for (kind, cents) in &findings.balances {
        metrics::gauge!("wallet_balance_cents", "kind" => *kind).set(rounded(*cents));
    }
    let sum = findings.balances.iter().fold(0_i64, |sum, (_, cents)| sum.saturating_add(*cents));
    metrics::gauge!("ledger_imbalance_cents").set(rounded(sum));
    let finished = u32::try_from(result.finished_at.as_micros() / 1_000_000).unwrap_or_default();
    metrics::gauge!("reconciliation_last_success_timestamp_seconds").set(f64::from(finished));
    for code in Discrepancy::CODES {
        let count = findings.discrepancies.iter().filter(|found| found.code() == *code).count();
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        metrics::gauge!("ledger_discrepancies", "code" => *code).set(f64::from(count));
    }
    for Named { code, detail } in &result.named {
        tracing::error!(code, detail, reconciliation = %result.id, "the ledger does not add up");
    }
}

/// An amount as metrics have it: exact up to 2⁵³, and never 0 unless it is.
#[expect(clippy::cast_precision_loss, reason = "a gauge is for people and alerts, and no money is made of it")]
const fn rounded(cents: i64) -> f64 {
    cents as f64
}
