\set fan random(1, 256)
BEGIN;
SELECT w.id AS fan_id, w.balance_cents AS fan_cents FROM wallets w JOIN bench_fans f ON f.id = w.id WHERE f.n = :fan FOR UPDATE OF w \gset
SELECT w.id AS creator_id, w.balance_cents AS creator_cents FROM wallets w JOIN bench_creator c ON c.id = w.id FOR UPDATE OF w \gset
SELECT gen_random_uuid() AS tx, gen_random_uuid() AS content, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AS at \gset
INSERT INTO idempotency_keys (principal_id, key_digest, fingerprint, execution_id, tx_id, route, request_id, status, headers, body, created_at, expires_at) VALUES (CAST(:fan_id AS UUID), sha256(CAST(:tx AS BYTEA)), sha256(CAST(:content AS BYTEA)), CAST(:tx AS UUID), CAST(:tx AS UUID), '/api/content/{id}/unlock', :tx, 201, '[["content-type","application/json"]]', CAST(repeat('x', 600) AS BYTEA), :at, :at + 86400000000);
INSERT INTO transactions (tx_id, type, status, user_id, payer_id, payee_id, amount_cents, reference_id, idempotency_key, split_version, creator_cents, platform_cents, processor_cents, created_at) VALUES (CAST(:tx AS UUID), 'unlock', 'completed', CAST(:fan_id AS UUID), CAST(:fan_id AS UUID), CAST(:creator_id AS UUID), 100, CAST(:content AS UUID), substr(sha256(CAST(:tx AS BYTEA)), 1, 24), 1, 80, 15, 5, :at);
INSERT INTO entries (wallet_id, created_at, tx_id, amount_cents, balance_after_cents) VALUES (CAST(:fan_id AS UUID), :at, CAST(:tx AS UUID), -100, :fan_cents - 100), (CAST(:creator_id AS UUID), :at, CAST(:tx AS UUID), 80, :creator_cents + 80);
INSERT INTO entries (wallet_id, created_at, tx_id, amount_cents) SELECT id, :at, CAST(:tx AS UUID), CASE kind WHEN 'platform' THEN 15 ELSE 5 END FROM wallets WHERE kind IN ('platform', 'processor');
INSERT INTO unlocks (id, user_id, content_id, creator_id, amount_cents, created_at) VALUES (CAST(:tx AS UUID), CAST(:fan_id AS UUID), CAST(:content AS UUID), CAST(:creator_id AS UUID), 100, :at);
INSERT INTO audit_logs (id, actor_id, request_id, action, entity_type, entity_id, tx_id, before, after, created_at) VALUES (CAST(:tx AS UUID), CAST(:fan_id AS UUID), :tx, 'content_unlocked', 'transaction', CAST(:tx AS UUID), CAST(:tx AS UUID), '{"balance_cents":1000}', '{"amount_cents":100,"balance_cents":900}', :at);
INSERT INTO earnings (creator_id, day_start, source, sales, earned_cents, refunded_cents) VALUES (CAST(:creator_id AS UUID), :at - :at % 86400000000, 'unlock', 1, 80, 0) ON CONFLICT (creator_id, day_start, source) DO UPDATE SET sales = earnings.sales + 1, earned_cents = earnings.earned_cents + 80;
UPDATE wallets SET balance_cents = balance_cents - 100, last_transaction_at = :at WHERE id = CAST(:fan_id AS UUID);
UPDATE wallets SET balance_cents = balance_cents + 80, last_transaction_at = :at WHERE id = CAST(:creator_id AS UUID);
UPDATE wallets SET balance_cents = balance_cents + 15, last_transaction_at = :at WHERE kind = 'platform';
UPDATE wallets SET balance_cents = balance_cents + 5, last_transaction_at = :at WHERE kind = 'processor';
END;
