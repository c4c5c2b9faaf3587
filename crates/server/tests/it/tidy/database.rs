//! Where SQL may stand, what it may look like, and that nothing of the store is without its contract.

use super::source::{File, files, root};
use super::{assert_none, server};
use std::collections::{BTreeMap, BTreeSet};
use superapp::store::migrations::MIGRATIONS;

/// How a statement begins, and a word that then comes further on. English does not look like that.
const STATEMENTS: &[(&str, &str)] = &[
    ("SELECT ", ""),
    ("INSERT INTO ", ""),
    ("UPDATE ", " SET "),
    ("DELETE FROM ", ""),
    ("WITH ", " AS "),
    ("CREATE ", ""),
    ("DROP ", ""),
    ("ALTER ", ""),
    ("REPLACE ", ""),
    ("BEGIN", ""),
    ("COMMIT", ""),
    ("ROLLBACK", ""),
    ("SAVEPOINT ", ""),
    ("RELEASE ", ""),
    ("PRAGMA ", ""),
];

fn is_sql(text: &str) -> bool {
    STATEMENTS.iter().any(|(begin, further)| text.starts_with(begin) && text.contains(further))
}

fn in_store(file: &File) -> bool {
    file.in_server() == "store.rs" || file.in_server().starts_with("store/")
}

/// The statements in the store, each with its file.
pub fn statements(files: &[File]) -> Vec<(&File, &str)> {
    let of = |file| File::literals(file).into_iter().map(move |literal| (file, literal.text));
    files.iter().filter(|file| in_store(file)).flat_map(of).filter(|(_, text)| is_sql(text)).collect()
}

#[test]
fn sql_stands_in_the_store_and_nowhere_else() {
    let mut complaints = Vec::new();
    for file in server().iter().filter(|file| !in_store(file)) {
        let sql = file.literals().into_iter().filter(|literal| is_sql(literal.text));
        complaints.extend(sql.map(|literal| format!("{}: {}", file.path, literal.text)));
    }
    assert_none(complaints);
    assert!(statements(&server()).len() > 30, "counted, so that the question is not empty");
}

#[test]
fn no_statement_is_put_together_at_run_time() {
    let mut complaints = Vec::new();
    // One file makes the set forms of statements, from texts that are whole; another one reads and writes whole tables, by
    // a list of their columns that stands in it.
    let makers = ["store/postgres/sets.rs", "store/copy/tables.rs"];
    let is_held = |file: &&File| in_store(file) && !makers.contains(&file.in_server());
    for file in server().iter().filter(is_held) {
        for literal in file.literals().iter().filter(|literal| is_sql(literal.text)) {
            let before = literal.before.trim_end();
            if ["format!(", "write!(", "push_str(", "concat!(", "+"].iter().any(|made| before.ends_with(made)) {
                complaints.push(format!("{}: {}", file.path, literal.text));
            }
        }
        // A text that outlives everything could also be leaked.
        if file.code().any(|(_, line)| line.contains("leak(")) {
            complaints.push(format!("{}: leaks", file.path));
        }
    }
    assert_none(complaints);
}

#[test]
fn parameters_are_numbered_from_one_without_a_gap() {
    let mut complaints = Vec::new();
    for (file, text) in statements(&server()) {
        let numbers: BTreeSet<usize> = text.split('$').skip(1).map(|rest| leading_number(rest).unwrap_or(0)).collect();
        if numbers.iter().copied().ne(1..=numbers.len()) {
            complaints.push(format!("{}: parameters {numbers:?} in {text}", file.path));
        }
        if text.contains('?') || text.contains(" :") || text.contains('@') {
            complaints.push(format!("{}: parameters are written $1, $2 and so on: {text}", file.path));
        }
    }
    assert_none(complaints);
}

fn leading_number(text: &str) -> Option<usize> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

#[test]
fn every_migration_has_its_way_back_and_is_the_same_step_on_every_database() {
    let mut steps: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files("migrations", "sql") {
        let mut parts = file.path.split('/').skip(1);
        let (database, name) = (parts.next().unwrap(), parts.next().unwrap());
        steps.entry(database.to_owned()).or_default().insert(name.to_owned());
    }
    let wanted: BTreeSet<String> = MIGRATIONS
        .iter()
        .flat_map(|migration| [format!("{}.up.sql", migration.name), format!("{}.down.sql", migration.name)])
        .collect();
    assert!(steps.contains_key("sqlite") && steps.contains_key("postgres"));
    for (database, names) in steps {
        assert_eq!(names, wanted, "{database}");
    }
    assert!(root().join("migrations").is_dir());
}

/// What a migration makes, in words that both databases share: indexes whole, columns by their names.
fn made_by(path: &str) -> Vec<String> {
    let text = super::source::read(path);
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let mut made = Vec::new();
    for statement in code.join(" ").split(';') {
        let words: Vec<&str> = statement.split_whitespace().collect();
        let statement = words.join(" ");
        if statement.contains(" INDEX ") || statement.starts_with("DROP ") {
            made.push(statement);
        } else if let Some((head, columns)) = statement.split_once(" (")
            && head.starts_with("CREATE TABLE ")
        {
            let names = columns.split(", ").filter_map(|column| column.split(' ').next());
            let is_name = |name: &&str| name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
            made.extend(names.filter(is_name).map(|name| format!("{head} {name}")));
        } else if statement.starts_with("ALTER TABLE ") {
            made.push(words[..6].join(" "));
        }
    }
    made
}

#[test]
fn a_migration_makes_the_same_tables_and_indexes_on_every_database() {
    let mut seen = 0;
    for migration in MIGRATIONS {
        for way in ["up", "down"] {
            let on = |database: &str| made_by(&format!("migrations/{database}/{}.{way}.sql", migration.name));
            let (sqlite, postgres) = (on("sqlite"), on("postgres"));
            assert_eq!(sqlite, postgres, "{} {way}", migration.name);
            seen += sqlite.len();
        }
    }
    assert!(seen > 200, "counted, so that the question is not empty: {seen}");
}

#[test]
fn every_public_function_of_the_store_has_a_contract_test() {
    let tests = files("crates/server/tests/it/store", "rs");
    let mut complaints = Vec::new();
    let mut seen = 0;
    for file in server().iter().filter(|file| file.in_server().starts_with("store/")) {
        let module = file.in_server().trim_start_matches("store/").trim_end_matches(".rs");
        // What is under `sqlite/` and `postgres/`, and what values, rows and look-ups are, is reached through `Database`,
        // `View`, `Row` and `Value`.
        let behind_others = ["sqlite", "postgres", "values", "row", "options", "look_up", "replica", "upkeep"];
        if module.contains('/') || behind_others.contains(&module) {
            continue;
        }
        for line in file.text.lines().map(str::trim_start) {
            let Some(rest) = line.strip_prefix("pub fn ") else { continue };
            let name = rest.split(['(', '<']).next().unwrap();
            seen += 1;
            let is_called = |test: &File| test.text.contains(&format!("{module}::")) && calls(&test.text, name);
            if !tests.iter().any(is_called) {
                complaints.push(format!("{module}::{name}"));
            }
        }
    }
    assert_none(complaints);
    assert!(seen > 35, "counted, so that the question is not empty: {seen}");
}

/// Whether a test calls a function or hands it over.
fn calls(text: &str, name: &str) -> bool {
    [format!("::{name}("), format!(".{name}("), format!("({name})"), format!("::{name})")]
        .iter()
        .any(|call| text.contains(call))
}
