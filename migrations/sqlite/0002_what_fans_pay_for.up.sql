-- Plans, unlocks, periods of subscriptions, gifts with their leaderboards, refunds, payouts, the events of payment
-- providers, daily earnings, versions of the revenue split, and the results of reconciliations.
--
-- The id of an unlock, a gift, a refund, a payout or a subscription is the UUID of the transaction that made it.

-- One row for each table of splits that sales were ever divided by. Basis points, 10 000 to the whole.
CREATE TABLE split_versions (
    version                  INTEGER NOT NULL PRIMARY KEY CHECK (version > 0),
    premium_unlock_platform  INTEGER NOT NULL CHECK (premium_unlock_platform BETWEEN 0 AND 10000),
    premium_unlock_processor INTEGER NOT NULL CHECK (premium_unlock_processor BETWEEN 0 AND 10000),
    subscription_platform    INTEGER NOT NULL CHECK (subscription_platform BETWEEN 0 AND 10000),
    subscription_processor   INTEGER NOT NULL CHECK (subscription_processor BETWEEN 0 AND 10000),
    gift_platform            INTEGER NOT NULL CHECK (gift_platform BETWEEN 0 AND 10000),
    gift_processor           INTEGER NOT NULL CHECK (gift_processor BETWEEN 0 AND 10000),
    created_at               INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX split_versions_shares ON split_versions (premium_unlock_platform, premium_unlock_processor,
    subscription_platform, subscription_processor, gift_platform, gift_processor);

CREATE TABLE plans (
    creator_id  BLOB    NOT NULL CHECK (length(creator_id) = 16),
    tier        TEXT    NOT NULL CHECK (tier IN ('monthly', 'quarterly', 'yearly')),
    price_cents INTEGER NOT NULL CHECK (price_cents > 0),
    is_active   INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (creator_id, tier)
) STRICT, WITHOUT ROWID;

CREATE TABLE unlocks (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id      BLOB    NOT NULL CHECK (length(user_id) = 16),
    content_id   BLOB    NOT NULL CHECK (length(content_id) = 16),
    creator_id   BLOB    NOT NULL CHECK (length(creator_id) = 16),
    amount_cents INTEGER NOT NULL CHECK (amount_cents > 0),
    created_at   INTEGER NOT NULL,
    revoked_at   INTEGER
) STRICT, WITHOUT ROWID;

-- After a full refund the item can be bought again.
CREATE UNIQUE INDEX unlocks_user_id_content_id ON unlocks (user_id, content_id) WHERE revoked_at IS NULL;
CREATE INDEX unlocks_user_id_created_at ON unlocks (user_id, created_at);

-- `renew_at` is when the next charge is tried, `renewals_tried` how often it was tried for the coming period.
ALTER TABLE subscriptions ADD COLUMN renew_at INTEGER;
ALTER TABLE subscriptions ADD COLUMN renewals_tried INTEGER NOT NULL DEFAULT 0;
CREATE INDEX subscriptions_renew_at ON subscriptions (renew_at) WHERE status = 'active' AND renew_at IS NOT NULL;
CREATE INDEX subscriptions_creator_id_expires_at ON subscriptions (creator_id, expires_at) WHERE status = 'active';
CREATE INDEX subscriptions_subscriber_id_created_at ON subscriptions (subscriber_id, created_at);

-- One charge for a period, for ever.
CREATE TABLE subscription_periods (
    subscription_id BLOB    NOT NULL CHECK (length(subscription_id) = 16),
    period          INTEGER NOT NULL CHECK (period >= 0),
    tx_id           BLOB    NOT NULL CHECK (length(tx_id) = 16),
    amount_cents    INTEGER NOT NULL CHECK (amount_cents > 0),
    period_start    INTEGER NOT NULL,
    period_end      INTEGER NOT NULL,
    PRIMARY KEY (subscription_id, period),
    CHECK (period_start < period_end)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX subscription_periods_tx_id ON subscription_periods (tx_id);

-- The refresh token of a subscription that is good now, and what makes it again if its answer was lost.
CREATE TABLE entitlement_tokens (
    subscription_id BLOB    NOT NULL PRIMARY KEY CHECK (length(subscription_id) = 16),
    period          INTEGER NOT NULL CHECK (period >= 0),
    token_hash      BLOB    NOT NULL CHECK (length(token_hash) = 32),
    previous_hash   BLOB CHECK (length(previous_hash) = 32),
    nonce           BLOB    NOT NULL CHECK (length(nonce) = 32),
    rotated_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE gifts (
    id             BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    sender_id      BLOB    NOT NULL CHECK (length(sender_id) = 16),
    recipient_id   BLOB    NOT NULL CHECK (length(recipient_id) = 16),
    gift_type      TEXT    NOT NULL,
    quantity       INTEGER NOT NULL CHECK (quantity BETWEEN 1 AND 100),
    amount_cents   INTEGER NOT NULL CHECK (amount_cents > 0),
    refunded_cents INTEGER NOT NULL DEFAULT 0 CHECK (refunded_cents BETWEEN 0 AND amount_cents),
    message        TEXT,
    context        TEXT,
    created_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX gifts_sender_id_created_at ON gifts (sender_id, created_at);
CREATE INDEX gifts_recipient_id_created_at ON gifts (recipient_id, created_at);

-- What each sender gave within a day, a week, a month and ever: to one creator, and (under 16 zero bytes) to all.
-- `reached_at` is the newest gift of the row: of two equal totals the one reached first stands first.
CREATE TABLE leaderboards (
    creator_id   BLOB    NOT NULL CHECK (length(creator_id) = 16),
    period       TEXT    NOT NULL CHECK (period IN ('day', 'week', 'month', 'all')),
    period_start INTEGER NOT NULL,
    sender_id    BLOB    NOT NULL CHECK (length(sender_id) = 16),
    total_cents  INTEGER NOT NULL CHECK (total_cents >= 0),
    gifts        INTEGER NOT NULL CHECK (gifts >= 0),
    reached_at   INTEGER NOT NULL,
    PRIMARY KEY (creator_id, period, period_start, sender_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX leaderboards_rank
    ON leaderboards (creator_id, period, period_start, total_cents DESC, reached_at, sender_id);

-- What a creator earned on a day (UTC) from one source, and what refunds took back on it.
CREATE TABLE earnings (
    creator_id     BLOB    NOT NULL CHECK (length(creator_id) = 16),
    day_start      INTEGER NOT NULL,
    source         TEXT    NOT NULL CHECK (source IN ('unlock', 'subscription', 'gift')),
    sales          INTEGER NOT NULL CHECK (sales >= 0),
    earned_cents   INTEGER NOT NULL CHECK (earned_cents >= 0),
    refunded_cents INTEGER NOT NULL CHECK (refunded_cents >= 0),
    PRIMARY KEY (creator_id, day_start, source)
) STRICT, WITHOUT ROWID;

-- What of a sale was given back. The original stays as it was.
CREATE TABLE refunds (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    original_tx_id  BLOB    NOT NULL CHECK (length(original_tx_id) = 16),
    amount_cents    INTEGER NOT NULL CHECK (amount_cents > 0),
    creator_cents   INTEGER NOT NULL CHECK (creator_cents >= 0),
    platform_cents  INTEGER NOT NULL CHECK (platform_cents >= 0),
    processor_cents INTEGER NOT NULL CHECK (processor_cents >= 0),
    debt_cents      INTEGER NOT NULL CHECK (debt_cents BETWEEN 0 AND creator_cents),
    reason          TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    CHECK (creator_cents + platform_cents + processor_cents = amount_cents)
) STRICT, WITHOUT ROWID;

CREATE INDEX refunds_original_tx_id ON refunds (original_tx_id);

-- `decision_tx_id` is the transaction that paid the money out, or gave it back.
CREATE TABLE payouts (
    id             BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    creator_id     BLOB    NOT NULL CHECK (length(creator_id) = 16),
    amount_cents   INTEGER NOT NULL CHECK (amount_cents > 0),
    destination    TEXT    NOT NULL,
    status         TEXT    NOT NULL CHECK (status IN ('pending', 'paid', 'rejected')),
    remark         TEXT,
    decision_tx_id BLOB CHECK (length(decision_tx_id) = 16),
    created_at     INTEGER NOT NULL,
    decided_at     INTEGER,
    CHECK ((status = 'pending') = (decision_tx_id IS NULL)),
    CHECK ((status = 'pending') = (decided_at IS NULL))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX payouts_pending ON payouts (creator_id) WHERE status = 'pending';
CREATE INDEX payouts_creator_id_created_at ON payouts (creator_id, created_at);
CREATE INDEX payouts_status_created_at ON payouts (status, created_at);

-- Every event that a payment provider signed, and what became of it.
CREATE TABLE payment_events (
    provider     TEXT    NOT NULL,
    event_id     TEXT    NOT NULL,
    type         TEXT    NOT NULL,
    deposit_id   BLOB CHECK (length(deposit_id) = 16),
    amount_cents INTEGER,
    currency     TEXT,
    outcome      TEXT    NOT NULL,
    received_at  INTEGER NOT NULL,
    PRIMARY KEY (provider, event_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX payment_events_received_at ON payment_events (received_at);
CREATE INDEX deposits_user_id_created_at ON deposits (user_id, created_at);

-- The result of a look at the whole ledger. `report` names each discrepancy.
CREATE TABLE reconciliations (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    requested_by  BLOB CHECK (length(requested_by) = 16),
    transactions  INTEGER NOT NULL,
    discrepancies INTEGER NOT NULL,
    report        TEXT    NOT NULL CHECK (json_valid(report)),
    started_at    INTEGER NOT NULL,
    finished_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Background work that must run once across processes: who holds it, until when, and how it went.
CREATE TABLE jobs (
    name         TEXT    NOT NULL PRIMARY KEY,
    holder       BLOB CHECK (length(holder) = 16),
    held_until   INTEGER NOT NULL,
    started_at   INTEGER,
    finished_at  INTEGER,
    next_run_at  INTEGER NOT NULL,
    runs         INTEGER NOT NULL CHECK (runs >= 0),
    failures     INTEGER NOT NULL CHECK (failures >= 0),
    last_outcome TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER refunds_are_immutable BEFORE UPDATE ON refunds
BEGIN SELECT RAISE(ABORT, 'refunds are immutable: post a correcting transaction'); END;
CREATE TRIGGER refunds_are_kept BEFORE DELETE ON refunds
BEGIN SELECT RAISE(ABORT, 'refunds are kept for ever: post a correcting transaction'); END;
CREATE TRIGGER subscription_periods_are_immutable BEFORE UPDATE ON subscription_periods
BEGIN SELECT RAISE(ABORT, 'charged periods are immutable: post a correcting transaction'); END;
CREATE TRIGGER subscription_periods_are_kept BEFORE DELETE ON subscription_periods
BEGIN SELECT RAISE(ABORT, 'charged periods are kept for ever: post a correcting transaction'); END;
