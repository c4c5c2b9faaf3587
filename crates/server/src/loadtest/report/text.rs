//! The report as lines for people. Pure.

use super::{Line, Reconciliation, Report};
use crate::loadtest::progress::millis;
use serde_json::Value;

impl Report {
    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut lines = vec![self.head()];
        if !self.scenarios.is_empty() {
            lines.push(row(
                ["", "requests", "good", "429", "503", "failed", "p50", "p95", "p99", "max"].map(str::to_owned)
            ));
            lines.extend(self.scenarios.iter().map(|scenario| self::line(scenario.name, &scenario.line)));
            lines.push(String::new());
            lines.extend(self.phases.iter().map(|phase| {
                let rate = if phase.from == phase.to {
                    format!("{}/s", phase.to)
                } else {
                    format!("{} to {}/s", phase.from, phase.to)
                };
                let (p50, p99) = (millis(phase.requests.p50_micros), millis(phase.requests.p99_micros));
                let sign_in = millis(phase.sign_in.p99_micros);
                format!(
                    "{:14} {:>4} s at {rate:12} p50 {p50:>9}  p99 {p99:>9}   sign-in p99 {sign_in:>9}",
                    phase.name, phase.seconds
                )
            }));
            lines.push(format!("\nthe latest visitor was let go {} late", millis(self.late_micros)));
        }
        for scenario in &self.scenarios {
            lines.extend(scenario.broken.iter().map(|broken| format!("{}: {broken}", scenario.name)));
            lines.extend(
                scenario.line.failed.iter().map(|(kind, count)| format!("{}: {count} times {kind}", scenario.name)),
            );
        }
        if self.looks_for_limit {
            lines.push(match self.limit {
                Some(rate) => format!("limit: {rate} arrivals a second keep p99 below the limit"),
                None => "limit: not one rate kept it".to_owned(),
            });
        }
        lines.push(format!("reconciliation: {}", self.reconciliation()));
        lines.push(format!("verdict: {}", if self.passed { "passed" } else { "FAILED" }));
        lines.join("\n")
    }

    fn head(&self) -> String {
        let accounts: Vec<_> = self.accounts.iter().map(|(tier, count)| format!("{count} {tier}")).collect();
        let Self { profile, target, version, seed, arrivals, .. } = self;
        let came = if *arrivals > 0 { format!("{arrivals} arrivals, ") } else { String::new() };
        format!("{profile} on {target}, superapp {version}: {came}accounts: {}, --seed {seed}\n", accounts.join(", "))
    }

    /// What became of the look at the ledger.
    #[must_use]
    pub fn reconciliation(&self) -> String {
        match &self.reconciliation {
            Reconciliation::Skipped => "skipped: it needs an administrator's token, --admin-token".to_owned(),
            Reconciliation::Clean(found) => {
                let of = |member| found.get(member).and_then(Value::as_u64).unwrap_or_default();
                format!("clean: {} transactions, {} wallets", of("transactions"), of("wallets"))
            }
            Reconciliation::Discrepancies(found) => format!("DISCREPANCIES: {found}"),
            Reconciliation::Failed(why) => format!("FAILED: {why}"),
        }
    }
}

fn line(name: &str, line: &Line) -> String {
    let times = [line.p50_micros, line.p95_micros, line.p99_micros, line.max_micros].map(millis);
    let counts =
        [line.requests, line.good, line.limited, line.unavailable, line.failures()].map(|count| count.to_string());
    let [requests, good, limited, unavailable, failed] = counts;
    let [p50, p95, p99, max] = times;
    row([name.to_owned(), requests, good, limited, unavailable, failed, p50, p95, p99, max])
}

fn row([name, requests, good, limited, unavailable, failed, p50, p95, p99, max]: [String; 10]) -> String {
    format!(
        "{name:14} {requests:>8} {good:>8} {limited:>6} {unavailable:>6} {failed:>6} {p50:>10} {p95:>10} {p99:>10} {max:>10}"
    )
}
