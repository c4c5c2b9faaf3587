//! The people of a run and what they sell, and whose turn it is to do what. Nothing here asks the server anything.

mod making;

use super::cast::{Cast, Tier};
use super::plan::Scenario;
use hyper::header::HeaderValue;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

pub(super) use making::PASSWORD;
pub use making::{reconcile, set, version};

/// Somebody.
#[derive(Debug)]
pub struct Account {
    /// The id.
    pub id: String,
    /// The address to sign in with.
    pub email: String,
    /// Where they are among all.
    number: usize,
    bearer: Mutex<HeaderValue>,
    unlocked: AtomicU64,
    subscribed: AtomicU64,
}

impl Account {
    /// What they show; that of the last sign-in.
    pub fn bearer(&self) -> HeaderValue {
        self.bearer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// They have signed in anew.
    pub fn renew(&self, answer: &Value) {
        if let Some(bearer) = bearer(answer) {
            *self.bearer.lock().unwrap_or_else(PoisonError::into_inner) = bearer;
        }
    }
}

fn bearer(answer: &Value) -> Option<HeaderValue> {
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", answer["access_token"].as_str()?)).ok()?;
    bearer.set_sensitive(true);
    Some(bearer)
}

/// Something on offer.
#[derive(Debug)]
struct Content {
    id: String,
    creator: usize,
}

/// Everybody, and everything on offer.
#[derive(Debug)]
pub struct Stage {
    cast: Cast,
    /// Free accounts, then those with premium, then creators.
    accounts: Vec<Account>,
    contents: Vec<Content>,
    /// The cheapest gift.
    pub gift: String,
    /// How many came for each thing.
    turns: BTreeMap<Scenario, AtomicU64>,
    sign_ins: AtomicU64,
    /// Keys of this run are nobody else's.
    run: String,
    keys: AtomicU64,
}

impl Stage {
    /// How many of each tier, for the report.
    pub fn accounts(&self) -> Vec<(&'static str, u64)> {
        let of =
            [(Tier::Free, self.cast.free), (Tier::Premium, self.cast.premium), (Tier::Creator, self.cast.creators)];
        of.into_iter().filter(|(_, count)| *count > 0).map(|(tier, count)| (tier.name(), count)).collect()
    }

    /// A key that nobody has used.
    pub fn key(&self) -> String {
        format!("{}-{}", self.run, self.keys.fetch_add(1, Ordering::Relaxed))
    }

    /// Whose turn it is to come for something.
    pub fn visitor(&self, scenario: Scenario) -> Option<&Account> {
        let turn = self.turns.get(&scenario)?.fetch_add(1, Ordering::Relaxed);
        let (tier, before) = self.cast.visitor(turn);
        let (first, count) = self.of(tier);
        self.accounts.get(usize::try_from(first + before % count.max(1)).ok()?)
    }

    /// Whose turn it is to sign in.
    pub fn returning(&self) -> Option<&Account> {
        let turn = usize::try_from(self.sign_ins.fetch_add(1, Ordering::Relaxed)).unwrap_or_default();
        self.accounts.get(turn % self.accounts.len().max(1))
    }

    /// Somebody to pay.
    pub fn other(&self, than: &Account) -> Option<&Account> {
        self.accounts.get((than.number + 1) % self.accounts.len().max(1))
    }

    /// A creator, in turn, but never the one who asks.
    pub fn creator(&self, than: &Account) -> Option<&Account> {
        let (first, count) = self.of(Tier::Creator);
        let turn = self.keys.load(Ordering::Relaxed);
        let at = |turn: u64| self.accounts.get(usize::try_from(first + turn % count.max(1)).ok()?);
        at(turn).filter(|creator| creator.number != than.number).or_else(|| at(turn + 1))
    }

    /// A content that this account has not bought, nor made.
    pub fn unbought(&self, by: &Account) -> Option<&str> {
        let count = u64::try_from(self.contents.len()).ok()?;
        loop {
            let done = by.unlocked.fetch_add(1, Ordering::Relaxed);
            let at = (done < count).then(|| (done + offset(by, 31)) % count)?;
            let content = self.contents.get(usize::try_from(at).ok()?)?;
            if content.creator != by.number {
                return Some(&content.id);
            }
        }
    }

    /// A creator whom this account has not subscribed to, and is not.
    pub fn unsubscribed(&self, by: &Account) -> Option<&str> {
        let (first, count) = self.of(Tier::Creator);
        loop {
            let done = by.subscribed.fetch_add(1, Ordering::Relaxed);
            let at = (done < count).then(|| first + (done + offset(by, 17)) % count)?;
            let creator = self.accounts.get(usize::try_from(at).ok()?)?;
            if creator.number != by.number {
                return Some(&creator.id);
            }
        }
    }

    /// Where a tier begins, and how many it has.
    const fn of(&self, tier: Tier) -> (u64, u64) {
        let Cast { free, premium, creators, .. } = self.cast;
        match tier {
            Tier::Free => (0, free),
            Tier::Premium => (free, premium),
            Tier::Creator => (free + premium, creators),
        }
    }
}

/// Everybody begins somewhere else.
fn offset(account: &Account, step: u64) -> u64 {
    u64::try_from(account.number).unwrap_or_default() * step
}
