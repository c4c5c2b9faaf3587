//! What of an answer is compared: status and code, amounts, balances, parts and moments.

use crate::harness::Reply;
use crate::told::{Done, Holder, Row, Told};
use serde_json::{Value, json};

/// The status of each refusal, as docs/errors.md has it.
const STATUSES: &[(u16, &[&str])] = &[
    (402, &["insufficient_funds"]),
    (403, &["wallet_frozen", "account_suspended"]),
    (404, &["recipient_not_found", "content_not_found", "plan_not_found", "transaction_not_found", "payout_not_found"]),
    (
        409,
        &[
            "already_unlocked",
            "price_changed",
            "already_subscribed",
            "payout_pending",
            "payout_decided",
            "debt_outstanding",
        ],
    ),
    (410, &["content_inactive", "plan_inactive"]),
];

fn status(told: &Told) -> u16 {
    match told {
        // A decision makes nothing new.
        Told::Done(done) if matches!(&done.row, Row::Payout { remark: Some(_), .. }) => 200,
        Told::Done(_) => 201,
        Told::Refused(refused) => {
            STATUSES.iter().find(|(_, codes)| codes.contains(&refused.code)).map_or(422, |(status, _)| *status)
        }
    }
}

pub fn what(told: &Told) -> &'static str {
    match told {
        Told::Done(done) => done.row.what(),
        Told::Refused(refused) => refused.code,
    }
}

/// What the model says.
pub fn expected(told: &Told) -> Value {
    let body = match told {
        Told::Done(done) => of(done),
        Told::Refused(refused) => json!(refused.code),
    };
    json!([status(told), body])
}

fn of(done: &Done) -> Value {
    let parts = done.split.map(|(_, parts)| parts);
    match &done.row {
        Row::Deposit { .. } => json!([done.amount, "completed"]),
        Row::Transfer { .. } => transaction(done),
        Row::Unlock { .. } | Row::Gift { .. } => json!([transaction(done), parts]),
        Row::Subscribe { new, .. } => json!([transaction(done), parts, new.price, new.start, new.end]),
        Row::Renew { .. } => unreachable!("nobody asks for a renewal here"),
        Row::Refund { debt, in_full, .. } => json!([done.amount, parts, debt, in_full, done.at]),
        Row::Payout { amount, status, repaid, .. } => json!([amount, status, repaid]),
    }
}

/// From the side of whoever pays.
fn transaction(done: &Done) -> Value {
    let own = done.legs.iter().find(|(holder, amount, _)| *holder == Holder::User(done.asker) && *amount < 0);
    let (_, amount, balance) = own.unwrap();
    json!([amount, balance, done.at])
}

/// The same of an answer.
pub fn heard(told: &Told, reply: &Reply) -> Value {
    let body = reply.json();
    let Told::Done(done) = told else { return json!([reply.status, body["code"]]) };
    let told = match &done.row {
        Row::Deposit { .. } => json!([body["amount_cents"], body["status"]]),
        Row::Transfer { .. } => transaction_of(&body),
        Row::Unlock { .. } | Row::Gift { .. } => {
            json!([transaction_of(&body["transaction"]), parts_of(&body["split"])])
        }
        Row::Subscribe { .. } => {
            let row = &body["subscription"];
            let (start, end) = (moment(&row["period_start"]), moment(&row["period_end"]));
            let transaction = transaction_of(&body["transaction"]);
            json!([transaction, parts_of(&body["split"]), row["price_cents"], start, end])
        }
        Row::Renew { .. } => unreachable!("nobody asks for a renewal here"),
        Row::Refund { .. } => {
            let parts = parts_of(&body["split"]);
            json!([body["amount_cents"], parts, body["debt_cents"], body["in_full"], moment(&body["created_at"])])
        }
        Row::Payout { .. } => json!([body["amount_cents"], body["status"], body["repaid_cents"]]),
    };
    json!([reply.status, told])
}

fn transaction_of(body: &Value) -> Value {
    json!([body["amount_cents"], body["balance_after_cents"], moment(&body["created_at"])])
}

fn parts_of(split: &Value) -> Value {
    json!([split["creator_cents"], split["platform_cents"], split["processor_cents"]])
}

fn moment(text: &Value) -> Option<i64> {
    Some(text.as_str()?.parse::<jiff::Timestamp>().ok()?.as_microsecond())
}
