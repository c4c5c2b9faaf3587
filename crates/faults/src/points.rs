//! Every single operation on a file fails once: a child process is the server it happens to, and what it leaves is held
//! against what it said.

pub mod cases;
pub mod child;
mod faulty;
mod judge;

pub use judge::{Judge, Outcome, Point};

use crate::vfs::{Kind, Op};
use rusqlite::ffi;
use std::ffi::c_int;

/// How an operation fails.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Mode {
    /// It does nothing and says that the disk failed.
    Error,
    /// Half of it is done before the disk fails: reads and writes.
    Half,
    /// Half of it is done, and the disk is full from then on: writes.
    Full,
    /// It is not done, and nothing is said about it: writes of the log. No server survives that, so it is not one of
    /// [`Mode::ALL`]; it is there to see whether the harness finds it.
    Lost,
}

impl Mode {
    /// All that a server has to survive.
    pub const ALL: [Self; 3] = [Self::Error, Self::Half, Self::Full];

    /// Its name on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Half => "half",
            Self::Full => "full",
            Self::Lost => "lost",
        }
    }

    /// The one with a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().chain([Self::Lost]).find(|mode| mode.as_str() == name)
    }

    /// Whether an operation can fail in this way.
    #[must_use]
    pub const fn concerns(self, op: Op, kind: Kind) -> bool {
        match self {
            Self::Error => true,
            Self::Half => matches!(op, Op::Read | Op::Write),
            Self::Full => matches!(op, Op::Write),
            Self::Lost => matches!((op, kind), (Op::Write, Kind::Wal)),
        }
    }
}

/// What SQLite is told when an operation fails, as its own layer would say it.
#[must_use]
pub const fn error(op: Op) -> c_int {
    match op {
        Op::Access => ffi::SQLITE_IOERR_ACCESS,
        Op::CheckReservedLock => ffi::SQLITE_IOERR_CHECKRESERVEDLOCK,
        Op::Close => ffi::SQLITE_IOERR_CLOSE,
        Op::Delete => ffi::SQLITE_IOERR_DELETE,
        Op::FileSize => ffi::SQLITE_IOERR_FSTAT,
        Op::FullPathname | Op::Open => ffi::SQLITE_CANTOPEN,
        Op::Lock => ffi::SQLITE_IOERR_LOCK,
        Op::Read => ffi::SQLITE_IOERR_READ,
        Op::ShmLock => ffi::SQLITE_IOERR_SHMLOCK,
        Op::ShmMap => ffi::SQLITE_IOERR_SHMMAP,
        Op::Sync => ffi::SQLITE_IOERR_FSYNC,
        Op::Truncate => ffi::SQLITE_IOERR_TRUNCATE,
        Op::Unlock => ffi::SQLITE_IOERR_UNLOCK,
        Op::Write => ffi::SQLITE_IOERR_WRITE,
    }
}
