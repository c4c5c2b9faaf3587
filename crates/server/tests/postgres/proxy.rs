//! A proxy between a server and PostgreSQL that loses what passes through at the worst moments. It understands where
//! a question and its answer end, and nothing else.

mod fate;
mod wire;

pub use fate::Fates;

use fate::{Fate, Refusal};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use wire::Wire;

const COMMIT: &str = "COMMIT";
/// What PostgreSQL answers to it: that it is done, and that it is ready.
const COMMITTED: usize = 18;

/// A proxy under way. Dropping it closes it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Proxy {
    /// Stands before a PostgreSQL server.
    pub async fn start(upstream: SocketAddr, fates: Arc<Fates>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = tokio::spawn(async move {
            // Ends with the task: connections are dropped with what they are.
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let client = Wire::new(listener.accept().await.unwrap().0);
                connections.spawn(pass(client, upstream, Arc::clone(&fates)));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, accepting }
    }

    /// The URL of a database by way of the proxy.
    pub fn url(&self, direct: &str) -> String {
        direct.replace(&upstream(direct).to_string(), &self.address.to_string())
    }
}

/// Where the server of a URL listens.
pub fn upstream(url: &str) -> SocketAddr {
    url.split('@').nth(1).unwrap().split('/').next().unwrap().parse().unwrap()
}

/// Passes on until one side ends, or fate ends both. `None` is the end.
async fn pass(mut client: Wire, upstream: SocketAddr, fates: Arc<Fates>) -> Option<()> {
    let greeting = client.greeting().await?;
    if fates.is_turned_away() {
        return client.send(&wire::error("FATAL", "53300")).await;
    }
    let mut server = Wire::new(TcpStream::connect(upstream).await.ok()?);
    server.send(&greeting).await?;
    relay(&mut client, &mut server).await?;
    let commit = wire::query(COMMIT);
    loop {
        let question = tokio::select! {
            question = client.question() => question?,
            aside = server.aside() => {
                client.send(&aside?).await?;
                continue;
            }
        };
        let is_commit = question == commit;
        let fate = match is_commit {
            true => fates.of_commit(question.len(), COMMITTED),
            false => fates.of_statement(question.len()),
        };
        match fate {
            Fate::Pass => {
                server.send(&question).await?;
                relay(&mut client, &mut server).await?;
            }
            Fate::CutQuestion(sent) => return server.send(&question[..sent]).await,
            Fate::CutUnheard => return server.send(&question).await,
            Fate::CutAnswer(sent) => {
                server.send(&question).await?;
                let answer = server.answer().await?;
                return client.send(&answer[..sent.min(answer.len())]).await;
            }
            Fate::Refuse(refusal, happened) if is_commit => {
                let instead = if happened { question } else { wire::query("ROLLBACK").into() };
                server.send(&instead).await?;
                server.answer().await?;
                refuse(&mut client, refusal, true).await?;
            }
            Fate::Refuse(refusal, _) => refuse(&mut client, refusal, false).await?,
        }
    }
}

/// Passes an answer on, or what there was of it when the server ended.
async fn relay(client: &mut Wire, server: &mut Wire) -> Option<()> {
    let answer = server.answer().await;
    let is_whole = answer.is_some();
    client.send(&answer.unwrap_or_else(|| server.take())).await?;
    is_whole.then_some(())
}

/// Answers with an error. One that is fatal ends the connection, as a server would.
async fn refuse(client: &mut Wire, refusal: Refusal, is_outside: bool) -> Option<()> {
    let mut answer = wire::error(refusal.severity, refusal.code);
    let goes_on = refusal.severity == "ERROR";
    if goes_on {
        answer.extend(wire::ready(is_outside));
    }
    client.send(&answer).await?;
    goes_on.then_some(())
}
