//! A connection on which what the parser of HTTP refuses is answered with a problem, too.
//!
//! hyper answers such a request by itself, with a status and no body, and lets nobody have a say in it. So its
//! answer is recognised on the way out and replaced. It must not touch any answer of ours.
//!
//! What could be read in two ways never gets as far as hyper. In its place hyper is given something that it refuses
//! by itself, so that there is one way in which a request is refused, after the answers to those before it.

use super::framing::{Framing, Refused};
use crate::app::App;
use crate::http::middleware::envelope;
use crate::http::problem::Problem;
use axum::http::{HeaderMap, HeaderValue};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// Longer than hyper's own answer ever is.
const REFUSAL_BYTES_MAX: usize = 256;
/// Wherever the head of a request breaks off, no parser takes this for the rest of it. The empty line has hyper look:
/// it does not before the head seems to be whole.
const UNREADABLE: &[u8] = b"\0\r\n\r\n";

pub(super) struct Stream {
    inner: TcpStream,
    app: App,
    /// How long the client may take to accept more of what is written, and until when it has to, while it does not.
    patience: Duration,
    until: Option<Pin<Box<Sleep>>>,
    framing: Framing,
    /// What is refused, and what hyper is still to be given in its place. Nothing is read any more.
    refused: Option<(Refused, &'static [u8])>,
    /// What goes out in the place of hyper's answer, which counts as written once this is.
    problem: Vec<u8>,
    written: usize,
}

impl Stream {
    pub(super) fn new(inner: TcpStream, app: App) -> Self {
        let patience = Duration::from_secs(app.config.server.write_timeout_seconds);
        let framing = Framing::new();
        Self { inner, app, patience, until: None, framing, refused: None, problem: Vec::new(), written: 0 }
    }

    /// Lets through of what was read behind `before` what is in order.
    fn check(&mut self, buffer: &mut ReadBuf<'_>, before: usize) {
        if let Err(refused) = self.framing.look(buffer.filled().get(before..).unwrap_or_default()) {
            buffer.set_filled(before.saturating_add(refused.good));
            let rest = if refused.in_body { &[] } else { UNREADABLE };
            self.refused = Some((refused, rest));
        }
    }

    /// What hyper reads in the place of what was refused: an error in a body, which it makes one of the body, and in a
    /// head, where it would close without an answer, what it refuses by itself.
    fn refuse(&mut self, buffer: &mut ReadBuf<'_>) -> Option<io::Result<()>> {
        let (refused, rest) = self.refused.as_mut()?;
        if refused.in_body {
            return Some(Err(io::Error::new(io::ErrorKind::InvalidData, refused.why)));
        }
        let (now, later) = rest.split_at_checked(buffer.remaining()).unwrap_or((rest, &[]));
        buffer.put_slice(now);
        *rest = later;
        Some(Ok(()))
    }

    /// Ends a write that has waited for too long.
    fn bounded<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.until = None;
            return written;
        }
        let until = self.until.get_or_insert_with(|| Box::pin(sleep(self.patience)));
        until.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Writes the problem in the place of `refused` bytes, if it is due.
    fn poll_problem(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Option<Poll<io::Result<usize>>> {
        if self.problem.is_empty() {
            let why = self.refused.as_ref().map(|(refused, _)| refused.why);
            self.problem = problem(&self.app, self.inner.peer_addr().ok(), bytes, why)?;
            self.written = 0;
        }
        Some(self.poll_rest(context).map_ok(|()| bytes.len()))
    }

    fn poll_rest(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.problem.get(self.written..).filter(|rest| !rest.is_empty()) {
            let written = Pin::new(&mut self.inner).poll_write(context, rest);
            match ready!(self.bounded(context, written))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written = self.written.saturating_add(written),
            }
        }
        self.problem.clear();
        Poll::Ready(Ok(()))
    }
}

/// The status of hyper's own answer, if `bytes` are one, with the line of its date. Every answer of ours has a
/// request id or a body; and none has raw line ends in its body, so no part of one can look like this.
fn refusal(bytes: &[u8]) -> Option<(u16, &str)> {
    if bytes.len() > REFUSAL_BYTES_MAX || !bytes.starts_with(b"HTTP/1.1 4") {
        return None;
    }
    let head = std::str::from_utf8(bytes).ok()?.strip_suffix("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let (mut closes, mut is_empty, mut date) = (false, false, "");
    for line in lines {
        match line {
            "connection: close" => closes = true,
            "content-length: 0" => is_empty = true,
            line if line.starts_with("date: ") => date = line,
            _ => return None,
        }
    }
    (closes && is_empty).then_some((status, date))
}

fn problem(app: &App, address: Option<SocketAddr>, bytes: &[u8], why: Option<&'static str>) -> Option<Vec<u8>> {
    let (status, date) = refusal(bytes)?;
    let problem = match (status, why) {
        (400, Some(why)) => Problem::malformed(why),
        _ => Problem::of_parser(status)?,
    };
    let id = app.ids.uuid().to_string();
    let address = address.map(|peer| tracing::field::display(peer.ip().to_canonical()));
    let (method, route, code) = ("OTHER", "unmatched", problem.code());
    tracing::warn!(target: "superapp::http", request_id = %id, method, route, status, code, address, "request");
    let labels = [("method", "OTHER".to_owned()), ("route", "unmatched".to_owned()), ("status", status.to_string())];
    metrics::counter!("http_requests_total", &labels).increment(1);
    let stored = problem.stored(&id);
    let mut headers = HeaderMap::new();
    envelope::finish(app, &id, &mut headers);
    headers.insert("connection", HeaderValue::from_static("close"));
    let line = bytes.split(|byte| *byte == b'\r').next()?;
    let mut answer = [line, b"\r\n"].concat();
    let own = stored.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    for (name, value) in headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).chain(own) {
        answer.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    answer.extend(format!("{date}\r\ncontent-length: {}\r\n\r\n", stored.body.len()).into_bytes());
    answer.extend(stored.body);
    Some(answer)
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(refused) = self.refuse(buffer) {
            return Poll::Ready(refused);
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        self.check(buffer, before);
        // If nothing is left of it, the answer must not be that there is no more to read.
        let is_empty = buffer.filled().len() == before;
        Poll::Ready(if is_empty { self.refuse(buffer).unwrap_or(Ok(())) } else { Ok(()) })
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.poll_problem(context, bytes) {
            Some(written) => written,
            None => {
                let written = Pin::new(&mut self.inner).poll_write(context, bytes);
                self.bounded(context, written)
            }
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut filled = slices.iter().filter(|slice| !slice.is_empty());
        if let (Some(only), None) = (filled.next(), filled.next())
            && let Some(written) = self.poll_problem(context, only)
        {
            return written;
        }
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.bounded(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::refusal;

    #[test]
    fn only_the_parsers_own_answer_is_recognised() {
        let own = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\
            date: Fri, 15 Jan 2027 08:00:00 GMT\r\n\r\n";
        assert_eq!(refusal(own.as_bytes()), Some((431, "date: Fri, 15 Jan 2027 08:00:00 GMT")));
        for other in [
            "",
            "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\nx-request-id: a\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}",
        ] {
            assert_eq!(refusal(other.as_bytes()), None, "{other}");
        }
    }
}
