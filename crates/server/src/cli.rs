//! The command line: one binary, one subcommand to a role. Errors end with what helps.

mod accounts;
mod backup;
mod copy;
mod database;
mod health;
mod indexes;
mod loadtest;
mod serve;
mod settings;

use crate::app::location;
use crate::config::{Config, ConfigError, Sources};
use crate::store::Location;
use clap::{Args, Parser, Subcommand};
use secrecy::SecretString;
use std::io::Write;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

/// A self-hosted backend for apps in which fans pay creators.
#[derive(Debug, Parser)]
#[command(name = "superapp", version, about, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Args, Clone, Debug)]
struct Global {
    /// Where the database file and the secrets are kept.
    #[arg(long, global = true, value_name = "DIR", env = "SUPERAPP_DATA_DIR", default_value = "./data")]
    data_dir: PathBuf,
    /// A settings file; `superapp.toml` in the working directory if there is one.
    #[arg(long, global = true, value_name = "FILE", env = "SUPERAPP_CONFIG")]
    config: Option<PathBuf>,
}

#[derive(Args, Clone, Debug, Default)]
struct Serve {
    /// Where the API listens; overrides `server.listen` and PORT.
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API (the default).
    Serve(Serve),
    /// Ask the server that runs here whether it is ready: exit code 0 or 1.
    Health(Serve),
    /// Change or show the version of the schema.
    #[command(subcommand)]
    Migrate(Migrate),
    /// Recompute the whole ledger and name everything that does not add up.
    Reconcile {
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Move everything from one database to another, and compare the two.
    Copy(Copy),
    /// Back up the SQLite file, beside a running server, and put a backup in its place.
    #[command(subcommand)]
    Backup(Backup),
    /// Load a server as visitors would, and report how it bore it.
    #[command(name = "loadtest")]
    LoadTest(Box<loadtest::LoadTest>),
    /// Manage accounts.
    #[command(subcommand)]
    Admin(Admin),
    /// Show or check the settings.
    #[command(subcommand)]
    Config(Settings),
    /// Print the version.
    Version,
}

#[derive(Args, Debug)]
struct Copy {
    /// What is copied: sqlite:PATH, or postgres://USER:PASSWORD@HOST/DATABASE. Stop the server on it first.
    #[arg(long, value_name = "URL", env = "SUPERAPP_COPY_FROM", hide_env_values = true)]
    from: SecretString,
    /// Where to: a new, empty database, or what a copy that was cut short left.
    #[arg(long, value_name = "URL", env = "SUPERAPP_COPY_TO", hide_env_values = true)]
    to: SecretString,
    /// For programs.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Backup {
    /// Make a backup, restore it in a scratch directory, and recompute its ledger. The server may run meanwhile.
    Create {
        /// Where to; `backup.directory` of the settings without it.
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
        /// Delete all but so many of the newest backups there, once this one is sound.
        #[arg(long, value_name = "COUNT")]
        keep: Option<NonZeroUsize>,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Restore a backup in a scratch directory, and recompute its ledger.
    Verify {
        /// The backup.
        file: PathBuf,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Verify a backup and put it in the place of the database. Stop the server first.
    Restore {
        /// The backup.
        file: PathBuf,
        /// Set a database that is there aside, under another name.
        #[arg(long)]
        force: bool,
    },
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Migrate {
    /// Apply every pending migration.
    Up,
    /// Undo the newest migration, with all data that it holds.
    Down {
        /// How many to undo.
        #[arg(long, default_value_t = 1)]
        steps: usize,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// List the migrations.
    Status {
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Check that each index is there, and that the query that it is for uses it.
    Validate {
        /// Make the indexes that are missing first.
        #[arg(long)]
        repair: bool,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
enum Admin {
    /// Make an administrator.
    Create {
        /// The e-mail address to sign in with.
        #[arg(long)]
        email: String,
        /// A public name.
        #[arg(long)]
        username: Option<String>,
        /// Read the password from standard input, without its last newline.
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Give an account another tier, and so another rate limit.
    SetTier {
        /// The e-mail address of the account.
        #[arg(long)]
        email: String,
        /// free, premium, creator or admin.
        #[arg(long)]
        tier: String,
    },
    /// Let an account sign in again, after 100 wrong passwords in a row.
    Unlock {
        /// The e-mail address of the account.
        #[arg(long)]
        email: String,
    },
    /// Give an account another role.
    SetRole {
        /// The e-mail address of the account.
        #[arg(long)]
        email: String,
        /// user, creator or admin.
        #[arg(long)]
        role: String,
    },
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Settings {
    /// Every setting with its value; secrets are masked.
    Print {
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Check the settings, as `serve` does at its start.
    Check,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    /// As asked.
    Done,
    /// It ran, and the answer is no.
    Failed,
}

/// Why a command did not run.
#[derive(Debug, thiserror::Error)]
enum CliError {
    /// The settings or the arguments are wrong: exit code 2.
    #[error(transparent)]
    Use(#[from] ConfigError),
    /// Anything else: exit code 1.
    #[error("{0:#}")]
    Failed(#[from] anyhow::Error),
}

/// Runs the command line and says how it ended: 0 done, 1 failed, 2 wrong use.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(End::Done) => ExitCode::SUCCESS,
        Ok(End::Failed) => ExitCode::from(1),
        Err(error) => {
            let (code, hint) = match &error {
                CliError::Use(ConfigError::Invalid { key, .. }) if key.starts_with("--") => {
                    (2, "`superapp help COMMAND` explains the arguments")
                }
                CliError::Use(_) => {
                    (2, "`superapp config print` shows every setting, `superapp config check` checks them")
                }
                CliError::Failed(_) => (1, "`superapp help` lists the commands"),
            };
            say_error(&format!("error: {error}\n  hint: {hint}"));
            ExitCode::from(code)
        }
    }
}

fn run(cli: Cli) -> Result<End, CliError> {
    let global = cli.global;
    let sources = Sources::from_process(global.config.as_deref())?;
    match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Version => {
            say(&format!("superapp {}", env!("CARGO_PKG_VERSION")))?;
            Ok(End::Done)
        }
        Command::Config(settings) => settings::run(settings, &sources),
        Command::LoadTest(arguments) => loadtest::run(*arguments),
        Command::Serve(serve) => {
            let mut config = sources.load()?;
            config.server.listen = serve.listen.unwrap_or(config.server.listen);
            let _telemetry = crate::telemetry::start(&config)?;
            Ok(serve::run(config, &global.data_dir)?)
        }
        Command::Health(at) => Ok(health::run(at.listen.unwrap_or(sources.load()?.server.listen))?),
        Command::Migrate(migrate) => Ok(database::migrate(migrate, &sources.load()?, &global.data_dir)?),
        Command::Reconcile { json } => Ok(database::reconcile(&sources.load()?, &global.data_dir, json)?),
        Command::Backup(command) => backup::run(command, &sources.load()?, &global.data_dir),
        Command::Copy(copy) => copy::run(&copy, &sources.load()?),
        Command::Admin(admin) => Ok(accounts::run(admin, sources.load()?, &global.data_dir)?),
    }
}

/// The database of the settings, if there is one already: a file is not made by asking about it.
fn existing_database(config: &Config, data_dir: &std::path::Path) -> anyhow::Result<Location> {
    let location = location(config, data_dir)?;
    match &location {
        Location::Sqlite(path) if !path.exists() => {
            anyhow::bail!("there is no database here; start one with `superapp serve`, or name another with --data-dir")
        }
        _ => Ok(location),
    }
}

/// A line on standard output: what was asked for.
fn say(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout().lock(), "{line}").map_err(Into::into)
}

/// A line on standard error: progress and complaints. There is nobody to tell if it fails.
fn say_error(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
