//! Idempotent requests: the key and the fingerprint on the way in, the stored answer on the way out.

mod secret;

use secret::Rendered;
pub use secret::hand_out;

use super::extract::{Caller, Origin, body_of, require_json};
use super::json;
use super::problem::Problem;
use crate::app::App;
use crate::idempotency::Flight;
use crate::ledger::{Render, Submission};
use crate::operations::Denial;
use crate::store::{LookUp, StoreError, Work, idempotency_keys};
use axum::extract::{FromRequest, MatchedPath, Request};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::command::{Command, Request as LedgerRequest};
use domain::decide::Answer;
use domain::id::TransactionId;
use domain::idempotency::{Fingerprint, Idempotency, Key, RETENTION, Record, StoredResponse, Verdict, judge};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::sync::Arc;
use tokio::time::Instant;

const HEADER: &str = "idempotency-key";
const MEMBERS: [&str; 2] = ["idempotency_key", "idempotencyKey"];
/// Part of every fingerprint: an answer of one version of the API is no answer of another.
const API_VERSION: &[u8] = b"1";

/// A body with the key that it came with, if it came with one.
#[derive(Clone, Debug)]
pub struct Once<T> {
    /// What was asked.
    pub body: T,
    key: Option<Idempotency>,
}

/// A body on a money route, where a key is required.
#[derive(Clone, Debug)]
pub struct Payment<T> {
    /// What was asked.
    pub body: T,
    /// Its key.
    pub key: Idempotency,
}

impl<T: DeserializeOwned> FromRequest<App> for Once<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = body_of(request).await?;
        require_json(&parts, &body)?;
        if parts.method == Method::PATCH && body.is_empty() {
            return Err(Problem::malformed("send a JSON object with what is to change, such as {\"title\": \"…\"}"));
        }
        let mut object = json::object(&body)?;
        let key = key_of(&parts, &mut object)?;
        let fingerprint = fingerprint(app, &parts, &object)?;
        let body = json::typed(object)?;
        let Some(key) = key else { return Ok(Self { body, key: None }) };
        let caller = parts.extensions.get::<Caller>().ok_or_else(Problem::unauthenticated)?;
        let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let key = Idempotency {
            principal: caller.id(),
            digest: key.digest(),
            fingerprint,
            route: route.to_owned(),
            first_seen: app.clock.now(),
        };
        Ok(Self { body, key: Some(key) })
    }
}

impl<T: DeserializeOwned> FromRequest<App> for Payment<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let Once { body, key } = Once::from_request(request, app).await?;
        key.map(|key| Self { body, key }).ok_or_else(Problem::key_required)
    }
}

/// The key from the header or from the body, which then forgets it.
fn key_of(parts: &Parts, object: &mut Map<String, Value>) -> Result<Option<Key>, Problem> {
    let invalid = |_| Problem::key_invalid("a key is 1 to 255 visible ASCII characters, such as a UUID");
    let mut found: Option<Key> = None;
    let mut headers = parts.headers.get_all(HEADER).iter();
    if let Some(header) = headers.next() {
        if headers.next().is_some() {
            return Err(Problem::key_invalid("send one `Idempotency-Key` header, not several"));
        }
        found = Some(Key::parse(header.to_str().unwrap_or_default()).map_err(invalid)?);
    }
    for member in MEMBERS {
        let Some(value) = object.remove(member) else { continue };
        let key = Key::parse(value.as_str().unwrap_or_default()).map_err(invalid)?;
        if found.as_ref().is_some_and(|found| *found != key) {
            return Err(Problem::key_invalid("the keys in the header and in the body differ; send one"));
        }
        found = Some(key);
    }
    Ok(found)
}

/// What makes two requests the same. The order of members and white space do not; every value does.
fn fingerprint(app: &App, parts: &Parts, object: &Map<String, Value>) -> Result<Fingerprint, Problem> {
    let body = serde_json_canonicalizer::to_vec(object).map_err(|_| Problem::internal())?;
    let mut query: Vec<&str> = parts.uri.query().unwrap_or_default().split('&').collect();
    query.sort_unstable();
    let query = query.join("&");
    Ok(app.fingerprints.of(&[
        parts.method.as_str().as_bytes(),
        parts.uri.path().as_bytes(),
        query.as_bytes(),
        API_VERSION,
        b"application/json",
        &body,
    ]))
}

/// The code of a refusal that was stored, for the log line of the request that it answers.
#[derive(Clone, Debug, Deserialize)]
pub struct StoredCode {
    /// As in the body.
    pub code: String,
}

/// A stored answer as it goes out.
fn respond(stored: StoredResponse) -> Response {
    let status = StatusCode::from_u16(stored.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    // Read from the body, so that a replay has it, too.
    let code = status.is_client_error().then(|| serde_json::from_slice::<StoredCode>(&stored.body));
    let mut response = (status, stored.body).into_response();
    if let Some(Ok(code)) = code {
        response.extensions_mut().insert(code);
    }
    let headers = response.headers_mut();
    headers.remove("content-type");
    for (name, value) in stored.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    response
}

fn replay(stored: StoredResponse, original_request_id: &str) -> Response {
    let mut response = respond(stored);
    let headers = response.headers_mut();
    headers.insert("idempotent-replayed", HeaderValue::from_static("true"));
    if let Ok(id) = HeaderValue::from_str(original_request_id) {
        headers.insert("idempotency-original-request-id", id);
    }
    response
}

/// What is remembered of a key, on the read side.
async fn look(app: &App, key: &Idempotency) -> Result<Option<Record>, Problem> {
    Ok(app.database.find(idempotency_keys::find(key.principal, key.digest)).await?)
}

/// The answer that is due without executing anything, if one is.
fn early(record: Option<&Record>, key: &Idempotency, app: &App) -> Option<Result<Response, Problem>> {
    match judge(record, &key.fingerprint, None, app.clock.now()) {
        Verdict::Execute | Verdict::Own(_) => None,
        Verdict::Replay(record) => Some(Ok(counted("replayed", replay(record.response.clone(), &record.request_id)))),
        Verdict::Reused => Some(Err(counted("reused", Problem::key_reused()))),
    }
}

/// The stored answer of a key, for a handler that has long work to do before it can write.
///
/// # Errors
/// If the key belongs to another request, or the database fails.
pub async fn stored(app: &App, key: Option<&Idempotency>) -> Result<Option<Response>, Problem> {
    let Some(key) = key else { return Ok(None) };
    let record = look(app, key).await?;
    early(record.as_ref(), key, app).transpose()
}

/// Counts what became of a request with a key.
fn counted<T>(outcome: &'static str, answer: T) -> T {
    metrics::counter!("idempotency_outcomes_total", "outcome" => outcome).increment(1);
    answer
}

fn in_progress() -> Problem {
    counted("in_progress", Problem::in_progress())
}

/// How the request with a key goes on.
enum Departure<P> {
    /// It need not be executed.
    Answered(Response),
    /// It is in flight, here and nowhere else as far as anybody knows.
    InFlight(Flight, Option<P>),
}

/// Notes the key as in flight, for this process and for the others, and looks it up meanwhile. Its record is the
/// truth: who is in flight elsewhere is only asked when there is none.
async fn depart<P: Send + 'static>(
    app: &App,
    key: &Idempotency,
    beside: Option<LookUp<P>>,
) -> Result<Departure<P>, Problem> {
    let mut flight = app.in_flight.take_off(key.principal, key.digest).ok_or_else(in_progress)?;
    let announce = async {
        match &app.registry {
            Some(registry) => flight.announce(registry).await,
            None => false,
        }
    };
    let find = async {
        match beside {
            Some(beside) => app.database.find(beside).await.map_err(Problem::from),
            None => Ok(None),
        }
    };
    let looks = async { tokio::try_join!(look(app, key), find) };
    let (is_elsewhere, looked) = tokio::join!(announce, looks);
    let (record, found) = looked?;
    match early(record.as_ref(), key, app) {
        Some(answer) => answer.map(Departure::Answered),
        None if is_elsewhere => Err(in_progress()),
        None => Ok(Departure::InFlight(flight, found)),
    }
}

/// For an answer that shows nothing beside the ledger's own rows.
pub const NOTHING: Option<LookUp<()>> = None;

/// Sends a command through the ledger's door and answers with what comes back.
///
/// `beside` is what the answer shows beside the ledger's own rows, and `plan` makes the command and the renderer
/// from what was found.
pub async fn pay<P: Send + 'static>(
    app: &App,
    caller: &Caller,
    origin: &Origin,
    key: Idempotency,
    beside: Option<LookUp<P>>,
    plan: impl FnOnce(Option<P>) -> (Command, Render),
) -> Result<Response, Problem> {
    let deadline = Instant::now() + app.config.request_deadline();
    let (flight, found) = match depart(app, &key, beside).await? {
        Departure::Answered(response) => return Ok(response),
        Departure::InFlight(flight, found) => (flight, found),
    };
    let (command, render) = plan(found);
    let request =
        LedgerRequest { id: TransactionId::new(app.ids.uuid()), actor: origin.actor(Some(caller)), key, command };
    match app.ledger.execute(Submission { request, render, deadline }, Box::new(flight)).await? {
        Answer::Executed { response, .. } => Ok(counted("executed", respond(response))),
        Answer::Replayed { response, original_request_id } => {
            Ok(counted("replayed", replay(response, &original_request_id)))
        }
        Answer::KeyReused => Err(counted("reused", Problem::key_reused())),
    }
}

/// Runs an operation that is not money, once for its key if it has one. The answer, the effect and the
/// record of the key are one commit.
pub async fn write<T: Send + 'static>(
    app: &App,
    origin: &Origin,
    key: Option<Idempotency>,
    operation: impl FnMut(&mut Work<'_>) -> Result<Result<T, Denial>, StoreError> + Send + 'static,
    render: impl Fn(T) -> Result<StoredResponse, Problem> + Send + 'static,
) -> Result<Response, Problem> {
    run(app, origin, key, operation, move |made| render(made).map(Rendered::from), Rests::OnWhatItReads).await
}

/// The same for an operation on a row that payments change all the time, which it locks before it reads anything:
/// it waits for its turn among them, where another would be in their way, and try again, for as long as they last.
pub async fn write_locked<T: Send + 'static>(
    app: &App,
    origin: &Origin,
    key: Option<Idempotency>,
    operation: impl FnMut(&mut Work<'_>) -> Result<Result<T, Denial>, StoreError> + Send + 'static,
    render: impl Fn(T) -> Result<StoredResponse, Problem> + Send + 'static,
) -> Result<Response, Problem> {
    run(app, origin, key, operation, move |made| render(made).map(Rendered::from), Rests::OnItsLocks).await
}

/// What makes the reads and the writes of an operation one moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Rests {
    OnWhatItReads,
    OnItsLocks,
}

async fn commit<T: Send + 'static>(
    app: &App,
    unit: impl FnMut(&mut Work<'_>) -> Result<T, StoreError> + Send + 'static,
    deadline: Instant,
    rests: Rests,
) -> Result<T, StoreError> {
    match rests {
        Rests::OnWhatItReads => app.database.write(unit, deadline).await,
        Rests::OnItsLocks => app.database.write_locked(unit, deadline).await,
    }
}

async fn run<T: Send + 'static>(
    app: &App,
    origin: &Origin,
    key: Option<Idempotency>,
    mut operation: impl FnMut(&mut Work<'_>) -> Result<Result<T, Denial>, StoreError> + Send + 'static,
    render: impl Fn(T) -> Result<Rendered, Problem> + Send + 'static,
    rests: Rests,
) -> Result<Response, Problem> {
    let deadline = Instant::now() + app.config.request_deadline();
    let Some(key) = key else {
        let made = commit(app, operation, deadline, rests).await?.map_err(Problem::from)?;
        return render(made).map(|rendered| respond(rendered.response));
    };
    let flight = match depart(app, &key, NOTHING).await? {
        Departure::Answered(response) => return Ok(response),
        Departure::InFlight(flight, _) => flight,
    };
    let execution = TransactionId::new(app.ids.uuid());
    let (request_id, now) = (Arc::clone(&origin.request_id), app.clock.now());
    let mut made = None;
    let unit = move |work: &mut Work<'_>| {
        let record = work.find(&idempotency_keys::find(key.principal, key.digest))?;
        match judge(record.as_ref(), &key.fingerprint, Some(execution), now) {
            Verdict::Execute => {}
            Verdict::Own(record) => return Ok(Ok(respond_later(Rendered::own(made.as_ref(), &record.response)))),
            Verdict::Replay(record) => {
                return Ok(Ok(Later {
                    replayed: Some(record.request_id.clone()),
                    ..respond_later(record.response.clone())
                }));
            }
            Verdict::Reused => return Ok(Err(Problem::key_reused())),
        }
        let rendered = match operation(work)? {
            Ok(done) => match render(done) {
                Ok(rendered) => rendered,
                Err(_) => return Err(StoreError::Broken("an answer cannot be rendered")),
            },
            Err(denial) => {
                let problem = Problem::from(denial);
                if problem.is_correctable() {
                    return Ok(Err(problem));
                }
                problem.stored(&request_id).into()
            }
        };
        idempotency_keys::upsert(work, &[record_of(&key, execution, &request_id, rendered.kept.clone())])?;
        Ok(Ok(respond_later(made.insert(rendered).response.clone())))
    };
    let later = commit(app, unit, deadline, rests).await;
    drop(flight);
    let later = later??;
    Ok(match later.replayed {
        Some(original) => counted("replayed", replay(later.response, &original)),
        None => counted("executed", respond(later.response)),
    })
}

/// An answer that waits for its commit.
struct Later {
    response: StoredResponse,
    replayed: Option<String>,
}

const fn respond_later(response: StoredResponse) -> Later {
    Later { response, replayed: None }
}

fn record_of(key: &Idempotency, execution: TransactionId, request_id: &str, response: StoredResponse) -> Record {
    Record {
        principal: key.principal,
        digest: key.digest,
        fingerprint: key.fingerprint,
        execution,
        tx_id: None,
        route: key.route.clone(),
        request_id: request_id.to_owned(),
        response,
        created_at: key.first_seen,
        expires_at: key.first_seen.plus(RETENTION),
    }
}

impl<T> Once<T> {
    /// The body and the key.
    pub fn into_parts(self) -> (T, Option<Idempotency>) {
        (self.body, self.key)
    }
}
