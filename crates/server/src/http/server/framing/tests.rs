//! What gets to the parser and what does not, byte by byte. Whole connections are tried in `tests/process/smuggling.rs`.

use super::{Framing, Refused};
use proptest::prelude::*;

/// Pieces of requests, good and bad, that random ones are put together from.
const PIECES: &[&str] = &[
    "GET / HTTP/1.1\r\n",
    "POST /a?b=c HTTP/1.1\r\n",
    "GET http://a/ HTTP/1.1\r\n",
    "OPTIONS * HTTP/1.0\r\n",
    "Host: a\r\n",
    "host:b:80 \t\r\n",
    "Content-Length: 3\r\n",
    "content-length:0\r\n",
    "Content-Length: +3\r\n",
    "Transfer-Encoding: Chunked\r\n",
    "Transfer-Encoding: gzip\r\n",
    "X-Long: \u{e9} and so on, for rather longer than any name\r\n",
    " folded\r\n",
    "x : y\r\n",
    "\r\n",
    "\n",
    "abc",
    "3\r\nabc\r\n",
    "2 ;x=\"y\"\r\n\r\n\r\n",
    "0\r\n",
    "0\r\n\r\n",
    "\0",
];

fn look(parts: &[&[u8]]) -> Result<(), (usize, Refused)> {
    let (mut framing, mut before) = (Framing::new(), 0);
    for part in parts {
        framing.look(part).map_err(|refused| (before + refused.good, Refused { good: 0, ..refused }))?;
        before += part.len();
    }
    Ok(())
}

fn refused_at(text: &str) -> Option<(usize, bool)> {
    look(&[text.as_bytes()]).err().map(|(at, refused)| (at, refused.in_body))
}

#[test]
fn a_byte_is_refused_where_it_stands_and_not_later() {
    let head = "POST / HTTP/1.1\r\nhost: a\r\n";
    for (good, bad, in_body) in [
        ("GET / HTTP/1.1".to_owned(), "\nhost: a\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nhost: a".to_owned(), "\nx: y\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nhost: a\r\n".to_owned(), "\n", false),
        ("GET / HTTP/1.1\r\nhost: a\r\n".to_owned(), " b\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nhost".to_owned(), " : a\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nhost: a\r\n\r".to_owned(), "x", false),
        (format!("{head}content-length: 3\r\ntransfer-encoding: chunked\r\n\r"), "\n", false),
        (format!("{head}transfer-encoding: chunked\r\n\r\n3\r\nabc"), "d\r\n", true),
        (format!("{head}transfer-encoding: chunked\r\n\r\n3"), "\nabc\r\n", true),
        (format!("{head}transfer-encoding: chunked\r\n\r\n0\r\nhost"), ": b\r\n\r\n", true),
        (format!("{head}content-length: 3\r\n\r\nabc"), "\0", false),
        (format!("{head}transfer-encoding: chunked\r\n\r\n0\r\nx: y\r\n\r\n"), "\0", false),
    ] {
        assert_eq!(refused_at(&format!("{good}{bad}")), Some((good.len(), in_body)), "{good}{bad}");
        assert_eq!(refused_at(&good), None, "{good}");
    }
}

#[test]
fn bodies_are_counted_and_not_read() {
    let text = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 12\r\n\r\n\0\n: \r\r\n\0\0\0\0\0\
        PUT / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n00c;x\r\n\0\n: \r\r\n\0\0\0\0\0\r\n0\r\ny: z\r\n\r\n\
        GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    assert_eq!(refused_at(text), None);
}

proptest! {
    #[test]
    fn how_the_bytes_are_cut_changes_no_verdict(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES), 1..14),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6),
    ) {
        let text = pieces.concat().into_bytes();
        let whole = &look(&[&text]);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len())).collect();
        cuts.sort_unstable();
        let (mut parts, mut from) = (Vec::new(), 0);
        for cut in cuts {
            parts.push(&text[from..cut]);
            from = cut;
        }
        parts.push(&text[from..]);
        prop_assert_eq!(&look(&parts), whole);
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        prop_assert_eq!(&look(&bytes), whole);
    }
}
