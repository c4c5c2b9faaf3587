//! Why a request is refused before it is parsed, in the words that its client gets.

/// Why a request is refused. A byte of its own, and not the text: one is handed on for each byte that is read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Why {
    LineEnd,
    FirstLine,
    Name,
    Value,
    Length,
    Encoding,
    Both,
    Host,
    Chunk,
}

impl Why {
    /// As its client is told.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::LineEnd => "every line of a request must end in CR LF, and neither may stand elsewhere",
            Self::FirstLine => "the first line must be a method, a path and HTTP/1.1, with one space between them",
            Self::Name => {
                "the name of a header must be a token with the colon directly behind it, on a line of its own"
            }
            Self::Value => "the value of a header must not hold control characters",
            Self::Length => "`Content-Length` must be there once at most, and be digits alone",
            Self::Encoding => "`Transfer-Encoding` must be there once at most, be `chunked`, and come with HTTP/1.1",
            Self::Both => "`Content-Length` and `Transfer-Encoding` must not come together",
            Self::Host => "`Host` must be there once, be a host or host:port, and be that of the path if it names one",
            Self::Chunk => "a chunk must begin with its size in hexadecimal digits, and end where that says",
        }
    }
}
