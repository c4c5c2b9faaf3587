//! The time of each index's query with the index, and without it in a unit of work that is rolled back.

use super::base::{Base, Place, quantile};
use super::fill::{Kind, Sizes, fill, id};
use superapp::store::Value;
use superapp::store::indexes::{INDEXES, Index};
use uuid::Uuid;

/// Prints a row of Markdown for each index.
pub fn print(place: &Place, rows: i64, runs: usize) {
    let mut base = place.open();
    let sizes = Sizes {
        users: rows,
        creators: rows / 10,
        transfers: rows,
        contents: rows,
        unlocks: rows / 10,
        subscriptions: rows,
        gifts: rows / 10,
        keys: rows / 10,
    };
    fill(&mut base, sizes);
    println!("| index | its query | rows found | with ms | without ms |");
    println!("| --- | --- | --- | --- | --- |");
    for index in &INDEXES {
        let rows_of = index.rows.map_or(String::new(), |rows| format!(" where {rows}"));
        let unique = if index.unique { " unique" } else { "" };
        let name = format!("{}({}){unique}{rows_of}", index.table, index.columns);
        let (with, without, found) = times(&mut base, index, rows, runs);
        println!("| `{name}` | `{}` | {found} | {with} | {without} |", index.query);
    }
}

fn times(base: &mut Base, index: &Index, rows: i64, runs: usize) -> (String, String, usize) {
    let name = index.name();
    let (text, values) = match name {
        // What it is for is to refuse: the row that is there already is the one that it finds.
        "subscriptions_active" => (
            "SELECT id FROM subscriptions WHERE subscriber_id = $1 AND creator_id = $2 AND status = 'active'",
            vec![user(rows / 2), user(rows / 2 % (rows / 10))],
        ),
        _ => (index.text(), values(index, rows)),
    };
    let shown = |times: Vec<f64>| format!("{:.3}", quantile(times, 0.5));
    // As the store asks where a word may be a rare one.
    let is_planned = matches!(name, "users_role" | "contents_type");
    if !base.is_sqlite() {
        base.batch(if is_planned { "SET plan_cache_mode = force_custom_plan" } else { "SET plan_cache_mode = auto" });
    }
    let _ = base.time(text, &values, runs);
    let (with, found) = base.time(text, &values, runs);
    let drop = match (name, base.is_sqlite()) {
        ("transactions_pkey", true) => return (shown(with), "it is the table".to_owned(), found),
        ("transactions_pkey", false) => "ALTER TABLE transactions DROP CONSTRAINT transactions_pkey".to_owned(),
        _ => format!("DROP INDEX {name}"),
    };
    base.batch("BEGIN");
    base.batch(&drop);
    let (without, same) = base.time(text, &values, runs.div_ceil(10).max(3));
    base.batch("ROLLBACK");
    assert_eq!(found, same, "{name}");
    (shown(with), shown(without), found)
}

fn user(number: i64) -> Value<'static> {
    Value::Id(id(Kind::User, number))
}

/// Parameters that find what somebody would look for.
fn values(index: &Index, rows: i64) -> Vec<Value<'static>> {
    let middle = rows / 2;
    let (first, last) = (Value::Id(Uuid::nil()), Value::Id(Uuid::max()));
    let (start, end, page, any) = (Value::Integer(0), Value::Integer(i64::MAX), Value::Integer(21), Value::Null);
    let transaction = Value::Id(id(Kind::Transaction, middle));
    let email: &'static str = format!("user{middle}@example.com").leak();
    let payment: &'static str = format!("pay_{middle}").leak();
    // The digests of the last hundred keys.
    let digest: &'static [u8] =
        format!("{:016}", 2 * rows - 100).as_bytes().chunks(2).map(hex).collect::<Vec<u8>>().leak();
    match index.name() {
        "users_email_account_status" => vec![email.into()],
        "users_role" => vec!["admin".into(), last, any, any, any, page],
        "users_created_at" => vec![end, last, any, any, any, page],
        "wallets_user_id_status" => vec![user(middle), "active".into(), "frozen".into()],
        "wallets_last_transaction_at" => vec![end, last, any, page],
        "transactions_user_id_status_created_at" => vec![user(middle), end, last, page],
        "transactions_idempotency_key" => vec![digest.into()],
        "transactions_provider_tx_id" => vec!["acme".into(), payment.into()],
        "contents_creator_id_is_active" => vec![user(7), start],
        "contents_type" => vec![user(middle), start, last, any, "course".into(), page],
        "contents_created_at" => vec![user(middle), start, end, last, any, any, page],
        "subscriptions_subscriber_id_creator_id_status_expires_at" => {
            vec![user(middle), user(middle % (rows / 10)), start, "active".into()]
        }
        "subscriptions_expires_at" => vec![start, page],
        "audit_logs_tx_id_created_at" => vec![last, first, start, end, any, any, any, any, transaction, page],
        "audit_logs_entity_type_entity_id" => {
            vec![last, first, start, end, any, any, "transaction".into(), transaction, any, page]
        }
        "audit_logs_actor_id" => vec![last, first, start, end, any, user(middle), any, any, any, page],
        _ => vec![transaction],
    }
}

fn hex(digits: &[u8]) -> u8 {
    u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap()
}
