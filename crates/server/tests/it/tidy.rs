//! The rules of the house, read from the text of the source: what may name what, what a file and a name may
//! look like, and where SQL may stand.

pub mod database;
mod dialect;
mod secrets;
pub mod source;

use source::{File, files, root};
use std::collections::BTreeSet;

/// Lines to a file.
const LINES_MAX: usize = 400;

/// Each module of the server, and the others that it may name. Nothing points upward.
const LAYERS: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("config", &[]),
    ("telemetry", &["clock", "config"]),
    ("auth", &["clock", "config"]),
    ("gateway", &["config"]),
    ("idempotency", &["gateway"]),
    ("limits", &["clock", "config", "gateway"]),
    ("store", &[]),
    ("ledger", &["clock", "store"]),
    ("operations", &["auth", "clock", "store"]),
    ("app", &["auth", "clock", "config", "gateway", "http", "idempotency", "ledger", "limits", "store"]),
    ("settlements", &["app", "ledger", "operations", "store"]),
    (
        "http",
        &[
            "app",
            "auth",
            "clock",
            "config",
            "gateway",
            "idempotency",
            "ledger",
            "limits",
            "operations",
            "settlements",
            "store",
            "telemetry",
        ],
    ),
    ("renewals", &["app", "ledger", "operations", "store"]),
    ("jobs", &["app", "clock", "config", "ledger", "operations", "renewals", "settlements", "store"]),
    // It speaks HTTP to a server, which is most often another process.
    ("loadtest", &["clock"]),
    ("cli", &["app", "auth", "clock", "config", "http", "jobs", "loadtest", "operations", "store", "telemetry"]),
];

/// Words that only some files may say, and the beginnings of the paths of those.
const CONFINED: &[(&str, &[&str])] = &[
    ("use ::redis", &["gateway/redis.rs", "gateway/redis/"]),
    ("rusqlite", &["store.rs", "store/"]),
    ("postgres::", &["store.rs", "store/"]),
    ("axum", &["http.rs", "http/", "cli/serve.rs"]),
    ("StatusCode", &["http.rs", "http/"]),
    ("process::abort", &["store/sqlite/writer.rs"]),
    ("SystemTime", &["clock.rs"]),
];

pub fn server() -> Vec<File> {
    files("crates/server/src", "rs")
}

fn every_rust_file() -> Vec<File> {
    files("crates", "rs")
}

/// Fails with every complaint at once.
fn assert_none(complaints: impl IntoIterator<Item = String>) {
    let complaints: Vec<String> = complaints.into_iter().collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn layers_name_only_what_is_below_them() {
    let mut complaints = Vec::new();
    for file in server() {
        let module = file.module();
        if module == "lib" || module == "main" {
            continue;
        }
        let Some((_, below)) = LAYERS.iter().find(|(name, _)| *name == module) else {
            complaints.push(format!("{}: `{module}` has no place in LAYERS", file.path));
            continue;
        };
        for (number, line) in file.code() {
            for named in words_after(line, "crate::").filter(|named| *named != module && !below.contains(named)) {
                complaints.push(format!("{}:{number}: `{module}` may not name `{named}`", file.path));
            }
        }
    }
    assert_none(complaints);
}

#[test]
fn every_layer_exists_and_there_is_no_way_around_in_a_circle() {
    let modules: BTreeSet<String> = server().iter().map(File::module).collect();
    assert_none(LAYERS.iter().filter(|(name, _)| !modules.contains(*name)).map(|(name, _)| format!("no `{name}`")));
    // `app` builds what `http` needs for its cursors, and `http` takes everything from `app`: the one circle.
    for (index, (name, below)) in LAYERS.iter().enumerate() {
        let above = LAYERS[index..].iter().map(|(name, _)| *name);
        let upward = above.filter(|above| below.contains(above) && !(*name == "app" && *above == "http"));
        assert_none(upward.map(|above| format!("`{name}` names `{above}`, which stands above it")));
    }
}

#[test]
fn drivers_and_frameworks_are_named_where_they_belong() {
    let mut complaints = Vec::new();
    for file in server() {
        for (word, places) in CONFINED {
            if places.iter().any(|place| file.in_server().starts_with(place)) {
                continue;
            }
            for (number, line) in file.code().filter(|(_, line)| line.contains(word)) {
                complaints.push(format!("{}:{number}: `{word}` does not belong here: {}", file.path, line.trim()));
            }
        }
    }
    assert_none(complaints);
}

#[test]
fn the_rules_depend_on_nothing_that_does_io_or_is_random() {
    let manifest = source::read("crates/domain/Cargo.toml");
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    let forbidden = ["tokio", "axum", "rusqlite", "postgres", "rand", "chrono", "time", "getrandom", "superapp"];
    let named = dependencies.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name);
    assert_none(named.filter(|name| forbidden.contains(name)).map(|name| format!("domain depends on {name}")));
    // Without `std` jiff is calendar arithmetic: it has no clock and looks no time zone up.
    let jiff = dependencies.lines().find(|line| line.starts_with("jiff = "));
    assert_eq!(jiff, Some("jiff = { workspace = true }"));
    assert!(source::read("Cargo.toml").contains("\njiff = { version = \"1\", default-features = false }\n"));
    assert!(!dependencies.contains("\"v4\"") && !dependencies.contains("\"v7\""), "domain makes no ids");
}

#[test]
fn modules_are_named_after_what_they_are_for() {
    let mut complaints = Vec::new();
    for file in every_rust_file() {
        for part in file.path.trim_end_matches(".rs").split('/') {
            if ["mod", "util", "utils", "common", "helper", "helpers", "misc", "shared"].contains(&part) {
                complaints.push(format!("{}: `{part}` says nothing", file.path));
            }
        }
    }
    assert_none(complaints);
}

#[test]
fn types_are_named_after_what_they_are() {
    let mut complaints = Vec::new();
    for file in every_rust_file() {
        for (number, line) in file.code() {
            for keyword in ["struct ", "enum ", "trait ", "type ", "mod "] {
                let names = words_after(line, keyword);
                let vague =
                    names.filter(|name| ["Manager", "Service", "Helper", "Impl"].iter().any(|end| name.ends_with(end)));
                complaints.extend(vague.map(|name| format!("{}:{number}: `{name}`", file.path)));
            }
        }
    }
    assert_none(complaints);
}

#[test]
fn files_are_short_and_say_first_what_they_are_for() {
    let mut complaints = Vec::new();
    for file in every_rust_file() {
        let lines = file.text.lines().count();
        if lines > LINES_MAX {
            complaints.push(format!("{}: {lines} lines, more than {LINES_MAX}", file.path));
        }
        let opening: Vec<&str> = file.text.lines().map_while(|line| line.strip_prefix("//! ")).collect();
        if !opening.last().is_some_and(|line| line.ends_with('.') || line.ends_with(':')) {
            complaints.push(format!("{}: does not open with a sentence on what it is for", file.path));
        }
    }
    assert_none(complaints);
}

#[test]
fn tests_wait_for_nothing_and_skip_nothing() {
    // Put together, so that this file may speak of them.
    let forbidden = [concat!("sle", "ep("), concat!("#[ign", "ore"), concat!("retr", "ies =")];
    let mut complaints = Vec::new();
    for file in every_rust_file().into_iter().filter(|file| file.path.contains("/tests/")) {
        // Another process cannot be awaited: its tests poll with a deadline, and choose the moment of a kill.
        let polls =
            ["/tests/process/", "/tests/postgres/", "/tests/redis/"].iter().any(|place| file.path.contains(place));
        for (number, line) in file.code() {
            let found = forbidden.iter().skip(usize::from(polls)).filter(|word| line.contains(*word));
            complaints.extend(found.map(|word| format!("{}:{number}: `{word}`", file.path)));
        }
    }
    assert_none(complaints);
}

#[test]
fn every_setting_has_its_meaning_above_it() {
    let mut explained = false;
    let mut complaints = Vec::new();
    for line in source::read("config.default.toml").lines() {
        match line.chars().next() {
            Some('#') => explained = true,
            // A comment holds for the settings that stand together under it.
            Some(letter) if letter.is_ascii_lowercase() && !explained => complaints.push(line.to_owned()),
            Some(letter) if letter.is_ascii_lowercase() => {}
            _ => explained = false,
        }
    }
    assert_none(complaints);
}

/// The words that stand directly behind every occurrence of `before`, where that begins a word itself.
fn words_after<'line>(line: &'line str, before: &'static str) -> impl Iterator<Item = &'line str> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$';
    line.match_indices(before).filter_map(move |(index, _)| {
        let begins_a_word = !line[..index].ends_with(is_part);
        let rest = &line[index + before.len()..];
        let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
        (begins_a_word && end > 0).then(|| &rest[..end])
    })
}

#[test]
fn source_files_are_there_at_all() {
    // Otherwise every rule above would hold for nothing.
    assert!(root().join("Cargo.toml").exists());
    assert!(server().len() > 50 && every_rust_file().len() > 100, "{}", every_rust_file().len());
}
