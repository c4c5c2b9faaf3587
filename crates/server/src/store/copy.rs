//! Moves everything from one database to another, whichever kind each is: table by table, in the order of the keys, in
//! bounded batches, and then compares every row. It decides nothing about what the rows mean.
//!
//! A batch is there or not as a whole and rows come in the order of their keys, so the last key of a table of the target
//! says how far the copy of that table is: a copy that was ended in the middle goes on from there.

mod cell;
mod digest;
mod mark;
mod side;
pub mod tables;

pub(super) use mark::is_marked;
pub use side::Role;

use super::connection::Set;
use super::migrations::{MigrationError, Migrator};
use super::reconciliation::CHECKS;
use super::{Location, OpenError, Options, StoreError, Touches, Value};
use cell::Cell;
use digest::{Digest, Summary};
use domain::reconciliation::Discrepancy;
use domain::timestamp::Timestamp;
use side::Side;
use std::ops::ControlFlow;
use tables::{TABLES, Table};
use thiserror::Error;

/// Rows in one commit.
const BATCH_ROWS: usize = 2_000;
/// Bytes in one commit, about.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Why there is no copy.
#[derive(Debug, Error)]
pub enum CopyError {
    /// A database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A schema cannot be brought to the version of this binary, or is not there yet.
    #[error("the schema of the {} cannot be used", .0.as_str())]
    Schema(Role, #[source] MigrationError),
    /// A statement failed. What was copied stays, and the next run goes on from there.
    #[error("a statement failed")]
    Store(#[from] StoreError),
    /// A row cannot be read, or the target does not take it.
    #[error("rows of the table `{0}` cannot be copied; what was copied before them stays")]
    Rows(&'static str, #[source] StoreError),
    /// Somebody else works on it.
    #[error("a server or another command of superapp uses the {}: stop it first", .0.as_str())]
    InUse(Role),
    /// The target has data of its own.
    #[error("the target holds data already, in the table `{0}`: copy into a new, empty database")]
    NotEmpty(String),
    /// The target is half a copy of another database.
    #[error("the target holds a part of a copy of another database: copy into a new, empty database")]
    OtherSource,
    /// Whoever watched had seen enough.
    #[error("the copy was stopped")]
    Stopped,
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
pub enum Progress {
    /// Rows are being copied.
    Copying {
        /// The table.
        table: &'static str,
        /// How many of its rows are there.
        rows: u64,
        /// How many there are to be.
        of: u64,
    },
    /// Rows are being compared.
    Comparing {
        /// The table.
        table: &'static str,
        /// How many rows it has.
        rows: u64,
    },
    /// A ledger is being recomputed.
    Reconciling {
        /// Whose.
        side: Role,
    },
}

/// Hears how far it is after each batch, and may stop it.
pub type Watch<'watch> = dyn FnMut(Progress) -> ControlFlow<()> + 'watch;

/// How one table came out.
#[derive(Clone, Debug)]
pub struct Compared {
    /// Its name.
    pub table: &'static str,
    /// Rows of the source.
    pub source_rows: u64,
    /// Rows of the target.
    pub target_rows: u64,
    /// SHA-256 of the rows of the source, in the order of their keys.
    pub source_digest: String,
    /// The same of the target.
    pub target_digest: String,
    /// The number of a row before the first difference, at most 1 000 rows before it; none if all are equal.
    pub first_difference: Option<u64>,
}

/// How it all came out.
#[derive(Clone, Debug)]
pub struct Report {
    /// Rows that this run copied.
    pub copied: u64,
    /// Every table.
    pub tables: Vec<Compared>,
    /// What does not add up in the source.
    pub source: Vec<Discrepancy>,
    /// What does not add up in the target.
    pub target: Vec<Discrepancy>,
}

impl Report {
    /// Whether every row of every table is the same on both sides.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.tables.iter().all(|table| table.first_difference.is_none())
    }

    /// Whether both ledgers add up.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.source.is_empty() && self.target.is_empty()
    }
}

/// Copies, or goes on with a copy, and compares. Not on a thread of an asynchronous runtime: it waits.
///
/// # Errors
/// [`CopyError`]; what was copied stays, and the target is not served until a run has ended with equal databases.
pub fn run(
    from: (&Location, &Options),
    to: (&Location, &Options),
    now: Timestamp,
    watch: &mut Watch<'_>,
) -> Result<Report, CopyError> {
    Migrator::open(from.0, from.1)
        .and_then(|migrator| migrator.check())
        .map_err(|error| CopyError::Schema(Role::Source, error))?;
    let source = Side::open(Role::Source, from.0, from.1)?;
    let target = open_target(to, now)?;
    claim(&source, &target)?;
    let mut copied = 0_u64;
    source.begin_snapshot()?;
    for index in 0..TABLES.len() {
        copied = copied.saturating_add(copy_table(&source, &target, index, watch)?);
    }
    source.end_snapshot()?;
    // Of a new moment: whatever changed since the copy began is seen.
    let compared = compare(&source, &target, watch)?;
    let [of_source, of_target] = reconcile(&source, &target, now, watch)?;
    source.refuse_company()?;
    let report = Report { copied, tables: compared, source: of_source, target: of_target };
    if report.is_equal() {
        target.analyze()?;
        mark::remove(&target)?;
    }
    Ok(report)
}

/// Opens the target with its schema in place, unless it is somebody else's.
fn open_target((location, options): (&Location, &Options), now: Timestamp) -> Result<Side, CopyError> {
    let target = Side::open(Role::Target, location, options)?;
    let ours = |name: &str| {
        name == mark::TABLE || name == "schema_migrations" || TABLES.iter().any(|table| table.name == name)
    };
    if let Some(foreign) = target.tables()?.into_iter().find(|name| !ours(name)) {
        return Err(CopyError::NotEmpty(foreign));
    }
    // A step needs the database for itself.
    drop(target);
    Migrator::open(location, options)
        .and_then(|migrator| migrator.up(now).map(|_| ()))
        .map_err(|error| CopyError::Schema(Role::Target, error))?;
    Side::open(Role::Target, location, options)
}

/// Marks the target as half a copy of the source; refuses it if it is anything but empty or that already.
fn claim(source: &Side, target: &Side) -> Result<(), CopyError> {
    let identity = mark::identity(source)?;
    let is_marked = mark::is_marked(target.connection())?;
    match if is_marked { mark::read(target)? } else { None } {
        Some(whose) if whose == identity => return Ok(()),
        Some(_) => return Err(CopyError::OtherSource),
        None => {}
    }
    if let Some(table) = target.first_filled()? {
        return Err(CopyError::NotEmpty(table.to_owned()));
    }
    if is_marked {
        // A run that ended between the two statements that make the mark.
        mark::remove(target)?;
    }
    Ok(mark::set(target, &identity)?)
}

/// Rows that wait for their commit.
#[derive(Debug, Default)]
struct Batch {
    cells: Vec<Cell>,
    rows: usize,
    bytes: usize,
}

impl Batch {
    const fn is_full(&self) -> bool {
        self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }
}

/// Copies what of a table is not there yet, and says how many rows that were.
fn copy_table(source: &Side, target: &Side, index: usize, watch: &mut Watch<'_>) -> Result<u64, CopyError> {
    let (Some(table), Some(reads), Some(writes)) =
        (TABLES.get(index), source.texts().get(index), target.texts().get(index))
    else {
        return Ok(0);
    };
    let failed = |error| CopyError::Rows(table.name, error);
    let of = source.number(&reads.count)?;
    let mut there = target.number(&writes.count)?;
    let before = there;
    let last = target.view().query_opt(&writes.last, &[], |row| read_cells(row, table.key.len())).map_err(failed)?;
    let after: Vec<Value<'_>> = match &last {
        Some(key) => values(key, table.key.iter().map(|(_, kind)| *kind)).map_err(failed)?,
        None => Vec::new(),
    };
    let text = if last.is_some() { &reads.after } else { &reads.all };
    let mut batch = Batch::default();
    let mut stopped = false;
    let mut flush = |batch: &mut Batch| {
        if batch.rows == 0 {
            return Ok(true);
        }
        insert(target, table, &writes.insert, batch)?;
        there = there.saturating_add(u64::try_from(batch.rows).unwrap_or_default());
        *batch = Batch::default();
        stopped = watch(Progress::Copying { table: table.name, rows: there, of }).is_break();
        Ok(!stopped)
    };
    let mut take = |row: &super::Row<'_>| {
        let cells = read_cells(row, table.width())?;
        batch.bytes = cells.iter().fold(batch.bytes, |sum, cell| sum.saturating_add(cell.size()));
        batch.rows = batch.rows.saturating_add(1);
        batch.cells.extend(cells);
        if batch.is_full() { flush(&mut batch) } else { Ok(true) }
    };
    source.connection().query(text, &after, &mut take).map_err(failed)?;
    flush(&mut batch).map_err(failed)?;
    target.tidy_up()?;
    if stopped { Err(CopyError::Stopped) } else { Ok(there.saturating_sub(before)) }
}

fn insert(target: &Side, table: &Table, text: &'static str, batch: &Batch) -> Result<(), StoreError> {
    let kinds = table.columns().map(|(_, kind)| kind).cycle();
    let values = values(&batch.cells, kinds)?;
    let otherwise = StoreError::Broken("a batch touched another number of rows");
    let touches = Touches { rows: batch.rows, otherwise };
    target.write(|connection| connection.execute_each_exactly(text, Set::of(&values, table.width()), touches))
}

fn read_cells(row: &super::Row<'_>, count: usize) -> Result<Vec<Cell>, StoreError> {
    (0..count).map(|column| row.get(column)).collect()
}

fn values(cells: &[Cell], kinds: impl Iterator<Item = tables::Kind>) -> Result<Vec<Value<'_>>, StoreError> {
    let values: Option<Vec<_>> = cells.iter().zip(kinds).map(|(cell, kind)| cell.value(kind)).collect();
    values.ok_or(StoreError::Broken("a value is not of the kind of its column"))
}

fn compare(source: &Side, target: &Side, watch: &mut Watch<'_>) -> Result<Vec<Compared>, CopyError> {
    let mut compared = Vec::with_capacity(TABLES.len());
    source.begin_snapshot()?;
    target.begin_snapshot()?;
    for (index, table) in TABLES.iter().enumerate() {
        let of = |side| digest(side, table, index).map_err(|error| CopyError::Rows(table.name, error));
        let (ours, theirs) = (of(source)?, of(target)?);
        if watch(Progress::Comparing { table: table.name, rows: ours.rows }).is_break() {
            return Err(CopyError::Stopped);
        }
        compared.push(Compared {
            table: table.name,
            source_rows: ours.rows,
            target_rows: theirs.rows,
            source_digest: ours.hex(),
            target_digest: theirs.hex(),
            first_difference: ours.first_difference(&theirs),
        });
    }
    source.end_snapshot()?;
    target.end_snapshot()?;
    Ok(compared)
}

fn digest(side: &Side, table: &Table, index: usize) -> Result<Summary, StoreError> {
    let mut digest = Digest::default();
    let Some(texts) = side.texts().get(index) else { return Ok(digest.finish()) };
    side.connection().query(&texts.all, &[], &mut |row| {
        for column in 0..table.width() {
            digest.add(&row.get(column)?);
        }
        digest.end_row();
        Ok(true)
    })?;
    Ok(digest.finish())
}

fn reconcile(
    source: &Side,
    target: &Side,
    now: Timestamp,
    watch: &mut Watch<'_>,
) -> Result<[Vec<Discrepancy>; 2], CopyError> {
    let mut look = |side: &Side, role| {
        if watch(Progress::Reconciling { side: role }).is_break() {
            return Err(CopyError::Stopped);
        }
        side.begin_snapshot()?;
        let view = side.view();
        let found: Result<Vec<_>, _> = CHECKS.iter().map(|(_, check)| check(&view, now)).collect();
        side.end_snapshot()?;
        Ok(found?.concat())
    };
    Ok([look(source, Role::Source)?, look(target, Role::Target)?])
}
