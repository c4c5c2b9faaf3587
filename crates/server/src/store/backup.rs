//! Backups of an SQLite file: a copy of one moment, made beside a running server, that counts once it was restored
//! somewhere, opened as a server opens it, and found to add up. PostgreSQL has its own backups.

use super::migrations::{MigrationError, Migrator};
use super::reconciliation::{CHECKS, Extent, extent};
use super::sqlite::{Connection, snapshot};
use super::{Database, Location, OpenError, Options, StoreError, View};
use domain::reconciliation::Discrepancy;
use domain::timestamp::Timestamp;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

const PREFIX: &str = "superapp-";
const SUFFIX: &str = ".db";
/// Such as 20270115T080000Z.
const MOMENT: &str = "%Y%m%dT%H%M%SZ";
const MOMENT_CHARACTERS: usize = 16;

/// Why there is no backup, or none that can be used.
#[derive(Debug, Error)]
pub enum BackupError {
    /// A file or a directory.
    #[error("{what} cannot be read or written")]
    File {
        /// Which one.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// A file that is no database, or cannot be opened as one.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The schema of the copy.
    #[error(transparent)]
    Schema(#[from] MigrationError),
    /// The copy cannot be read.
    #[error("the copy cannot be read")]
    Store(#[from] StoreError),
    /// Two in the same second.
    #[error("there is a backup of this second already: {0}")]
    Exists(String),
    /// A restore would overwrite what is there.
    #[error("there is a database at {0}; `--force` sets it aside")]
    Occupied(String),
    /// A server runs on the file that is to be replaced.
    #[error("{0} is in use; stop the server on it first")]
    InUse(String),
    /// A backup that is not restored, because it is damaged or does not add up.
    #[error("the backup is not sound, and nothing was restored: {0}")]
    Unsound(String),
}

type Done<T> = Result<T, BackupError>;

/// How far it is.
#[derive(Clone, Copy, Debug)]
pub enum Progress {
    /// Pages of the file that are copied, of all.
    Copying(u64, u64),
    /// The name of the check that begins, its number, and how many there are.
    Checking(&'static str, usize, usize),
}

/// Who hears about it. Checks run on another thread.
pub type Watch = Arc<dyn Fn(Progress) + Send + Sync>;

/// What was seen in a restored copy.
#[derive(Debug, Default)]
pub struct Verified {
    /// What is wrong with its pages. If something is, nothing else was looked at.
    pub damage: Vec<String>,
    /// What it holds.
    pub extent: Extent,
    /// What does not add up.
    pub found: Vec<Discrepancy>,
}

impl Verified {
    /// Whether it can be relied on.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.damage.is_empty() && self.found.is_empty()
    }

    fn complaint(&self) -> String {
        let damage = self.damage.iter().cloned();
        damage.chain(self.found.iter().map(ToString::to_string)).take(3).collect::<Vec<_>>().join("; ")
    }
}

fn on(what: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let what = what.display().to_string();
    move |source| BackupError::File { what, source }
}

/// Makes a backup in `directory`, verifies it, and only then gives it its name. One that is not sound keeps the name of
/// a draft, for whoever has to look into it.
///
/// # Errors
/// [`BackupError`].
pub async fn create(
    database: &Path,
    directory: &Path,
    options: &Options,
    now: Timestamp,
    watch: Watch,
) -> Done<(PathBuf, Verified)> {
    make_directory(directory)?;
    let name = format!("{PREFIX}{}{SUFFIX}", moment(now));
    let (draft, file) = (directory.join(format!(".{name}.draft")), directory.join(name));
    if file.exists() || draft.exists() {
        return Err(BackupError::Exists(file.display().to_string()));
    }
    snapshot::copy(database, &draft, &mut |done, of| watch(Progress::Copying(done, of)))?;
    let verified = verify(&draft, options, now, watch).await?;
    if !verified.is_sound() {
        return Ok((draft, verified));
    }
    fs::rename(&draft, &file).map_err(on(&file))?;
    sync_directory(directory)?;
    Ok((file, verified))
}

/// Restores a backup beside itself, opens it as a server does, with every migration, and recomputes its ledger. The file
/// stays as it is.
///
/// # Errors
/// [`BackupError`].
pub async fn verify(file: &Path, options: &Options, now: Timestamp, watch: Watch) -> Done<Verified> {
    File::open(file).map_err(on(file))?;
    let damage = snapshot::damage(file)?;
    if !damage.is_empty() {
        return Ok(Verified { damage, ..Verified::default() });
    }
    let scratch = Scratch::beside(file)?;
    let copy = scratch.0.join("superapp.db");
    copy_file(file, &copy)?;
    let location = Location::Sqlite(copy);
    Migrator::open(&location, options)?.up(now)?;
    let database = Database::open(&location, options)?;
    let looked = database.read(move |view| look(view, now, &watch)).await;
    database.close().await;
    Ok(looked?)
}

fn look(view: &View<'_>, now: Timestamp, watch: &Watch) -> Result<Verified, StoreError> {
    let mut verified = Verified { extent: extent(view)?, ..Verified::default() };
    for (number, (code, check)) in (1..).zip(CHECKS) {
        watch(Progress::Checking(code, number, CHECKS.len()));
        verified.found.extend(check(view, now)?);
    }
    Ok(verified)
}

/// Puts a backup in the place of `database`. What is there is set aside under another name, which is told; with `force`
/// only. A backup that is not sound is not restored.
///
/// # Errors
/// [`BackupError`]: then everything is as it was.
pub async fn restore(
    file: &Path,
    (database, force): (&Path, bool),
    options: &Options,
    now: Timestamp,
    watch: Watch,
) -> Done<(Verified, Option<PathBuf>)> {
    let shown = || database.display().to_string();
    if database.exists() && !force {
        return Err(BackupError::Occupied(shown()));
    }
    let verified = verify(file, options, now, watch).await?;
    if !verified.is_sound() {
        return Err(BackupError::Unsound(verified.complaint()));
    }
    let directory = database.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_directory(directory)?;
    let draft = sibling(database, "restoring");
    // What an earlier restore left that was cut short.
    let _ = fs::remove_file(&draft);
    copy_file(file, &draft)?;
    let aside = sibling(database, &format!("before-{}", moment(now)));
    let old = if database.exists() {
        let alone = Connection::open_alone(database)?.ok_or_else(|| BackupError::InUse(shown()))?;
        // The old file is whole without its log, which would not fit the new one.
        alone.script("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE;")?;
        fs::rename(database, &aside).map_err(on(database))?;
        Some((aside, alone))
    } else {
        None
    };
    fs::rename(&draft, database).map_err(on(database))?;
    sync_directory(directory)?;
    Ok((verified, old.map(|(aside, _)| aside)))
}

/// The moment of the newest backup of a directory, if it has one.
#[must_use]
pub fn newest(directory: &Path) -> Option<Timestamp> {
    backups(directory).ok()?.last().and_then(|(at, _)| *at)
}

/// Deletes all but the newest `keep` backups. Says how many were deleted.
///
/// # Errors
/// If a file cannot be deleted.
pub fn prune(directory: &Path, keep: usize) -> Done<usize> {
    let backups = backups(directory).map_err(on(directory))?;
    let old = backups.len().saturating_sub(keep);
    for (_, path) in backups.iter().take(old) {
        fs::remove_file(path).map_err(on(path))?;
    }
    Ok(old)
}

/// The backups of a directory, oldest first: their names are moments.
fn backups(directory: &Path) -> io::Result<Vec<(Option<Timestamp>, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let moment = name.strip_prefix(PREFIX).and_then(|name| name.strip_suffix(SUFFIX));
        if let Some(moment) = moment.filter(|moment| moment.len() == MOMENT_CHARACTERS) {
            let at = jiff::civil::DateTime::strptime(MOMENT, moment);
            let at = at.and_then(|at| jiff::tz::TimeZone::UTC.to_timestamp(at));
            found.push((at.ok().map(|at| Timestamp::from_micros(at.as_microsecond())), path));
        }
    }
    found.sort();
    Ok(found)
}

fn moment(now: Timestamp) -> String {
    let now = jiff::Timestamp::from_microsecond(now.as_micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    now.strftime(MOMENT).to_string()
}

/// A file beside another one.
fn sibling(file: &Path, what: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(what);
    name.into()
}

/// For its owner alone, as everything that holds a ledger.
fn make_directory(directory: &Path) -> Done<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(on(directory))
}

fn copy_file(from: &Path, to: &Path) -> Done<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut source = File::open(from).map_err(on(from))?;
    let mut target = File::options().write(true).create_new(true).mode(0o600).open(to).map_err(on(to))?;
    io::copy(&mut source, &mut target).map_err(on(to))?;
    target.sync_all().map_err(on(to))
}

fn sync_directory(directory: &Path) -> Done<()> {
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(on(directory))
}

/// A directory that is gone with its value.
struct Scratch(PathBuf);

impl Scratch {
    fn beside(file: &Path) -> Done<Self> {
        let directory = sibling(file, &format!("verify-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        make_directory(&directory)?;
        Ok(Self(directory))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
