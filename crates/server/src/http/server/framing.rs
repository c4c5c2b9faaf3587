//! Where each request on a connection begins and ends, read strictly and before the parser of HTTP sees it.
//!
//! The parser takes some things that RFC 9112 lets it take, and that another server in front may read differently:
//! a line that ends in LF alone, a length beside chunks, the same length twice. Whoever reads such a request otherwise
//! than we do can be made to pass on a second one that nobody asked for. So nothing of the kind gets to the parser.
//! It keeps nothing but a few counters, whatever is sent; sizes are the parser's to bound.

mod kinds;
mod why;

use kinds::{is_host, is_path, is_token, is_value, plain, run};
use std::ops::ControlFlow;
use why::Why;

/// The longest text that is compared is `transfer-encoding`; a length has at most as many digits.
const TEXT_MAX: usize = 18;
/// Hexadecimal digits of a chunk's size.
const SIZE_DIGITS_MAX: u8 = 15;

/// What must not get to the parser.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Refused {
    /// How many bytes before it may.
    pub(super) good: usize,
    /// Whether the head of the request was in order, so that it is its body that is not.
    pub(super) in_body: bool,
    /// What is wrong.
    pub(super) why: &'static str,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Before a request. Empty lines are skipped (RFC 9112, 2.2).
    Start,
    StartLf,
    Method,
    Target,
    Asterisk,
    Scheme,
    Authority,
    Path,
    Version,
    Line,
    LineLf,
    Name,
    Value(Field),
    /// Behind the name of the host, where only blanks may follow.
    AfterHost,
    EndLf,
    Body,
    Size,
    /// Blanks behind a size, which an extension has to follow.
    SizeBlank,
    Extension,
    SizeLf,
    Chunk,
    ChunkCr,
    ChunkLf,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Field {
    Length,
    Encoding,
    Host,
    Other,
}

/// A host, so far: its hash in lower case, and whether there is any of it. Hosts are only compared, and whoever makes
/// two that look the same has named both.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Host(Option<u64>);

impl Host {
    fn push(&mut self, byte: u8) {
        let hash = self.0.unwrap_or(0xcbf2_9ce4_8422_2325) ^ u64::from(byte.to_ascii_lowercase());
        self.0 = Some(hash.wrapping_mul(0x0100_0000_01b3));
    }
}

/// What counts of the head that is being read.
#[derive(Debug, Default)]
struct Head {
    is_http_10: bool,
    /// Of a target that names a host.
    authority: Host,
    host: Host,
    length: Option<u64>,
    is_chunked: bool,
    /// Its fields are those behind the last chunk.
    is_trailer: bool,
}

/// The requests of one connection.
#[derive(Debug)]
pub(super) struct Framing {
    state: State,
    head: Head,
    /// How much of a body or of a chunk is to come, and in how many digits that was said.
    left: u64,
    digits: u8,
    /// A short text that is compared when it ends: its bytes in lower case, and how many there are.
    text: ([u8; TEXT_MAX], usize),
}

/// Goes on, or says what is wrong.
type Step = Result<State, Why>;

impl Framing {
    pub(super) fn new() -> Self {
        Self { state: State::Start, head: Head::default(), left: 0, digits: 0, text: ([0; TEXT_MAX], 0) }
    }

    /// Looks at what came next. How the bytes are cut into calls changes nothing.
    ///
    /// # Errors
    /// With the first byte that must not get to the parser. There is no going on after it.
    pub(super) fn look(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        let mut rest = bytes;
        while let Some((byte, behind)) = rest.split_first() {
            if let ControlFlow::Continue(run) = self.skip(rest) {
                rest = rest.get(run..).unwrap_or_default();
                continue;
            }
            let in_body = self.is_in_body();
            self.state =
                self.step(*byte).map_err(|why| Refused { good: bytes.len() - rest.len(), in_body, why: why.text() })?;
            rest = behind;
        }
        Ok(())
    }

    fn is_in_body(&self) -> bool {
        use State::{ChunkCr, ChunkLf, Extension, Size, SizeBlank, SizeLf};
        let is_chunk = matches!(self.state, ChunkCr | ChunkLf | Extension | Size | SizeBlank | SizeLf);
        is_chunk || self.head.is_trailer
    }

    /// How many bytes come first, if there is any, that [`Framing::step`] need not see: they change no state.
    fn skip(&mut self, rest: &[u8]) -> ControlFlow<(), usize> {
        let run = match self.state {
            State::Body | State::Chunk => {
                let run = usize::try_from(self.left).unwrap_or(usize::MAX).min(rest.len());
                self.left = self.left.saturating_sub(u64::try_from(run).unwrap_or(u64::MAX));
                if self.left == 0 {
                    self.state = if self.state == State::Body { State::Start } else { State::ChunkCr };
                }
                run
            }
            State::Path => run(rest, is_path),
            State::Value(Field::Other) => plain(rest),
            State::Method | State::Name => {
                let run = run(rest, is_token);
                self.push_all(rest.get(..run).unwrap_or_default());
                run
            }
            State::Value(Field::Host) => {
                let run = run(rest, is_host);
                rest.iter().take(run).for_each(|byte| self.head.host.push(*byte));
                run
            }
            _ => 0,
        };
        if run == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(run) }
    }

    fn step(&mut self, byte: u8) -> Step {
        match self.state {
            State::Start | State::StartLf | State::Method | State::Version => self.first_line(byte),
            State::Target | State::Asterisk | State::Scheme | State::Authority | State::Path => self.target(byte),
            State::Line | State::LineLf | State::Name | State::EndLf => self.line(byte),
            State::Value(field) => self.value(field, byte),
            State::AfterHost => match byte {
                b' ' | b'\t' => Ok(State::AfterHost),
                b'\r' => Ok(State::LineLf),
                _ => Err(Why::Host),
            },
            _ => self.chunk(byte),
        }
    }

    fn first_line(&mut self, byte: u8) -> Step {
        match (self.state, byte) {
            (State::Start, b'\r') => Ok(State::StartLf),
            (State::StartLf, b'\n') => Ok(State::Start),
            (State::Start, byte) if is_token(byte) => {
                self.head = Head::default();
                Ok(self.begin(byte, State::Method))
            }
            (State::Method, b' ') => Ok(State::Target),
            (State::Version, byte) if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.') => {
                self.push(byte);
                Ok(State::Version)
            }
            (State::Version, b'\r') => {
                self.head.is_http_10 = self.text() == Some(b"http/1.0");
                let is_known = self.head.is_http_10 || self.text() == Some(b"http/1.1");
                if is_known { Ok(State::LineLf) } else { Err(Why::FirstLine) }
            }
            (State::Start | State::Version, b'\n') | (State::StartLf, _) => Err(Why::LineEnd),
            _ => Err(Why::FirstLine),
        }
    }

    fn target(&mut self, byte: u8) -> Step {
        match (self.state, byte) {
            (State::Target, b'/') => Ok(State::Path),
            (State::Target, b'*') if self.text() == Some(b"options") => Ok(State::Asterisk),
            (State::Target, byte) if byte.is_ascii_alphabetic() => Ok(self.begin(byte, State::Scheme)),
            (State::Scheme, byte) if byte.is_ascii_alphabetic() || matches!(byte, b':' | b'/') => {
                self.push(byte);
                match self.text() {
                    Some(b"http://" | b"https://") => Ok(State::Authority),
                    Some(text) if !text.ends_with(b"://") => Ok(State::Scheme),
                    _ => Err(Why::FirstLine),
                }
            }
            (State::Authority, byte) if is_host(byte) => {
                self.head.authority.push(byte);
                Ok(State::Authority)
            }
            (State::Authority, b'/' | b'?' | b' ') if self.head.authority == Host::default() => Err(Why::Host),
            (State::Authority, b'/' | b'?') => Ok(State::Path),
            (State::Authority | State::Asterisk | State::Path, b' ') => {
                self.clear();
                Ok(State::Version)
            }
            _ => Err(Why::FirstLine),
        }
    }

    fn line(&mut self, byte: u8) -> Step {
        match (self.state, byte) {
            (State::Line, b'\r') => Ok(State::EndLf),
            (State::LineLf, b'\n') => Ok(State::Line),
            (State::EndLf, b'\n') => self.after_head(),
            (State::Line, byte) if is_token(byte) => Ok(self.begin(byte, State::Name)),
            (State::Name, b':') => {
                let (field, why) = match self.text() {
                    Some(b"content-length") => (Field::Length, Why::Length),
                    Some(b"transfer-encoding") => (Field::Encoding, Why::Encoding),
                    Some(b"host") => (Field::Host, Why::Host),
                    _ => (Field::Other, Why::Name),
                };
                self.clear();
                if self.head.has(field) { Err(why) } else { Ok(State::Value(field)) }
            }
            (State::LineLf | State::EndLf, _) | (State::Line | State::Name, b'\n' | b'\r') => Err(Why::LineEnd),
            _ => Err(Why::Name),
        }
    }

    fn value(&mut self, field: Field, byte: u8) -> Step {
        let is_blank = matches!(byte, b' ' | b'\t');
        match (field, byte) {
            (_, b'\n') => Err(Why::LineEnd),
            (_, b'\r') => self.end_value(field).map(|()| State::LineLf),
            (_, byte) if !is_value(byte) => Err(Why::Value),
            (Field::Other, _) => Ok(State::Value(field)),
            (Field::Host, _) if is_blank && self.head.host == Host::default() => Ok(State::Value(field)),
            (Field::Host, _) if is_blank => Ok(State::AfterHost),
            (Field::Host, _) => Err(Why::Host),
            // Blanks before it are not part of it; of those behind it, there is room for a few.
            (Field::Length | Field::Encoding, _) if is_blank && self.text.1 == 0 => Ok(State::Value(field)),
            (Field::Length | Field::Encoding, byte) => {
                self.push(byte);
                Ok(State::Value(field))
            }
        }
    }

    fn end_value(&mut self, field: Field) -> Result<(), Why> {
        let text = self.text().map(<[u8]>::trim_ascii_end);
        match field {
            Field::Other => {}
            Field::Host if self.head.host == Host::default() => return Err(Why::Host),
            Field::Host => {}
            Field::Encoding if text == Some(b"chunked") => self.head.is_chunked = true,
            Field::Encoding => return Err(Why::Encoding),
            Field::Length => {
                let digits = text.filter(|text| text.iter().all(u8::is_ascii_digit)).ok_or(Why::Length)?;
                let length =
                    std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).ok_or(Why::Length)?;
                self.head.length = Some(length);
            }
        }
        Ok(())
    }

    /// What follows the empty line.
    fn after_head(&mut self) -> Step {
        let head = &self.head;
        if head.is_trailer {
            self.head = Head::default();
            return Ok(State::Start);
        }
        let (is_named, is_told) = (head.authority != Host::default(), head.host != Host::default());
        if !is_told && !head.is_http_10 || is_told && is_named && head.host != head.authority {
            return Err(Why::Host);
        }
        match (head.is_chunked, head.length) {
            (true, Some(_)) => Err(Why::Both),
            (true, None) if head.is_http_10 => Err(Why::Encoding),
            (true, None) => Ok(self.size()),
            (false, None | Some(0)) => Ok(State::Start),
            (false, Some(length)) => {
                self.left = length;
                Ok(State::Body)
            }
        }
    }

    /// The size of a chunk comes next.
    fn size(&mut self) -> State {
        (self.left, self.digits) = (0, 0);
        State::Size
    }

    /// The lines around chunks.
    fn chunk(&mut self, byte: u8) -> Step {
        match (self.state, byte) {
            (State::Size, byte) if byte.is_ascii_hexdigit() && self.digits < SIZE_DIGITS_MAX => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                self.left = self.left.wrapping_mul(16).wrapping_add(digit.into());
                self.digits = self.digits.saturating_add(1);
                Ok(State::Size)
            }
            (State::Size, _) if self.digits == 0 => Err(Why::Chunk),
            (State::Size | State::Extension, b'\r') => Ok(State::SizeLf),
            (State::Size | State::SizeBlank, b' ' | b'\t') => Ok(State::SizeBlank),
            (State::Size | State::SizeBlank, b';') => Ok(State::Extension),
            (State::Extension, byte) if is_value(byte) => Ok(State::Extension),
            (State::SizeLf, b'\n') if self.left == 0 => {
                self.head.is_trailer = true;
                Ok(State::Line)
            }
            (State::SizeLf, b'\n') => Ok(State::Chunk),
            (State::ChunkCr, b'\r') => Ok(State::ChunkLf),
            (State::ChunkLf, b'\n') => Ok(self.size()),
            _ => Err(Why::Chunk),
        }
    }

    /// A short text begins with a byte.
    fn begin(&mut self, byte: u8, state: State) -> State {
        self.clear();
        self.push(byte);
        state
    }

    fn clear(&mut self) {
        self.text.1 = 0;
    }

    fn push(&mut self, byte: u8) {
        self.push_all(&[byte]);
    }

    /// Keeps more of a short text. One that does not fit is none that is looked for.
    fn push_all(&mut self, more: &[u8]) {
        let (bytes, length) = &mut self.text;
        let end = length.saturating_add(more.len());
        if let Some(place) = bytes.get_mut(*length..end) {
            place.copy_from_slice(more);
            place.make_ascii_lowercase();
        }
        *length = end;
    }

    fn text(&self) -> Option<&[u8]> {
        self.text.0.get(..self.text.1)
    }
}

impl Head {
    /// Whether there may be no such field any more: it decides about the request, and was there.
    fn has(&self, field: Field) -> bool {
        match field {
            Field::Other => false,
            _ if self.is_trailer => true,
            Field::Length => self.length.is_some(),
            Field::Encoding => self.is_chunked,
            Field::Host => self.host != Host::default(),
        }
    }
}

#[cfg(test)]
mod tests;
