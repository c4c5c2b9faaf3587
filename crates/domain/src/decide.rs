//! Ledger decisions: what becomes of a command, given the rows of its batch and the time.

mod deposit;
mod gift;
mod payout;
mod refund;
mod sale;
mod subscribe;
mod transfer;
mod unlock;

use crate::book::{Book, Draft};
use crate::command::{Command, Request};
use crate::idempotency::{Record, StoredResponse, Verdict, judge};
use crate::receipt::{Outcome, Receipt};
use crate::refusal::Refusal;
use crate::timestamp::Timestamp;

/// The answer that a request is due.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// The command was decided now.
    Executed {
        /// What goes out, and what a replay will send again.
        response: StoredResponse,
        /// The code of the refusal, if it was refused.
        refusal: Option<&'static str>,
    },
    /// The same request was answered before.
    Replayed {
        /// What went out then.
        response: StoredResponse,
        /// The request id of the first answer.
        original_request_id: String,
    },
    /// The key belongs to another request.
    KeyReused,
}

/// Answers a request: replays a recorded answer, or decides and records.
///
/// `render` turns the outcome into what goes out. It must be pure: the exact answer commits together
/// with its effect.
pub fn answer(
    book: &mut Book,
    request: &Request,
    now: Timestamp,
    render: &dyn Fn(&Outcome) -> StoredResponse,
) -> Answer {
    let key = &request.key;
    let record = book.record(key.principal, key.digest);
    match judge(record, &key.fingerprint, Some(request.id), key.first_seen) {
        Verdict::Own(Record { response, .. }) => Answer::Executed { response: response.clone(), refusal: None },
        Verdict::Replay(Record { response, request_id, .. }) => {
            Answer::Replayed { response: response.clone(), original_request_id: request_id.clone() }
        }
        Verdict::Reused => Answer::KeyReused,
        Verdict::Execute => {
            let outcome = decide(book, request, now);
            let response = render(&outcome);
            let refusal = outcome.as_ref().err();
            if refusal.is_none_or(Refusal::is_final) {
                book.remember(request, refusal.is_none(), response.clone());
            }
            Answer::Executed { response, refusal: refusal.map(Refusal::code) }
        }
    }
}

/// Decides a command: records all of it in the book, or none.
pub fn decide(book: &mut Book, request: &Request, now: Timestamp) -> Outcome {
    let draft = draft(book, request, now)?;
    book.post(request, draft, now).map(|transaction| Receipt { transaction })
}

/// What a command would move, by the rule of its kind. Reads the book, and cannot change it.
fn draft(book: &Book, request: &Request, now: Timestamp) -> Result<Draft, Refusal> {
    match &request.command {
        Command::Deposit(deposit) => deposit::draft(book, request.id, deposit),
        Command::Transfer(transfer) => transfer::draft(transfer),
        Command::Unlock(unlock) => unlock::draft(book, request.id, unlock),
        Command::Subscribe(subscribe) => subscribe::begin(book, request.id, subscribe, now),
        Command::Renew(renew) => subscribe::renew(book, renew, now),
        Command::Gift(gift) => gift::draft(book, request.id, gift),
        Command::Refund(refund) => refund::draft(book, request.id, refund),
        Command::RequestPayout(payout) => payout::hold(book, request.id, payout, now),
        Command::DecidePayout(decision) => payout::decide(book, decision),
    }
}
