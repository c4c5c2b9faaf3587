-- Credentials for programs, and how often in a row an account was given a wrong password.
--
-- A key is kept as its HMAC under a key of the server; with what is here alone nobody can make one, or check a guess.
CREATE TABLE api_keys (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id    BLOB    NOT NULL CHECK (length(user_id) = 16),
    name       TEXT    NOT NULL,
    key_digest BLOB    NOT NULL CHECK (length(key_digest) = 32),
    last_four  TEXT    NOT NULL CHECK (length(last_four) = 4),
    scopes     TEXT    NOT NULL,
    networks   TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    used_at    INTEGER,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX api_keys_key_digest ON api_keys (key_digest);
-- Keys that were ended stay for whoever reads the audit log.
CREATE INDEX api_keys_user_id ON api_keys (user_id, created_at, id) WHERE revoked_at IS NULL;

-- There is a row while the newest attempt failed. Apart from the accounts, which payments read.
CREATE TABLE sign_in_failures (
    user_id   BLOB    NOT NULL PRIMARY KEY CHECK (length(user_id) = 16),
    failures  INTEGER NOT NULL CHECK (failures > 0),
    failed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
