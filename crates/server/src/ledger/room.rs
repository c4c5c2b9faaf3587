//! The waiting room: which of the commands that wait may run beside the batches that run already.
//!
//! A batch holds its users' wallets until its commit. A command that needs one of them waits here, where it can join
//! the next batch, and not in the database, where it would hold up a lane with everything that was picked up beside
//! it. So the sales of a popular creator gather into large batches, and nobody else waits behind them.

use super::{Limits, Queued};
use domain::command::{Needs, Request};
use domain::id::UserId;
use std::collections::{HashSet, VecDeque};

/// The commands that wait.
pub(super) struct Room {
    /// Whether there is more than one lane. A single one has nothing beside it.
    is_shared: bool,
    /// Commands in a batch at most.
    batch: usize,
    /// Commands that may wait for a batch that runs.
    size: usize,
    /// What the next batch takes.
    ready: Vec<Waiting>,
    /// What needs somebody who is busy, or whom an earlier one of these waits for, or found the next batch full: in the
    /// order in which it came.
    waiting: VecDeque<Waiting>,
    /// Whom those that wait need: whoever comes later and needs one of them waits as well, so that nobody waits for
    /// ever and the commands of one user stay in their order.
    blocked: HashSet<UserId>,
    /// Whose wallets are held by a batch that runs.
    busy: HashSet<UserId>,
}

struct Waiting {
    queued: Queued,
    users: Box<[UserId]>,
}

/// Whose wallets a batch holds, until it is over.
pub(super) type Held = Vec<UserId>;

impl Room {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            is_shared: limits.lanes > 1,
            batch: limits.batch.max(1),
            size: limits.room(),
            ready: Vec::new(),
            waiting: VecDeque::new(),
            blocked: HashSet::new(),
            busy: HashSet::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.ready.len() + self.waiting.len()
    }

    /// How many more commands may come in.
    pub(super) fn space(&self) -> usize {
        let ready = self.batch.saturating_sub(self.ready.len());
        if self.is_shared { ready.min(self.size.saturating_sub(self.waiting.len())) } else { ready }
    }

    pub(super) fn admit(&mut self, queued: Queued) {
        let users = if self.is_shared { users_of(&queued.submission.request) } else { Box::default() };
        self.place(Waiting { queued, users });
    }

    fn place(&mut self, waiting: Waiting) {
        let is_free = |user: &UserId| !self.busy.contains(user) && !self.blocked.contains(user);
        if self.ready.len() < self.batch && waiting.users.iter().all(is_free) {
            self.ready.push(waiting);
        } else {
            self.blocked.extend(&waiting.users);
            self.waiting.push_back(waiting);
        }
    }

    /// Takes what is ready, and holds the wallets that it needs.
    pub(super) fn pick(&mut self) -> (Vec<Queued>, Held) {
        let picked = std::mem::take(&mut self.ready);
        let held: HashSet<UserId> = picked.iter().flat_map(|waiting| waiting.users.iter().copied()).collect();
        self.busy.extend(&held);
        (picked.into_iter().map(|waiting| waiting.queued).collect(), held.into_iter().collect())
    }

    /// A batch is over, and others may have waited for it.
    pub(super) fn release(&mut self, held: Held) {
        for user in held {
            self.busy.remove(&user);
        }
        self.blocked.clear();
        for waiting in std::mem::take(&mut self.waiting) {
            self.place(waiting);
        }
    }
}

fn users_of(request: &Request) -> Box<[UserId]> {
    let mut needs = Needs::default();
    request.needs(&mut needs);
    needs.users.union(&needs.debtors).copied().collect()
}
