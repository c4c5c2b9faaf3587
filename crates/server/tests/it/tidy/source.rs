//! The text of the project: its files, their lines of code, and the literals in them.

use std::path::{Path, PathBuf};

/// A file of the project.
#[derive(Debug)]
pub struct File {
    /// Its path, from the root of the project.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// The root of the project.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

pub fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// Every file with an extension under a directory, in order.
pub fn files(directory: &str, extension: &str) -> Vec<File> {
    let mut found = Vec::new();
    let mut directories = vec![root().join(directory)];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                let text = std::fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push(File { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

impl File {
    /// Its path from the source directory of the server.
    pub fn in_server(&self) -> &str {
        self.path.strip_prefix("crates/server/src/").unwrap_or(&self.path)
    }

    /// The top module of the server that it belongs to.
    pub fn module(&self) -> String {
        let first = self.in_server().split('/').next().unwrap();
        first.trim_end_matches(".rs").to_owned()
    }

    /// Its lines without comments, each with its number.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Its string literals, each with the code directly before it.
    pub fn literals(&self) -> Vec<Literal<'_>> {
        literals(&self.text)
    }
}

/// A string literal as it is written, without its quotes.
#[derive(Debug, Eq, PartialEq)]
pub struct Literal<'text> {
    pub text: &'text str,
    /// The code before it, up to the beginning of the file.
    pub before: &'text str,
}

fn literals(source: &str) -> Vec<Literal<'_>> {
    let bytes = source.as_bytes();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let rest = &source[at..];
        at += if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = character(rest) {
            length
        } else if let Some((opening, length)) = string(rest) {
            let closing = opening - usize::from(opening > 1);
            found.push(Literal { text: &rest[opening..length - closing], before: &source[..at] });
            length
        } else {
            rest.chars().next().map_or(1, char::len_utf8)
        };
    }
    found
}

/// The length of the character literal that a text begins with. A lifetime is none.
fn character(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('\'')?;
    if let Some(escaped) = inner.strip_prefix('\\') {
        let first = escaped.chars().next()?.len_utf8();
        return escaped[first..].find('\'').map(|end| 2 + first + end + 1);
    }
    let length = inner.chars().next()?.len_utf8();
    inner[length..].starts_with('\'').then_some(length + 2)
}

/// The length of the opening and of the whole of the string literal that a text begins with.
fn string(rest: &str) -> Option<(usize, usize)> {
    if let Some(hashes) = rest.strip_prefix('r').map(|raw| raw.len() - raw.trim_start_matches('#').len()) {
        let opening = 2 + hashes;
        if rest[1 + hashes..].starts_with('"') {
            let closing = format!("\"{}", "#".repeat(hashes));
            return rest[opening..].find(&closing).map(|end| (opening, opening + end + closing.len()));
        }
    }
    let inner = rest.strip_prefix('"')?;
    let mut escaped = false;
    let end = inner.find(|letter| {
        let ends = letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        ends
    })?;
    Some((1, end + 2))
}

#[test]
fn literals_are_found_and_nothing_else_is() {
    let source = r##"let a = "one"; // "no"
        let b = 'x'; let c = '"'; let d = '\''; fn e<'a>(f: &'a str) {} let g = r#"two "quoted""#; /* "no" */
        let h = "three \" four \\"; let i = r"five";"##;
    let texts: Vec<&str> = literals(source).iter().map(|literal| literal.text).collect();
    assert_eq!(texts, ["one", "two \"quoted\"", "three \\\" four \\\\", "five"]);
    assert!(literals(source)[0].before.ends_with("let a = "));
}
