//! Clients of a real server, all at once, whose every request is written down beside what was done to the files.

use crate::recording::{Event, Recorder, Recording};
use crate::scene::Names;
use crate::server::{Asked, Failure, PATIENCE, Server, file};
use crate::vfs;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use superapp::store::Options;

const CLIENTS: u64 = 6;
/// Answers after which somebody moves the log into the file, as the server's own checkpointer does every 250 ms.
const ANSWERS_TO_A_CHECKPOINT: u64 = 10;
/// As the server's own connections have it, for those that make checkpoints.
const CHECKPOINTER: &str = "PRAGMA synchronous = 2; PRAGMA checkpoint_fullfsync = 1; PRAGMA wal_autocheckpoint = 0;";

/// What a recording is made of.
#[derive(Clone, Debug)]
pub struct Scenery<'scene> {
    /// A directory with a database and its secrets, which stays as it is.
    pub directory: &'scene Path,
    /// What is in it.
    pub names: &'scene Names,
    /// Requests of each client.
    pub requests: u64,
}

/// Copies a database and its secrets to a directory.
///
/// # Errors
/// If a file cannot be copied.
pub fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        // The index of the log is in memory, for whoever comes after a crash.
        if !entry.file_name().to_string_lossy().ends_with("-shm") {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// Lets clients loose on a copy of a database in an empty directory. Seeds choose what they do and when checkpoints come;
/// threads take their turns as they like, so a seed makes a similar recording, and not the same.
///
/// # Errors
/// If the server does not start.
pub async fn record(scenery: &Scenery<'_>, directory: &Path, seed: u64) -> Result<Recording, Failure> {
    copy(scenery.directory, directory)?;
    let base = fs::read(file(directory))?;
    let recorder = Arc::new(Recorder::default());
    vfs::watch(directory, Arc::clone(&recorder) as Arc<dyn vfs::Watcher>);
    // Checkpoints beside the writer, by the writer, both, or none before the end.
    let (beside, by_writer) = (seed & 1 == 0, seed & 2 == 0);
    let mut random = StdRng::seed_from_u64(seed);
    // In one of four, the server is stopped and started half-way.
    let lives = if random.random_bool(0.25) { 2 } else { 1 };
    for life in 0..lives {
        let wal_bytes_max = if by_writer { random.random_range(50_000..400_000) } else { u64::MAX };
        let options = Options { readers: 1, wal_bytes_max, checkpoint_pages: i64::MAX, ..Options::default() };
        let server = Server::open(directory, &options).await?;
        let (ticks, ticked) = sync_channel::<()>(64);
        let path = file(directory);
        let checkpointer = std::thread::spawn(move || checkpoint(&path, &ticked));
        let clients = (0..CLIENTS).map(|number| {
            let name = format!("{seed:x}-{life}-{number}");
            let random = StdRng::seed_from_u64(seed ^ (number + 1) << 40 ^ (life + 1) << 56);
            let (server, recorder, names) = (server.clone(), Arc::clone(&recorder), scenery.names.clone());
            let client = Client { name, random, server, recorder, names, contents: Vec::new(), sales: Vec::new() };
            let ticks = beside.then(|| ticks.clone());
            tokio::spawn(client.run(scenery.requests / lives, ticks))
        });
        for client in clients.collect::<Vec<_>>() {
            tokio::time::timeout(PATIENCE, client).await??;
        }
        drop(ticks);
        checkpointer.join().map_err(|_| "the checkpointer died")?;
        server.close().await;
    }
    vfs::unwatch(directory);
    fs::remove_dir_all(directory)?;
    Ok(Recording { base, events: recorder.take() })
}

/// Makes a checkpoint at every tick, beside the writer, with the statement of the server's own checkpointer.
fn checkpoint(path: &Path, ticks: &Receiver<()>) {
    let connection = rusqlite::Connection::open(path).expect("the server's own file");
    connection.execute_batch(CHECKPOINTER).expect("settings");
    while ticks.recv().is_ok() {
        // Busy only means that a reader holds an old snapshot.
        let _ = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(0));
    }
}

/// A client, who buys and sells for everybody.
struct Client {
    name: String,
    random: StdRng,
    server: Server,
    recorder: Arc<Recorder>,
    names: Names,
    contents: Vec<String>,
    sales: Vec<String>,
}

impl Client {
    async fn run(mut self, requests: u64, ticks: Option<SyncSender<()>>) {
        for number in 0..requests {
            let (kind, asked) = self.wish();
            // One name for the request and its key. The id is what the key's record has.
            let id = format!("cut-{}-{number}", self.name);
            let asked = asked.key(&id).header("x-request-id", &id);
            self.recorder.note(Event::Asked(id.clone()));
            let answer = self.server.send(&asked).await;
            assert_eq!(answer.request_id, id, "the server took the id of the request");
            assert!(answer.status < 500, "{}: {}", asked.path, String::from_utf8_lossy(&answer.body));
            let body = answer.json();
            if answer.status < 300 {
                self.recorder.note(Event::Answered(id, answer.body));
                self.remember(kind, &body);
            }
            if let Some(ticks) = ticks.as_ref().filter(|_| number % ANSWERS_TO_A_CHECKPOINT == 0) {
                // One that is still at work will do.
                let _ = ticks.try_send(());
            }
        }
    }

    fn anybody(&mut self) -> &'static str {
        ["fan", "mate", "star", "nova"][self.random.random_range(0..4)]
    }

    fn by(&self, who: &str, path: String, body: Option<Value>) -> Asked {
        let asked = Asked::new("POST", path).bearer(&self.names[&format!("{who}.token")]);
        body.map_or_else(|| asked.clone(), |body| asked.clone().json(&body))
    }

    /// Something that a client may want, and of what kind it is.
    fn wish(&mut self) -> (u32, Asked) {
        let (who, kind) = (self.anybody(), self.random.random_range(0..20));
        let cents = self.random.random_range(1..500);
        let whom = self.anybody();
        let other = self.names[whom].clone();
        let asked = match kind {
            0..=2 => {
                let body = json!({ "amount_cents": cents, "provider": "sandbox" });
                self.by(who, "/api/wallet/deposits".to_owned(), Some(body))
            }
            3..=5 => {
                let body = json!({ "recipient_id": other, "gift_type": "rose", "quantity": 1 });
                self.by(who, "/api/gifts/send".to_owned(), Some(body))
            }
            6..=7 => {
                let media = "https://cdn.example.com/a.mp4";
                let body = json!({ "type": "video", "title": "A title", "price_cents": cents, "media_url": media });
                self.by("star", "/api/content".to_owned(), Some(body))
            }
            8..=9 if !self.contents.is_empty() => {
                let content = self.contents.swap_remove(0);
                self.by("fan", format!("/api/content/{content}/unlock"), None)
            }
            10 if !self.sales.is_empty() => {
                let sale = self.sales.swap_remove(0);
                let body = json!({ "reason": "a mistake" });
                self.by("root", format!("/api/admin/transactions/{sale}/refund"), Some(body))
            }
            11 => {
                let body = json!({ "creator_id": self.names["nova"], "tier": "monthly" });
                self.by(who, "/api/subscriptions".to_owned(), Some(body))
            }
            12 => {
                let act = if cents % 2 == 0 { "cancel" } else { "resume" };
                self.by("fan", format!("/api/subscriptions/{}/{act}", self.names["subscription"]), None)
            }
            _ => {
                let body = json!({ "to_user_id": other, "amount_cents": cents });
                self.by(who, "/api/wallet/transfer".to_owned(), Some(body))
            }
        };
        (kind, asked)
    }

    fn remember(&mut self, kind: u32, body: &Value) {
        let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
        match kind {
            6..=7 => self.contents.extend(text(&body["id"])),
            8..=9 => self.sales.extend(text(&body["transaction"]["tx_id"])),
            _ => {}
        }
    }
}
