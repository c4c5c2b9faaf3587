//! The file layer of a child: it counts operations, and lets one of them fail.

use super::{Mode, error};
use crate::vfs::{Call, Kind, Op, Reach, Watcher};
use rusqlite::ffi::{SQLITE_FULL, SQLITE_OK};
use std::ffi::c_int;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Counts the operations that can fail in a mode, and lets the n-th fail.
pub(super) struct Faulty {
    mode: Mode,
    /// From one on; 0 for none.
    number: u64,
    /// Is told which operation fails, before anything else can happen.
    tell: fn(&Call<'_>),
    state: Mutex<State>,
    checkpointed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_armed: bool,
    counted: u64,
    is_full: bool,
    /// Syncs of the database file, which only checkpoints make.
    checkpoints: u64,
}

impl Faulty {
    pub(super) fn new(mode: Mode, number: u64, tell: fn(&Call<'_>)) -> Self {
        Self { mode, number, tell, state: Mutex::default(), checkpointed: Condvar::new() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts from now on.
    pub(super) fn arm(&self) {
        self.state().is_armed = true;
    }

    /// How many were counted.
    pub(super) fn counted(&self) -> u64 {
        self.state().counted
    }

    /// Waits for a checkpoint to sync the database file, as long as it may take. A fault can keep it from that.
    pub(super) fn wait_for_a_checkpoint(&self, patience: Duration) {
        let waiting = self.checkpointed.wait_timeout_while(self.state(), patience, |state| state.checkpoints == 0);
        drop(waiting.unwrap_or_else(PoisonError::into_inner));
    }
}

impl Watcher for Faulty {
    fn handle(&self, call: &Call<'_>, proceed: &mut dyn FnMut(Reach) -> c_int) -> c_int {
        let (fails, is_full) = {
            let mut state = self.state();
            let counts = state.is_armed && self.mode.concerns(call.op, call.kind);
            state.counted += u64::from(counts);
            let fails = counts && state.counted == self.number;
            let was_full = state.is_full;
            state.is_full |= fails && self.mode == Mode::Full;
            if fails {
                (self.tell)(call);
            }
            (fails, was_full && call.op == Op::Write)
        };
        if is_full {
            return SQLITE_FULL;
        }
        if fails {
            match self.mode {
                Mode::Lost => return SQLITE_OK,
                Mode::Half | Mode::Full => proceed(Reach::Half),
                // What is closed is closed, whatever is said about it.
                Mode::Error if call.op == Op::Close => proceed(Reach::Whole),
                Mode::Error => SQLITE_OK,
            };
            return if self.mode == Mode::Full { SQLITE_FULL } else { error(call.op) };
        }
        let code = proceed(Reach::Whole);
        if code == SQLITE_OK && call.op == Op::Sync && call.kind == Kind::Database {
            self.state().checkpoints += 1;
            self.checkpointed.notify_all();
        }
        code
    }
}
