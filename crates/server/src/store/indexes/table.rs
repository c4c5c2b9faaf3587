//! The table: each index with the text of the query that it is for, shared with the function that runs it.
//! `docs/indexes.md` shows it to people, and a test keeps the two equal.

use super::{Index, Texts};
use crate::store::ledger::acts;
use crate::store::{
    StoreError, Value, audit_logs, catalogue, creators, reconciliation, subscriptions, transactions, users, wallets,
};
use uuid::Uuid;

/// How PostgreSQL names the primary key that is in the table.
pub(super) const PRIMARY_KEY: &str = "transactions_pkey";

/// A text behind another one.
const fn behind<const N: usize>(head: &str, text: &str) -> [u8; N] {
    let mut bytes = [0; N];
    let (first, second) = bytes.split_at_mut(head.len());
    first.copy_from_slice(head.as_bytes());
    second.copy_from_slice(text.as_bytes());
    bytes
}

macro_rules! behind {
    ($head:literal, $text:expr) => {{
        const BYTES: [u8; $head.len() + $text.len()] = behind($head, $text);
        match std::str::from_utf8(&BYTES) {
            Ok(text) => text,
            Err(_) => panic!("a text is not UTF-8"),
        }
    }};
}

macro_rules! texts {
    ($text:expr) => {
        Texts {
            plain: $text,
            sqlite: behind!("EXPLAIN QUERY PLAN ", $text),
            postgres: behind!("EXPLAIN ", $text),
            prepare: behind!("PREPARE superapp_plan AS ", $text),
        }
    };
}

/// An index that is not unique, on every row.
macro_rules! index {
    ($name:literal, $table:literal, $columns:literal, $query:literal, $text:expr, $values:expr) => {
        Index {
            name: Some($name),
            table: $table,
            columns: $columns,
            unique: false,
            rows: None,
            query: $query,
            texts: texts!($text),
            values: $values,
            refuses: false,
        }
    };
}

/// The plan of the prepared query for any parameters.
pub(super) fn execution(text: &str) -> Result<&'static str, StoreError> {
    let parameters = (1..=15_usize).rev().find(|number| text.contains(&format!("${number}")));
    Ok(match parameters {
        Some(1) => "EXPLAIN EXECUTE superapp_plan (NULL)",
        Some(2) => "EXPLAIN EXECUTE superapp_plan (NULL, NULL)",
        Some(3) => "EXPLAIN EXECUTE superapp_plan (NULL, NULL, NULL)",
        Some(4) => "EXPLAIN EXECUTE superapp_plan (NULL, NULL, NULL, NULL)",
        Some(5) => "EXPLAIN EXECUTE superapp_plan (NULL, NULL, NULL, NULL, NULL)",
        Some(6) => "EXPLAIN EXECUTE superapp_plan (NULL, NULL, NULL, NULL, NULL, NULL)",
        Some(7) => "EXPLAIN EXECUTE superapp_plan (NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
        Some(10) => "EXPLAIN EXECUTE superapp_plan (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
        Some(15) => {
            "EXPLAIN EXECUTE superapp_plan (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, \
                NULL, NULL, NULL)"
        }
        _ => return Err(StoreError::Broken("a query with a number of parameters that nothing asks for the plan of")),
    })
}

const ID: Value<'static> = Value::Id(super::filling::SEVENTH);
const FIRST_ID: Value<'static> = Value::Id(Uuid::nil());
const LAST_ID: Value<'static> = Value::Id(Uuid::max());
const START: Value<'static> = Value::Integer(0);
const END: Value<'static> = Value::Integer(i64::MAX);
const PAGE: Value<'static> = Value::Integer(21);
/// A word that no row has: of what is rare there is little.
const RARE: Value<'static> = Value::Text("none");
const ANY: Value<'static> = Value::Null;

/// The seventeen of the report, and the eighteenth.
pub static INDEXES: [Index; 18] = [
    index!(
        "users_email_account_status",
        "users",
        "email, account_status",
        "users::find_by_email",
        users::FIND_BY_EMAIL,
        &[Value::Text("7.superapp.invalid")]
    ),
    index!("users_role", "users", "role", "users::list", users::LIST_BY_ROLE, &[RARE, LAST_ID, ANY, ANY, ANY, PAGE]),
    index!("users_created_at", "users", "created_at", "users::list", users::LIST, &[END, LAST_ID, ANY, ANY, ANY, PAGE]),
    index!(
        "wallets_user_id_status",
        "wallets",
        "user_id, status",
        "wallets::list",
        wallets::OF_USER,
        &[ID, Value::Text("active"), Value::Text("frozen")]
    ),
    index!(
        "wallets_last_transaction_at",
        "wallets",
        "last_transaction_at",
        "wallets::list",
        wallets::RECENT,
        &[END, LAST_ID, ANY, PAGE]
    ),
    index!(
        "transactions_user_id_status_created_at",
        "transactions",
        "user_id, status, created_at DESC",
        "transactions::initiated",
        transactions::INITIATED,
        &[ID, END, LAST_ID, PAGE]
    ),
    Index {
        name: None,
        table: "transactions",
        columns: "tx_id",
        unique: true,
        rows: None,
        query: "transactions::execution",
        texts: texts!(transactions::EXECUTION),
        values: &[ID],
        refuses: false,
    },
    Index {
        name: Some("transactions_idempotency_key"),
        table: "transactions",
        columns: "idempotency_key",
        unique: true,
        rows: Some("idempotency_key IS NOT NULL"),
        query: "reconciliation::CHECKS",
        texts: texts!(reconciliation::HELD_EXECUTIONS),
        values: &[Value::Bytes(&[255; 8])],
        refuses: false,
    },
    Index {
        name: Some("transactions_provider_tx_id"),
        table: "transactions",
        columns: "provider, provider_tx_id",
        unique: true,
        rows: Some("provider_tx_id IS NOT NULL"),
        query: "transactions::of_payment",
        texts: texts!(transactions::OF_PAYMENT),
        values: &[Value::Text("superapp.invalid"), Value::Text("7")],
        refuses: false,
    },
    index!(
        "contents_creator_id_is_active",
        "contents",
        "creator_id, is_active",
        "creators::find",
        creators::FIND,
        &[ID, START]
    ),
    index!(
        "contents_type",
        "contents",
        "type",
        "catalogue::list",
        catalogue::texts::NEWEST_OF_KIND,
        &[ID, LAST_ID, ANY, RARE, PAGE]
    ),
    index!(
        "contents_created_at",
        "contents",
        "created_at",
        "catalogue::list",
        catalogue::texts::NEWEST,
        &[ID, END, LAST_ID, ANY, ANY, PAGE]
    ),
    index!(
        "subscriptions_subscriber_id_creator_id_status_expires_at",
        "subscriptions",
        "subscriber_id, creator_id, status, expires_at",
        "creators::subscribed_until",
        creators::SUBSCRIBED_UNTIL,
        &[ID, ID, START, Value::Text("active")]
    ),
    index!(
        "subscriptions_expires_at",
        "subscriptions",
        "expires_at",
        "subscriptions::lapsed",
        subscriptions::LAPSED,
        &[START, PAGE]
    ),
    index!(
        "audit_logs_tx_id_created_at",
        "audit_logs",
        "tx_id, created_at DESC",
        "audit_logs::list",
        audit_logs::BY_TRANSACTION,
        &[LAST_ID, FIRST_ID, START, END, ANY, ANY, ANY, ANY, ID, PAGE]
    ),
    index!(
        "audit_logs_entity_type_entity_id",
        "audit_logs",
        "entity_type, entity_id",
        "audit_logs::list",
        audit_logs::BY_ENTITY,
        &[LAST_ID, FIRST_ID, START, END, ANY, ANY, Value::Text("transaction"), ID, ANY, PAGE]
    ),
    index!(
        "audit_logs_actor_id",
        "audit_logs",
        "actor_id",
        "audit_logs::list",
        audit_logs::BY_ACTOR,
        &[LAST_ID, FIRST_ID, START, END, ANY, ID, ANY, ANY, ANY, PAGE]
    ),
    Index {
        name: Some("subscriptions_active"),
        table: "subscriptions",
        columns: "subscriber_id, creator_id",
        unique: true,
        rows: Some("status = 'active'"),
        query: "ledger::save",
        texts: texts!(acts::SUBSCRIPTION),
        values: &[],
        refuses: true,
    },
];
