//! Ways to break the sums that are kept beside the ledger: leaderboards and daily earnings.

use super::Corruption;

pub const TALLIES: &[Corruption] = &[
    Corruption {
        what: "a line of a leaderboard is a cent too long",
        found: &["leaderboard_mismatch"],
        text: "UPDATE leaderboards SET total_cents = total_cents + 1 WHERE (creator_id, period, period_start, sender_id) =
            (SELECT creator_id, period, period_start, sender_id FROM leaderboards WHERE TRUE
                ORDER BY sender_id, creator_id, period LIMIT 1 OFFSET @pick * 7)",
    },
    Corruption {
        what: "a line of a leaderboard counts a gift too few",
        found: &["leaderboard_mismatch"],
        text: "UPDATE leaderboards SET gifts = gifts - 1 WHERE (creator_id, period, period_start, sender_id) =
            (SELECT creator_id, period, period_start, sender_id FROM leaderboards WHERE gifts > 0
                ORDER BY sender_id, creator_id, period LIMIT 1 OFFSET @pick * 7)",
    },
    Corruption {
        what: "a line of a leaderboard was reached later",
        found: &["leaderboard_mismatch"],
        text: "UPDATE leaderboards SET reached_at = reached_at + 1 WHERE (creator_id, period, period_start, sender_id) =
            (SELECT creator_id, period, period_start, sender_id FROM leaderboards WHERE TRUE
                ORDER BY sender_id, creator_id, period LIMIT 1 OFFSET @pick * 7)",
    },
    Corruption {
        what: "a line of a leaderboard vanishes",
        found: &["leaderboard_mismatch"],
        text: "DELETE FROM leaderboards WHERE (creator_id, period, period_start, sender_id) =
            (SELECT creator_id, period, period_start, sender_id FROM leaderboards WHERE total_cents > 0
                ORDER BY sender_id, creator_id, period LIMIT 1 OFFSET @pick * 7)",
    },
    Corruption {
        what: "a line over all creators vanishes",
        found: &["leaderboard_mismatch"],
        text: "DELETE FROM leaderboards WHERE (creator_id, period, period_start, sender_id) =
            (SELECT creator_id, period, period_start, sender_id FROM leaderboards WHERE creator_id = zeroblob(16)
                ORDER BY sender_id, creator_id, period LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "a line of a leaderboard is on that of another month",
        found: &["leaderboard_mismatch"],
        text: "UPDATE leaderboards SET period_start = period_start + 1 WHERE (creator_id, period, period_start, sender_id) =
            (SELECT creator_id, period, period_start, sender_id FROM leaderboards WHERE total_cents > 0 AND period = 'month'
                ORDER BY sender_id, creator_id, period LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "a line of a leaderboard is another sender's",
        found: &["leaderboard_mismatch"],
        text: "UPDATE leaderboards SET sender_id = zeroblob(16) WHERE (creator_id, period, period_start, sender_id) =
            (SELECT creator_id, period, period_start, sender_id FROM leaderboards WHERE total_cents > 0
                ORDER BY sender_id, creator_id, period LIMIT 1 OFFSET @pick * 7)",
    },
    Corruption {
        what: "a line of a leaderboard for no gift",
        found: &["leaderboard_mismatch"],
        text: "INSERT INTO leaderboards VALUES (CAST(zeroblob(15) || x'0@pick' AS BLOB), 'week', 0, zeroblob(16), 5, 0, 0)",
    },
    Corruption {
        what: "a day of earnings is a cent too high",
        found: &["earnings_mismatch"],
        text: "UPDATE earnings SET earned_cents = earned_cents + 1 WHERE (creator_id, day_start, source) = (SELECT creator_id, day_start, source FROM earnings WHERE TRUE
                ORDER BY creator_id, day_start, source LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "a day of earnings gave a cent more back",
        found: &["earnings_mismatch"],
        text: "UPDATE earnings SET refunded_cents = refunded_cents + 1 WHERE (creator_id, day_start, source) = (SELECT creator_id, day_start, source FROM earnings WHERE TRUE
                ORDER BY creator_id, day_start, source LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "a day of earnings counts a sale too many",
        found: &["earnings_mismatch"],
        text: "UPDATE earnings SET sales = sales + 1 WHERE (creator_id, day_start, source) = (SELECT creator_id, day_start, source FROM earnings WHERE TRUE
                ORDER BY creator_id, day_start, source LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "a day of earnings vanishes",
        found: &["earnings_mismatch"],
        text: "DELETE FROM earnings WHERE (creator_id, day_start, source) = (SELECT creator_id, day_start, source FROM earnings WHERE earned_cents > 0
                ORDER BY creator_id, day_start, source LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "a day of earnings is from another source",
        found: &["earnings_mismatch"],
        text: "UPDATE earnings SET source = 'unlock', day_start = day_start + 864000000000 WHERE (creator_id, day_start, source) = (SELECT creator_id, day_start, source FROM earnings WHERE source <> 'unlock'
                ORDER BY creator_id, day_start, source LIMIT 1 OFFSET @pick)",
    },
    Corruption {
        what: "a day of earnings without a sale",
        found: &["earnings_mismatch"],
        text: "INSERT INTO earnings VALUES (CAST(zeroblob(15) || x'0@pick' AS BLOB), 0, 'gift', 1, 5, 0)",
    },
];
