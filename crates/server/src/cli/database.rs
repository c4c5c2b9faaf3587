//! `superapp migrate …` and `superapp reconcile`.

use super::{End, Migrate, existing_database, indexes, runtime, say, say_error};
use crate::app::{database_options, location};
use crate::clock::Clock;
use crate::config::Config;
use crate::store::migrations::{MIGRATIONS, Migrator};
use crate::store::reconciliation::{self, CHECKS, Extent};
use crate::store::{Database, StoreError, View};
use anyhow::{Context, bail};
use domain::reconciliation::Discrepancy;
use domain::timestamp::Timestamp;
use serde_json::json;
use std::io::{BufRead, IsTerminal};
use std::path::Path;

pub(super) fn migrate(migrate: Migrate, config: &Config, data_dir: &Path) -> anyhow::Result<End> {
    let location = match migrate {
        Migrate::Validate { .. } => existing_database(config, data_dir)?,
        _ => location(config, data_dir)?,
    };
    let migrator = Migrator::open(&location, &database_options(config, &location))?;
    match migrate {
        Migrate::Up => {
            let applied = migrator.up(Clock::System.now())?;
            applied.iter().try_for_each(|name| say(&format!("applied {name}")))?;
            if applied.is_empty() {
                say("nothing to apply: the schema is up to date")?;
            }
        }
        Migrate::Down { steps, yes } => {
            if !yes && !confirmed(steps)? {
                bail!("nothing was undone; add --yes to undo without being asked");
            }
            let undone = migrator.down(steps)?;
            undone.iter().try_for_each(|name| say(&format!("undid {name}")))?;
            if undone.is_empty() {
                say("nothing to undo: the schema is empty")?;
            }
        }
        Migrate::Status { json } => status(&migrator, json)?,
        Migrate::Validate { repair, json } => return indexes::validate(&migrator, repair, json),
    }
    Ok(End::Done)
}

fn status(migrator: &Migrator, json: bool) -> anyhow::Result<()> {
    let applied = migrator.applied()?;
    let of = |version: i64| applied.iter().find(|applied| applied.version == version);
    let at = |at: Timestamp| jiff::Timestamp::from_microsecond(at.as_micros()).map(|at| at.to_string()).ok();
    if json {
        let row = |migration: &crate::store::migrations::Migration| json!({ "name": migration.name, "applied_at": of(migration.version).and_then(|applied| at(applied.applied_at)) });
        let rows: Vec<_> = MIGRATIONS.iter().map(row).collect();
        return say(&serde_json::to_string_pretty(&json!({ "migrations": rows }))?);
    }
    for migration in MIGRATIONS {
        let state = of(migration.version).and_then(|applied| at(applied.applied_at));
        say(&format!("{:30} {}", migration.name, state.as_deref().unwrap_or("pending")))?;
    }
    Ok(())
}

fn confirmed(steps: usize) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    say_error(&format!("This undoes {steps} migration(s) and deletes all data in their tables. Type `yes` to go on:"));
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim() == "yes")
}

/// What a reconciliation found.
#[derive(Debug, Default)]
struct Report {
    extent: Extent,
    found: Vec<Discrepancy>,
}

pub(super) fn reconcile(config: &Config, data_dir: &Path, json: bool) -> anyhow::Result<End> {
    let location = existing_database(config, data_dir)?;
    let options = database_options(config, &location);
    Migrator::open(&location, &options)?.check()?;
    let now = Clock::System.now();
    let report = runtime()?.block_on(async move {
        let database = Database::open(&location, &options)?;
        let report = database.read(move |view| look(view, now, !json)).await.context("the ledger cannot be read")?;
        database.close().await;
        anyhow::Ok(report)
    })?;
    if json {
        print_json(&report)?;
    } else {
        print_text(&report)?;
    }
    Ok(if report.found.is_empty() { End::Done } else { End::Failed })
}

/// Every check, in one snapshot.
fn look(view: &View<'_>, now: Timestamp, progress: bool) -> Result<Report, StoreError> {
    let mut report = Report { extent: reconciliation::extent(view)?, found: Vec::new() };
    for (index, (code, check)) in CHECKS.iter().enumerate() {
        if progress {
            say_error(&format!("[{}/{}] {code}", index + 1, CHECKS.len()));
        }
        report.found.extend(check(view, now)?);
    }
    Ok(report)
}

fn print_json(Report { extent, found }: &Report) -> anyhow::Result<()> {
    let line = |discrepancy: &Discrepancy| json!({ "code": discrepancy.code(), "detail": discrepancy.to_string() });
    say(&serde_json::to_string_pretty(&json!({
        "clean": found.is_empty(),
        "wallets": extent.wallets,
        "transactions": extent.transactions,
        "entries": extent.entries,
        "discrepancies": found.iter().map(line).collect::<Vec<_>>(),
    }))?)
}

fn print_text(Report { extent, found }: &Report) -> anyhow::Result<()> {
    for discrepancy in found {
        say(&format!("{}: {discrepancy}", discrepancy.code()))?;
    }
    let Extent { wallets, transactions, entries } = extent;
    let looked = format!("{wallets} wallets, {transactions} transactions, {entries} entries");
    match found.len() {
        0 => say(&format!("clean: {looked}; every check passed")),
        count => say(&format!("{count} discrepancies in {looked}; nothing was changed")),
    }
}
