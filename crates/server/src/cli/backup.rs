//! `superapp backup …`: what a person or a program sees of a backup.

use super::{Backup, CliError, End, runtime, say, say_error};
use crate::app::{backup_directory, database_options, location};
use crate::clock::Clock;
use crate::config::Config;
use crate::store::backup::{self, BackupError, Progress, Verified, Watch};
use crate::store::{Location, Options};
use anyhow::{anyhow, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) fn run(command: Backup, config: &Config, data_dir: &Path) -> Result<End, CliError> {
    let location = location(config, data_dir)?;
    let options = database_options(config, &location);
    let now = Clock::System.now();
    Ok(match command {
        Backup::Create { to, keep, json } => {
            let database = file_of(location)?;
            if !database.exists() {
                let next = "start one with `superapp serve`, or name another with --data-dir";
                return Err(anyhow!("there is no database here; {next}").into());
            }
            let directory = to.unwrap_or_else(|| backup_directory(config, data_dir));
            let made = backup::create(&database, &directory, &options, now, watch(json));
            let (file, verified) = runtime()?.block_on(made).map_err(explain)?;
            let end = told(&file, &verified, json)?;
            if let (End::Done, Some(keep)) = (end, keep) {
                let deleted = backup::prune(&directory, keep.get()).map_err(explain)?;
                say_error(&format!("{deleted} older backups were deleted"));
            }
            end
        }
        Backup::Verify { file, json } => {
            let verified = verify(&file, &options, json)?;
            told(&file, &verified, json)?
        }
        Backup::Restore { file, force } => {
            let database = file_of(location)?;
            let restored = backup::restore(&file, (&database, force), &options, now, watch(false));
            let (verified, aside) = runtime()?.block_on(restored).map_err(explain)?;
            say(&format!("restored {}: {}", file.display(), extent(&verified)))?;
            if let Some(aside) = aside {
                say(&format!("what was there is at {} now; delete it once you do not need it", aside.display()))?;
            }
            say("what was acknowledged after the backup is not in it; `superapp serve` starts on it")?;
            End::Done
        }
    })
}

fn verify(file: &Path, options: &Options, json: bool) -> anyhow::Result<Verified> {
    runtime()?.block_on(backup::verify(file, options, Clock::System.now(), watch(json))).map_err(explain)
}

fn file_of(location: Location) -> anyhow::Result<PathBuf> {
    match location {
        Location::Sqlite(path) => Ok(path),
        Location::Postgres(_) => {
            bail!("PostgreSQL is backed up with its own tools, pg_dump or an archive of its log: see docs/postgres.md")
        }
    }
}

fn explain(error: BackupError) -> anyhow::Error {
    let next = match &error {
        BackupError::File { .. } => "check that it is there, that there is room, and whose it is",
        BackupError::Exists(_) => "wait a second",
        BackupError::Unsound(_) => "`superapp backup verify` says all of it; take an older one",
        BackupError::Occupied(_) | BackupError::InUse(_) => "then run the same command again",
        _ => "`superapp backup verify` on another backup helps to tell a broken file from a broken machine",
    };
    anyhow!("{:#}; {next}", anyhow::Error::from(error))
}

/// A bar on a terminal, and lines elsewhere. On standard error, because standard output is for the result.
fn watch(quiet: bool) -> Watch {
    if quiet {
        return Arc::new(|_| ());
    }
    let style = ProgressStyle::with_template("{msg:24} {wide_bar} {percent:>3} %");
    let bar = std::io::stderr().is_terminal().then(|| {
        ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr())
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
    });
    Arc::new(move |progress| match (&bar, progress) {
        (Some(bar), Progress::Copying(done, of)) => {
            bar.set_message("copying");
            bar.set_length(of);
            bar.set_position(done);
        }
        (Some(bar), Progress::Checking(code, number, of)) => {
            bar.set_message(code);
            bar.set_length(u64::try_from(of).unwrap_or_default());
            bar.set_position(u64::try_from(number).unwrap_or_default());
        }
        (None, Progress::Copying(done, of)) if done == of => say_error(&format!("copied {of} pages")),
        (None, Progress::Copying(..)) => {}
        (None, Progress::Checking(code, number, of)) => say_error(&format!("[{number}/{of}] {code}")),
    })
}

fn extent(verified: &Verified) -> String {
    let extent = &verified.extent;
    format!("{} wallets, {} transactions, {} entries", extent.wallets, extent.transactions, extent.entries)
}

fn told(file: &Path, verified: &Verified, json: bool) -> anyhow::Result<End> {
    let end = if verified.is_sound() { End::Done } else { End::Failed };
    if json {
        let found = verified.found.iter().map(|found| json!({ "code": found.code(), "detail": found.to_string() }));
        say(&serde_json::to_string_pretty(&json!({
            "file": file.display().to_string(),
            "sound": verified.is_sound(),
            "damage": verified.damage,
            "discrepancies": found.collect::<Vec<_>>(),
            "wallets": verified.extent.wallets,
            "transactions": verified.extent.transactions,
            "entries": verified.extent.entries,
        }))?)?;
        return Ok(end);
    }
    verified.damage.iter().try_for_each(|line| say(&format!("damaged: {line}")))?;
    verified.found.iter().try_for_each(|found| say(&format!("{}: {found}", found.code())))?;
    match end {
        End::Done => say(&format!("sound: {}; {}; every check passed", file.display(), extent(verified)))?,
        End::Failed => say(&format!("not sound: {}; do not rely on it, and see docs/running.md", file.display()))?,
    }
    Ok(end)
}
