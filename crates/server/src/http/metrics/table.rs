//! Every metric, with its kind and what it says. `docs/metrics.md` is this table for people, and a test holds the two and
//! the code together.

use metrics::{describe_counter, describe_gauge, describe_histogram};

/// What can be done with a metric.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It is what it is.
    Gauge,
    /// It is counted into buckets.
    Histogram,
}

use Kind::{Counter, Gauge, Histogram};

/// Name, kind, meaning.
pub const METRICS: &[(&str, Kind, &str)] = &[
    (
        "api_key_notes_dropped_total",
        Counter,
        "Uses and refusals of API keys that were not written down, because too many waited",
    ),
    (
        "backup_last_success_timestamp_seconds",
        Gauge,
        "When the newest backup in backup.directory was made, in Unix time",
    ),
    ("build_info", Gauge, "1, with the version"),
    ("database_checkpoints_total", Counter, "Times the log was copied into the file beside the writer"),
    ("database_connections", Gauge, "Connections of a pool, one to a thread, by what they do"),
    ("database_connects_total", Counter, "Connections to PostgreSQL that were made or tried"),
    ("database_file_bytes", Gauge, "Size of the database file"),
    ("database_group_size", Histogram, "Units of work in one commit, where a ledger batch is one"),
    ("database_groups_undone_total", Counter, "Groups that ran again because one unit could not be undone alone"),
    ("database_look_up_batch_size", Histogram, "Look-ups that PostgreSQL was asked in one round"),
    ("database_replica_fallbacks_total", Counter, "Reads that the database answered for its replica"),
    ("database_replica_lag_seconds", Gauge, "How long ago the replica is known to have had everything"),
    ("database_replica_reads_total", Counter, "Reads that the replica answered"),
    ("database_retries_total", Counter, "Units of work that ran again"),
    ("database_slow_statements_total", Counter, "Statements that took longer than database.slow_query_ms"),
    ("database_wal_bytes", Gauge, "Size of the write-ahead log"),
    ("database_wal_truncations_total", Counter, "Times the writer tried to empty a long log"),
    ("http_connections_refused_total", Counter, "Connections beyond those that an address may have"),
    ("http_panics_total", Counter, "Handlers that panicked"),
    ("http_request_duration_seconds", Histogram, "How long requests took, by route"),
    ("http_requests_in_flight", Gauge, "Requests that have a place"),
    ("http_requests_shed_total", Counter, "Requests that found no place"),
    ("http_requests_total", Counter, "Requests that were answered"),
    ("idempotency_outcomes_total", Counter, "What became of requests with an idempotency key"),
    ("job_duration_seconds", Histogram, "How long runs of a job took"),
    ("job_last_run_timestamp_seconds", Gauge, "When this process last ended a run, in Unix time"),
    (
        "job_last_success_timestamp_seconds",
        Gauge,
        "When any process last ended a run that did what was due, in Unix time",
    ),
    ("job_running", Gauge, "1 while this process runs the job"),
    ("job_runs_total", Counter, "Runs of a job by how they ended"),
    ("ledger_answers_total", Counter, "Commands that the ledger answered"),
    ("ledger_batch_size", Histogram, "Commands in a batch"),
    ("ledger_bisections_total", Counter, "Batches that were halved to find the command that breaks them"),
    (
        "ledger_commit_duration_seconds",
        Histogram,
        "One run of a batch, from load to commit, with its wait for the writer",
    ),
    ("ledger_commits_total", Counter, "Batches that committed"),
    ("ledger_discrepancies", Gauge, "What the last reconciliation of this process found, by code"),
    ("ledger_failures_total", Counter, "Commands without an answer"),
    ("ledger_imbalance_cents", Gauge, "Sum of all balances at the last reconciliation of this process, which is 0"),
    ("ledger_queue_depth", Gauge, "Commands that waited when a batch was picked up"),
    ("ledger_queue_wait_seconds", Histogram, "How long a command waited to be picked up"),
    ("ledger_refusals_total", Counter, "Commands that the ledger refused, by code"),
    ("ledger_unknown_outcomes_total", Counter, "Commits whose outcome had to be looked into"),
    ("log_lines_dropped_total", Counter, "Log lines that found no room to wait, or no file"),
    ("log_lines_total", Counter, "Log lines by level"),
    ("password_hash_duration_seconds", Histogram, "One comparison with a password, or one new hash"),
    ("password_hash_queue_depth", Gauge, "Hashes that wait for a thread"),
    ("payment_events_total", Counter, "Events of payment providers by what became of them"),
    ("process_uptime_seconds", Gauge, "Time since the start"),
    ("rate_limit_decisions_total", Counter, "Decisions of the limiter"),
    (
        "reconciliation_last_success_timestamp_seconds",
        Gauge,
        "When this process last ended a reconciliation, in Unix time",
    ),
    ("redis_late_answers_total", Counter, "Answers of Redis that came too late while others came in time"),
    ("redis_losses_total", Counter, "Times Redis was lost"),
    ("redis_processes", Gauge, "Processes that share their limits through Redis"),
    ("redis_up", Gauge, "1 while Redis answers"),
    ("sign_in_attempts_total", Counter, "Sign-ins by what became of them"),
    ("subscription_renewals_total", Counter, "Renewals that were due by what became of them"),
    ("subscriptions_ended_total", Counter, "Subscriptions that were marked as ended"),
    ("wallet_balance_cents", Gauge, "Sum of balances by kind of wallet at the last reconciliation of this process"),
];

/// Says what each metric means, to whatever records them.
pub(super) fn describe() {
    for (name, kind, meaning) in METRICS {
        match kind {
            Counter => describe_counter!(*name, *meaning),
            Gauge => describe_gauge!(*name, *meaning),
            Histogram => describe_histogram!(*name, *meaning),
        }
    }
}
