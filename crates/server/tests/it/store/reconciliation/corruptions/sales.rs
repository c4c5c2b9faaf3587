//! Ways to break what was sold, given back and paid out, and the rows that say so.

use super::Corruption;

pub const SALES: &[Corruption] = &[
    Corruption {
        what: "an unlock vanishes",
        found: &["sale_without_row"],
        text: "DELETE FROM unlocks WHERE id = (SELECT id FROM unlocks WHERE revoked_at IS NULL
                ORDER BY id LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "an unlock is of another content",
        found: &["sale_without_row"],
        text: "UPDATE unlocks SET content_id = zeroblob(16) WHERE id = (SELECT id FROM unlocks WHERE revoked_at IS NULL
                ORDER BY id LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "an unlock is another fan's",
        found: &["sale_without_row"],
        text: "UPDATE unlocks SET user_id = zeroblob(16) WHERE id = (SELECT id FROM unlocks WHERE revoked_at IS NULL
                ORDER BY id LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "an unlock is from another creator",
        found: &["sale_without_row"],
        text: "UPDATE unlocks SET creator_id = zeroblob(16) WHERE id = (SELECT id FROM unlocks WHERE TRUE
                ORDER BY id LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "an unlock is over another amount",
        found: &["sale_without_row"],
        text: "UPDATE unlocks SET amount_cents = amount_cents + 1 WHERE id = (SELECT id FROM unlocks WHERE revoked_at IS NULL
                ORDER BY id LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "a charged period vanishes",
        found: &["sale_without_row", "entitlement_mismatch"],
        text: "DELETE FROM subscription_periods WHERE subscription_id = (SELECT id FROM subscriptions WHERE status = 'active'
                ORDER BY id LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "a charged period is over another amount",
        found: &["sale_without_row"],
        text: "UPDATE subscription_periods SET amount_cents = amount_cents + 1 WHERE subscription_id =
            (SELECT id FROM subscriptions WHERE status = 'active'
                ORDER BY id LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "a subscription is another fan's",
        found: &["sale_without_row"],
        text: "UPDATE subscriptions SET subscriber_id = zeroblob(16) WHERE id = (SELECT id FROM subscriptions WHERE status = 'active'
                ORDER BY id LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "a gift vanishes",
        found: &["sale_without_row", "leaderboard_mismatch"],
        text: "DELETE FROM gifts WHERE id = (SELECT id FROM gifts WHERE refunded_cents < amount_cents
                ORDER BY id LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "a gift is dated a microsecond later",
        found: &["sale_without_row"],
        text: "UPDATE gifts SET created_at = created_at + 1 WHERE id = (SELECT id FROM gifts WHERE TRUE
                ORDER BY id LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "a gift forgets what was given back of it",
        found: &["sale_without_row", "leaderboard_mismatch"],
        text: "UPDATE gifts SET refunded_cents = 0 WHERE id = (SELECT id FROM gifts WHERE refunded_cents > 0
                ORDER BY id LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "the row of a refund vanishes",
        found: &["sale_without_row", "earnings_mismatch"],
        text: "DELETE FROM refunds WHERE id = (SELECT id FROM refunds r WHERE creator_cents > 0
                AND EXISTS (SELECT 1 FROM unlocks u WHERE u.id = r.original_tx_id AND u.revoked_at IS NULL)
                AND (SELECT COUNT(*) FROM refunds s WHERE s.original_tx_id = r.original_tx_id) = 1
                ORDER BY id LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "a payout that was decided vanishes",
        found: &["sale_without_row"],
        text: "DELETE FROM payouts WHERE id = (SELECT id FROM payouts WHERE status <> 'pending' ORDER BY id LIMIT 1
                OFFSET @pick % (SELECT COUNT(*) FROM payouts WHERE status <> 'pending'))",
    },
    Corruption {
        what: "a payout that is pending vanishes",
        found: &["sale_without_row", "payouts_mismatch"],
        text: "DELETE FROM payouts WHERE id = (SELECT id FROM payouts WHERE status = 'pending' ORDER BY id LIMIT 1
                OFFSET @pick % (SELECT COUNT(*) FROM payouts WHERE status = 'pending'))",
    },
    Corruption {
        what: "a payout is over another amount",
        found: &["sale_without_row"],
        text: "UPDATE payouts SET amount_cents = amount_cents + 1 WHERE id = (SELECT id FROM payouts WHERE status <> 'pending' ORDER BY id LIMIT 1
                OFFSET @pick % (SELECT COUNT(*) FROM payouts WHERE status <> 'pending'))",
    },
    Corruption {
        what: "a payout is another creator's",
        found: &["sale_without_row"],
        text: "UPDATE payouts SET creator_id = zeroblob(16) WHERE id = (SELECT id FROM payouts WHERE status <> 'pending' ORDER BY id LIMIT 1
                OFFSET @pick % (SELECT COUNT(*) FROM payouts WHERE status <> 'pending'))",
    },
    Corruption {
        what: "a payout that was rejected is called paid",
        found: &["sale_without_row"],
        text: "UPDATE payouts SET status = 'paid' WHERE id = (SELECT id FROM payouts WHERE status = 'rejected' ORDER BY id LIMIT 1
                OFFSET @pick % (SELECT COUNT(*) FROM payouts WHERE status = 'rejected'))",
    },
    Corruption {
        what: "a payout that was paid is called rejected",
        found: &["sale_without_row"],
        text: "UPDATE payouts SET status = 'rejected' WHERE id = (SELECT id FROM payouts WHERE status = 'paid' ORDER BY id LIMIT 1
                OFFSET @pick % (SELECT COUNT(*) FROM payouts WHERE status = 'paid'))",
    },
    Corruption {
        what: "a cent of a rejected payout goes to its creator, who still owes it",
        found: &["sale_without_row"],
        text: "CREATE TEMP TABLE repaid AS SELECT e.wallet_id AS debt, p.creator_id AS creator, e.created_at AS moment,
                    e.tx_id AS tx FROM payouts p JOIN wallets w ON w.user_id = p.creator_id AND w.kind = 'debt'
                JOIN entries e ON e.wallet_id = w.id AND e.created_at = p.decided_at AND e.tx_id = p.decision_tx_id
                WHERE p.status = 'rejected' AND e.amount_cents > 1 ORDER BY p.id;
            CREATE TEMP TABLE target AS SELECT * FROM repaid LIMIT 1 OFFSET @pick % (SELECT COUNT(*) FROM repaid);
            INSERT INTO entries SELECT t.creator, t.moment, t.tx, 0, COALESCE((SELECT e.balance_after_cents FROM entries e
                WHERE e.wallet_id = t.creator AND e.created_at < t.moment ORDER BY e.created_at DESC LIMIT 1), 0)
                FROM target t WHERE TRUE ON CONFLICT DO NOTHING;
            UPDATE entries SET balance_after_cents = balance_after_cents + 1
                WHERE wallet_id = (SELECT creator FROM target) AND created_at >= (SELECT moment FROM target);
            UPDATE entries SET balance_after_cents = balance_after_cents - 1
                WHERE wallet_id = (SELECT debt FROM target) AND created_at >= (SELECT moment FROM target);
            UPDATE entries SET amount_cents = amount_cents + CASE WHEN wallet_id = (SELECT debt FROM target) THEN -1 ELSE 1 END
                WHERE tx_id = (SELECT tx FROM target) AND wallet_id IN (SELECT creator FROM target UNION SELECT debt FROM target);
            UPDATE wallets SET balance_cents = balance_cents + 1 WHERE id = (SELECT creator FROM target);
            UPDATE wallets SET balance_cents = balance_cents - 1 WHERE id = (SELECT debt FROM target)",
    },
    Corruption {
        what: "a decision is forgotten",
        found: &["sale_without_row", "payouts_mismatch"],
        text: "UPDATE payouts SET status = 'pending', decision_tx_id = NULL, decided_at = NULL, creator_id = zeroblob(16)
            WHERE id = (SELECT id FROM payouts WHERE status <> 'pending' ORDER BY id LIMIT 1
                OFFSET @pick % (SELECT COUNT(*) FROM payouts WHERE status <> 'pending'))",
    },
    Corruption {
        what: "a decision is another transaction",
        found: &["sale_without_row", "row_without_sale"],
        text: "UPDATE payouts SET decision_tx_id = zeroblob(16) WHERE id = (SELECT id FROM payouts WHERE status <> 'pending' ORDER BY id LIMIT 1
                OFFSET @pick % (SELECT COUNT(*) FROM payouts WHERE status <> 'pending'))",
    },
    Corruption {
        what: "a sale was paid by another fan",
        found: &["sale_without_row", "split_mismatch"],
        text: "UPDATE transactions SET payer_id = zeroblob(16) WHERE tx_id = (SELECT id FROM unlocks WHERE NOT EXISTS (SELECT 1 FROM refunds r WHERE r.original_tx_id = unlocks.id)
                ORDER BY id LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "a sale is called a transfer",
        found: &["row_without_sale", "earnings_mismatch"],
        text: "UPDATE transactions SET type = 'transfer' WHERE tx_id = (SELECT id FROM unlocks WHERE NOT EXISTS (SELECT 1 FROM refunds r WHERE r.original_tx_id = unlocks.id)
                ORDER BY id LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "a sale vanishes from under its row",
        found: &["orphan_entry", "record_without_transaction", "row_without_sale", "earnings_mismatch"],
        text: "DELETE FROM transactions WHERE tx_id = (SELECT id FROM unlocks WHERE NOT EXISTS (SELECT 1 FROM refunds r WHERE r.original_tx_id = unlocks.id)
                ORDER BY id LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "an unlock that nobody paid for",
        found: &["row_without_sale"],
        text: "INSERT INTO unlocks SELECT CAST(zeroblob(15) || x'0@pick' AS BLOB), user_id, zeroblob(16), creator_id, 5, 0, NULL
            FROM unlocks LIMIT 1",
    },
    Corruption {
        what: "a period that nobody paid for",
        found: &["row_without_sale"],
        text: "INSERT INTO subscription_periods SELECT id, 99, zeroblob(16), 5, 0, 1 FROM subscriptions
            ORDER BY id LIMIT 1 OFFSET @pick",
    },
    Corruption {
        what: "a gift that nobody paid for",
        found: &["row_without_sale", "leaderboard_mismatch"],
        text: "INSERT INTO gifts SELECT CAST(zeroblob(15) || x'0@pick' AS BLOB), sender_id, recipient_id, 'rose', 1, 5, 0, NULL, NULL,
            created_at FROM gifts LIMIT 1",
    },
    Corruption {
        what: "a refund that nobody got",
        found: &["row_without_sale", "earnings_mismatch"],
        text: "INSERT INTO refunds SELECT zeroblob(16), id, 1, 1, 0, 0, 0, '', created_at FROM unlocks
            WHERE amount_cents > 1 AND NOT EXISTS (SELECT 1 FROM refunds r WHERE r.original_tx_id = unlocks.id)
            ORDER BY id LIMIT 1 OFFSET @pick",
    },
    Corruption {
        what: "a payout that nobody asked for",
        found: &["row_without_sale", "payouts_mismatch"],
        text: "INSERT INTO payouts (id, creator_id, amount_cents, destination, status, created_at)
            VALUES (zeroblob(16), zeroblob(16), 5 + @pick, '', 'pending', 0)",
    },
    Corruption {
        what: "a cent goes from the platform's part to the processor's",
        found: &["split_mismatch"],
        text: "UPDATE transactions SET platform_cents = platform_cents - 1, processor_cents = processor_cents + 1
            WHERE tx_id = (SELECT tx_id FROM transactions WHERE type = 'gift' AND NOT EXISTS (SELECT 1 FROM refunds r WHERE r.original_tx_id = transactions.tx_id)
                ORDER BY tx_id LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "a cent goes from the platform's entry to the processor's",
        found: &["split_mismatch"],
        text: "CREATE TEMP TABLE sale AS SELECT tx_id FROM transactions WHERE type = 'unlock' AND platform_cents > 1
                AND processor_cents > 0 ORDER BY tx_id LIMIT 1 OFFSET @pick;
            CREATE TEMP TABLE move AS SELECT id, 1 - 2 * (kind = 'platform') AS cents FROM wallets
                WHERE kind IN ('platform', 'processor');
            UPDATE entries SET amount_cents = amount_cents + (SELECT cents FROM move WHERE id = wallet_id)
                WHERE tx_id = (SELECT tx_id FROM sale) AND wallet_id IN (SELECT id FROM move);
            UPDATE wallets SET balance_cents = balance_cents + (SELECT cents FROM move WHERE move.id = wallets.id)
                WHERE id IN (SELECT id FROM move)",
    },
    Corruption {
        what: "a sale is not divided",
        found: &["split_mismatch", "earnings_mismatch"],
        text: "UPDATE transactions SET split_version = NULL, creator_cents = NULL, platform_cents = NULL, processor_cents = NULL
            WHERE tx_id = (SELECT tx_id FROM transactions WHERE type = 'subscription'
                ORDER BY tx_id LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "a sale was divided by a table that does not exist",
        found: &["split_mismatch"],
        text: "UPDATE transactions SET split_version = 99 WHERE tx_id = (SELECT tx_id FROM transactions WHERE type = 'unlock'
                ORDER BY tx_id LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "a table of splits is changed behind the sales",
        found: &["split_mismatch"],
        text: "UPDATE split_versions SET gift_platform = gift_platform + 100 + @pick",
    },
    Corruption {
        what: "the parts of a refund are not those of its transaction",
        found: &["split_mismatch"],
        text: "UPDATE refunds SET platform_cents = platform_cents - 1, processor_cents = processor_cents + 1
            WHERE id = (SELECT r.id FROM refunds r JOIN unlocks u ON u.id = r.original_tx_id
                WHERE u.revoked_at IS NULL AND u.amount_cents > 1000 ORDER BY r.id LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "a refund says that the creator owes a cent more",
        found: &["split_mismatch"],
        text: "UPDATE refunds SET debt_cents = debt_cents + 1 WHERE id = (SELECT id FROM refunds WHERE debt_cents < creator_cents
                ORDER BY id LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "a cent more is given back than was paid, by the book in every other way",
        found: &["refund_exceeds_original"],
        text: "CREATE TEMP TABLE sale AS SELECT u.id, u.user_id AS fan, u.creator_id AS creator, w.balance_cents + 1 AS cents
                FROM unlocks u JOIN wallets w ON w.id = u.user_id WHERE u.revoked_at IS NOT NULL
                ORDER BY u.id LIMIT 1 OFFSET @pick;
            INSERT INTO transactions (tx_id, type, status, user_id, payer_id, payee_id, amount_cents, reference_id,
                    reverses_tx_id, split_version, creator_cents, platform_cents, processor_cents, created_at)
                SELECT zeroblob(16), 'refund', 'completed', fan, creator, fan, 1, id, id, 1, 0, 1, 0, 3000000000000000
                FROM sale;
            INSERT INTO refunds SELECT zeroblob(16), id, 1, 0, 1, 0, 0, '', 3000000000000000 FROM sale;
            INSERT INTO entries SELECT fan, 3000000000000000, zeroblob(16), 1, cents FROM sale;
            INSERT INTO entries SELECT id, 3000000000000000, zeroblob(16), -1, NULL FROM wallets WHERE kind = 'platform';
            INSERT INTO audit_logs (id, request_id, action, entity_type, tx_id, before, after, created_at)
                VALUES (zeroblob(16), '', '', 'transaction', zeroblob(16), '{}', '{}', 0);
            UPDATE wallets SET balance_cents = balance_cents + 1 WHERE id = (SELECT fan FROM sale);
            UPDATE wallets SET balance_cents = balance_cents - 1 WHERE kind = 'platform'",
    },
    Corruption {
        what: "a creator owes a cent more, and nobody knows why",
        found: &["ledger_imbalance", "balance_mismatch"],
        text: "UPDATE wallets SET balance_cents = balance_cents - 1 WHERE id =
                (SELECT id FROM wallets WHERE kind = 'debt' ORDER BY id LIMIT 1
                OFFSET @pick % (SELECT COUNT(*) FROM wallets WHERE kind = 'debt'))",
    },
    Corruption {
        what: "a creator is repaid more than they owed, by the book in every other way",
        found: &["positive_debt"],
        text: "CREATE TEMP TABLE target AS SELECT id, 1 + @pick - balance_cents AS cents FROM wallets WHERE id =
                (SELECT id FROM wallets WHERE kind = 'debt' ORDER BY id LIMIT 1
                OFFSET @pick % (SELECT COUNT(*) FROM wallets WHERE kind = 'debt'));
            INSERT INTO transactions (tx_id, type, status, user_id, amount_cents, created_at)
                SELECT zeroblob(16), 'transfer', 'completed', zeroblob(16), cents, 3000000000000000 FROM target;
            INSERT INTO entries SELECT id, 3000000000000000, zeroblob(16), cents, 1 + @pick FROM target;
            INSERT INTO entries SELECT w.id, 3000000000000000, zeroblob(16), -cents, NULL FROM wallets w, target
                WHERE w.kind = 'platform';
            INSERT INTO audit_logs (id, request_id, action, entity_type, tx_id, before, after, created_at)
                VALUES (zeroblob(16), '', '', 'transaction', zeroblob(16), '{}', '{}', 0);
            UPDATE wallets SET balance_cents = balance_cents + (SELECT cents FROM target)
                WHERE id = (SELECT id FROM target);
            UPDATE wallets SET balance_cents = balance_cents - (SELECT cents FROM target) WHERE kind = 'platform'",
    },
    Corruption {
        what: "more is held for payouts than is pending, by the book in every other way",
        found: &["payouts_mismatch"],
        text: "CREATE TEMP TABLE target AS SELECT id, 1 + @pick AS cents FROM wallets WHERE kind = 'payouts';
            INSERT INTO transactions (tx_id, type, status, user_id, amount_cents, created_at)
                SELECT zeroblob(16), 'transfer', 'completed', zeroblob(16), cents, 3000000000000000 FROM target;
            INSERT INTO entries SELECT id, 3000000000000000, zeroblob(16), cents, NULL FROM target;
            INSERT INTO entries SELECT w.id, 3000000000000000, zeroblob(16), -cents, NULL FROM wallets w, target
                WHERE w.kind = 'platform';
            INSERT INTO audit_logs (id, request_id, action, entity_type, tx_id, before, after, created_at)
                VALUES (zeroblob(16), '', '', 'transaction', zeroblob(16), '{}', '{}', 0);
            UPDATE wallets SET balance_cents = balance_cents + (SELECT cents FROM target)
                WHERE id = (SELECT id FROM target);
            UPDATE wallets SET balance_cents = balance_cents - (SELECT cents FROM target) WHERE kind = 'platform'",
    },
    Corruption {
        what: "an unlock is taken away from whoever paid for it",
        found: &["entitlement_mismatch"],
        text: "UPDATE unlocks SET revoked_at = created_at WHERE id = (SELECT id FROM unlocks WHERE revoked_at IS NULL
                ORDER BY id LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "an unlock stays with whoever was given everything back",
        found: &["entitlement_mismatch"],
        text: "UPDATE unlocks SET revoked_at = NULL, user_id = user_id WHERE id = (SELECT id FROM unlocks a WHERE revoked_at IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM unlocks b WHERE b.user_id = a.user_id AND b.content_id = a.content_id
                    AND b.revoked_at IS NULL) ORDER BY id LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "a subscription is revoked and nothing was given back",
        found: &["entitlement_mismatch"],
        text: "UPDATE subscriptions SET status = 'revoked' WHERE id = (SELECT id FROM subscriptions WHERE status = 'active'
                ORDER BY id LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "a subscription goes on though everything was given back",
        found: &["entitlement_mismatch"],
        text: "CREATE TEMP TABLE revoked AS SELECT MIN(id) AS id FROM subscriptions a
            WHERE status = 'revoked' AND NOT EXISTS (SELECT 1 FROM subscriptions b WHERE b.status = 'active'
                AND b.subscriber_id = a.subscriber_id AND b.creator_id = a.creator_id)
            GROUP BY subscriber_id, creator_id;
            UPDATE subscriptions SET status = 'active' WHERE id = (SELECT id FROM revoked ORDER BY id LIMIT 1
                OFFSET @pick % (SELECT COUNT(*) FROM revoked))",
    },
];
