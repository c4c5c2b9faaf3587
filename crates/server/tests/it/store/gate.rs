//! A gate that a unit of work or a read stands before, so that a test decides what happens meanwhile.

use std::sync::mpsc;
use superapp::store::StoreError;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The test's side.
pub struct Gate {
    began: UnboundedReceiver<()>,
    opener: mpsc::Sender<()>,
}

/// The side of the closure that waits.
pub struct Wait {
    began: UnboundedSender<()>,
    opened: mpsc::Receiver<()>,
}

pub fn gate() -> (Gate, Wait) {
    let (began, has_begun) = unbounded_channel();
    let (opener, opened) = mpsc::channel();
    (Gate { began: has_begun, opener }, Wait { began, opened })
}

impl Gate {
    /// Waits until somebody stands before it.
    pub async fn reached(&mut self) {
        self.began.recv().await.unwrap();
    }

    /// Opens it for ever.
    pub fn open(self) {
        drop(self.opener);
    }
}

impl Wait {
    /// Holds its thread until the gate is open.
    pub fn wait(&self) -> Result<(), StoreError> {
        // A unit of work may run again; the gate is open then and nobody listens.
        let _ = self.began.send(());
        let _ = self.opened.recv();
        Ok(())
    }
}
