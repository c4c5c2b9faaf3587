//! Ways to break a ledger behind the back of every rule, each with the names that it must be called by.

mod sales;
mod tallies;

pub use sales::SALES;
pub use tallies::TALLIES;

use rusqlite::Connection;
use std::path::Path;

/// One way to break a ledger.
#[derive(Clone, Copy, Debug)]
pub struct Corruption {
    pub what: &'static str,
    /// Exactly what must be found, in the order of the report.
    pub found: &'static [&'static str],
    /// `@pick` is a number: another row at each.
    text: &'static str,
}

/// Runs statements with no trigger and no check in the way.
pub fn run(path: &Path, text: &str) {
    let connection = Connection::open(path).unwrap();
    let disarm = "PRAGMA ignore_check_constraints = ON; PRAGMA synchronous = OFF;
        DROP TRIGGER entries_are_immutable; DROP TRIGGER entries_are_kept;
        DROP TRIGGER transactions_are_immutable; DROP TRIGGER transactions_are_kept;
        DROP TRIGGER audit_logs_are_immutable; DROP TRIGGER audit_logs_are_kept;
        DROP TRIGGER refunds_are_immutable; DROP TRIGGER refunds_are_kept;
        DROP TRIGGER subscription_periods_are_immutable; DROP TRIGGER subscription_periods_are_kept;";
    connection.execute_batch(disarm).unwrap();
    let before = connection.total_changes();
    connection.execute_batch(text).unwrap();
    assert!(connection.total_changes() > before, "nothing was broken by {text}");
}

pub fn corrupt(path: &Path, corruption: &Corruption, pick: usize) {
    run(path, &corruption.text.replace("@pick", &pick.to_string()));
}

/// Of the ledger itself: wallets, transactions, entries, and the records of keys. The first transactions are
/// deposits and transfers.
pub const MONEY: &[Corruption] = &[
    Corruption {
        what: "a cent appears in a wallet",
        found: &["ledger_imbalance", "balance_mismatch"],
        text: "UPDATE wallets SET balance_cents = balance_cents + 1
            WHERE id = (SELECT id FROM wallets ORDER BY id LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "an entry that moves money out of nowhere",
        found: &["ledger_imbalance", "unbalanced_transaction", "amount_mismatch"],
        text: "INSERT INTO entries SELECT (SELECT id FROM wallets WHERE kind = 'platform'), created_at, tx_id, 7, NULL
                FROM transactions ORDER BY tx_id LIMIT 1 OFFSET @pick;
            UPDATE wallets SET balance_cents = balance_cents + 7 WHERE kind = 'platform'",
    },
    Corruption {
        what: "a cent moves from one wallet to another without a transaction",
        found: &["balance_mismatch"],
        text: "UPDATE wallets SET balance_cents = balance_cents + 1
                WHERE id = (SELECT id FROM wallets WHERE kind = 'user' ORDER BY id LIMIT 1 OFFSET @pick);
            UPDATE wallets SET balance_cents = balance_cents - 1 WHERE kind = 'platform'",
    },
    Corruption {
        what: "a user pays more than there is, by the book in every other way",
        found: &["negative_balance"],
        text: "CREATE TEMP TABLE payer AS SELECT id, balance_cents + 1 AS cents FROM wallets WHERE kind = 'user'
                ORDER BY id LIMIT 1 OFFSET @pick;
            INSERT INTO transactions (tx_id, type, status, user_id, payer_id, amount_cents, created_at)
                SELECT zeroblob(16), 'transfer', 'completed', id, id, cents, 3000000000000000 FROM payer;
            INSERT INTO entries SELECT id, 3000000000000000, zeroblob(16), -cents, -1 FROM payer;
            INSERT INTO entries SELECT (SELECT id FROM wallets WHERE kind = 'platform'), 3000000000000000, zeroblob(16),
                cents, NULL FROM payer;
            INSERT INTO audit_logs (id, request_id, action, entity_type, tx_id, before, after, created_at)
                VALUES (zeroblob(16), '', 'transaction.transfer', 'transaction', zeroblob(16), '{}', '{}', 0);
            UPDATE wallets SET balance_cents = -1 WHERE id = (SELECT id FROM payer);
            UPDATE wallets SET balance_cents = balance_cents + (SELECT cents FROM payer) WHERE kind = 'platform'",
    },
    Corruption {
        what: "a running balance is off by a cent",
        found: &["broken_history"],
        text: "UPDATE entries SET balance_after_cents = balance_after_cents + 1 WHERE (wallet_id, tx_id) =
            (SELECT wallet_id, tx_id FROM entries WHERE balance_after_cents IS NOT NULL
                ORDER BY tx_id, wallet_id LIMIT 1 OFFSET @pick * 31)",
    },
    Corruption {
        what: "a running balance is forgotten",
        found: &["broken_history"],
        text: "UPDATE entries SET balance_after_cents = NULL WHERE (wallet_id, tx_id) =
            (SELECT wallet_id, tx_id FROM entries WHERE balance_after_cents IS NOT NULL
                ORDER BY tx_id, wallet_id LIMIT 1 OFFSET @pick * 31)",
    },
    Corruption {
        what: "two transactions are off by a cent, in opposite directions",
        found: &["unbalanced_transaction"],
        text: "CREATE TEMP TABLE pair AS SELECT tx_id, row_number() OVER (ORDER BY tx_id) * 2 - 3 AS cents FROM
                (SELECT tx_id FROM transactions WHERE type = 'deposit' ORDER BY tx_id LIMIT 2 OFFSET @pick);
            UPDATE entries SET amount_cents = amount_cents + (SELECT cents FROM pair WHERE pair.tx_id = entries.tx_id)
                WHERE amount_cents < 0 AND tx_id IN (SELECT tx_id FROM pair)",
    },
    Corruption {
        what: "the amount of a transaction is off by a cent",
        found: &["amount_mismatch"],
        text: "UPDATE transactions SET amount_cents = amount_cents + 1 WHERE tx_id =
            (SELECT tx_id FROM transactions WHERE type = 'transfer' ORDER BY tx_id LIMIT 1 OFFSET @pick * 20)",
    },
    Corruption {
        what: "a transaction without entries",
        found: &["amount_mismatch", "transaction_without_audit"],
        text: "INSERT INTO transactions (tx_id, type, status, user_id, amount_cents, created_at)
            VALUES (CAST(zeroblob(15) || x'0@pick' AS BLOB), 'transfer', 'completed', zeroblob(16), 5, 1000)",
    },
    Corruption {
        what: "a transaction is dated a microsecond later than its entries",
        found: &["orphan_entry"],
        text: "UPDATE transactions SET created_at = created_at + 1 WHERE tx_id =
            (SELECT tx_id FROM transactions ORDER BY tx_id LIMIT 1 OFFSET @pick * 20)",
    },
    Corruption {
        what: "a transaction vanishes from under its entries",
        found: &["orphan_entry", "record_without_transaction"],
        text: "DELETE FROM transactions WHERE tx_id =
            (SELECT tx_id FROM transactions ORDER BY tx_id LIMIT 1 OFFSET @pick * 20)",
    },
    Corruption {
        what: "a wallet vanishes from under its entries",
        found: &["ledger_imbalance", "orphan_entry"],
        text: "DELETE FROM wallets WHERE id =
            (SELECT id FROM wallets WHERE balance_cents <> 0 ORDER BY id LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "an answer names a transaction that is not there",
        found: &["record_without_transaction"],
        text: "UPDATE idempotency_keys SET tx_id = zeroblob(16) WHERE (principal_id, key_digest) =
            (SELECT principal_id, key_digest FROM idempotency_keys WHERE tx_id IS NULL
                ORDER BY principal_id, key_digest LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "an answer is forgotten too early",
        found: &["transaction_without_record"],
        text: "DELETE FROM idempotency_keys WHERE tx_id =
            (SELECT tx_id FROM transactions ORDER BY tx_id LIMIT 1 OFFSET @pick * 20)",
    },
    Corruption {
        what: "an answer forgets its transaction",
        found: &["transaction_without_record"],
        text: "UPDATE idempotency_keys SET tx_id = NULL WHERE tx_id =
            (SELECT tx_id FROM transactions ORDER BY tx_id LIMIT 1 OFFSET @pick * 20)",
    },
    Corruption {
        what: "an answer is filed under another key",
        found: &["transaction_without_record"],
        text: "UPDATE idempotency_keys SET key_digest = zeroblob(32) WHERE tx_id =
            (SELECT tx_id FROM transactions ORDER BY tx_id LIMIT 1 OFFSET @pick * 20)",
    },
    Corruption {
        what: "an answer is filed under another user",
        found: &["transaction_without_record"],
        text: "UPDATE idempotency_keys SET principal_id = zeroblob(16) WHERE tx_id =
            (SELECT tx_id FROM transactions ORDER BY tx_id LIMIT 1 OFFSET @pick * 20)",
    },
    Corruption {
        what: "the execution of a transaction is another one",
        found: &["transaction_without_record"],
        text: "UPDATE transactions SET idempotency_key = CAST(substr(idempotency_key, 1, 8) || zeroblob(16) AS BLOB) WHERE tx_id =
            (SELECT tx_id FROM transactions ORDER BY tx_id LIMIT 1 OFFSET @pick * 20)",
    },
    Corruption {
        what: "an audit record vanishes",
        found: &["transaction_without_audit"],
        text: "DELETE FROM audit_logs WHERE tx_id =
            (SELECT tx_id FROM transactions ORDER BY tx_id LIMIT 1 OFFSET @pick * 20)",
    },
    Corruption {
        what: "a deposit vanishes",
        found: &["transaction_without_deposit"],
        text: "DELETE FROM deposits WHERE id = (SELECT id FROM deposits ORDER BY id LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "a deposit is over another amount",
        found: &["transaction_without_deposit"],
        text: "UPDATE deposits SET amount_cents = amount_cents + 1 WHERE id =
            (SELECT id FROM deposits ORDER BY id LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "a deposit is another user's",
        found: &["transaction_without_deposit"],
        text: "UPDATE deposits SET user_id = zeroblob(16) WHERE id =
            (SELECT id FROM deposits ORDER BY id LIMIT 1 OFFSET @pick)",
    },
];
