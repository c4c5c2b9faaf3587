//! Numbers that no type bounds: times, sizes and amounts of which there must be some.

use super::{Config, ConfigError, invalid};
use domain::money::Amount;

impl Config {
    pub(super) fn check_numbers(&self) -> Result<(), ConfigError> {
        let server = &self.server;
        let positive = [
            ("server.header_timeout_seconds", server.header_timeout_seconds > 0),
            ("server.body_timeout_seconds", server.body_timeout_seconds > 0),
            ("server.request_deadline_seconds", server.request_deadline_seconds > 0),
            ("server.connections_max", server.connections_max > 0),
            ("server.write_timeout_seconds", server.write_timeout_seconds > 0),
            ("server.requests_max", server.requests_max > 0),
            ("rate_limits.concurrency_per_user", self.rate_limits.concurrency_per_user > 0),
            ("rate_limits.connections_per_address", self.rate_limits.connections_per_address > 0),
            ("server.body_bytes_max", server.body_bytes_max > 0),
            ("database.readers", self.database.readers > 0),
            ("database.queue", self.database.queue > 0),
            ("database.checkpoint_pages", self.database.checkpoint_pages > 0),
            ("postgres.readers", self.postgres.readers > 0),
            ("postgres.writers", self.postgres.writers > 0),
            ("postgres.lanes", self.postgres.lanes > 0),
            ("postgres.statement_timeout_seconds", self.postgres.statement_timeout_seconds > 0),
            ("postgres.lock_timeout_seconds", self.postgres.lock_timeout_seconds > 0),
            ("postgres.connect_timeout_seconds", self.postgres.connect_timeout_seconds > 0),
            ("ledger.queue", self.ledger.queue > 0),
            ("ledger.batch_max", self.ledger.batch_max > 0),
            ("idempotency.sweep_seconds", self.idempotency.sweep_seconds > 0),
            ("auth.access_token_seconds", self.auth.access_token_seconds > 0),
            ("auth.hashers", self.auth.hashers > 0),
            ("auth.argon2_passes", self.auth.argon2_passes > 0),
        ];
        if let Some((key, _)) = positive.into_iter().find(|(_, positive)| !positive) {
            return Err(invalid(key, "must be at least 1"));
        }
        if self.auth.argon2_memory_kib < 8 {
            return Err(invalid("auth.argon2_memory_kib", "must be at least 8"));
        }
        for (key, cents) in [
            ("money.cents_per_coin", self.money.cents_per_coin),
            ("money.amount_cents_max", self.money.amount_cents_max),
        ] {
            Amount::new(cents).map_err(|problem| invalid(key, problem.to_string()))?;
        }
        Ok(())
    }
}
