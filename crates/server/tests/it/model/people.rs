//! Who is who, by the numbers of the reference model. Its own tests draw more from chance than that.

/// Creators are the first, and everybody can pay.
pub const CREATORS: u64 = 3;
pub const PEOPLE: u64 = 7;
/// Refunds, decides on payouts, and freezes.
pub const ADMIN: u64 = 8;
/// Whom nobody knows.
pub const NOBODY: u64 = 10;
