//! One side of a connection in PostgreSQL's protocol, by its messages: what begins, and where an exchange ends. Of
//! what the messages say it knows nothing.

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The client's last word of an exchange: a synchronisation, a simple query, or a farewell.
const LAST_OF_CLIENT: &[u8] = b"SQX";
/// The server's: it is ready for the next one.
const LAST_OF_SERVER: &[u8] = b"Z";

/// A socket, and what was read from it and not taken yet. Every wait may be given up without losing a byte.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    kept: BytesMut,
}

impl Wire {
    pub fn new(stream: TcpStream) -> Self {
        // Otherwise a cut would be a wait, too.
        stream.set_nodelay(true).unwrap();
        Self { stream, kept: BytesMut::new() }
    }

    /// Reads more. `None` at the end, however it came.
    async fn more(&mut self) -> Option<()> {
        let read = self.stream.read_buf(&mut self.kept).await;
        read.is_ok_and(|count| count > 0).then_some(())
    }

    /// The first message of a client, which has no type.
    pub async fn greeting(&mut self) -> Option<Bytes> {
        loop {
            match self.kept.get(..4).map(|mut length| length.get_u32() as usize) {
                Some(length) if self.kept.len() >= length => return Some(self.kept.split_to(length).freeze()),
                _ => self.more().await?,
            }
        }
    }

    /// What a client asks in one go.
    pub async fn question(&mut self) -> Option<Bytes> {
        self.exchange(LAST_OF_CLIENT).await
    }

    /// What a server answers to it.
    pub async fn answer(&mut self) -> Option<Bytes> {
        self.exchange(LAST_OF_SERVER).await
    }

    async fn exchange(&mut self, last: &[u8]) -> Option<Bytes> {
        let mut seen = 0;
        loop {
            while let Some(length) = whole(&self.kept[seen..]) {
                let kind = self.kept[seen];
                seen += length;
                if last.contains(&kind) {
                    return Some(self.kept.split_to(seen).freeze());
                }
            }
            self.more().await?;
        }
    }

    /// Whatever came outside of an exchange, such as the farewell of a server that ends. `None` at the end.
    pub async fn aside(&mut self) -> Option<Bytes> {
        if self.kept.is_empty() {
            self.more().await?;
        }
        Some(self.take())
    }

    /// What was read and not taken: all that a server said before it ended.
    pub fn take(&mut self) -> Bytes {
        self.kept.split().freeze()
    }

    pub async fn send(&mut self, bytes: &[u8]) -> Option<()> {
        self.stream.write_all(bytes).await.ok()
    }
}

/// How long the first message is, if all of it is there.
fn whole(bytes: &[u8]) -> Option<usize> {
    let length = bytes.get(1..5)?.get_u32() as usize + 1;
    (bytes.len() >= length).then_some(length)
}

/// A simple query.
pub fn query(text: &str) -> Vec<u8> {
    message(b'Q', &[text.as_bytes(), b"\0"].concat())
}

/// An error.
pub fn error(severity: &str, code: &str) -> Vec<u8> {
    let fields = format!("S{severity}\0V{severity}\0C{code}\0Mas the test wants it\0\0");
    message(b'E', fields.as_bytes())
}

/// The end of an exchange: outside of a transaction, or in one that failed.
pub fn ready(is_outside: bool) -> Vec<u8> {
    message(b'Z', if is_outside { b"I" } else { b"E" })
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[kind], length.to_be_bytes().as_slice(), body].concat()
}
