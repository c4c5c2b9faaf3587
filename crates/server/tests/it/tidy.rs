//! The house rules of the layout, over the source text itself.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every Rust file below a folder: its path from the root of the workspace, and its text.
fn files(folder: &str) -> Vec<(String, String)> {
    let root = root();
    let mut folders = vec![root.join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                found.push((name, std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "{folder}");
    found
}

fn assert_none(rule: &str, offenders: &[String]) {
    assert!(offenders.is_empty(), "{rule}:\n{}", offenders.join("\n"));
}

/// Lines of code, without comments, that hold one of the words, in files that are not exempt.
fn lines_with(words: &[&str], exempt: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (name, text) in files("crates/server/src") {
        if exempt(&name) {
            continue;
        }
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let hits = code.filter(|line| words.iter().any(|word| line.contains(word)));
        found.extend(hits.map(|line| format!("{name}: {}", line.trim())));
    }
    found
}

fn is_under(name: &str, module: &str) -> bool {
    let source = format!("crates/server/src/{module}");
    name == format!("{source}.rs") || name.starts_with(&format!("{source}/"))
}

#[test]
fn only_the_store_names_a_database_driver() {
    assert_none("rusqlite outside of store", &lines_with(&["rusqlite::"], |name| is_under(name, "store")));
}

#[test]
fn only_http_names_axum() {
    assert_none("axum outside of http", &lines_with(&["axum::", "StatusCode"], |name| is_under(name, "http")));
}

#[test]
fn no_layer_names_one_above_it() {
    let upward = |module: &str, above: &[&str]| {
        let words: Vec<String> = above.iter().map(|above| format!("crate::{above}")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        lines_with(&words, |name| !is_under(name, module))
    };
    assert_none("store", &upward("store", &["http", "ledger", "operations", "app", "cli"]));
    assert_none("ledger", &upward("ledger", &["http", "operations", "app", "cli"]));
    assert_none("operations", &upward("operations", &["http", "ledger", "app", "cli"]));
    assert_none("http", &upward("http", &["cli"]));
}

#[test]
fn sql_is_written_in_the_store_alone() {
    let sql = ["INSERT INTO", "UPDATE wallets", "DELETE FROM", "SELECT * FROM", " FROM users", " FROM wallets"];
    assert_none("SQL outside of store", &lines_with(&sql, |name| is_under(name, "store")));
}

#[test]
fn no_sql_is_put_together_at_run_time() {
    let made = lines_with(&["format!(\"SELECT", "format!(\"INSERT", "format!(\"UPDATE", "format!(\"DELETE"], |_| false);
    assert_none("SQL from format!", &made);
}

#[test]
fn the_rules_crate_has_no_clock_no_randomness_and_no_io() {
    let manifest = std::fs::read_to_string(root().join("crates/domain/Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap().split("[dev-dependencies]").next().unwrap();
    for name in ["tokio", "axum", "rusqlite", "postgres", "rand", "jiff", "serde", "getrandom"] {
        assert!(!dependencies.contains(name), "{name}");
    }
    let words = ["std::fs", "std::net::Tcp", "std::time", "std::env", "std::process", "std::thread"];
    for (name, text) in files("crates/domain/src") {
        assert!(!words.iter().any(|word| text.contains(word)), "{name}");
    }
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let mut offenders = Vec::new();
    for folder in ["crates/domain", "crates/server"] {
        for (name, text) in files(folder) {
            let lines = text.lines().count();
            if lines > 400 {
                offenders.push(format!("{name} has {lines} lines"));
            }
            // A unit test's file is introduced by the module that it belongs to.
            if !text.starts_with("//!") && !name.ends_with("/tests.rs") {
                offenders.push(format!("{name} does not say what it is for"));
            }
        }
    }
    assert_none("files", &offenders);
}

#[test]
fn one_module_style_and_no_junk_drawers() {
    let junk = ["mod.rs", "util.rs", "utils.rs", "common.rs", "helpers.rs", "misc.rs"];
    let mut offenders = Vec::new();
    for folder in ["crates/domain", "crates/server"] {
        let named = files(folder).into_iter().map(|(name, _)| name);
        offenders.extend(named.filter(|name| junk.iter().any(|junk| name.ends_with(&format!("/{junk}")))));
    }
    assert_none("names", &offenders);
}

#[test]
fn every_migration_can_be_undone() {
    let folder = root().join("migrations/sqlite");
    let names = |ending: &str| {
        let entries = std::fs::read_dir(&folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter_map(|name| name.strip_suffix(ending).map(str::to_owned)).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(".up.sql"), names(".down.sql"));
    assert!(!names(".up.sql").is_empty());
}

#[test]
fn every_setting_is_explained_above_it() {
    let mut explained = false;
    for line in superapp::config::DEFAULTS.lines() {
        let is_setting = line.contains(" = ") && !line.starts_with('#');
        assert!(!is_setting || explained, "{line}");
        // One comment may stand above several settings in a row.
        explained = line.starts_with('#') || (is_setting && explained);
    }
}

#[test]
fn every_error_code_is_in_the_documentation() {
    let documented = std::fs::read_to_string(root().join("docs/errors.md")).unwrap();
    let problems = std::fs::read_to_string(root().join("crates/server/src/http/problem.rs")).unwrap();
    let refusals = std::fs::read_to_string(root().join("crates/domain/src/receipt.rs")).unwrap();
    let is_code = |text: &&str| {
        text.len() > 4 && text.contains('_') && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    let mut codes: Vec<&str> = problems.split('"').skip(1).step_by(2).filter(is_code).collect();
    codes.extend(refusals.split('"').skip(1).step_by(2).filter(is_code));
    assert!(codes.len() > 15, "{codes:?}");
    for code in codes {
        assert!(documented.contains(&format!("`{code}`")), "{code}");
    }
}
