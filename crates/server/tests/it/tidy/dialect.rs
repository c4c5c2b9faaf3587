//! One dialect of SQL for every database (row D9 of the standards): what a statement and a migration may say. That each
//! statement is understood by the database at hand is tried by `store/dialect.rs`.

use super::database::statements;
use super::source::{File, files};
use super::{assert_none, server};
use superapp::store::migrations::MIGRATIONS;

/// What the clock, the ids, and the other databases would not agree on, in small letters.
const FORBIDDEN: &[&str] = &[
    // The time and the ids are parameters.
    "now()",
    "current_",
    "clock_timestamp",
    "statement_timestamp",
    "transaction_timestamp",
    "localtime",
    "datetime(",
    "strftime(",
    "julianday(",
    "unixepoch(",
    "random",
    "uuid_generate",
    "uuidv",
    // Sequences are hot spots, and their order is a lie.
    "serial",
    "sequence",
    "nextval",
    "currval",
    "setval",
    "autoincrement",
    "identity",
    "last_insert_rowid",
    "rowid",
    // Locks and messages that only one server has.
    "advisory",
    "listen ",
    "notify",
    "unlisten",
    // Code in the database.
    "trigger",
    "procedure",
    "function ",
    "language ",
    "execute immediate",
    // Tables that are nobody else's, and constraints that nobody else has.
    "temp ",
    "temporary",
    "unlogged",
    "exclude ",
    "exclude(",
    "deferrable",
    "inherits",
    // One database's own words.
    "insert or ",
    "replace into",
    "hex(",
    "json_each",
    "ifnull",
    "greatest",
    "least(",
    "ilike",
    "::",
    "iif(",
    "glob ",
    "similar to",
    "regexp",
    "with ties",
    "merge into",
    "returning *",
    "select *",
    "nolock",
    "limit all",
];

/// What only looks like a forbidden word: an isolation level, how tables are kept on SQLite, settings of a session, and
/// what PostgreSQL is asked about itself.
const HARMLESS: &[&str] = &[
    "isolation level serializable",
    "without rowid",
    "current_setting(",
    "current_schema()",
    "current_database()",
    "pg_current_wal_lsn()",
];

/// The words in a text that are forbidden.
fn said(text: &str) -> impl Iterator<Item = &'static str> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut text = format!("{} ", words.join(" ").to_lowercase());
    for harmless in HARMLESS {
        text = text.replace(harmless, "");
    }
    FORBIDDEN.iter().copied().filter(move |word| text.contains(word))
}

#[test]
fn statements_are_portable() {
    let files = server();
    let found = statements(&files);
    assert!(found.len() > 100, "counted, so that the question is not empty: {}", found.len());
    assert_none(
        found.iter().flat_map(|(file, text)| said(text).map(move |word| format!("{}: `{word}` in {text}", file.path))),
    );
}

#[test]
fn what_is_forbidden_is_found() {
    for (text, word) in [
        ("SELECT pg_advisory_xact_lock($1)", "advisory"),
        ("INSERT INTO jobs (at) VALUES (NOW())", "now()"),
        ("CREATE\n  TEMP\n TABLE t", "temp "),
        ("SELECT gen_random_uuid()", "random"),
        ("SELECT CURRENT_TIMESTAMP", "current_"),
        ("id BIGSERIAL", "serial"),
        ("EXCLUDE USING gist", "exclude "),
        ("SELECT id::text", "::"),
    ] {
        assert_eq!(said(text).collect::<Vec<_>>(), [word], "{text}");
    }
    assert_eq!(said("SELECT id FROM users WHERE id = $1").count(), 0);
}

#[test]
fn the_schema_is_changed_by_migrations_alone() {
    let files = server();
    let changes = ["CREATE ", "DROP ", "ALTER ", "TRUNCATE "];
    let is_change = |text: &str| changes.iter().any(|change| text.starts_with(change));
    let found: Vec<_> = statements(&files).into_iter().filter(|(_, text)| is_change(text)).collect();
    assert!(!found.is_empty(), "the table of versions is made somewhere");
    // The mark of a copy that is under way is no part of a schema: it is gone when the copy is whole.
    let expected = ["store/migrations.rs", "store/copy/mark.rs"];
    let elsewhere = found.into_iter().filter(|(file, _)| !expected.contains(&file.in_server()));
    assert_none(elsewhere.map(|(file, text)| format!("{}: {text}", file.path)));
}

#[test]
fn nothing_is_divided_in_sql() {
    // Whole numbers divided are whole on some databases and fractions on others.
    let files = server();
    let divides = |text: &str| text.contains(" / ") && !text.contains("generate_series");
    let found = statements(&files).into_iter().filter(|(_, text)| divides(text));
    assert_none(found.map(|(file, text)| format!("{}: {text}", file.path)));
}

/// The statements of a migration's script, without comments, on one line each.
fn script(path: &str) -> Vec<String> {
    let text = super::source::read(path);
    let code: Vec<&str> = text.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
    let whole = code.join(" ");
    let mut made: Vec<String> = Vec::new();
    let mut inside = false;
    for part in whole.split(';') {
        let words: Vec<&str> = part.split_whitespace().collect();
        // A trigger has statements of its own, up to its END.
        if inside && let Some(last) = made.last_mut() {
            *last = format!("{last}; {}", words.join(" "));
        } else {
            made.push(words.join(" "));
        }
        inside = made.last().is_some_and(|made| made.starts_with("CREATE TRIGGER") && !made.ends_with("END"));
    }
    made.retain(|statement| !statement.is_empty());
    made
}

fn scripts(database: &str) -> Vec<(String, String)> {
    let paths = MIGRATIONS
        .iter()
        .flat_map(|step| ["up", "down"].map(|way| format!("migrations/{database}/{}.{way}.sql", step.name)));
    paths.flat_map(|path| script(&path).into_iter().map(move |statement| (path.clone(), statement))).collect()
}

/// A trigger that does nothing but refuse to change history.
fn refuses(statement: &str) -> bool {
    let history = ["entries", "transactions", "audit_logs", "refunds", "subscription_periods"];
    let on = |table: &&str| statement.contains(&format!(" ON {table} "));
    statement.starts_with("CREATE TRIGGER ")
        && statement.contains(" BEFORE ")
        && history.iter().any(on)
        && statement.split("BEGIN ").nth(1).is_some_and(|body| body.starts_with("SELECT RAISE(ABORT, "))
        && statement.matches(';').count() == 1
}

#[test]
fn migrations_are_portable() {
    let mut complaints = Vec::new();
    let mut refusals = 0;
    for database in ["sqlite", "postgres"] {
        for (path, statement) in scripts(database) {
            let is_exception = database == "sqlite" && (refuses(&statement) || statement.starts_with("DROP TRIGGER "));
            refusals += usize::from(is_exception);
            let is_view = statement.starts_with("CREATE VIEW readable_");
            // Views are for people, and no code reads them.
            let words = said(&statement).filter(|_| !is_exception && !is_view);
            complaints.extend(words.map(|word| format!("{path}: `{word}` in {statement}")));
        }
    }
    assert_none(complaints);
    assert!(refusals > 3, "{refusals}");
}

/// The columns of a table that is made, each with what is said of it, and what is said of the whole.
fn parts(statement: &str) -> Option<Vec<&str>> {
    let (head, rest) = statement.split_once(" (")?;
    if !head.starts_with("CREATE TABLE ") {
        return None;
    }
    let body = rest.rsplit_once(')')?.0;
    let (mut depth, mut from, mut parts) = (0_i32, 0, Vec::new());
    for (at, letter) in body.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(body[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(body[from..].trim());
    Some(parts)
}

#[test]
fn every_table_has_a_primary_key_and_every_column_a_type_that_all_databases_have() {
    let mut complaints = Vec::new();
    let mut tables = 0;
    for (database, types) in
        [("sqlite", ["BLOB", "TEXT", "INTEGER", "INTEGER"]), ("postgres", ["BYTEA", "TEXT", "BIGINT", "UUID"])]
    {
        for (path, statement) in scripts(database) {
            let added = statement.split_once(" ADD COLUMN ").map(|(_, column)| vec![column]);
            let Some(parts) = added.clone().or_else(|| parts(&statement)) else { continue };
            tables += usize::from(added.is_none());
            if added.is_none() && !parts.iter().any(|part| part.contains("PRIMARY KEY")) {
                complaints.push(format!("{path}: no primary key in {statement}"));
            }
            let is_column = |part: &&&str| {
                !["CHECK", "PRIMARY", "UNIQUE", "FOREIGN", "CONSTRAINT"].iter().any(|word| part.starts_with(word))
            };
            for column in parts.iter().filter(is_column) {
                let kind = column.split(' ').nth(1).unwrap_or_default();
                if !types.contains(&kind) {
                    complaints.push(format!("{path}: `{kind}` is no type of ours: {column}"));
                }
            }
        }
    }
    assert_none(complaints);
    assert!(tables > 40, "counted, so that the question is not empty: {tables}");
}

#[test]
fn there_are_no_migrations_beside_those_that_are_looked_at() {
    let known: Vec<File> = files("migrations", "sql");
    assert_eq!(known.len(), MIGRATIONS.len() * 4);
}
