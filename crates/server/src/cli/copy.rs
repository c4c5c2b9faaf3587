//! `superapp copy`: what a person or a program sees of a copy from one database to another.

use super::{CliError, Copy, End, say, say_error};
use crate::app::database_options;
use crate::clock::{Clock, stopwatch};
use crate::config::{Config, ConfigError, DatabaseUrl};
use crate::store::Location;
use crate::store::copy::{self, Compared, CopyError, Progress, Report};
use anyhow::anyhow;
use domain::reconciliation::Discrepancy;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Where nobody can watch a bar, a table that takes longer says so this often.
const LINE_EVERY: Duration = Duration::from_secs(5);

pub(super) fn run(arguments: &Copy, config: &Config) -> Result<End, CliError> {
    let from = Location::from(DatabaseUrl::parse("--from", &arguments.from)?);
    let to = Location::from(DatabaseUrl::parse("--to", &arguments.to)?);
    if arguments.from.expose_secret() == arguments.to.expose_secret() {
        let problem = format!("must be another database than --from, and both are {from}");
        return Err(ConfigError::Invalid { key: "--to", problem }.into());
    }
    if let Location::Sqlite(path) = &from
        && !path.exists()
    {
        return Err(
            anyhow!("there is no database at {from}; name the file of the server with --from sqlite:PATH").into()
        );
    }
    let (of_source, of_target) = (database_options(config, &from), database_options(config, &to));
    let mut display = Display::new();
    let mut watch = |progress| {
        display.show(progress);
        ControlFlow::Continue(())
    };
    let copied = copy::run((&from, &of_source), (&to, &of_target), Clock::System.now(), &mut watch);
    display.end();
    let report = copied.map_err(explain)?;
    if arguments.json {
        say(&serde_json::to_string_pretty(&as_json(&report)).map_err(anyhow::Error::from)?)?;
    } else {
        print_text(&report, &from, &to)?;
    }
    Ok(if report.is_equal() && report.is_clean() { End::Done } else { End::Failed })
}

/// With what helps.
fn explain(error: CopyError) -> CliError {
    let next = match &error {
        CopyError::InUse(_) => "then run the same command again",
        CopyError::NotEmpty(_) | CopyError::OtherSource => "and name it with --to",
        CopyError::Schema(..) => "`superapp migrate status` and `superapp migrate up` on that database help",
        _ => "the same command goes on from where this one ended",
    };
    CliError::Failed(anyhow!("{:#}; {next}", anyhow::Error::from(error)))
}

/// A bar on a terminal, and lines elsewhere. On standard error, because standard output is for the result.
#[derive(Debug)]
struct Display {
    bar: Option<ProgressBar>,
    table: &'static str,
    said: Instant,
}

impl Display {
    fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{msg:32} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}");
            ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr())
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { bar, table: "", said: stopwatch() }
    }

    fn show(&mut self, progress: Progress) {
        let (what, table, rows, of) = match progress {
            Progress::Copying { table, rows, of } => ("copying", table, rows, of),
            Progress::Comparing { table, rows } => ("comparing", table, rows, rows),
            Progress::Reconciling { side } => ("reconciling", side.as_str(), 0, 0),
        };
        if let Some(bar) = &self.bar {
            if self.table != table {
                bar.reset();
            }
            bar.set_length(of.max(rows));
            bar.set_position(rows);
            bar.set_message(format!("{what} {table}"));
        } else if self.table != table || rows >= of || self.said.elapsed() > LINE_EVERY {
            self.said = stopwatch();
            let share = if of == 0 { String::new() } else { format!(": {rows} of {of} rows") };
            say_error(&format!("{what} {table}{share}"));
        }
        self.table = table;
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn as_json(report: &Report) -> Value {
    let table = |table: &Compared| {
        json!({
            "table": table.table,
            "rows": { "source": table.source_rows, "target": table.target_rows },
            "sha256": { "source": table.source_digest, "target": table.target_digest },
            "equal": table.first_difference.is_none(),
        })
    };
    let line = |found: &Discrepancy| json!({ "code": found.code(), "detail": found.to_string() });
    let lines = |found: &[Discrepancy]| found.iter().map(line).collect::<Vec<_>>();
    json!({
        "equal": report.is_equal(),
        "clean": report.is_clean(),
        "copied_rows": report.copied,
        "tables": report.tables.iter().map(table).collect::<Vec<_>>(),
        "discrepancies": { "source": lines(&report.source), "target": lines(&report.target) },
    })
}

fn print_text(report: &Report, from: &Location, to: &Location) -> anyhow::Result<()> {
    for table in &report.tables {
        let digest: String = table.source_digest.chars().take(16).collect();
        let verdict = table.first_difference.map_or_else(
            || format!("equal, SHA-256 {digest}…"),
            |row| format!("DIFFERENT from row {row} on; the target has {} rows", table.target_rows),
        );
        say(&format!("{:22} {:>12} rows  {verdict}", table.table, table.source_rows))?;
    }
    for (side, found) in [("source", &report.source), ("target", &report.target)] {
        found.iter().try_for_each(|found| say(&format!("{side}: {}: {found}", found.code())))?;
    }
    say(&match (report.is_equal(), report.is_clean()) {
        (true, true) => format!("{to} is a copy of {from}: every row is equal, and both ledgers add up"),
        (true, false) => format!("{to} is a copy of {from}: every row is equal, but the ledger did not add up before"),
        (false, _) => format!(
            "{from} has changed since the copy began, or {to} has: empty the target, and copy again with no server \
            running"
        ),
    })
}
