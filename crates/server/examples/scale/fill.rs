//! Rows in bulk, by one text for both databases. Balances follow from the entries: each user pays one cent to the
//! next one, round after round, after a deposit. Sales have no transactions here, so reconciliation would complain.

use super::base::Base;
use uuid::Uuid;

/// What everybody has after their deposit.
pub const BALANCE: i64 = 1_000_000_000;
/// When the past begins: microseconds since 1970.
const PAST: i64 = 1_760_000_000_000_000;
/// Between two transactions.
const STEP: i64 = 3_000_000;

/// What an id is of.
#[derive(Clone, Copy)]
#[repr(u8)]
pub enum Kind {
    User = 1,
    Transaction = 2,
    Content = 3,
    Subscription = 4,
    Unlock = 5,
    Gift = 6,
    Audit = 7,
}

/// The id of the n-th of a kind: a UUID of version 7, whose last digits are decimal.
pub fn id(kind: Kind, number: i64) -> Uuid {
    format!("01990000000{}70008{number:015}", kind as u8).parse().unwrap()
}

/// How many rows of what. Users pay in rounds, so the transfers are a multiple of them.
#[derive(Clone, Copy)]
pub struct Sizes {
    pub users: i64,
    pub creators: i64,
    pub transfers: i64,
    pub contents: i64,
    pub unlocks: i64,
    pub subscriptions: i64,
    pub gifts: i64,
    pub keys: i64,
}

/// The same words in both databases' SQL.
struct Words {
    is_sqlite: bool,
}

impl Words {
    fn id(&self, kind: Kind, number: &str) -> String {
        let head = format!("01990000000{}70008", kind as u8);
        if self.is_sqlite {
            format!("unhex('{head}' || printf('%015d', {number}))")
        } else {
            format!("CAST('{head}' || lpad(CAST({number} AS TEXT), 15, '0') AS UUID)")
        }
    }

    /// So many bytes that begin with a number.
    fn bytes(&self, number: &str, length: usize) -> String {
        if self.is_sqlite {
            format!("unhex(printf('%016d', {number}) || '{}')", "0".repeat(length * 2 - 16))
        } else {
            format!("decode(lpad(CAST({number} AS TEXT), 16, '0') || '{}', 'hex')", "0".repeat(length * 2 - 16))
        }
    }

    /// The rows of a table, one for each number from 0.
    fn rows(&self, count: i64, table: &str, select: &str) -> String {
        if self.is_sqlite {
            format!(
                "INSERT INTO {table} WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers \
                 WHERE n + 1 < {count}) SELECT {select} FROM numbers WHERE n < {count}"
            )
        } else {
            format!("INSERT INTO {table} SELECT {select} FROM generate_series(CAST(0 AS BIGINT), {count} - 1) AS n")
        }
    }
}

/// Fills a database. Indexes are made after the rows, which is several times as fast.
pub fn fill(base: &mut Base, sizes: Sizes) {
    let words = Words { is_sqlite: base.is_sqlite() };
    let indexes = without_indexes(base);
    if words.is_sqlite {
        base.batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000; PRAGMA temp_store = FILE");
    } else {
        base.batch("SET synchronous_commit = off; SET work_mem = '256MB'; SET maintenance_work_mem = '1GB'");
    }
    for text in people(&words, sizes).into_iter().chain(ledger(&words, sizes)).chain(sales(&words, sizes)) {
        base.batch(&text);
    }
    for index in indexes {
        base.batch(&index);
    }
    base.batch(if words.is_sqlite { "PRAGMA wal_checkpoint(TRUNCATE)" } else { "VACUUM ANALYZE" });
    if !words.is_sqlite {
        base.batch("CHECKPOINT");
    }
}

/// Takes every index away that is none of a primary key, and says what makes them again.
fn without_indexes(base: &mut Base) -> Vec<String> {
    let (makes, names) = if base.is_sqlite() {
        ("sql", "FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name")
    } else {
        ("indexdef", "FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT LIKE '%pkey' ORDER BY indexname")
    };
    let name = if base.is_sqlite() { "name" } else { "CAST(indexname AS TEXT)" };
    let made = base.texts(&format!("SELECT {makes} {names}"));
    for name in base.texts(&format!("SELECT {name} {names}")) {
        base.batch(&format!("DROP INDEX {name}"));
    }
    made
}

fn people(words: &Words, sizes: Sizes) -> Vec<String> {
    let user = words.id(Kind::User, "n");
    let Sizes { users, creators, .. } = sizes;
    vec![
        words.rows(
            users,
            "users (id, email, username, username_folded, password_hash, role, tier, account_status, created_at, updated_at)",
            &format!(
                "{user}, 'user' || n || '@example.com', 'user' || n, 'user' || n, '', CASE WHEN n % 10000 = 9999 THEN 'admin' \
                 WHEN n < {creators} THEN 'creator' ELSE 'user' END, 'free', 'active', {PAST} + n, {PAST} + n"
            ),
        ),
        words.rows(
            users,
            "wallets (id, kind, user_id, status, currency, balance_cents, last_transaction_at, created_at)",
            &format!("{user}, 'user', {user}, 'active', 'IDR', {BALANCE}, {PAST} + n, {PAST} + n"),
        ),
    ]
}

/// Deposits first, then transfers of one cent from each user to the next.
fn ledger(words: &Words, sizes: Sizes) -> Vec<String> {
    let Sizes { users, transfers, keys, .. } = sizes;
    let all = users + transfers;
    let transaction = words.id(Kind::Transaction, "n");
    let payer = words.id(Kind::User, &format!("n % {users}"));
    let payee = words.id(Kind::User, &format!("(n + 1) % {users}"));
    let at = format!("{PAST} + n * {STEP}");
    let is_deposit = format!("n < {users}");
    let entries = "entries (wallet_id, created_at, tx_id, amount_cents, balance_after_cents)";
    vec![
        words.rows(
            all,
            "transactions (tx_id, type, status, user_id, payer_id, payee_id, amount_cents, provider, provider_tx_id, \
             idempotency_key, created_at)",
            &format!(
                "{transaction}, CASE WHEN {is_deposit} THEN 'deposit' ELSE 'transfer' END, 'completed', {payer}, \
                 CASE WHEN {is_deposit} THEN NULL ELSE {payer} END, CASE WHEN {is_deposit} THEN {payer} ELSE {payee} END, \
                 CASE WHEN {is_deposit} THEN {BALANCE} ELSE 1 END, CASE WHEN {is_deposit} THEN 'acme' END, \
                 CASE WHEN {is_deposit} THEN 'pay_' || n END, {}, {at}",
                words.bytes("n", 24)
            ),
        ),
        // In the order of their key, or a file is written all over again and again.
        format!(
            "{} UNION ALL {} ORDER BY 1, 2, 3",
            words.rows(
                all,
                entries,
                &format!(
                    "{payer}, {at}, {transaction}, CASE WHEN {is_deposit} THEN {BALANCE} ELSE -1 END, \
                     {BALANCE} - CASE WHEN {is_deposit} OR n % {users} > 0 THEN 0 ELSE 1 END"
                )
            ),
            only_select(&words.rows(
                all,
                entries,
                &format!(
                    "{payee}, {at}, {transaction}, 1, {BALANCE} + CASE WHEN (n + 1) % {users} > 0 THEN 1 ELSE 0 END"
                )
            ))
            .replace(&format!("n < {all}"), &format!("n >= {users} AND n < {all}"))
            .replace("CAST(0 AS BIGINT)", &format!("CAST({users} AS BIGINT)"))
        ),
        words.rows(
            all,
            "audit_logs (id, actor_id, request_id, action, entity_type, entity_id, tx_id, before, after, created_at)",
            &format!(
                "{}, {payer}, 'request-' || n, 'transaction.transfer', 'transaction', {transaction}, {transaction}, '{{}}', \
                 '{{\"amount_cents\":1}}', {at}",
                words.id(Kind::Audit, "n")
            ),
        ),
        words.rows(
            keys,
            "idempotency_keys (principal_id, key_digest, fingerprint, execution_id, tx_id, route, request_id, status, \
             headers, body, created_at, expires_at)",
            &format!(
                "{payer}, {digest}, {digest}, {transaction}, {transaction}, '/api/wallet/transfer', 'request-' || n, 201, \
                 '[]', {digest}, {at}, {at} + 4000000000000000",
                digest = words.bytes("n", 32)
            ),
        ),
    ]
}

/// What comes after the table of an insert.
fn only_select(insert: &str) -> String {
    let at = insert.find(") WITH ").or_else(|| insert.find(") SELECT ")).unwrap();
    format!("SELECT * FROM ({}) AS other", insert.get(at + 2..).unwrap())
}

fn sales(words: &Words, sizes: Sizes) -> Vec<String> {
    let Sizes { users, creators, contents, unlocks, subscriptions, gifts, .. } = sizes;
    let user = words.id(Kind::User, &format!("n % {users}"));
    let creator = words.id(Kind::User, &format!("n % {creators}"));
    let board = "leaderboards (creator_id, period, period_start, sender_id, total_cents, gifts, reached_at)";
    let nobody = if words.is_sqlite { "zeroblob(16)" } else { "CAST('00000000-0000-0000-0000-000000000000' AS UUID)" };
    let line = format!("'all', 0, {user}, 1 + n % 100000, 1, {PAST} + n");
    vec![
        words.rows(
            contents,
            "contents (id, creator_id, type, title, price_cents, subscriber_only, media_url, is_active, created_at, updated_at)",
            &format!(
                "{}, {creator}, CASE WHEN n % 10000 = 0 THEN 'course' ELSE 'video' END, 'Title ' || n, 5 + n % 1000, 0, \
                 'https://example.com/' || n, 1, {PAST} + n * {STEP}, {PAST} + n * {STEP}",
                words.id(Kind::Content, "n")
            ),
        ),
        words.rows(
            unlocks,
            "unlocks (id, user_id, content_id, creator_id, amount_cents, created_at)",
            &format!(
                "{}, {user}, {}, {creator}, 5, {PAST} + n",
                words.id(Kind::Unlock, "n"),
                words.id(Kind::Content, &format!("(n % {users} + n / {users} * 13) % {contents}"))
            ),
        ),
        words.rows(
            subscriptions,
            "subscriptions (id, subscriber_id, creator_id, tier, status, price_cents, anchor_at, period, period_start, \
             period_end, expires_at, auto_renew, created_at, updated_at)",
            &format!(
                "{}, {user}, {}, 'monthly', 'active', 7, {PAST}, 0, {PAST}, {PAST} + 4000000000000000, \
                 {PAST} + 4000000000000000 + n, 1, {PAST} + n, {PAST} + n",
                words.id(Kind::Subscription, "n"),
                words.id(Kind::User, &format!("(n % {users} + n / {users} * 31) % {creators}"))
            ),
        ),
        words.rows(
            gifts,
            "gifts (id, sender_id, recipient_id, gift_type, quantity, amount_cents, created_at)",
            &format!("{}, {user}, {creator}, 'rose', 1, 100, {PAST} + n", words.id(Kind::Gift, "n")),
        ),
        words.rows(users, board, &format!("{nobody}, {line}")),
        words.rows(users, board, &format!("{}, {line}", words.id(Kind::User, "0"))),
    ]
}
