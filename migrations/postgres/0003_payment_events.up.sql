-- Events of payment providers, with an id of our own to list them by, the provider's id of the payment, and why an
-- event did not do what it says. The table of version 2 was never written to, so it is made anew.
DROP TABLE payment_events;

CREATE TABLE payment_events (
    id             UUID   NOT NULL,
    provider       TEXT   NOT NULL,
    event_id       TEXT   NOT NULL,
    type           TEXT   NOT NULL,
    deposit_id     UUID,
    provider_tx_id TEXT,
    amount_cents   BIGINT,
    currency       TEXT,
    outcome        TEXT   NOT NULL CHECK (outcome IN ('settling', 'completed', 'failed', 'held', 'ignored')),
    reason         TEXT,
    received_at    BIGINT NOT NULL,
    PRIMARY KEY (provider, event_id)
);

CREATE INDEX payment_events_received_at ON payment_events (received_at, id);
CREATE INDEX payment_events_outcome_received_at ON payment_events (outcome, received_at, id);

-- How many a user has waiting is counted at each new one.
CREATE INDEX deposits_pending ON deposits (user_id) WHERE status = 'pending';
