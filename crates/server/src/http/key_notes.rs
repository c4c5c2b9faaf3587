//! What is noted of API keys beside the requests that show them: when they were used, and where they were refused. At
//! most once a minute for each key, by one task, so that no request waits for it and no flood becomes a flood of rows.

use crate::clock::Ids;
use crate::operations::{Context, api_keys as operations};
use crate::store::{Database, StoreError, Work, api_keys};
use domain::api_key::Refused;
use domain::audit::Actor;
use domain::id::{ApiKeyId, UserId};
use domain::timestamp::{Span, Timestamp};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// How often the same is noted of a key.
const INTERVAL: Span = Span::seconds(60);
/// Notes that may wait; one more is dropped.
const QUEUE: usize = 1_024;
/// Notes of one unit of work.
const BATCH: usize = 256;
/// Keys of whom it is remembered that something was noted.
const RECENT_MAX: usize = 16_384;
/// How often those are forgotten that may be noted again, once there is no room.
const SWEEP_INTERVAL: Span = Span::seconds(1);
/// How long a unit of work may wait for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// A refusal of a key that is one of ours.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The key.
    pub id: ApiKeyId,
    /// Whose it is.
    pub owner: UserId,
    /// Why.
    pub reason: Refused,
    /// From where, and in which request.
    pub actor: Actor,
}

#[derive(Debug)]
enum Note {
    Used(ApiKeyId, Timestamp),
    Refused(Refusal, Timestamp),
    /// Somebody waits for everything that came before.
    Reached(oneshot::Sender<()>),
}

/// When what was last noted: a use, or a refusal.
#[derive(Debug, Default)]
struct Recent {
    noted: HashMap<(ApiKeyId, bool), Timestamp>,
    swept_at: Timestamp,
}

/// Takes notes.
#[derive(Debug)]
pub struct KeyNotes {
    notes: flume::Sender<Note>,
    recent: Mutex<Recent>,
    /// Whose the keys are that were over their limit lately, so that a flood is refused without a look-up.
    limited: Mutex<HashMap<[u8; 32], UserId>>,
}

impl KeyNotes {
    /// Starts the task. It ends when this is dropped, after what was noted by then.
    #[must_use]
    pub fn start(database: Database, ids: Ids) -> Self {
        let (notes, taken) = flume::bounded(QUEUE);
        tokio::spawn(async move {
            while let Ok(first) = taken.recv_async().await {
                let batch: Vec<Note> = std::iter::once(first).chain(taken.try_iter().take(BATCH - 1)).collect();
                write(&database, &ids, batch).await;
            }
        });
        Self { notes, recent: Mutex::default(), limited: Mutex::default() }
    }

    /// A key was used, which was last noted at `noted_at`.
    pub fn used(&self, id: ApiKeyId, noted_at: Option<Timestamp>, now: Timestamp) {
        if noted_at.is_none_or(|at| at.plus(INTERVAL) <= now) && self.is_due((id, false), now) {
            self.note(Note::Used(id, now));
        }
    }

    /// A key was refused.
    pub fn refused(&self, refusal: Refusal, now: Timestamp) {
        if self.is_due((refusal.id, true), now) {
            self.note(Note::Refused(refusal, now));
        }
    }

    /// A request with a key was over the limit of the key's owner.
    pub fn limited(&self, digest: [u8; 32], owner: UserId) {
        let mut limited = self.limited.lock().unwrap_or_else(PoisonError::into_inner);
        if limited.len() >= RECENT_MAX {
            // Each comes back with its next request that is over the limit.
            limited.clear();
        }
        limited.insert(digest, owner);
    }

    /// Whose a key is, if it was over the limit lately. It says nothing of whether the key is good.
    #[must_use]
    pub fn limited_owner(&self, digest: &[u8; 32]) -> Option<UserId> {
        self.limited.lock().unwrap_or_else(PoisonError::into_inner).get(digest).copied()
    }

    /// Waits until everything is written that was noted before.
    pub async fn settle(&self) {
        let (reached, wait) = oneshot::channel();
        if self.notes.send_async(Note::Reached(reached)).await.is_ok() {
            let _ = wait.await;
        }
    }

    fn note(&self, note: Note) {
        if self.notes.try_send(note).is_err() {
            metrics::counter!("api_key_notes_dropped_total").increment(1);
        }
    }

    /// Whether it is time to note something again. Where there is no room to remember that, it is not.
    fn is_due(&self, what: (ApiKeyId, bool), now: Timestamp) -> bool {
        // Times, which no panic can have left half changed.
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.noted.get(&what).is_some_and(|at| at.plus(INTERVAL) > now) {
            return false;
        }
        if recent.noted.len() >= RECENT_MAX && recent.swept_at.plus(SWEEP_INTERVAL) <= now {
            recent.noted.retain(|_, at| at.plus(INTERVAL) > now);
            recent.swept_at = now;
        }
        let has_room = recent.noted.len() < RECENT_MAX || recent.noted.contains_key(&what);
        if has_room {
            recent.noted.insert(what, now);
        }
        has_room
    }
}

async fn write(database: &Database, ids: &Ids, batch: Vec<Note>) {
    let mut reached = Vec::new();
    let mut written = Vec::new();
    for note in batch {
        match note {
            Note::Reached(somebody) => reached.push(somebody),
            note => written.push(note),
        }
    }
    if !written.is_empty() {
        let ids = ids.clone();
        let unit = move |work: &mut Work<'_>| written.iter().try_for_each(|note| write_one(work, &ids, note));
        if let Err(error) = database.write(unit, Instant::now() + PATIENCE).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "uses of API keys could not be noted");
        }
    }
    for somebody in reached {
        let _ = somebody.send(());
    }
}

fn write_one(work: &mut Work<'_>, ids: &Ids, note: &Note) -> Result<(), StoreError> {
    match note {
        Note::Used(id, at) => api_keys::touch(work, *id, *at),
        Note::Refused(refusal, at) => {
            let context = Context { now: *at, actor: refusal.actor.clone(), ids: ids.clone() };
            operations::refuse(work, &context, refusal.id, refusal.owner, refusal.reason)
        }
        Note::Reached(_) => Ok(()),
    }
}
