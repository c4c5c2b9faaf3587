//! What the schema itself refuses, whoever asks: SQLite's side of the rules that `domain` makes.

use super::{Fixture, START, databases, user_id};
use crate::ledger::bank::Bank;
use rusqlite::Connection;
use superapp::store::{StoreError, Work};

/// An index of the report: its table, its columns, whether it is unique, and the rows that it is for.
type Index = (&'static str, &'static [&'static str], bool, Option<&'static str>);

/// The seventeen of the report, and the eighteenth.
const INDEXES: &[Index] = &[
    ("users", &["email", "account_status"], false, None),
    ("users", &["role"], false, None),
    ("users", &["created_at"], false, None),
    ("wallets", &["user_id", "status"], false, None),
    ("wallets", &["last_transaction_at"], false, None),
    ("transactions", &["user_id", "status", "created_at DESC"], false, None),
    ("transactions", &["tx_id"], true, None),
    ("transactions", &["idempotency_key"], true, Some("idempotency_key IS NOT NULL")),
    ("transactions", &["provider", "provider_tx_id"], true, Some("provider_tx_id IS NOT NULL")),
    ("contents", &["creator_id", "is_active"], false, None),
    ("contents", &["type"], false, None),
    ("contents", &["created_at"], false, None),
    ("subscriptions", &["subscriber_id", "creator_id", "status", "expires_at"], false, None),
    ("subscriptions", &["expires_at"], false, None),
    ("audit_logs", &["tx_id", "created_at DESC"], false, None),
    ("audit_logs", &["entity_type", "entity_id"], false, None),
    ("audit_logs", &["actor_id"], false, None),
    ("subscriptions", &["subscriber_id", "creator_id"], true, Some("status = 'active'")),
];

fn texts(connection: &Connection, text: &str, parameter: &str) -> Vec<String> {
    let mut statement = connection.prepare(text).unwrap();
    let rows = statement.query_map([parameter], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn the_library_is_built_as_the_workspace_asks() {
    // A wrong flag is only a slower server, so it is held here and not at every start.
    let connection = Connection::open_in_memory().unwrap();
    let options = texts(&connection, "SELECT compile_options FROM pragma_compile_options WHERE ?1 = ''", "");
    for wanted in ["THREADSAFE=2", "DEFAULT_MEMSTATUS=0", "OMIT_SHARED_CACHE", "DQS=0"] {
        assert!(options.iter().any(|option| option == wanted), "{wanted} is not among {options:?}");
    }
    assert!(!options.iter().any(|option| option == "ENABLE_API_ARMOR"), "{options:?}");
}

/// The key columns of an index, each with its direction if it is not the usual one.
fn columns(connection: &Connection, index: &str) -> Vec<String> {
    let text =
        "SELECT coalesce(name, '') || iif(desc, ' DESC', '') FROM pragma_index_xinfo(?1) WHERE key ORDER BY seqno";
    texts(connection, text, index)
}

#[tokio::test]
async fn every_index_of_the_report_is_on_its_columns() {
    let db = Fixture::sqlite();
    let connection = db.sqlite_connection();
    assert_eq!(INDEXES.len(), 18);
    for (table, wanted, unique, rows) in INDEXES {
        let text = "SELECT name FROM pragma_index_list(?1)";
        let of_table = texts(&connection, text, table);
        let found = of_table.iter().filter(|index| {
            columns(&connection, index) == *wanted
                && is_unique(&connection, table, index) == *unique
                && condition(&connection, index).as_deref() == *rows
        });
        assert_eq!(found.count(), 1, "{table} {wanted:?}: {of_table:?}");
    }
}

fn is_unique(connection: &Connection, table: &str, index: &str) -> bool {
    let text = "SELECT \"unique\" FROM pragma_index_list(?1) WHERE name = ?2";
    connection.query_row(text, [table, index], |row| row.get(0)).unwrap()
}

/// The rows that an index is for; none for all. Indexes that come with a primary key have no text.
fn condition(connection: &Connection, index: &str) -> Option<String> {
    let text = "SELECT coalesce(sql, '') FROM sqlite_schema WHERE name = ?1";
    let sql = texts(connection, text, index).pop()?;
    sql.split_once(" WHERE ").map(|(_, condition)| condition.to_owned())
}

#[tokio::test]
async fn every_table_is_strict() {
    let db = Fixture::sqlite();
    let connection = db.sqlite_connection();
    let text = "SELECT name FROM pragma_table_list WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND CAST(strict AS TEXT) = ?1";
    let loose = texts(&connection, text, "0");
    assert_eq!(loose, [""; 0]);
    assert_eq!(texts(&connection, text, "1").len(), 27, "counted, so that the question is not empty");
}

#[tokio::test]
async fn a_balance_that_overflows_is_an_error_and_not_a_float() {
    for db in databases() {
        db.user(1).await;
        let result = db.try_write(|work| {
            work.execute("UPDATE wallets SET balance_cents = 9223372036854775807", &[])?;
            work.execute("UPDATE wallets SET balance_cents = balance_cents + 1", &[])
        });
        assert!(matches!(result.await, Err(StoreError::Refused(_))));
    }
}

const TAMPERING: &[&str] = &[
    "UPDATE entries SET amount_cents = amount_cents + 1",
    "UPDATE entries SET balance_after_cents = 0 WHERE amount_cents > 0",
    "UPDATE entries SET created_at = created_at",
    "DELETE FROM entries",
    "DELETE FROM entries WHERE amount_cents < 0",
    "REPLACE INTO entries SELECT wallet_id, created_at, tx_id, amount_cents + 1, balance_after_cents FROM entries",
    "INSERT INTO entries SELECT wallet_id, created_at, tx_id, 1, 1 FROM entries WHERE TRUE
        ON CONFLICT DO UPDATE SET amount_cents = 1",
    "UPDATE transactions SET amount_cents = 1",
    "UPDATE transactions SET note = NULL WHERE type = 'transfer'",
    "UPDATE OR IGNORE transactions SET status = 'completed'",
    "DELETE FROM transactions",
    "DELETE FROM transactions WHERE tx_id IN (SELECT tx_id FROM transactions LIMIT 1)",
    "REPLACE INTO transactions SELECT * FROM transactions",
    "UPDATE audit_logs SET actor_id = NULL",
    "UPDATE audit_logs SET after = '{}'",
    "DELETE FROM audit_logs",
    "DELETE FROM audit_logs WHERE action = 'transaction.transfer'",
    "REPLACE INTO audit_logs SELECT * FROM audit_logs",
    "UPDATE transactions SET idempotency_key = NULL",
    "UPDATE audit_logs SET created_at = created_at + 1",
];

#[tokio::test]
async fn a_thousand_attempts_to_change_history_all_fail() {
    let db = Fixture::sqlite();
    let bank = Bank::open(db, 3).await;
    bank.execute("in", vec![bank.deposit(0, 1_000), bank.deposit(1, 1_000)]).await;
    bank.execute("over", (1..=20).map(|cents| bank.transfer(0, 2, cents)).collect()).await;
    let before = dump(&bank).await;
    let mut attempts = 0;
    while attempts < 1_000 {
        for text in TAMPERING {
            let result = bank.db.try_write(move |work| work.execute(text, &[])).await;
            assert!(matches!(result, Err(StoreError::Refused(_))), "{text}: {result:?}");
            attempts += 1;
        }
    }
    assert_eq!(dump(&bank).await, before);
    bank.assert_sound().await;
}

async fn dump(bank: &Bank) -> Vec<String> {
    let text = "SELECT hex(tx_id) || amount_cents || hex(idempotency_key) FROM transactions
        UNION ALL SELECT hex(wallet_id) || hex(tx_id) || amount_cents || created_at FROM entries
        UNION ALL SELECT hex(id) || hex(actor_id) || before || after || created_at FROM audit_logs";
    bank.db.read(move |view| view.query(text, &[], |row| row.get(0))).await
}

const ID: &str = "zeroblob(16)";

/// Rows that no rule of ours would make, each with the statement that tries.
const IMPOSSIBLE: &[(&str, &str)] = &[
    ("a user's balance below zero", "UPDATE wallets SET balance_cents = -1 WHERE kind = 'user'"),
    ("an unknown kind of wallet", "UPDATE wallets SET kind = 'purse'"),
    ("an unknown status of a wallet", "UPDATE wallets SET status = 'lost'"),
    ("a user's wallet without a user", "UPDATE wallets SET user_id = NULL WHERE kind = 'user'"),
    ("a user's wallet with a provider", "UPDATE wallets SET provider = 'sandbox' WHERE kind = 'user'"),
    ("a platform wallet with a user", "UPDATE wallets SET user_id = @id WHERE kind = 'platform'"),
    ("a clearing wallet without a provider", "UPDATE wallets SET provider = NULL WHERE kind = 'clearing'"),
    ("a currency of four letters", "UPDATE wallets SET currency = 'EURO'"),
    ("a balance that is a text", "UPDATE wallets SET balance_cents = 'much' WHERE kind = 'platform'"),
    ("a balance that is a fraction", "UPDATE wallets SET balance_cents = 0.5 WHERE kind = 'platform'"),
    ("an id of 15 bytes", "UPDATE users SET id = zeroblob(15)"),
    ("an unknown role", "UPDATE users SET role = 'emperor'"),
    ("an unknown tier", "UPDATE users SET tier = 'gold'"),
    ("an unknown account status", "UPDATE users SET account_status = 'dead'"),
    ("a name without its folded form", "UPDATE users SET username_folded = NULL"),
    ("an entry of nothing", "INSERT INTO entries VALUES (@id, 0, @id, 0, 0)"),
    ("an entry of no wallet", "INSERT INTO entries VALUES (NULL, 0, @id, 1, 1)"),
    ("a transaction of nothing", "INSERT INTO transactions (tx_id, type, status, user_id, amount_cents, created_at)
        VALUES (@id, 'transfer', 'completed', @id, 0, 0)"),
    ("an unknown type", "INSERT INTO transactions (tx_id, type, status, user_id, amount_cents, created_at)
        VALUES (@id, 'theft', 'completed', @id, 1, 0)"),
    ("a transaction that is half done", "INSERT INTO transactions (tx_id, type, status, user_id, amount_cents, created_at)
        VALUES (@id, 'transfer', 'pending', @id, 1, 0)"),
    ("shares that are not the whole", "INSERT INTO transactions (tx_id, type, status, user_id, amount_cents, created_at,
        split_version, creator_cents, platform_cents, processor_cents) VALUES (@id, 'gift', 'completed', @id, 10, 0, 1, 8, 1, 0)"),
    ("a completed deposit without a transaction", "INSERT INTO deposits (id, user_id, amount_cents, provider, status,
        created_at) VALUES (@id, @id, 1, 'sandbox', 'completed', 0)"),
    ("a pending deposit with a transaction", "INSERT INTO deposits (id, user_id, amount_cents, provider, status, tx_id,
        created_at) VALUES (@id, @id, 1, 'sandbox', 'pending', @id, 0)"),
    ("an answer that says try later", "INSERT INTO idempotency_keys VALUES (@id, zeroblob(32), zeroblob(32), @id, NULL, '',
        '', 503, '[]', '', 0, 0)"),
    ("an answer without headers", "INSERT INTO idempotency_keys VALUES (@id, zeroblob(32), zeroblob(32), @id, NULL, '',
        '', 201, 'not json', '', 0, 0)"),
    ("a key that is not a digest", "INSERT INTO idempotency_keys VALUES (@id, 'the key itself', zeroblob(32), @id, NULL, '',
        '', 201, '[]', '', 0, 0)"),
    ("an audit record that is not JSON", "INSERT INTO audit_logs (id, request_id, action, entity_type, before, after,
        created_at) VALUES (@id, '', '', '', 'was', '{}', 0)"),
    ("a price below zero", "INSERT INTO contents VALUES (@id, @id, 'video', '', NULL, -1, 0, '', NULL, 1, 0, 0)"),
    ("a switch that is neither on nor off", "INSERT INTO contents VALUES (@id, @id, 'video', '', NULL, 1, 2, '', NULL, 1, 0, 0)"),
    ("a period that ends before it begins", "INSERT INTO subscriptions VALUES (@id, @id, @id, 'monthly', 'active', 1, 0, 0,
        10, 9, 20, 1, 0, 0, NULL, 0)"),
    ("a plan that costs nothing", "INSERT INTO plans VALUES (@id, 'monthly', 0, 1, 0, 0)"),
    ("an unlock that cost nothing", "INSERT INTO unlocks VALUES (@id, @id, @id, @id, 0, 0, NULL)"),
    ("a charge for no time", "INSERT INTO subscription_periods VALUES (@id, 0, @id, 1, 5, 5)"),
    ("a hundred and one gifts", "INSERT INTO gifts VALUES (@id, @id, @id, 'rose', 101, 1, 0, NULL, NULL, 0)"),
    ("more given back than was given", "INSERT INTO gifts VALUES (@id, @id, @id, 'rose', 1, 5, 6, NULL, NULL, 0)"),
    ("a line below zero", "INSERT INTO leaderboards VALUES (@id, 'day', 0, @id, -1, 0, 0)"),
    ("a refund whose shares are not its amount", "INSERT INTO refunds VALUES (@id, @id, 10, 8, 1, 0, 0, '', 0)"),
    ("a debt larger than the creator's share", "INSERT INTO refunds VALUES (@id, @id, 10, 8, 1, 1, 9, '', 0)"),
    ("a payout that is decided without a transaction", "INSERT INTO payouts VALUES (@id, @id, 1, '', 'paid', NULL, NULL, 0, 0)"),
    ("a pending payout with a decision", "INSERT INTO payouts VALUES (@id, @id, 1, '', 'pending', NULL, @id, 0, 0)"),
    ("a share above the whole", "INSERT INTO split_versions VALUES (1, 10001, 0, 0, 0, 0, 0, 0)"),
    ("a refresh token that is not a hash", "INSERT INTO refresh_tokens (token_hash, session_id, created_at, expires_at)
        VALUES ('the token itself', @id, 0, 0)"),
];

#[tokio::test]
async fn impossible_rows_are_refused() {
    let db = Fixture::sqlite();
    let bank = Bank::open(db, 1).await;
    let connection = bank.db.sqlite_connection();
    for (what, text) in IMPOSSIBLE {
        let result = connection.execute(&text.replace("@id", ID), []);
        assert!(result.is_err(), "{what} was accepted");
        let message = result.unwrap_err().to_string();
        let refused = ["CHECK constraint", "NOT NULL constraint", "cannot store"];
        assert!(refused.iter().any(|reason| message.contains(reason)), "{what}: {message}");
    }
}

#[tokio::test]
async fn system_wallets_may_go_below_zero() {
    for db in databases() {
        let bank = Bank::open(db, 1).await;
        let touched =
            bank.db.write(|work| work.execute("UPDATE wallets SET balance_cents = -1 WHERE kind <> 'user'", &[]));
        assert_eq!(touched.await, 5);
    }
}

#[tokio::test]
async fn a_fan_has_one_active_subscription_to_a_creator() {
    for db in databases() {
        let subscribe = |number: u128, status: &'static str| {
            db.try_write(move |work: &mut Work<'_>| {
                let text =
                    "INSERT INTO subscriptions (id, subscriber_id, creator_id, tier, status, price_cents, anchor_at, \
                    period, period_start, period_end, expires_at, auto_renew, created_at, updated_at)
                    VALUES ($1, $2, $3, 'monthly', $4, 1, $5, 0, $5, CAST($5 AS BIGINT) + 1, CAST($5 AS BIGINT) + 1, 1, $5, $5)";
                let values =
                    [user_id(number).into(), user_id(1).into(), user_id(2).into(), status.into(), START.into()];
                work.execute(text, &values)
            })
        };
        subscribe(1, "ended").await.unwrap();
        subscribe(2, "active").await.unwrap();
        assert!(matches!(subscribe(3, "active").await, Err(StoreError::Lost(_))));
        subscribe(4, "ended").await.unwrap();
    }
}
