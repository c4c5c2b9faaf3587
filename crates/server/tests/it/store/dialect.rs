//! Every statement of the store, as the database at hand understands it: its tables and columns are there, and each of
//! its parameters has a type.

use super::Fixture;
use crate::place;
use crate::tidy::database::statements;
use crate::tidy::server;
use crate::tidy::source::File;
use postgres::{Client, NoTls};
use secrecy::ExposeSecret;
use superapp::store::Location;

/// Words of statements that are for one database alone; those for the other one are left out.
const SQLITE: &[&str] = &["pragma_", "PRAGMA ", "sqlite_schema", "STRICT", "BEGIN IMMEDIATE"];
const POSTGRES: &[&str] = &[
    "FOR UPDATE",
    "pg_",
    "to_regclass",
    "generate_series",
    "set_config",
    "current_setting",
    "LOCK TABLE",
    "ISOLATION",
    "SET ",
    "SHOW ",
];

/// A literal as the compiler reads it.
fn unescaped(literal: &str) -> String {
    let mut text = String::new();
    let mut rest = literal;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        rest = after.strip_prefix('\n').map_or(after, str::trim_start);
    }
    text.push_str(rest);
    text
}

/// The statements that are for both databases, or for this one.
fn texts(others: &[&str]) -> Vec<String> {
    let files = server();
    let is_row_work =
        |text: &str| ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "].iter().any(|begin| text.starts_with(begin));
    let is_other = |text: &str| others.iter().any(|word| text.contains(word)) && !text.starts_with("UPDATE ");
    // The examples of `sets.rs` are about tables that there are not, the mark of a copy is there while it is made, and
    // the texts of a copy are made from the list of tables.
    let is_real = |file: &File| {
        !["store/postgres/sets.rs", "store/copy/mark.rs", "store/copy/tables.rs"].contains(&file.in_server())
    };
    let all = statements(&files).into_iter().filter(|(file, _)| is_real(file));
    let all = all.map(|(_, text)| unescaped(text));
    let mut texts: Vec<String> = all.filter(|text| is_row_work(text) && !is_other(text)).collect();
    texts.sort();
    texts.dedup();
    assert!(texts.len() > 100, "counted, so that the question is not empty: {}", texts.len());
    texts
}

#[tokio::test]
async fn sqlite_understands_every_statement() {
    let db = Fixture::sqlite();
    let connection = db.sqlite_connection();
    for text in texts(POSTGRES) {
        let prepared = connection.prepare(&text.replace('$', "?"));
        assert!(prepared.is_ok(), "{:?}\n{text}", prepared.err());
    }
}

#[tokio::test]
async fn postgres_finds_a_type_for_every_parameter() {
    let place = place::Place::new();
    let Location::Postgres(url) = &place.location else { return };
    let prepare = || {
        let mut client = Client::connect(url.expose_secret(), NoTls).unwrap();
        let mut complaints = Vec::new();
        for text in texts(SQLITE) {
            let prepared = client.prepare(&text);
            let prepared = prepared.unwrap_or_else(|error| panic!("{error:?}\n{text}"));
            let found = prepared.params().iter().map(postgres::types::Type::name);
            let unknown = found.filter(|name| !["uuid", "text", "int8", "bytea", "_uuid"].contains(name));
            complaints.extend(unknown.map(|name| format!("a parameter of type {name}: {text}")));
        }
        assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    };
    std::thread::scope(|scope| scope.spawn(prepare).join()).unwrap();
}
