-- Accounts, the ledger, idempotency, audit; contents and subscriptions for what comes next.
--
-- Ids are UUIDs, money is cents, time is microseconds since 1970 (UTC) from the clock of the server. Only what
-- databases that speak PostgreSQL's protocol have in common: no triggers, no sequences, no functions of ours.

CREATE TABLE users (
    id              UUID   NOT NULL PRIMARY KEY,
    email           TEXT   NOT NULL,
    username        TEXT,
    username_folded TEXT,
    password_hash   TEXT   NOT NULL,
    role            TEXT   NOT NULL CHECK (role IN ('user', 'creator', 'admin')),
    tier            TEXT   NOT NULL CHECK (tier IN ('free', 'premium', 'creator', 'admin')),
    account_status  TEXT   NOT NULL CHECK (account_status IN ('active', 'suspended')),
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    CHECK ((username IS NULL) = (username_folded IS NULL))
);

CREATE UNIQUE INDEX users_email ON users (email);
CREATE UNIQUE INDEX users_username_folded ON users (username_folded) WHERE username_folded IS NOT NULL;
CREATE INDEX users_email_account_status ON users (email, account_status);
CREATE INDEX users_role ON users (role);
CREATE INDEX users_created_at ON users (created_at);

CREATE TABLE sessions (
    id         UUID   NOT NULL PRIMARY KEY,
    user_id    UUID   NOT NULL,
    address    TEXT,
    user_agent TEXT,
    created_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);

CREATE INDEX sessions_user_id ON sessions (user_id, created_at);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

-- A token is kept as its hash. `successor_nonce` and the token itself, which we do not have, make the next one.
CREATE TABLE refresh_tokens (
    token_hash      BYTEA  NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    session_id      UUID   NOT NULL,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    used_at         BIGINT,
    successor_nonce BYTEA  CHECK (length(successor_nonce) = 32),
    successor_hash  BYTEA  CHECK (length(successor_hash) = 32)
);

CREATE INDEX refresh_tokens_session_id ON refresh_tokens (session_id);

-- A user's wallet has the user's own UUID. System wallets have ids that are fixed in the code.
CREATE TABLE wallets (
    id                  UUID   NOT NULL PRIMARY KEY,
    kind                TEXT   NOT NULL CHECK (kind IN ('user', 'platform', 'processor', 'clearing', 'payouts', 'promotion', 'debt')),
    user_id             UUID,
    provider            TEXT,
    status              TEXT   NOT NULL CHECK (status IN ('active', 'frozen')),
    currency            TEXT   NOT NULL CHECK (length(currency) = 3),
    balance_cents       BIGINT NOT NULL,
    last_transaction_at BIGINT,
    created_at          BIGINT NOT NULL,
    CHECK (kind <> 'user' OR balance_cents >= 0),
    CHECK ((kind IN ('user', 'debt')) = (user_id IS NOT NULL)),
    CHECK ((kind = 'clearing') = (provider IS NOT NULL))
);

CREATE UNIQUE INDEX wallets_user_id_kind ON wallets (user_id, kind) WHERE user_id IS NOT NULL;
CREATE INDEX wallets_user_id_status ON wallets (user_id, status);
CREATE INDEX wallets_last_transaction_at ON wallets (last_transaction_at);

-- `idempotency_key` names one execution of a key (ExecutionDigest), never the client's text.
CREATE TABLE transactions (
    tx_id           UUID   NOT NULL PRIMARY KEY,
    type            TEXT   NOT NULL CHECK (type IN ('deposit', 'transfer', 'unlock', 'subscription', 'gift', 'refund', 'payout')),
    status          TEXT   NOT NULL CHECK (status IN ('completed')),
    user_id         UUID   NOT NULL,
    payer_id        UUID,
    payee_id        UUID,
    amount_cents    BIGINT NOT NULL CHECK (amount_cents > 0),
    reference_id    UUID,
    reverses_tx_id  UUID,
    note            TEXT,
    provider        TEXT,
    provider_tx_id  TEXT,
    idempotency_key BYTEA  CHECK (length(idempotency_key) = 24),
    split_version   BIGINT,
    creator_cents   BIGINT,
    platform_cents  BIGINT,
    processor_cents BIGINT,
    created_at      BIGINT NOT NULL,
    CHECK (split_version IS NULL OR creator_cents + platform_cents + processor_cents = amount_cents)
);

CREATE INDEX transactions_user_id_status_created_at ON transactions (user_id, status, created_at DESC);
CREATE UNIQUE INDEX transactions_idempotency_key ON transactions (idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE UNIQUE INDEX transactions_provider_tx_id ON transactions (provider, provider_tx_id) WHERE provider_tx_id IS NOT NULL;

-- No foreign keys: checking them would read rows that nothing else needs. Reconciliation looks for orphans.
CREATE TABLE entries (
    wallet_id           UUID   NOT NULL,
    created_at          BIGINT NOT NULL,
    tx_id               UUID   NOT NULL,
    amount_cents        BIGINT NOT NULL CHECK (amount_cents <> 0),
    balance_after_cents BIGINT,
    PRIMARY KEY (wallet_id, created_at, tx_id)
);

CREATE TABLE deposits (
    id             UUID   NOT NULL PRIMARY KEY,
    user_id        UUID   NOT NULL,
    amount_cents   BIGINT NOT NULL CHECK (amount_cents > 0),
    provider       TEXT   NOT NULL,
    provider_tx_id TEXT,
    status         TEXT   NOT NULL CHECK (status IN ('pending', 'completed', 'failed', 'held')),
    tx_id          UUID,
    created_at     BIGINT NOT NULL,
    completed_at   BIGINT,
    CHECK ((status = 'completed') = (tx_id IS NOT NULL))
);

CREATE TABLE idempotency_keys (
    principal_id UUID   NOT NULL,
    key_digest   BYTEA  NOT NULL CHECK (length(key_digest) = 32),
    fingerprint  BYTEA  NOT NULL CHECK (length(fingerprint) = 32),
    execution_id UUID   NOT NULL,
    tx_id        UUID,
    route        TEXT   NOT NULL,
    request_id   TEXT   NOT NULL,
    status       BIGINT NOT NULL CHECK (status BETWEEN 200 AND 499),
    headers      TEXT   NOT NULL CHECK (CAST(headers AS JSON) IS NOT NULL),
    body         BYTEA  NOT NULL CHECK (length(body) <= 65536),
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    PRIMARY KEY (principal_id, key_digest)
);

CREATE INDEX idempotency_keys_expires_at ON idempotency_keys (expires_at);

CREATE TABLE audit_logs (
    id            UUID   NOT NULL PRIMARY KEY,
    actor_id      UUID,
    credential_id UUID,
    address       TEXT,
    request_id    TEXT   NOT NULL,
    action        TEXT   NOT NULL,
    entity_type   TEXT   NOT NULL,
    entity_id     UUID,
    tx_id         UUID,
    before        TEXT   NOT NULL CHECK (CAST(before AS JSON) IS NOT NULL),
    after         TEXT   NOT NULL CHECK (CAST(after AS JSON) IS NOT NULL),
    created_at    BIGINT NOT NULL
);

CREATE INDEX audit_logs_tx_id_created_at ON audit_logs (tx_id, created_at DESC);
CREATE INDEX audit_logs_entity_type_entity_id ON audit_logs (entity_type, entity_id);
CREATE INDEX audit_logs_actor_id ON audit_logs (actor_id);

CREATE TABLE contents (
    id              UUID   NOT NULL PRIMARY KEY,
    creator_id      UUID   NOT NULL,
    type            TEXT   NOT NULL CHECK (type IN ('video', 'image', 'audio', 'document', 'course')),
    title           TEXT   NOT NULL,
    description     TEXT,
    price_cents     BIGINT NOT NULL CHECK (price_cents >= 0),
    subscriber_only BIGINT NOT NULL CHECK (subscriber_only IN (0, 1)),
    media_url       TEXT   NOT NULL,
    preview_url     TEXT,
    is_active       BIGINT NOT NULL CHECK (is_active IN (0, 1)),
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);

CREATE INDEX contents_creator_id_is_active ON contents (creator_id, is_active);
CREATE INDEX contents_type ON contents (type);
CREATE INDEX contents_created_at ON contents (created_at);

-- A subscription in grace is still active. Cancelling only turns `auto_renew` off.
CREATE TABLE subscriptions (
    id            UUID   NOT NULL PRIMARY KEY,
    subscriber_id UUID   NOT NULL,
    creator_id    UUID   NOT NULL,
    tier          TEXT   NOT NULL CHECK (tier IN ('monthly', 'quarterly', 'yearly')),
    status        TEXT   NOT NULL CHECK (status IN ('active', 'ended', 'revoked')),
    price_cents   BIGINT NOT NULL CHECK (price_cents > 0),
    anchor_at     BIGINT NOT NULL,
    period        BIGINT NOT NULL CHECK (period >= 0),
    period_start  BIGINT NOT NULL,
    period_end    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    auto_renew    BIGINT NOT NULL CHECK (auto_renew IN (0, 1)),
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    CHECK (period_start < period_end AND period_end <= expires_at)
);

CREATE INDEX subscriptions_subscriber_id_creator_id_status_expires_at
    ON subscriptions (subscriber_id, creator_id, status, expires_at);
CREATE INDEX subscriptions_expires_at ON subscriptions (expires_at);
CREATE UNIQUE INDEX subscriptions_active ON subscriptions (subscriber_id, creator_id) WHERE status = 'active';

-- For people at a SQL prompt; no code reads them.
CREATE VIEW readable_wallets AS
SELECT id, kind, user_id, provider, status, currency, balance_cents,
       to_timestamp(last_transaction_at / 1000000.0) AS last_transaction_at
FROM wallets;
CREATE VIEW readable_transactions AS
SELECT tx_id, type, status, payer_id, payee_id, amount_cents, note, provider,
       to_timestamp(created_at / 1000000.0) AS created_at
FROM transactions;
CREATE VIEW readable_entries AS
SELECT wallet_id, tx_id, amount_cents, balance_after_cents, to_timestamp(created_at / 1000000.0) AS created_at
FROM entries;
