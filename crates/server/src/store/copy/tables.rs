//! Every table that holds something, with its columns, and the texts that read and write it whole. A test compares the
//! list with the schema, so that no table and no column is forgotten. No rules here.

use std::fmt::Write;
use std::sync::LazyLock;

/// What a column holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A UUID.
    Id,
    /// A whole number.
    Integer,
    /// A text.
    Text,
    /// Bytes.
    Bytes,
}

/// A table.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// The columns of its primary key, in order.
    pub key: &'static [(&'static str, Kind)],
    /// The other columns.
    pub rest: &'static [(&'static str, Kind)],
}

/// `name (key: Kind) { column: Kind }` for each table.
macro_rules! tables {
    ($($name:ident ($($key:ident: $key_kind:ident),+) { $($column:ident: $kind:ident,)* })+) => {
        /// All of them.
        pub const TABLES: &[Table] = &[$(Table {
            name: stringify!($name),
            key: &[$((stringify!($key), Kind::$key_kind)),+],
            rest: &[$((stringify!($column), Kind::$kind)),*],
        }),+];
    };
}

tables! {
    users (id: Id) {
        email: Text, username: Text, username_folded: Text, password_hash: Text, role: Text, tier: Text,
        account_status: Text, created_at: Integer, updated_at: Integer,
    }
    sessions (id: Id) {
        user_id: Id, address: Text, user_agent: Text, created_at: Integer, used_at: Integer,
        expires_at: Integer, revoked_at: Integer,
    }
    refresh_tokens (token_hash: Bytes) {
        session_id: Id, created_at: Integer, expires_at: Integer, used_at: Integer, successor_nonce: Bytes,
        successor_hash: Bytes,
    }
    api_keys (id: Id) {
        user_id: Id, name: Text, key_digest: Bytes, last_four: Text, scopes: Text, networks: Text,
        created_at: Integer, expires_at: Integer, used_at: Integer, revoked_at: Integer,
    }
    sign_in_failures (user_id: Id) {
        failures: Integer, failed_at: Integer,
    }
    wallets (id: Id) {
        kind: Text, user_id: Id, provider: Text, status: Text, currency: Text, balance_cents: Integer,
        last_transaction_at: Integer, created_at: Integer,
    }
    transactions (tx_id: Id) {
        type: Text, status: Text, user_id: Id, payer_id: Id, payee_id: Id, amount_cents: Integer,
        reference_id: Id, reverses_tx_id: Id, note: Text, provider: Text, provider_tx_id: Text,
        idempotency_key: Bytes, split_version: Integer, creator_cents: Integer, platform_cents: Integer,
        processor_cents: Integer, created_at: Integer,
    }
    entries (wallet_id: Id, created_at: Integer, tx_id: Id) {
        amount_cents: Integer, balance_after_cents: Integer,
    }
    deposits (id: Id) {
        user_id: Id, amount_cents: Integer, provider: Text, provider_tx_id: Text, status: Text, tx_id: Id,
        created_at: Integer, completed_at: Integer,
    }
    idempotency_keys (principal_id: Id, key_digest: Bytes) {
        fingerprint: Bytes, execution_id: Id, tx_id: Id, route: Text, request_id: Text, status: Integer,
        headers: Text, body: Bytes, created_at: Integer, expires_at: Integer,
    }
    audit_logs (id: Id) {
        actor_id: Id, credential_id: Id, address: Text, request_id: Text, action: Text, entity_type: Text,
        entity_id: Id, tx_id: Id, before: Text, after: Text, created_at: Integer,
    }
    contents (id: Id) {
        creator_id: Id, type: Text, title: Text, description: Text, price_cents: Integer,
        subscriber_only: Integer, media_url: Text, preview_url: Text, is_active: Integer, created_at: Integer,
        updated_at: Integer,
    }
    subscriptions (id: Id) {
        subscriber_id: Id, creator_id: Id, tier: Text, status: Text, price_cents: Integer, anchor_at: Integer,
        period: Integer, period_start: Integer, period_end: Integer, expires_at: Integer, auto_renew: Integer,
        created_at: Integer, updated_at: Integer, renew_at: Integer, renewals_tried: Integer,
    }
    split_versions (version: Integer) {
        premium_unlock_platform: Integer, premium_unlock_processor: Integer, subscription_platform: Integer,
        subscription_processor: Integer, gift_platform: Integer, gift_processor: Integer, created_at: Integer,
    }
    plans (creator_id: Id, tier: Text) {
        price_cents: Integer, is_active: Integer, created_at: Integer, updated_at: Integer,
    }
    unlocks (id: Id) {
        user_id: Id, content_id: Id, creator_id: Id, amount_cents: Integer, created_at: Integer,
        revoked_at: Integer,
    }
    subscription_periods (subscription_id: Id, period: Integer) {
        tx_id: Id, amount_cents: Integer, period_start: Integer, period_end: Integer,
    }
    entitlement_tokens (subscription_id: Id) {
        period: Integer, token_hash: Bytes, previous_hash: Bytes, nonce: Bytes, rotated_at: Integer,
    }
    gifts (id: Id) {
        sender_id: Id, recipient_id: Id, gift_type: Text, quantity: Integer, amount_cents: Integer,
        refunded_cents: Integer, message: Text, context: Text, created_at: Integer,
    }
    leaderboards (creator_id: Id, period: Text, period_start: Integer, sender_id: Id) {
        total_cents: Integer, gifts: Integer, reached_at: Integer,
    }
    earnings (creator_id: Id, day_start: Integer, source: Text) {
        sales: Integer, earned_cents: Integer, refunded_cents: Integer,
    }
    refunds (id: Id) {
        original_tx_id: Id, amount_cents: Integer, creator_cents: Integer, platform_cents: Integer,
        processor_cents: Integer, debt_cents: Integer, reason: Text, created_at: Integer,
    }
    payouts (id: Id) {
        creator_id: Id, amount_cents: Integer, destination: Text, status: Text, remark: Text,
        decision_tx_id: Id, created_at: Integer, decided_at: Integer,
    }
    reconciliations (id: Id) {
        requested_by: Id, transactions: Integer, discrepancies: Integer, report: Text, started_at: Integer,
        finished_at: Integer,
    }
    jobs (name: Text) {
        holder: Id, held_until: Integer, started_at: Integer, finished_at: Integer, next_run_at: Integer,
        runs: Integer, failures: Integer, last_outcome: Text,
    }
    payment_events (provider: Text, event_id: Text) {
        id: Id, type: Text, deposit_id: Id, provider_tx_id: Text, amount_cents: Integer, currency: Text,
        outcome: Text, reason: Text, received_at: Integer,
    }
}

impl Table {
    /// All columns, those of the key first.
    pub(super) fn columns(&self) -> impl Iterator<Item = (&'static str, Kind)> + Clone {
        self.key.iter().chain(self.rest).copied()
    }

    pub(super) const fn width(&self) -> usize {
        self.key.len().saturating_add(self.rest.len())
    }
}

/// Which database a text is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Dialect {
    Sqlite,
    /// Its texts have an order of their own, which depends on where a database was made: here they are ordered by
    /// their bytes, as everywhere.
    Postgres,
}

/// What is asked of one table.
#[derive(Debug)]
pub(super) struct Texts {
    /// How many rows there are.
    pub(super) count: String,
    /// Every row, in the order of the key.
    pub(super) all: String,
    /// The rows after a key, in the order of the key.
    pub(super) after: String,
    /// The last key.
    pub(super) last: String,
    pub(super) insert: String,
}

/// For each table of the list, in its order.
pub(super) fn texts(dialect: Dialect) -> &'static [Texts] {
    static SQLITE: LazyLock<Vec<Texts>> = LazyLock::new(|| make(Dialect::Sqlite));
    static POSTGRES: LazyLock<Vec<Texts>> = LazyLock::new(|| make(Dialect::Postgres));
    match dialect {
        Dialect::Sqlite => &SQLITE,
        Dialect::Postgres => &POSTGRES,
    }
}

fn make(dialect: Dialect) -> Vec<Texts> {
    TABLES.iter().map(|table| texts_of(table, dialect)).collect()
}

fn texts_of(table: &Table, dialect: Dialect) -> Texts {
    let name = table.name;
    let columns = list(table.columns().map(|(column, _)| column.to_owned()));
    let parameters = |count: usize| list((1..=count).map(|number| format!("${number}")));
    let ordered = |(column, kind): (&str, Kind)| match (dialect, kind) {
        (Dialect::Postgres, Kind::Text) => format!("{column} COLLATE \"C\""),
        _ => column.to_owned(),
    };
    let key = || table.key.iter().copied();
    let order = list(key().map(ordered));
    let backwards = list(key().map(|column| format!("{} DESC", ordered(column))));
    let after = parameters(table.key.len());
    Texts {
        count: format!("SELECT COUNT(*) FROM {name}"),
        all: format!("SELECT {columns} FROM {name} ORDER BY {order}"),
        after: format!("SELECT {columns} FROM {name} WHERE ({order}) > ({after}) ORDER BY {order}"),
        last: format!(
            "SELECT {} FROM {name} ORDER BY {backwards} LIMIT 1",
            list(key().map(|(column, _)| column.to_owned()))
        ),
        insert: format!("INSERT INTO {name} ({columns}) VALUES ({})", parameters(table.width())),
    }
}

fn list(parts: impl Iterator<Item = String>) -> String {
    let mut text = String::new();
    for part in parts {
        let comma = if text.is_empty() { "" } else { ", " };
        // Writing to a text cannot fail.
        let _ = write!(text, "{comma}{part}");
    }
    text
}
