//! How many connections of a pool are at work, and how many wait for some.

use metrics::Gauge;

/// The gauges of one pool. Cheap to clone.
#[derive(Clone)]
pub(super) struct Pool {
    busy: Gauge,
    idle: Gauge,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Pool").finish_non_exhaustive()
    }
}

/// A connection at work, until it is dropped.
pub(super) struct Busy<'pool>(&'pool Pool);

impl Pool {
    /// A pool whose connections wait for work.
    pub(super) fn new(name: &'static str, connections: usize) -> Self {
        let gauge = |state: &'static str| metrics::gauge!("database_connections", "pool" => name, "state" => state);
        let pool = Self { busy: gauge("busy"), idle: gauge("idle") };
        pool.busy.set(0.0);
        pool.idle.set(f64::from(u32::try_from(connections).unwrap_or(u32::MAX)));
        pool
    }

    /// Puts one of them to work.
    pub(super) fn busy(&self) -> Busy<'_> {
        self.idle.decrement(1.0);
        self.busy.increment(1.0);
        Busy(self)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy.decrement(1.0);
        self.0.idle.increment(1.0);
    }
}
