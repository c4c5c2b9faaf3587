//! Which state of a wallet a read shows, and which ones it may have shown: by what had been acknowledged, and seen, before
//! it began, and by what had been asked for when it ended.

use super::{Anomaly, Found, NEVER, Transfer, Transfers};
use crate::bank::history::{Asked, Entry, History, Operation};

/// A read, and the place in its wallet's history that it shows: that of the newest entry it has.
#[derive(Clone, Copy, Debug)]
pub struct Read {
    pub wallet: usize,
    pub place: usize,
    pub from: u64,
    pub until: u64,
}

/// Places that are known by a moment: the furthest of those that ended before it.
#[derive(Debug, Default)]
struct Floor(Vec<(u64, usize)>);

impl Floor {
    fn of(mut ended: Vec<(u64, usize)>) -> Self {
        ended.sort_unstable();
        let mut furthest = 0;
        for (_, place) in &mut ended {
            furthest = furthest.max(*place);
            *place = furthest;
        }
        Self(ended)
    }

    fn at(&self, moment: u64) -> usize {
        let ended = self.0.partition_point(|(until, _)| *until < moment);
        ended.checked_sub(1).map_or(0, |last| self.0[last].1)
    }
}

/// What is known of a wallet.
#[derive(Debug)]
struct Wallet {
    written: Floor,
    seen: Floor,
    /// For each place the moment at which all entries up to it had been asked for.
    asked: Vec<u64>,
}

/// What is known of all wallets.
#[derive(Debug)]
pub struct Views<'history> {
    pub history: &'history History,
    pub transfers: &'history Transfers,
    pub reads: Vec<Read>,
    wallets: Vec<Wallet>,
}

fn transfer_of<'all>(transfers: &'all Transfers, entry: &Entry) -> Option<&'all Transfer> {
    transfers.get(entry.label as usize)?.as_ref()
}

impl<'history> Views<'history> {
    /// Tells what each read shows, and of entries whose order is not that of time.
    pub fn new(history: &'history History, transfers: &'history Transfers, found: &mut Found) -> Self {
        let mut reads = Vec::new();
        for operation in &history.operations {
            match shown(history, operation) {
                None => {}
                Some((wallet, Some(place))) => {
                    reads.push(Read { wallet, place, from: operation.from, until: operation.until });
                }
                Some(_) => found.add(Anomaly::WrongRead, || format!("{operation:?}")),
            }
        }
        let mut seen = vec![Vec::new(); history.wallets.len()];
        reads.iter().for_each(|read| seen[read.wallet].push((read.until, read.place)));
        let wallet = |(entries, seen): (&Vec<Entry>, Vec<(u64, usize)>)| wallet(entries, seen, transfers, found);
        let wallets = history.wallets.iter().zip(seen).map(wallet).collect();
        Self { history, transfers, reads, wallets }
    }

    /// Every read has what it must have, and nothing that it cannot have.
    pub fn check_reads(&self, found: &mut Found) {
        for read in &self.reads {
            let wallet = &self.wallets[read.wallet];
            if read.place < wallet.written.at(read.from) {
                found.add(Anomaly::StaleRead, || format!("{read:?}"));
            } else if read.place < wallet.seen.at(read.from) {
                found.add(Anomaly::ReadWentBack, || format!("{read:?}"));
            }
            if wallet.asked[read.place] > read.until {
                found.add(Anomaly::ReadOfTheFuture, || format!("{read:?}"));
            }
        }
    }

    /// Whoever was refused had too little at some moment meanwhile.
    pub fn check_refusals(&self, found: &mut Found) {
        for transfer in self.transfers.iter().flatten().filter(|transfer| transfer.refused != NEVER) {
            let payer = usize::from(transfer.order.payer);
            let wallet = &self.wallets[payer];
            let first = wallet.written.at(transfer.from).max(wallet.seen.at(transfer.from));
            let end = wallet.asked.partition_point(|asked| *asked <= transfer.refused);
            let states = self.history.wallets[payer].get(first..end).unwrap_or_default();
            if !states.iter().any(|state| state.balance < i64::from(transfer.order.cents)) {
                found.add(Anomaly::Refusal, || format!("{transfer:?} with {states:?}"));
            }
        }
    }
}

fn wallet(entries: &[Entry], seen: Vec<(u64, usize)>, transfers: &Transfers, found: &mut Found) -> Wallet {
    let (mut written, mut asked, mut latest) = (Vec::new(), Vec::with_capacity(entries.len()), 0);
    for (place, entry) in entries.iter().enumerate() {
        if let Some(transfer) = transfer_of(transfers, entry) {
            if transfer.paid < latest {
                found.add(Anomaly::OrderAgainstTime, || format!("{transfer:?} before what was asked for later"));
            }
            latest = latest.max(transfer.from);
            if transfer.paid != NEVER {
                written.push((transfer.paid, place));
            }
        }
        asked.push(latest);
    }
    Wallet { written: Floor::of(written), seen: Floor::of(seen), asked }
}

/// Which place in which wallet's history a read shows, if there is one that it can be.
fn shown(history: &History, operation: &Operation) -> Option<(usize, Option<usize>)> {
    let at = |wallet: u16, moment: i64| {
        let entries = &history.wallets[usize::from(wallet)];
        entries.binary_search_by_key(&moment, |entry| entry.at).ok()
    };
    match &operation.asked {
        Asked::Transfer(..) => None,
        Asked::Balance { wallet, cents, at: moment } => {
            let entries = &history.wallets[usize::from(*wallet)];
            let place = at(*wallet, *moment).filter(|place| entries[*place].balance == *cents);
            Some((usize::from(*wallet), place))
        }
        Asked::Newest { wallet, entries: page } => {
            let entries = &history.wallets[usize::from(*wallet)];
            let place = page.first().and_then(|newest| at(*wallet, newest.at));
            let place = place.filter(|place| {
                // Without a gap, to the oldest entry or to the end of the page.
                page.len() <= place + 1 && page.iter().eq(entries[..=*place].iter().rev().take(page.len()))
            });
            Some((usize::from(*wallet), place))
        }
    }
}
