//! The indexes that the report asks for: whether each is there, and whether the query that it is for goes along it.
//!
//! The queries are the store's own texts, so none can drift from what is served. Looking changes nothing: on
//! PostgreSQL a small table, whose plan says nothing, is filled in a unit of work that is rolled back.

mod filling;
mod table;

pub use table::INDEXES;

use super::connection::Connection;
use super::migrations::{MIGRATIONS, MigrationError, Migrator, Owned};
use super::{StoreError, Value};

/// An index, and what it is for.
#[derive(Debug)]
pub struct Index {
    /// Its name; none for the primary key of its table.
    name: Option<&'static str>,
    /// Its table.
    pub table: &'static str,
    /// Its columns, in order, each with its direction if that is not the usual one.
    pub columns: &'static str,
    /// Whether it holds each key once.
    pub unique: bool,
    /// The rows that it is for, if it is not for all.
    pub rows: Option<&'static str>,
    /// Where in the store its query is.
    pub query: &'static str,
    /// The query, as it is and behind what asks for its plan.
    texts: Texts,
    /// Parameters that the query may have on PostgreSQL; none to ask for the plan of any parameters alone.
    values: &'static [Value<'static>],
    /// Whether the query adds a row that the index is to refuse, instead of reading along it.
    refuses: bool,
}

/// A query behind each of the words that ask for its plan. All are made by the compiler: none is put together later.
#[derive(Debug)]
struct Texts {
    plain: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
    prepare: &'static str,
}

/// What was found of an index.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// It is there, and its query goes along it.
    Ok,
    /// It is not there, or its name is on something else.
    Missing,
    /// It is there, and its query goes another way.
    Unused,
}

impl State {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Missing => "missing",
            Self::Unused => "unused",
        }
    }
}

/// An index with what was found of it.
#[derive(Debug)]
pub struct Finding {
    /// The index.
    pub index: &'static Index,
    /// What was found.
    pub state: State,
    /// The plans of its query, line by line, if it is there.
    pub plan: Vec<String>,
}

impl Index {
    /// Its name, also that of a primary key.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name.unwrap_or(table::PRIMARY_KEY)
    }

    /// The text of its query.
    #[must_use]
    pub const fn text(&self) -> &'static str {
        self.texts.plain
    }
}

/// Looks at every index of [`INDEXES`]. Works beside a running server.
///
/// # Errors
/// If the database fails.
pub fn validate(migrator: &Migrator) -> Result<Vec<Finding>, MigrationError> {
    let owned = &migrator.owned;
    match owned {
        Owned::Sqlite(_) => owned.script("BEGIN")?,
        Owned::Postgres(_) => owned.script("BEGIN; SET LOCAL enable_seqscan = off")?,
    }
    let found =
        filling::fill(owned.connection()).and_then(|()| INDEXES.iter().map(|index| look(owned, index)).collect());
    owned.roll_back()?;
    Ok(found?)
}

/// Makes an index that is missing, as the newest migration that makes it says.
///
/// # Errors
/// If no migration makes it, as none makes a primary key; if the database fails, or its name is on something else.
pub fn make(migrator: &Migrator, index: &Index) -> Result<(), MigrationError> {
    let making = MIGRATIONS.iter().rev().find_map(|migration| migration.making(&migrator.owned, index.name()));
    let making = making.ok_or(StoreError::Broken("no migration makes this index"))?;
    migrator.locked(|| Ok(migrator.owned.script(making)?))
}

fn look(owned: &Owned, index: &'static Index) -> Result<Finding, StoreError> {
    if !is_there(owned, index)? {
        return Ok(Finding { index, state: State::Missing, plan: Vec::new() });
    }
    let (is_used, plan) = match owned {
        Owned::Sqlite(_) if index.refuses => refused_on_sqlite(owned.connection(), index)?,
        Owned::Sqlite(_) => planned_on_sqlite(owned.connection(), index)?,
        Owned::Postgres(_) => planned_on_postgres(owned, index)?,
    };
    Ok(Finding { index, state: if is_used { State::Ok } else { State::Unused }, plan })
}

/// One text of every row, from a column.
fn lines(
    connection: Connection<'_>,
    text: &'static str,
    values: &[Value<'_>],
    column: usize,
) -> Result<Vec<String>, StoreError> {
    let mut lines = Vec::new();
    let mut push = |row: &super::Row<'_>| {
        lines.push(row.get::<Option<String>>(column)?.unwrap_or_default());
        Ok(true)
    };
    connection.query(text, values, &mut push)?;
    Ok(lines)
}

/// Whether an index is on its columns and its rows, and is unique if it should be.
fn is_there(owned: &Owned, index: &Index) -> Result<bool, StoreError> {
    let connection = owned.connection();
    let (table, name) = (Value::from(index.table), Value::from(index.name()));
    let made = match (owned, index.name) {
        (Owned::Sqlite(_), None) => {
            let text = "SELECT name FROM pragma_table_info($1) WHERE pk > 0 ORDER BY pk";
            return Ok(lines(connection, text, &[table], 0)?.join(", ") == index.columns);
        }
        (Owned::Sqlite(_), Some(_)) => {
            let text = "SELECT sql FROM sqlite_schema WHERE type = 'index' AND name = $1 AND tbl_name = $2";
            lines(connection, text, &[name, table], 0)?
        }
        (Owned::Postgres(_), _) => {
            let text = "SELECT pg_get_indexdef(indexrelid) FROM pg_index
                WHERE indexrelid = to_regclass($1) AND indrelid = to_regclass($2) AND indisvalid";
            lines(connection, text, &[name, table], 0)?
        }
    };
    Ok(made.first().is_some_and(|made| is_as_wanted(made, index)))
}

/// Whether the statement that makes an index, as either database keeps it, is about what was wanted.
fn is_as_wanted(made: &str, index: &Index) -> bool {
    let words: Vec<&str> = made.split_whitespace().collect();
    let made = words.join(" ");
    let (head, rows) = made.split_once(" WHERE ").map_or((made.as_str(), None), |(head, rows)| (head, Some(rows)));
    // PostgreSQL keeps a condition with parentheses and casts.
    let rows = rows.map(|rows| rows.replace("::text", "").trim_matches(['(', ')']).to_owned());
    head.ends_with(&format!("({})", index.columns))
        && made.contains(" UNIQUE ") == index.unique
        && rows.as_deref() == index.rows
}

fn planned_on_sqlite(connection: Connection<'_>, index: &Index) -> Result<(bool, Vec<String>), StoreError> {
    let plan = lines(connection, index.texts.sqlite, &[], 3)?;
    let along_key = format!("SEARCH {} USING PRIMARY KEY", index.table);
    let along = |line: &String| match index.name {
        None => line.starts_with(&along_key),
        Some(name) => names(line, name),
    };
    Ok((plan.iter().any(along), plan))
}

/// Whether the program of a statement looks for a conflict in the index before it adds a row.
fn refused_on_sqlite(connection: Connection<'_>, index: &Index) -> Result<(bool, Vec<String>), StoreError> {
    let mut root: Option<i64> = None;
    let text = "SELECT rootpage FROM sqlite_schema WHERE type = 'index' AND name = $1";
    connection.query(text, &[index.name().into()], &mut |row| {
        root = Some(row.get(0)?);
        Ok(false)
    })?;
    let (mut opened, mut asked, mut plan) = (None, false, Vec::new());
    connection.query(index.texts.postgres, &[], &mut |row| {
        let (step, first, second): (String, i64, i64) = (row.get(1)?, row.get(2)?, row.get(3)?);
        match step.as_str() {
            "OpenWrite" if Some(second) == root => opened = Some(first),
            "NoConflict" if opened == Some(first) => asked = true,
            _ => return Ok(true),
        }
        plan.push(format!("{step} of {}", index.name()));
        Ok(true)
    })?;
    Ok((asked, plan))
}

/// The plan for the given parameters, and the one for any: PostgreSQL prepares a statement once and takes either.
fn planned_on_postgres(owned: &Owned, index: &Index) -> Result<(bool, Vec<String>), StoreError> {
    let connection = owned.connection();
    let mut plan = Vec::new();
    if !index.values.is_empty() {
        plan.extend(lines(connection, index.texts.postgres, index.values, 0)?);
    }
    owned.script("SET LOCAL plan_cache_mode = force_generic_plan")?;
    owned.script(index.texts.prepare)?;
    plan.extend(lines(connection, table::execution(index.text())?, &[], 0)?);
    owned.script("DEALLOCATE superapp_plan; SET LOCAL plan_cache_mode = auto")?;
    Ok((plan.iter().any(|line| names(line, index.name())), plan))
}

/// Whether a line of a plan names an index, and not only one whose name begins like that.
fn names(line: &str, index: &str) -> bool {
    line.split(|letter: char| !letter.is_alphanumeric() && letter != '_').any(|word| word == index)
}
