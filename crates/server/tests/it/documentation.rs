//! What the documentation must not forget.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

#[test]
fn every_error_code_is_in_the_documentation() {
    let documented = std::fs::read_to_string(root().join("docs/errors.md")).unwrap();
    let problems = std::fs::read_to_string(root().join("crates/server/src/http/problem.rs")).unwrap();
    let refusals = std::fs::read_to_string(root().join("crates/domain/src/refusal.rs")).unwrap();
    let beside = ["limited", "denials", "access", "failed"];
    let beside = beside.map(|name| format!("crates/server/src/http/problem/{name}.rs"));
    let beside = beside.map(|path| std::fs::read_to_string(root().join(path)).unwrap());
    let problems = problems + &beside.concat();
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

/// A row of docs/promises.md: a promise, a file and the test in it.
#[test]
fn every_promise_names_a_test_that_there_is() {
    let page = std::fs::read_to_string(root().join("docs/promises.md")).unwrap();
    let mut promises = 0;
    for row in page.lines().filter(|line| line.starts_with("| ") && line.contains('`') && line.contains("crates/")) {
        let mut quoted = row.rsplit('`').skip(1).step_by(2);
        let (test, path) = (quoted.next().unwrap(), quoted.next().unwrap());
        let text = std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let named = format!("fn {test}(");
        let at = lines.iter().position(|line| line.contains(&named)).unwrap_or_else(|| panic!("{path} has no {test}"));
        let is_test = lines[..at]
            .iter()
            .rev()
            .take_while(|line| !line.ends_with('}'))
            .any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"));
        assert!(is_test, "{test} in {path} is no test");
        promises += 1;
    }
    assert!(promises >= 30, "{promises}");
}
