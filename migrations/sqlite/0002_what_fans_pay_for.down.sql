-- Drops what fans paid for. The entries of it stay in the ledger, so its balances still add up.
DROP TABLE jobs;
DROP TABLE reconciliations;
DROP INDEX deposits_user_id_created_at;
DROP TABLE payment_events;
DROP TABLE payouts;
DROP TABLE refunds;
DROP TABLE earnings;
DROP TABLE leaderboards;
DROP TABLE gifts;
DROP TABLE entitlement_tokens;
DROP TABLE subscription_periods;
DROP INDEX subscriptions_subscriber_id_created_at;
DROP INDEX subscriptions_renew_at;
ALTER TABLE subscriptions DROP COLUMN renewals_tried;
ALTER TABLE subscriptions DROP COLUMN renew_at;
DROP TABLE unlocks;
DROP TABLE plans;
DROP TABLE split_versions;
