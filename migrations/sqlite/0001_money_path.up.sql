-- Accounts, the ledger, idempotency, audit; contents and subscriptions for what comes next.
--
-- Ids are UUIDs in 16 bytes, money is cents, time is microseconds since 1970 (UTC). Every table is STRICT,
-- because elsewhere SQLite turns an integer that overflows into a float, without a word.
-- WITHOUT ROWID: the primary key is the table, so that a row costs one B-tree and not two.

CREATE TABLE users (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    email           TEXT    NOT NULL,
    username        TEXT,
    username_folded TEXT,
    password_hash   TEXT    NOT NULL,
    role            TEXT    NOT NULL CHECK (role IN ('user', 'creator', 'admin')),
    tier            TEXT    NOT NULL CHECK (tier IN ('free', 'premium', 'creator', 'admin')),
    account_status  TEXT    NOT NULL CHECK (account_status IN ('active', 'suspended')),
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    CHECK ((username IS NULL) = (username_folded IS NULL))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX users_email ON users (email);
CREATE UNIQUE INDEX users_username_folded ON users (username_folded) WHERE username_folded IS NOT NULL;
CREATE INDEX users_email_account_status ON users (email, account_status);
CREATE INDEX users_role ON users (role);
CREATE INDEX users_created_at ON users (created_at);

CREATE TABLE sessions (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id    BLOB    NOT NULL CHECK (length(user_id) = 16),
    address    TEXT,
    user_agent TEXT,
    created_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_user_id ON sessions (user_id, created_at);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

-- A token is kept as its hash. `successor_nonce` and the token itself, which we do not have, make the next one.
CREATE TABLE refresh_tokens (
    token_hash      BLOB    NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    session_id      BLOB    NOT NULL CHECK (length(session_id) = 16),
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    used_at         INTEGER,
    successor_nonce BLOB CHECK (length(successor_nonce) = 32),
    successor_hash  BLOB CHECK (length(successor_hash) = 32)
) STRICT, WITHOUT ROWID;

CREATE INDEX refresh_tokens_session_id ON refresh_tokens (session_id);

-- A user's wallet has the user's own UUID. System wallets have ids that are fixed in the code.
CREATE TABLE wallets (
    id                  BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    kind                TEXT    NOT NULL CHECK (kind IN ('user', 'platform', 'processor', 'clearing', 'payouts', 'promotion', 'debt')),
    user_id             BLOB CHECK (length(user_id) = 16),
    provider            TEXT,
    status              TEXT    NOT NULL CHECK (status IN ('active', 'frozen')),
    currency            TEXT    NOT NULL CHECK (length(currency) = 3),
    balance_cents       INTEGER NOT NULL,
    last_transaction_at INTEGER,
    created_at          INTEGER NOT NULL,
    CHECK (kind <> 'user' OR balance_cents >= 0),
    CHECK ((kind IN ('user', 'debt')) = (user_id IS NOT NULL)),
    CHECK ((kind = 'clearing') = (provider IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX wallets_user_id_kind ON wallets (user_id, kind) WHERE user_id IS NOT NULL;
CREATE INDEX wallets_user_id_status ON wallets (user_id, status);
CREATE INDEX wallets_last_transaction_at ON wallets (last_transaction_at);

-- `idempotency_key` names one execution of a key (ExecutionDigest), never the client's text.
CREATE TABLE transactions (
    tx_id           BLOB    NOT NULL PRIMARY KEY CHECK (length(tx_id) = 16),
    type            TEXT    NOT NULL CHECK (type IN ('deposit', 'transfer', 'unlock', 'subscription', 'gift', 'refund', 'payout')),
    status          TEXT    NOT NULL CHECK (status IN ('completed')),
    user_id         BLOB    NOT NULL CHECK (length(user_id) = 16),
    payer_id        BLOB CHECK (length(payer_id) = 16),
    payee_id        BLOB CHECK (length(payee_id) = 16),
    amount_cents    INTEGER NOT NULL CHECK (amount_cents > 0),
    reference_id    BLOB CHECK (length(reference_id) = 16),
    reverses_tx_id  BLOB CHECK (length(reverses_tx_id) = 16),
    note            TEXT,
    provider        TEXT,
    provider_tx_id  TEXT,
    idempotency_key BLOB CHECK (length(idempotency_key) = 24),
    split_version   INTEGER,
    creator_cents   INTEGER,
    platform_cents  INTEGER,
    processor_cents INTEGER,
    created_at      INTEGER NOT NULL,
    CHECK (split_version IS NULL OR creator_cents + platform_cents + processor_cents = amount_cents)
) STRICT, WITHOUT ROWID;

CREATE INDEX transactions_user_id_status_created_at ON transactions (user_id, status, created_at DESC);
CREATE UNIQUE INDEX transactions_idempotency_key ON transactions (idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE UNIQUE INDEX transactions_provider_tx_id ON transactions (provider, provider_tx_id) WHERE provider_tx_id IS NOT NULL;

-- No foreign keys: checking them would read rows that nothing else needs. Reconciliation looks for orphans.
CREATE TABLE entries (
    wallet_id           BLOB    NOT NULL CHECK (length(wallet_id) = 16),
    created_at          INTEGER NOT NULL,
    tx_id               BLOB    NOT NULL CHECK (length(tx_id) = 16),
    amount_cents        INTEGER NOT NULL CHECK (amount_cents <> 0),
    balance_after_cents INTEGER,
    PRIMARY KEY (wallet_id, created_at, tx_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE deposits (
    id             BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id        BLOB    NOT NULL CHECK (length(user_id) = 16),
    amount_cents   INTEGER NOT NULL CHECK (amount_cents > 0),
    provider       TEXT    NOT NULL,
    provider_tx_id TEXT,
    status         TEXT    NOT NULL CHECK (status IN ('pending', 'completed', 'failed', 'held')),
    tx_id          BLOB CHECK (length(tx_id) = 16),
    created_at     INTEGER NOT NULL,
    completed_at   INTEGER,
    CHECK ((status = 'completed') = (tx_id IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency_keys (
    principal_id BLOB    NOT NULL CHECK (length(principal_id) = 16),
    key_digest   BLOB    NOT NULL CHECK (length(key_digest) = 32),
    fingerprint  BLOB    NOT NULL CHECK (length(fingerprint) = 32),
    execution_id BLOB    NOT NULL CHECK (length(execution_id) = 16),
    tx_id        BLOB CHECK (length(tx_id) = 16),
    route        TEXT    NOT NULL,
    request_id   TEXT    NOT NULL,
    status       INTEGER NOT NULL CHECK (status BETWEEN 200 AND 499),
    headers      TEXT    NOT NULL CHECK (json_valid(headers)),
    body         BLOB    NOT NULL CHECK (length(body) <= 65536),
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    PRIMARY KEY (principal_id, key_digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_keys_expires_at ON idempotency_keys (expires_at);

CREATE TABLE audit_logs (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    actor_id      BLOB CHECK (length(actor_id) = 16),
    credential_id BLOB CHECK (length(credential_id) = 16),
    address       TEXT,
    request_id    TEXT    NOT NULL,
    action        TEXT    NOT NULL,
    entity_type   TEXT    NOT NULL,
    entity_id     BLOB CHECK (length(entity_id) = 16),
    tx_id         BLOB CHECK (length(tx_id) = 16),
    before        TEXT    NOT NULL CHECK (json_valid(before)),
    after         TEXT    NOT NULL CHECK (json_valid(after)),
    created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_logs_tx_id_created_at ON audit_logs (tx_id, created_at DESC);
CREATE INDEX audit_logs_entity_type_entity_id ON audit_logs (entity_type, entity_id);
CREATE INDEX audit_logs_actor_id ON audit_logs (actor_id);

CREATE TABLE contents (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    creator_id      BLOB    NOT NULL CHECK (length(creator_id) = 16),
    type            TEXT    NOT NULL CHECK (type IN ('video', 'image', 'audio', 'document', 'course')),
    title           TEXT    NOT NULL,
    description     TEXT,
    price_cents     INTEGER NOT NULL CHECK (price_cents >= 0),
    subscriber_only INTEGER NOT NULL CHECK (subscriber_only IN (0, 1)),
    media_url       TEXT    NOT NULL,
    preview_url     TEXT,
    is_active       INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX contents_creator_id_is_active ON contents (creator_id, is_active);
CREATE INDEX contents_type ON contents (type);
CREATE INDEX contents_created_at ON contents (created_at);

-- A subscription in grace is still active. Cancelling only turns `auto_renew` off.
CREATE TABLE subscriptions (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    subscriber_id BLOB    NOT NULL CHECK (length(subscriber_id) = 16),
    creator_id    BLOB    NOT NULL CHECK (length(creator_id) = 16),
    tier          TEXT    NOT NULL CHECK (tier IN ('monthly', 'quarterly', 'yearly')),
    status        TEXT    NOT NULL CHECK (status IN ('active', 'ended', 'revoked')),
    price_cents   INTEGER NOT NULL CHECK (price_cents > 0),
    anchor_at     INTEGER NOT NULL,
    period        INTEGER NOT NULL CHECK (period >= 0),
    period_start  INTEGER NOT NULL,
    period_end    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    auto_renew    INTEGER NOT NULL CHECK (auto_renew IN (0, 1)),
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    CHECK (period_start < period_end AND period_end <= expires_at)
) STRICT, WITHOUT ROWID;

CREATE INDEX subscriptions_subscriber_id_creator_id_status_expires_at
    ON subscriptions (subscriber_id, creator_id, status, expires_at);
CREATE INDEX subscriptions_expires_at ON subscriptions (expires_at);
CREATE UNIQUE INDEX subscriptions_active ON subscriptions (subscriber_id, creator_id) WHERE status = 'active';

-- A belt over braces: nothing in the code updates or deletes these rows, and nothing else may either.
CREATE TRIGGER entries_are_immutable BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'entries are immutable: post a correcting transaction'); END;
CREATE TRIGGER entries_are_kept BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'entries are kept for ever: post a correcting transaction'); END;
CREATE TRIGGER transactions_are_immutable BEFORE UPDATE ON transactions
BEGIN SELECT RAISE(ABORT, 'transactions are immutable: post a correcting transaction'); END;
CREATE TRIGGER transactions_are_kept BEFORE DELETE ON transactions
BEGIN SELECT RAISE(ABORT, 'transactions are kept for ever: post a correcting transaction'); END;
CREATE TRIGGER audit_logs_are_immutable BEFORE UPDATE ON audit_logs
BEGIN SELECT RAISE(ABORT, 'audit records are immutable'); END;
CREATE TRIGGER audit_logs_are_kept BEFORE DELETE ON audit_logs
BEGIN SELECT RAISE(ABORT, 'audit records are kept for ever'); END;

-- For people at a SQL prompt; no code reads them.
CREATE VIEW readable_wallets AS
SELECT lower(hex(id)) AS id, kind, lower(hex(user_id)) AS user_id, provider, status, currency, balance_cents,
       strftime('%Y-%m-%dT%H:%M:%fZ', last_transaction_at / 1000000.0, 'unixepoch') AS last_transaction_at
FROM wallets;
CREATE VIEW readable_transactions AS
SELECT lower(hex(tx_id)) AS tx_id, type, status, lower(hex(payer_id)) AS payer_id, lower(hex(payee_id)) AS payee_id,
       amount_cents, note, provider, strftime('%Y-%m-%dT%H:%M:%fZ', created_at / 1000000.0, 'unixepoch') AS created_at
FROM transactions;
CREATE VIEW readable_entries AS
SELECT lower(hex(wallet_id)) AS wallet_id, lower(hex(tx_id)) AS tx_id, amount_cents, balance_after_cents,
       strftime('%Y-%m-%dT%H:%M:%fZ', created_at / 1000000.0, 'unixepoch') AS created_at
FROM entries;
