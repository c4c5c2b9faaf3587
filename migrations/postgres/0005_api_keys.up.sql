-- Credentials for programs, and how often in a row an account was given a wrong password.
--
-- A key is kept as its HMAC under a key of the server; with what is here alone nobody can make one, or check a guess.
CREATE TABLE api_keys (
    id         UUID   NOT NULL PRIMARY KEY,
    user_id    UUID   NOT NULL,
    name       TEXT   NOT NULL,
    key_digest BYTEA  NOT NULL CHECK (length(key_digest) = 32),
    last_four  TEXT   NOT NULL CHECK (length(last_four) = 4),
    scopes     TEXT   NOT NULL,
    networks   TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    used_at    BIGINT,
    revoked_at BIGINT
);

CREATE UNIQUE INDEX api_keys_key_digest ON api_keys (key_digest);
-- Keys that were ended stay for whoever reads the audit log.
CREATE INDEX api_keys_user_id ON api_keys (user_id, created_at, id) WHERE revoked_at IS NULL;

-- There is a row while the newest attempt failed. Apart from the accounts, which payments read.
CREATE TABLE sign_in_failures (
    user_id   UUID   NOT NULL PRIMARY KEY,
    failures  BIGINT NOT NULL CHECK (failures > 0),
    failed_at BIGINT NOT NULL
);
