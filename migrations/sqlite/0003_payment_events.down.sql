-- Back to the table of version 2. What the events said is lost; the deposits that they completed stay.
DROP INDEX deposits_pending;
DROP TABLE payment_events;

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
