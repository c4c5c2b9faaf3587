//! What may be read from a moment that is a little in the past: feeds, boards, and lists of what will not change.
//!
//! Functions that take a [`Past`] run on a [`StaleReader`] as well as on a [`View`]. All others take a `View`, which
//! cannot be got from a `StaleReader`: so a balance, a price that is charged, a session or a right of access is never
//! read from a replica. The compiler holds that:
//!
//! ```
//! # use superapp::store::{StaleReader, StoreError, leaderboards};
//! # use domain::{gift::BoardPeriod, timestamp::Timestamp};
//! fn board(reader: &StaleReader<'_>) -> Result<Vec<leaderboards::Line>, StoreError> {
//!     leaderboards::top(reader, None, BoardPeriod::All, Timestamp::from_micros(0), 10)
//! }
//! ```
//!
//! ```compile_fail,E0599
//! # use superapp::store::{StaleReader, StoreError, wallets};
//! # use domain::id::UserId;
//! fn balance(reader: &StaleReader<'_>) -> Result<(), StoreError> {
//!     reader.find(&wallets::find_by_user(UserId::SYSTEM)).map(|_| ())
//! }
//! ```
//!
//! ```compile_fail,E0599
//! # use superapp::store::{StaleReader, StoreError, contents};
//! # use domain::{id::{ContentId, UserId}, timestamp::Timestamp};
//! fn access(reader: &StaleReader<'_>, id: ContentId) -> Result<(), StoreError> {
//!     reader.find(&contents::find(UserId::SYSTEM, id, Timestamp::from_micros(0))).map(|_| ())
//! }
//! ```
//!
//! Nor does it take a text of one's own, which could ask for anything:
//!
//! ```compile_fail,E0599
//! # use superapp::store::{StaleReader, StoreError};
//! fn anything(reader: &StaleReader<'_>) -> Result<Vec<i64>, StoreError> {
//!     reader.query("SELECT balance_cents FROM wallets", &[], |row| row.get(0))
//! }
//! ```

use super::{Row, StoreError, Value, View};

/// A snapshot that may be of a moment in the past, on a replica or not.
#[derive(Debug)]
pub struct StaleReader<'view> {
    view: &'view View<'view>,
}

impl<'view> StaleReader<'view> {
    pub(super) const fn new(view: &'view View<'view>) -> Self {
        Self { view }
    }
}

/// What functions take that may be told of the past. Only this module says who is one.
pub trait Past: sealed::Ask {}

impl<T: sealed::Ask> Past for T {}

pub(in crate::store) mod sealed {
    use super::{Row, StaleReader, StoreError, Value, View};

    /// Asking, for the functions of the store alone.
    pub trait Ask {
        /// As [`View::query`].
        fn ask<T>(
            &self,
            text: &'static str,
            values: &[Value<'_>],
            read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
        ) -> Result<Vec<T>, StoreError>;

        /// Has the statements that follow planned for their values, where that makes a difference.
        fn plan_for_values(&self);
    }

    impl Ask for View<'_> {
        fn ask<T>(
            &self,
            text: &'static str,
            values: &[Value<'_>],
            read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
        ) -> Result<Vec<T>, StoreError> {
            self.query(text, values, read)
        }

        fn plan_for_values(&self) {
            self.connection.plan_for_values();
        }
    }

    impl Ask for StaleReader<'_> {
        fn ask<T>(
            &self,
            text: &'static str,
            values: &[Value<'_>],
            read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
        ) -> Result<Vec<T>, StoreError> {
            self.view.query(text, values, read)
        }

        fn plan_for_values(&self) {
            self.view.connection.plan_for_values();
        }
    }
}
