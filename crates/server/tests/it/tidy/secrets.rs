//! That no API key of anybody's is in the repository, by the pattern that docs/authentication.md gives to those who look
//! for leaked ones.

use super::assert_none;
use super::source::{files, read};
use domain::api_key::{ApiKey, Kind};
use superapp::clock::random_bytes;

/// What stands in a text where the pattern `sa_(live|test)_[0-9A-Za-z]{38}` is found.
fn leaked(text: &str) -> Vec<&str> {
    let of_kind = |kind: &Kind| text.match_indices(kind.as_str()).map(|(at, _)| at).collect::<Vec<_>>();
    let whole =
        |at: usize| text.get(at..at + 46).filter(|key| key.bytes().skip(8).all(|byte| byte.is_ascii_alphanumeric()));
    Kind::ALL.iter().flat_map(of_kind).filter_map(whole).collect()
}

#[test]
fn the_pattern_finds_every_key_and_none_in_the_repository() {
    for number in 0..1_000 {
        let kind = if number % 2 == 0 { Kind::Live } else { Kind::Test };
        let key = ApiKey::new(kind, [random_bytes(), random_bytes()]);
        for text in [key.expose().to_owned(), format!("key={},", key.expose()), format!("\n\"{}\"", key.expose())] {
            assert_eq!(leaked(&text), [key.expose()]);
        }
    }
    let mut complaints = Vec::new();
    for (directory, extension) in [("crates", "rs"), ("crates", "toml"), ("docs", "md"), ("migrations", "sql")] {
        for file in files(directory, extension) {
            complaints.extend(leaked(&file.text).into_iter().map(|key| format!("{}: {key}", file.path)));
        }
    }
    assert_none(complaints);
    assert!(read("docs/authentication.md").contains("`sa_(live|test)_[0-9A-Za-z]{38}`"));
}
