-- Plans, unlocks, periods of subscriptions, gifts with their leaderboards, refunds, payouts, the events of payment
-- providers, daily earnings, versions of the revenue split, and the results of reconciliations.
--
-- The id of an unlock, a gift, a refund, a payout or a subscription is the UUID of the transaction that made it.

-- One row for each table of splits that sales were ever divided by. Basis points, 10 000 to the whole.
CREATE TABLE split_versions (
    version                  BIGINT NOT NULL PRIMARY KEY CHECK (version > 0),
    premium_unlock_platform  BIGINT NOT NULL CHECK (premium_unlock_platform BETWEEN 0 AND 10000),
    premium_unlock_processor BIGINT NOT NULL CHECK (premium_unlock_processor BETWEEN 0 AND 10000),
    subscription_platform    BIGINT NOT NULL CHECK (subscription_platform BETWEEN 0 AND 10000),
    subscription_processor   BIGINT NOT NULL CHECK (subscription_processor BETWEEN 0 AND 10000),
    gift_platform            BIGINT NOT NULL CHECK (gift_platform BETWEEN 0 AND 10000),
    gift_processor           BIGINT NOT NULL CHECK (gift_processor BETWEEN 0 AND 10000),
    created_at               BIGINT NOT NULL
);

CREATE UNIQUE INDEX split_versions_shares ON split_versions (premium_unlock_platform, premium_unlock_processor,
    subscription_platform, subscription_processor, gift_platform, gift_processor);

CREATE TABLE plans (
    creator_id  UUID   NOT NULL,
    tier        TEXT   NOT NULL CHECK (tier IN ('monthly', 'quarterly', 'yearly')),
    price_cents BIGINT NOT NULL CHECK (price_cents > 0),
    is_active   BIGINT NOT NULL CHECK (is_active IN (0, 1)),
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    PRIMARY KEY (creator_id, tier)
);

CREATE TABLE unlocks (
    id           UUID   NOT NULL PRIMARY KEY,
    user_id      UUID   NOT NULL,
    content_id   UUID   NOT NULL,
    creator_id   UUID   NOT NULL,
    amount_cents BIGINT NOT NULL CHECK (amount_cents > 0),
    created_at   BIGINT NOT NULL,
    revoked_at   BIGINT
);

-- After a full refund the item can be bought again.
CREATE UNIQUE INDEX unlocks_user_id_content_id ON unlocks (user_id, content_id) WHERE revoked_at IS NULL;
CREATE INDEX unlocks_user_id_created_at ON unlocks (user_id, created_at);

-- `renew_at` is when the next charge is tried, `renewals_tried` how often it was tried for the coming period.
ALTER TABLE subscriptions ADD COLUMN renew_at BIGINT;
ALTER TABLE subscriptions ADD COLUMN renewals_tried BIGINT NOT NULL DEFAULT 0;
CREATE INDEX subscriptions_renew_at ON subscriptions (renew_at) WHERE status = 'active' AND renew_at IS NOT NULL;
CREATE INDEX subscriptions_creator_id_expires_at ON subscriptions (creator_id, expires_at) WHERE status = 'active';
CREATE INDEX subscriptions_subscriber_id_created_at ON subscriptions (subscriber_id, created_at);

-- One charge for a period, for ever.
CREATE TABLE subscription_periods (
    subscription_id UUID   NOT NULL,
    period          BIGINT NOT NULL CHECK (period >= 0),
    tx_id           UUID   NOT NULL,
    amount_cents    BIGINT NOT NULL CHECK (amount_cents > 0),
    period_start    BIGINT NOT NULL,
    period_end      BIGINT NOT NULL,
    PRIMARY KEY (subscription_id, period),
    CHECK (period_start < period_end)
);

CREATE UNIQUE INDEX subscription_periods_tx_id ON subscription_periods (tx_id);

-- The refresh token of a subscription that is good now, and what makes it again if its answer was lost.
CREATE TABLE entitlement_tokens (
    subscription_id UUID   NOT NULL PRIMARY KEY,
    period          BIGINT NOT NULL CHECK (period >= 0),
    token_hash      BYTEA  NOT NULL CHECK (length(token_hash) = 32),
    previous_hash   BYTEA  CHECK (length(previous_hash) = 32),
    nonce           BYTEA  NOT NULL CHECK (length(nonce) = 32),
    rotated_at      BIGINT NOT NULL
);

CREATE TABLE gifts (
    id             UUID   NOT NULL PRIMARY KEY,
    sender_id      UUID   NOT NULL,
    recipient_id   UUID   NOT NULL,
    gift_type      TEXT   NOT NULL,
    quantity       BIGINT NOT NULL CHECK (quantity BETWEEN 1 AND 100),
    amount_cents   BIGINT NOT NULL CHECK (amount_cents > 0),
    refunded_cents BIGINT NOT NULL DEFAULT 0 CHECK (refunded_cents BETWEEN 0 AND amount_cents),
    message        TEXT,
    context        TEXT,
    created_at     BIGINT NOT NULL
);

CREATE INDEX gifts_sender_id_created_at ON gifts (sender_id, created_at);
CREATE INDEX gifts_recipient_id_created_at ON gifts (recipient_id, created_at);

-- What each sender gave within a day, a week, a month and ever: to one creator, and (under 16 zero bytes) to all.
-- `reached_at` is the newest gift of the row: of two equal totals the one reached first stands first.
CREATE TABLE leaderboards (
    creator_id   UUID   NOT NULL,
    period       TEXT   NOT NULL CHECK (period IN ('day', 'week', 'month', 'all')),
    period_start BIGINT NOT NULL,
    sender_id    UUID   NOT NULL,
    total_cents  BIGINT NOT NULL CHECK (total_cents >= 0),
    gifts        BIGINT NOT NULL CHECK (gifts >= 0),
    reached_at   BIGINT NOT NULL,
    PRIMARY KEY (creator_id, period, period_start, sender_id)
);

CREATE INDEX leaderboards_rank
    ON leaderboards (creator_id, period, period_start, total_cents DESC, reached_at, sender_id);

-- What a creator earned on a day (UTC) from one source, and what refunds took back on it.
CREATE TABLE earnings (
    creator_id     UUID   NOT NULL,
    day_start      BIGINT NOT NULL,
    source         TEXT   NOT NULL CHECK (source IN ('unlock', 'subscription', 'gift')),
    sales          BIGINT NOT NULL CHECK (sales >= 0),
    earned_cents   BIGINT NOT NULL CHECK (earned_cents >= 0),
    refunded_cents BIGINT NOT NULL CHECK (refunded_cents >= 0),
    PRIMARY KEY (creator_id, day_start, source)
);

-- What of a sale was given back. The original stays as it was.
CREATE TABLE refunds (
    id              UUID   NOT NULL PRIMARY KEY,
    original_tx_id  UUID   NOT NULL,
    amount_cents    BIGINT NOT NULL CHECK (amount_cents > 0),
    creator_cents   BIGINT NOT NULL CHECK (creator_cents >= 0),
    platform_cents  BIGINT NOT NULL CHECK (platform_cents >= 0),
    processor_cents BIGINT NOT NULL CHECK (processor_cents >= 0),
    debt_cents      BIGINT NOT NULL CHECK (debt_cents BETWEEN 0 AND creator_cents),
    reason          TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,
    CHECK (creator_cents + platform_cents + processor_cents = amount_cents)
);

CREATE INDEX refunds_original_tx_id ON refunds (original_tx_id);

-- `decision_tx_id` is the transaction that paid the money out, or gave it back.
CREATE TABLE payouts (
    id             UUID   NOT NULL PRIMARY KEY,
    creator_id     UUID   NOT NULL,
    amount_cents   BIGINT NOT NULL CHECK (amount_cents > 0),
    destination    TEXT   NOT NULL,
    status         TEXT   NOT NULL CHECK (status IN ('pending', 'paid', 'rejected')),
    remark         TEXT,
    decision_tx_id UUID,
    created_at     BIGINT NOT NULL,
    decided_at     BIGINT,
    CHECK ((status = 'pending') = (decision_tx_id IS NULL)),
    CHECK ((status = 'pending') = (decided_at IS NULL))
);

CREATE UNIQUE INDEX payouts_pending ON payouts (creator_id) WHERE status = 'pending';
CREATE INDEX payouts_creator_id_created_at ON payouts (creator_id, created_at);
CREATE INDEX payouts_status_created_at ON payouts (status, created_at);

-- Every event that a payment provider signed, and what became of it.
CREATE TABLE payment_events (
    provider     TEXT   NOT NULL,
    event_id     TEXT   NOT NULL,
    type         TEXT   NOT NULL,
    deposit_id   UUID,
    amount_cents BIGINT,
    currency     TEXT,
    outcome      TEXT   NOT NULL,
    received_at  BIGINT NOT NULL,
    PRIMARY KEY (provider, event_id)
);

CREATE INDEX payment_events_received_at ON payment_events (received_at);
CREATE INDEX deposits_user_id_created_at ON deposits (user_id, created_at);

-- The result of a look at the whole ledger. `report` names each discrepancy.
CREATE TABLE reconciliations (
    id            UUID   NOT NULL PRIMARY KEY,
    requested_by  UUID,
    transactions  BIGINT NOT NULL,
    discrepancies BIGINT NOT NULL,
    report        TEXT   NOT NULL CHECK (CAST(report AS JSON) IS NOT NULL),
    started_at    BIGINT NOT NULL,
    finished_at   BIGINT NOT NULL
);

-- Background work that must run once across processes: who holds it, until when, and how it went.
CREATE TABLE jobs (
    name         TEXT   NOT NULL PRIMARY KEY,
    holder       UUID,
    held_until   BIGINT NOT NULL,
    started_at   BIGINT,
    finished_at  BIGINT,
    next_run_at  BIGINT NOT NULL,
    runs         BIGINT NOT NULL CHECK (runs >= 0),
    failures     BIGINT NOT NULL CHECK (failures >= 0),
    last_outcome TEXT   NOT NULL
);
