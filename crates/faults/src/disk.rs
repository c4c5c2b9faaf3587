//! What may be on a disk after the power was cut: all that was synced, and of the rest whatever chance leaves.
//!
//! The model, per file: everything that was done before a sync began is there once that sync has returned.
//! Of what was done later any part may be there, sector by sector and in any order, and a sector may be torn.
//! A part that is not there leaves what was there before; beyond the old end of the file, zeros or rubbish.
//! A new file may be missing until its first sync, which syncs the directory as well; a deleted one may be back until
//! its deletion was synced, or a successor was. SQLite relies on bytes beside a write staying as they are ("powersafe
//! overwrite", its default), and so does the model. The index of the log is in memory, and gone.

use crate::recording::{Event, Name};
use rand::rngs::StdRng;
use rand::{Rng, RngExt};

const SECTOR: usize = 512;

/// A mistake that the harness must find.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Planted {
    /// None: the log as it was.
    Nothing,
    /// The commits' syncs of the write-ahead log are not done, as with `synchronous=NORMAL`. SQLite tells them from those
    /// of a checkpoint by the flag, because `checkpoint_fullfsync` is on.
    NormalSync,
    /// The database file is not synced by checkpoints, before its log is overwritten.
    NoSyncOfCheckpoints,
}

impl Planted {
    const fn forgets(self, name: Name, flags: i64) -> bool {
        match self {
            Self::Nothing => false,
            Self::NormalSync => matches!(name, Name::Wal) && flags == rusqlite::ffi::SQLITE_SYNC_NORMAL as i64,
            Self::NoSyncOfCheckpoints => matches!(name, Name::Database),
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Inode {
    /// What is certain.
    durable: Vec<u8>,
    /// The numbers of the events that are not.
    pending: Vec<usize>,
    /// Whether its name is on the disk.
    is_named: bool,
}

/// The disk at one point of a recording.
#[derive(Clone, Debug)]
pub struct Disk {
    files: [Option<Inode>; 2],
    /// Deleted, and perhaps not for good.
    ghosts: [Option<Inode>; 2],
}

/// The files after a cut: the database, and its log if there is one.
pub type Image = [Option<Vec<u8>>; 2];

const fn index(name: Name) -> usize {
    match name {
        Name::Database => 0,
        Name::Wal => 1,
    }
}

impl Disk {
    /// With a database file alone.
    #[must_use]
    pub fn new(base: &[u8]) -> Self {
        let inode = Inode { durable: base.to_vec(), pending: Vec::new(), is_named: true };
        Self { files: [Some(inode), None], ghosts: [None, None] }
    }

    /// Goes on by the event of that number.
    pub fn advance(&mut self, number: usize, events: &[Event], planted: Planted) {
        match &events[number] {
            Event::Made(name) => {
                // Two connections may both find it missing.
                self.files[index(*name)].get_or_insert_default();
            }
            Event::Written(name, ..) | Event::Cut(name, _) => {
                self.files[index(*name)].as_mut().expect("a file that is there").pending.push(number);
            }
            Event::Deleted(name, synced) => {
                let gone = self.files[index(*name)].take();
                self.ghosts[index(*name)] = if *synced { None } else { gone };
            }
            Event::Synced(name, _, flags) if planted.forgets(*name, *flags) => {}
            Event::Synced(name, began, _) => {
                // A file that was deleted meanwhile has nothing to lose.
                let Some(inode) = self.files[index(*name)].as_mut() else { return };
                let later = inode.pending.partition_point(|pending| pending < began);
                for done in inode.pending.drain(..later) {
                    apply(&mut inode.durable, &events[done]);
                }
                inode.is_named = true;
                self.ghosts[index(*name)] = None;
            }
            Event::Asked(_) | Event::Answered(..) => {}
        }
    }

    /// Whether the database file, which only checkpoints write, has writes that are not synced.
    #[must_use]
    pub fn is_in_a_checkpoint(&self) -> bool {
        self.files[0].as_ref().is_some_and(|file| !file.pending.is_empty())
    }

    /// What is left if the power is cut here.
    #[must_use]
    pub fn cut(&self, events: &[Event], random: &mut StdRng) -> Image {
        let fate = Fate::new(random);
        let of = |name: usize, random: &mut StdRng| {
            let (file, ghost) = (self.files[name].as_ref(), self.ghosts[name].as_ref());
            let found = match file {
                Some(file) if file.is_named || random.random_bool(0.5) => Some(file),
                Some(_) => ghost,
                None => ghost.filter(|_| random.random_bool(0.5)),
            };
            found.map(|inode| inode.cut(events, &fate, random))
        };
        [of(0, random), of(1, random)]
    }
}

/// What becomes of what is pending.
#[derive(Debug)]
enum Left {
    Nothing,
    Everything,
    /// What came first, up to somewhere in an operation.
    First,
    /// Some operations, whole.
    SomeWhole,
    /// Some sectors of each.
    SomeSectors,
    /// All but one operation.
    AllButOne,
}

#[derive(Debug)]
struct Fate {
    left: Left,
    /// Whether a file that became longer has rubbish where nothing arrived.
    has_rubbish: bool,
}

impl Fate {
    fn new(random: &mut StdRng) -> Self {
        let left = match random.random_range(0..8) {
            0 => Left::Nothing,
            1 => Left::Everything,
            2 => Left::First,
            3 => Left::SomeWhole,
            4 => Left::AllButOne,
            _ => Left::SomeSectors,
        };
        Self { left, has_rubbish: random.random_bool(0.25) }
    }
}

impl Inode {
    fn cut(&self, events: &[Event], fate: &Fate, random: &mut StdRng) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        let count = self.pending.len();
        if count == 0 {
            return bytes;
        }
        let chosen = random.random_range(0..count);
        let odds = random.random_range(0.05..0.95);
        for (place, number) in self.pending.iter().enumerate() {
            let event = &events[*number];
            match fate.left {
                Left::Nothing => {}
                Left::First if place == chosen => torn(&mut bytes, event, odds, fate.has_rubbish, random),
                Left::First if place > chosen => {}
                Left::AllButOne if place == chosen => {}
                Left::SomeWhole if !random.random_bool(odds) => {}
                Left::SomeSectors => torn(&mut bytes, event, odds, fate.has_rubbish, random),
                Left::Everything | Left::First | Left::AllButOne | Left::SomeWhole => apply(&mut bytes, event),
            }
        }
        bytes
    }
}

fn place(at: u64) -> usize {
    usize::try_from(at).expect("a small file")
}

fn apply(bytes: &mut Vec<u8>, event: &Event) {
    match event {
        Event::Written(_, at, data) => put(bytes, place(*at), data),
        Event::Cut(_, size) => bytes.resize(place(*size), 0),
        _ => {}
    }
}

fn put(bytes: &mut Vec<u8>, at: usize, data: &[u8]) {
    if bytes.len() < at + data.len() {
        bytes.resize(at + data.len(), 0);
    }
    bytes[at..at + data.len()].copy_from_slice(data);
}

/// Does some sectors of an operation, and of some of them only the beginning.
fn torn(bytes: &mut Vec<u8>, event: &Event, odds: f64, has_rubbish: bool, random: &mut StdRng) {
    let Event::Written(_, at, data) = event else {
        if random.random_bool(odds) {
            apply(bytes, event);
        }
        return;
    };
    let (mut at, mut rest) = (place(*at), data.as_slice());
    while !rest.is_empty() {
        let (sector, after) = rest.split_at(rest.len().min(SECTOR - at % SECTOR));
        if random.random_bool(odds) {
            let arrived = if random.random_bool(0.05) { random.random_range(0..sector.len()) } else { sector.len() };
            put(bytes, at, &sector[..arrived]);
        } else if has_rubbish && at >= bytes.len() {
            let mut rubbish = vec![0; sector.len()];
            random.fill_bytes(&mut rubbish);
            put(bytes, at, &rubbish);
        }
        at += sector.len();
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::{Disk, Planted};
    use crate::recording::{Event, Name};
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use std::collections::BTreeSet;

    fn images(events: &[Event]) -> BTreeSet<[Option<Vec<u8>>; 2]> {
        let mut disk = Disk::new(b"old");
        (0..events.len()).for_each(|number| disk.advance(number, events, Planted::Nothing));
        (0..500).map(|seed| disk.cut(events, &mut StdRng::seed_from_u64(seed))).collect()
    }

    #[test]
    fn what_was_synced_is_there_and_of_what_was_not_any_part_may_be() {
        let new = |text: &[u8]| Event::Written(Name::Database, 0, text.to_vec());
        assert_eq!(images(&[new(b"new"), Event::Synced(Name::Database, 1, 2)]), [[Some(b"new".to_vec()), None]].into());
        let both = images(&[new(b"new")]);
        assert!(both.contains(&[Some(b"new".to_vec()), None]) && both.contains(&[Some(b"old".to_vec()), None]));
        // The sync began before the write did.
        assert!(images(&[new(b"new"), Event::Synced(Name::Database, 0, 2)]).contains(&[Some(b"old".to_vec()), None]));
    }

    #[test]
    fn sectors_are_lost_one_by_one() {
        let found = images(&[Event::Written(Name::Database, 0, vec![b'n'; 3 * 512])]);
        let kept = found.iter().filter_map(|image| image[0].clone()).filter(|bytes| bytes.len() == 3 * 512);
        let kinds: BTreeSet<_> = kept.map(|bytes| [0, 512, 1_024].map(|at| bytes[at] == b'n')).collect();
        assert!(kinds.contains(&[true, false, true]) && kinds.contains(&[false, false, true]), "{kinds:?}");
    }

    #[test]
    fn a_new_file_may_be_missing_and_a_deleted_one_back_until_the_directory_is_synced() {
        let made = vec![Event::Made(Name::Wal), Event::Written(Name::Wal, 0, b"log".to_vec())];
        assert!(images(&made).contains(&[Some(b"old".to_vec()), None]));
        let synced = [made, vec![Event::Synced(Name::Wal, 2, 2)]].concat();
        assert_eq!(images(&synced), [[Some(b"old".to_vec()), Some(b"log".to_vec())]].into());
        let deleted = |is_synced| images(&[synced.clone(), vec![Event::Deleted(Name::Wal, is_synced)]].concat());
        assert_eq!(deleted(false).len(), 2);
        assert_eq!(deleted(true), [[Some(b"old".to_vec()), None]].into());
    }
}
