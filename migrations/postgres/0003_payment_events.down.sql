-- Back to the table of version 2. What the events said is lost; the deposits that they completed stay.
DROP INDEX deposits_pending;
DROP TABLE payment_events;

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
