//! The report as one page that needs nothing else: no script, no font, no picture from elsewhere. Pure.

mod chart;

use super::progress::millis;
use super::report::{Line, Reconciliation, Report};
use std::fmt::Write;

/// Colours of paper and of a dark screen; charts take theirs from here.
const STYLE: &str = include_str!("html/style.css");

/// The page.
#[must_use]
pub fn page(report: &Report) -> String {
    let mut page = String::new();
    let title = format!("Load test: {}", report.profile);
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>{0}</title>\n<style>{STYLE}</style></head>\n<body><main>\n\
         <h1>{0}</h1>\n",
        escaped(&title)
    );
    page.push_str(&head(report));
    page.push_str(&cards(report));
    if !report.seconds.is_empty() {
        page.push_str(
            "<h2>Over time</h2>\n<p class=\"note\">All requests but sign-in, by the second they were due in.</p>\n",
        );
        page.push_str(&chart::arrivals(report));
        page.push_str(&chart::latency(report));
    }
    if !report.limit_steps.is_empty() {
        page.push_str("<h2>Rates that were tried</h2>\n");
        page.push_str(&limits(report));
    }
    if !report.scenarios.is_empty() {
        page.push_str("<h2>By scenario</h2>\n");
        page.push_str(&chart::scenarios(report));
        page.push_str(&scenarios(report));
        page.push_str("<h2>By phase</h2>\n");
        page.push_str(&phases(report));
        page.push_str("<h2>By route</h2>\n");
        let rows = report.routes.iter().map(|(route, line)| row(&format!("<code>{}</code>", escaped(route)), line, ""));
        page.push_str(&table("route", "", &rows.collect::<Vec<_>>()));
    }
    page.push_str(&foot(report));
    page.push_str("</main></body></html>\n");
    page
}

/// A text that is no markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn head(report: &Report) -> String {
    let accounts: Vec<_> = report.accounts.iter().map(|(tier, count)| format!("{count} {tier}")).collect();
    let (class, verdict) = if report.passed { ("good", "Passed") } else { ("bad", "Failed") };
    let began = jiff::Timestamp::from_microsecond(report.began_at_micros).unwrap_or_default();
    let began = began.strftime("%Y-%m-%d %H:%M:%S").to_string();
    format!(
        "<p><span class=\"verdict {class}\">{verdict}</span> <span class=\"note\">{} UTC, superapp {} at {}, accounts: {}\
         </span></p>\n",
        escaped(&began),
        escaped(&report.version),
        escaped(&report.target),
        accounts.join(", "),
    )
}

/// The few figures that somebody in a hurry reads.
fn cards(report: &Report) -> String {
    let usual = || report.scenarios.iter().filter(|scenario| scenario.name != "sign-in");
    let worst = |of: fn(&Line) -> u64| usual().map(|scenario| of(&scenario.line)).max().unwrap_or_default();
    let sum = |of: fn(&Line) -> u64| report.scenarios.iter().map(|scenario| of(&scenario.line)).sum::<u64>();
    let failed = sum(|line| line.failed.values().sum());
    let mut cards = Vec::new();
    if let Some(limit) = report.limit {
        cards.push((format!("{limit}/s"), "the highest rate that was good"));
    }
    if report.arrivals > 0 {
        cards.push((report.arrivals.to_string(), "visitors"));
        cards.push((sum(|line| line.good).to_string(), "requests answered as they must be"));
        cards.push((failed.to_string(), "requests failed"));
        cards.push((millis(worst(|line| line.p99_micros)), "p99 of the slowest scenario but sign-in"));
        cards.push((sum(|line| line.limited).to_string(), "requests over somebody's limit (429)"));
    }
    let ledger = match &report.reconciliation {
        Reconciliation::Clean(_) => "clean",
        Reconciliation::Skipped => "not looked at",
        Reconciliation::Discrepancies(_) => "does not add up",
        Reconciliation::Failed(_) => "unknown",
    };
    cards.push((ledger.to_owned(), "the ledger afterwards"));
    let cards = cards.iter().map(|(figure, what)| format!("<div><b>{figure}</b><span>{what}</span></div>"));
    format!("<div class=\"cards\">{}</div>\n", cards.collect::<String>())
}

fn row(name: &str, line: &Line, more: &str) -> String {
    let failed: u64 = line.failed.values().sum();
    let counts = [line.requests, line.good, line.limited, line.unavailable, failed];
    let times = [line.p50_micros, line.p95_micros, line.p99_micros, line.max_micros].map(millis);
    let cells = counts.iter().map(ToString::to_string).chain(times).map(|cell| format!("<td>{cell}</td>"));
    format!("<tr><th>{name}</th>{}{more}</tr>\n", cells.collect::<String>())
}

fn table(first: &str, more: &str, rows: &[String]) -> String {
    format!(
        "<div class=\"wide\"><table><thead><tr><th>{first}</th><th>requests</th><th>good</th><th>429</th><th>503</th>\
         <th>failed</th><th>p50</th><th>p95</th><th>p99</th><th>max</th>{more}</tr></thead>\n<tbody>{}</tbody></table></div>\n",
        rows.concat()
    )
}

fn scenarios(report: &Report) -> String {
    let rows = report.scenarios.iter().map(|scenario| {
        let limits = &scenario.thresholds;
        let kept = match scenario.broken.as_slice() {
            [] => format!(
                "<td class=\"good\">p95 &lt; {}, p99 &lt; {}</td>",
                millis(limits.p95_micros),
                millis(limits.p99_micros)
            ),
            broken => format!("<td class=\"bad\">{}</td>", escaped(&broken.join("; "))),
        };
        row(scenario.name, &scenario.line, &kept)
    });
    let mut text = table("scenario", "<th>thresholds</th>", &rows.collect::<Vec<_>>());
    let kinds = report.scenarios.iter().flat_map(|scenario| {
        scenario
            .line
            .failed
            .iter()
            .map(|(kind, count)| format!("<li>{}: {count} × {}</li>", scenario.name, escaped(kind)))
    });
    let kinds: String = kinds.collect();
    if !kinds.is_empty() {
        let _ = writeln!(text, "<p>What failed:</p><ul>{kinds}</ul>");
    }
    text
}

fn phases(report: &Report) -> String {
    let rows = report.phases.iter().map(|phase| {
        let rate =
            if phase.from == phase.to { format!("{}/s", phase.to) } else { format!("{}–{}/s", phase.from, phase.to) };
        let name = format!("{} <span class=\"note\">{} s, {rate}</span>", phase.name, phase.seconds);
        row(&name, &phase.requests, &format!("<td>{}</td>", millis(phase.sign_in.p99_micros)))
    });
    table("phase", "<th>sign-in p99</th>", &rows.collect::<Vec<_>>())
}

fn limits(report: &Report) -> String {
    let rows = report.limit_steps.iter().map(|step| {
        let verdict = if step.good { "<td class=\"good\">good</td>" } else { "<td class=\"bad\">too much</td>" };
        row(&format!("{}/s", step.rate), &step.line, verdict)
    });
    table("arrivals", "<th></th>", &rows.collect::<Vec<_>>())
}

fn foot(report: &Report) -> String {
    format!(
        "<h2>How to read it</h2>\n<p class=\"note\">An open loop: each visitor comes at a moment that was fixed before the run, \
         whether or not those before were answered, and a time counts from that moment. A server that stalls shows it in every \
         request that came meanwhile. A 429 is the limit of a free account, and neither good nor a failure. Signing in takes as \
         long as a password's hash, on purpose, and has thresholds of its own. The latest visitor was let go {} late. \
         Ledger: {}. The same arrivals again: <code>--seed {}</code>.</p>\n",
        millis(report.late_micros),
        escaped(&report.reconciliation()),
        report.seed
    )
}

#[cfg(test)]
mod tests;
