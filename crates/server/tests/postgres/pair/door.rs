//! The one address of a pair of servers: it leads to one of them, or to none. What passes is not looked at.

use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// A door. Dropping it closes it.
#[derive(Debug)]
pub struct Door {
    address: SocketAddr,
    leads_to: watch::Sender<Option<PathBuf>>,
    accepting: JoinHandle<()>,
}

impl Door {
    /// A door that leads nowhere yet.
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (leads_to, watched) = watch::channel(None);
        let accepting = tokio::spawn(async move {
            // Ends with the task: connections are dropped with what they are.
            let mut connections = JoinSet::new();
            loop {
                let client = listener.accept().await.unwrap().0;
                connections.spawn(pass(client, watched.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, leads_to, accepting }
    }

    /// Leads elsewhere from now on. Whoever went through before is cut off.
    pub fn lead_to(&self, socket: Option<PathBuf>) {
        self.leads_to.send_replace(socket);
    }

    /// The URL of the servers, without a database.
    pub fn url(&self) -> String {
        format!("postgres://superapp@{}", self.address)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass(mut client: TcpStream, mut leads_to: watch::Receiver<Option<PathBuf>>) -> Option<()> {
    let socket = leads_to.borrow_and_update().clone()?;
    client.set_nodelay(true).ok()?;
    let mut server = UnixStream::connect(socket).await.ok()?;
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => Some(()),
        _ = leads_to.changed() => None,
    }
}
