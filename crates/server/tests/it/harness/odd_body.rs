//! Bodies that no well-behaved client sends: they break off, never end, or take the server down with them.

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::Frame;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A body that is not one.
#[derive(Clone, Copy, Debug)]
pub enum OddBody {
    /// The connection is lost in the middle.
    Breaks,
    /// The rest never comes.
    NeverEnds,
    /// Reading it is a bug of ours: the only way to make a handler panic from outside.
    Panics,
}

impl HttpBody for OddBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        match *self {
            Self::Breaks => Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into()))),
            Self::NeverEnds => Poll::Pending,
            Self::Panics => panic!("a secret that must not be told"),
        }
    }
}

impl From<OddBody> for Body {
    fn from(body: OddBody) -> Self {
        Self::new(body)
    }
}
