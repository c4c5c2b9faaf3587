-- Drops everything. `superapp migrate down` asks before it comes here.
DROP VIEW readable_entries;
DROP VIEW readable_transactions;
DROP VIEW readable_wallets;
DROP TABLE subscriptions;
DROP TABLE contents;
DROP TABLE audit_logs;
DROP TABLE idempotency_keys;
DROP TABLE deposits;
DROP TABLE entries;
DROP TABLE transactions;
DROP TABLE wallets;
DROP TABLE refresh_tokens;
DROP TABLE sessions;
DROP TABLE users;
