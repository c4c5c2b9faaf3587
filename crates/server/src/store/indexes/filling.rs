//! Rows that small tables on PostgreSQL get before they are asked for plans: of a few rows any way is as good as
//! any other, and the plan says nothing. The unit of work that adds them is rolled back.

use crate::store::StoreError;
use crate::store::connection::Connection;
use uuid::Uuid;

/// The id of a row that is filled in: the seventh of each table.
pub(super) const SEVENTH: Uuid = Uuid::from_u128(0xf000_0000_0000_0000_0000_0000_0000_0007);

/// A table: whether it has 5 000 rows, what adds them, and what then counts them.
struct Filling {
    size: &'static str,
    rows: &'static str,
    statistics: &'static str,
}

const FILLINGS: &[Filling] = &[
    Filling {
        size: "SELECT COUNT(*) FROM (SELECT 1 FROM users LIMIT 5000) AS counted",
        rows: "INSERT INTO users (id, email, password_hash, role, tier, account_status, created_at, updated_at)
            SELECT CAST('f000' || lpad(CAST(n AS TEXT), 28, '0') AS UUID), n || '.superapp.invalid', '',
                CASE WHEN n % 10 = 0 THEN 'creator' ELSE 'user' END, 'free', 'active', n, n
            FROM generate_series(1, 5000) AS n",
        statistics: "ANALYZE users",
    },
    Filling {
        size: "SELECT COUNT(*) FROM (SELECT 1 FROM wallets LIMIT 5000) AS counted",
        rows: "INSERT INTO wallets (id, kind, user_id, status, currency, balance_cents, last_transaction_at, created_at)
            SELECT CAST('f000' || lpad(CAST(n AS TEXT), 28, '0') AS UUID), 'user',
                CAST('f000' || lpad(CAST(n AS TEXT), 28, '0') AS UUID), 'active', 'IDR', 0, n, n
            FROM generate_series(1, 5000) AS n",
        statistics: "ANALYZE wallets",
    },
    Filling {
        size: "SELECT COUNT(*) FROM (SELECT 1 FROM transactions LIMIT 5000) AS counted",
        rows: "INSERT INTO transactions (tx_id, type, status, user_id, amount_cents, provider, provider_tx_id, \
                idempotency_key, created_at)
            SELECT CAST('f000' || lpad(CAST(n AS TEXT), 28, '0') AS UUID), 'deposit', 'completed',
                CAST('f000' || lpad(CAST(n % 50 AS TEXT), 28, '0') AS UUID), 1, 'superapp.invalid', CAST(n AS TEXT),
                decode(lpad(CAST(n AS TEXT), 48, '0'), 'hex'), n
            FROM generate_series(1, 5000) AS n",
        statistics: "ANALYZE transactions",
    },
    Filling {
        size: "SELECT COUNT(*) FROM (SELECT 1 FROM contents LIMIT 5000) AS counted",
        rows: "INSERT INTO contents (id, creator_id, type, title, price_cents, subscriber_only, media_url, is_active, \
                created_at, updated_at)
            SELECT CAST('f000' || lpad(CAST(n AS TEXT), 28, '0') AS UUID),
                CAST('f000' || lpad(CAST(n % 50 AS TEXT), 28, '0') AS UUID), 'video', '', n, 0, '', 1, n, n
            FROM generate_series(1, 5000) AS n",
        statistics: "ANALYZE contents",
    },
    Filling {
        size: "SELECT COUNT(*) FROM (SELECT 1 FROM subscriptions LIMIT 5000) AS counted",
        rows: "INSERT INTO subscriptions (id, subscriber_id, creator_id, tier, status, price_cents, anchor_at, period, \
                period_start, period_end, expires_at, auto_renew, created_at, updated_at)
            SELECT CAST('f000' || lpad(CAST(n AS TEXT), 28, '0') AS UUID),
                CAST('f000' || lpad(CAST(n / 10 AS TEXT), 28, '0') AS UUID),
                CAST('f000' || lpad(CAST(n % 20 AS TEXT), 28, '0') AS UUID), 'monthly', 'active', 1, n, 0, n, n + 1, n + 1,
                1, n, n
            FROM generate_series(1, 5000) AS n",
        statistics: "ANALYZE subscriptions",
    },
    Filling {
        size: "SELECT COUNT(*) FROM (SELECT 1 FROM audit_logs LIMIT 5000) AS counted",
        rows: "INSERT INTO audit_logs (id, actor_id, request_id, action, entity_type, entity_id, tx_id, before, after, \
                created_at)
            SELECT CAST('f000' || lpad(CAST(n AS TEXT), 28, '0') AS UUID),
                CAST('f000' || lpad(CAST(n % 50 AS TEXT), 28, '0') AS UUID), '', '', 'transaction',
                CAST('f000' || lpad(CAST(n AS TEXT), 28, '0') AS UUID),
                CAST('f000' || lpad(CAST(n AS TEXT), 28, '0') AS UUID), '{}', '{}', n
            FROM generate_series(1, 5000) AS n",
        statistics: "ANALYZE audit_logs",
    },
];

/// Fills the tables that have less than 5 000 rows. SQLite needs nothing: its plans follow from the schema.
pub(super) fn fill(connection: Connection<'_>) -> Result<(), StoreError> {
    if matches!(connection, Connection::Sqlite(_)) {
        return Ok(());
    }
    for Filling { size, rows, statistics } in FILLINGS {
        let mut there = 0_i64;
        connection.query(size, &[], &mut |row| {
            there = row.get(0)?;
            Ok(false)
        })?;
        if there < 5_000 {
            connection.execute(rows, &[])?;
            connection.execute(statistics, &[])?;
        }
    }
    Ok(())
}
