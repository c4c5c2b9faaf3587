//! What the document says about the texts of requests: their form, by path and name. The types of the handlers take
//! any text and explain what is wrong with it, so they cannot say it themselves.

use domain::api_key::Scope;
use domain::audit::{Action, EntityType};
use domain::content::{ContentSort, ContentType, MediaUrl};
use domain::gift::BoardPeriod;
use domain::payment::EventOutcome;
use domain::payout::PayoutStatus;
use domain::subscription::PlanTier;
use domain::transaction::TransactionType;
use domain::user::{AccountStatus, Email, Role, Tier};
use domain::wallet::WalletStatus;
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

/// Without control characters.
const NOTE: &str = r"^[^\x00-\x1f\x7f-\x9f]*$";
/// The same with line breaks, and something that is seen.
const TEXT: &str = r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x09\x0b-\x1f\x7f-\x9f]*$";
const SEARCH: &str = r"^[\s\S]+$";
const MAIL: &str =
    r"^[!-?A-~]{1,64}@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$";
const MEDIA: &str = r"^https?://[!$-.0-;=A-\[\]-~]+([/?#][!#-;=?-\[\]-~]*)?$";
/// Of IPv4; those of IPv6 are taken, too, and a pattern of them would help nobody.
const NETWORK: &str = r"^(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])){3}(/(3[0-2]|[12]?[0-9]))?$";
const ANY_ID: &str = "^(usr|wal|tx|cnt|unl|sub|gft|dep|pay|ref|ses|rec)_[0-7][0-9a-hjkmnp-tv-z]{25}$";

/// The form of a text.
enum Form {
    /// An id with this prefix.
    Id(&'static str),
    /// Any id.
    AnyId,
    /// One of these.
    Words(Vec<&'static str>),
    /// Of this pattern, with at most so many characters.
    Text(&'static str, usize),
}

macro_rules! words {
    ($name:ty) => {
        Form::Words(<$name>::ALL.iter().map(|word| word.as_str()).collect())
    };
}

/// The form of a text of a request. Nothing, where any text will do, or none can be described.
fn form(path: &str, name: &str) -> Option<Form> {
    let is_about = |part: &str| path.contains(part);
    Some(match name {
        "user_id" | "to_user_id" | "recipient_id" | "creator_id" | "actor_id" => Form::Id("usr"),
        "content_id" => Form::Id("cnt"),
        "tx_id" => Form::Id("tx"),
        "entity_id" => Form::AnyId,
        "entity_type" => words!(EntityType),
        "action" => words!(Action),
        "role" => words!(Role),
        "account_status" => words!(AccountStatus),
        "tier" if is_about("/admin/") => words!(Tier),
        "tier" => words!(PlanTier),
        "type" if is_about("/content") => words!(ContentType),
        "type" if is_about("/wallet/") => words!(TransactionType),
        "sort" => words!(ContentSort),
        "period" => words!(BoardPeriod),
        "interval" => Form::Words(vec!["day"]),
        "outcome" => words!(EventOutcome),
        "status" if is_about("/payouts") => words!(PayoutStatus),
        "status" if is_about("/admin/wallets") => words!(WalletStatus),
        "status" if is_about("/wallet/") => Form::Words(vec!["completed", "reversed"]),
        "provider" => Form::Text("^[a-z0-9_]{1,32}$", 32),
        "gift_type" => Form::Text("^[a-z0-9_]{1,32}$", 32),
        "email" => Form::Text(MAIL, Email::BYTES_MAX),
        "username" => Form::Text("^[A-Za-z0-9_.-]{2,64}$", 64),
        "media_url" | "preview_url" => Form::Text(MEDIA, MediaUrl::BYTES_MAX),
        "title" | "destination" => Form::Text(TEXT, 200),
        "description" => Form::Text(TEXT, 5_000),
        "reason" | "reference" if !is_about("/payment-events") => Form::Text(TEXT, 500),
        "q" if is_about("/admin/") => Form::Text(SEARCH, 254),
        "q" if is_about("/creators") => Form::Text(TEXT, 64),
        "q" => Form::Text(TEXT, 100),
        "scopes" => words!(Scope),
        "allowed_networks" => Form::Text(NETWORK, 43),
        "name" if is_about("/api-keys") => Form::Text(TEXT, 100),
        "note" | "message" | "context" => Form::Text(NOTE, 200),
        _ => return None,
    })
}

fn describe(schema: &mut Map<String, Value>, form: Form) {
    // Of a list, each item.
    if let Some(items) = schema.get_mut("items").and_then(Value::as_object_mut) {
        return describe(items, form);
    }
    let may_be_null = schema.get("type").and_then(Value::as_array).is_some();
    match form {
        Form::Id(prefix) => describe(schema, Form::Text(id_pattern(prefix), 0)),
        Form::AnyId => describe(schema, Form::Text(ANY_ID, 0)),
        Form::Words(words) => {
            let words = words.into_iter().map(Value::from).chain(may_be_null.then_some(Value::Null));
            schema.insert("enum".to_owned(), words.collect());
        }
        Form::Text(pattern, most) => {
            schema.insert("pattern".to_owned(), json!(pattern));
            if most > 0 {
                schema.insert("maxLength".to_owned(), json!(most));
            }
        }
    }
}

const fn id_pattern(prefix: &str) -> &'static str {
    match prefix.as_bytes() {
        b"usr" => "^usr_[0-7][0-9a-hjkmnp-tv-z]{25}$",
        b"cnt" => "^cnt_[0-7][0-9a-hjkmnp-tv-z]{25}$",
        _ => "^tx_[0-7][0-9a-hjkmnp-tv-z]{25}$",
    }
}

/// An empty body of a POST is an empty object: where nothing of it is required, it may be left out.
fn may_be_absent(document: &mut Value, path: &str, body: &str) {
    let item = document.get_mut("paths").and_then(|paths| paths.get_mut(path));
    let post = item.and_then(|item| item.get_mut("post"));
    if let Some(request) = post.and_then(|post| post.get_mut("requestBody")) {
        let is_it = request.pointer("/content/application~1json/schema/$ref").and_then(Value::as_str);
        if is_it.is_some_and(|reference| reference.trim_start_matches('#') == body) {
            request["required"] = Value::Bool(false);
        }
    }
}

/// Describes the texts of every request. A document that cannot be read back stays as it was.
pub fn describe_all(document: OpenApi) -> OpenApi {
    let Ok(mut value) = serde_json::to_value(&document) else { return document };
    let mut bodies: Vec<(String, String)> = Vec::new();
    for (path, item) in value.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten() {
        for operation in item.as_object_mut().into_iter().flat_map(|item| item.values_mut()) {
            for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
                let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
                let is_query = parameter.get("in").and_then(Value::as_str) == Some("query");
                let form = form(path, &name).filter(|_| is_query);
                if let (Some(form), Some(schema)) = (form, parameter.get_mut("schema").and_then(Value::as_object_mut)) {
                    describe(schema, form);
                }
            }
            let body = operation.pointer("/requestBody/content/application~1json/schema/$ref").and_then(Value::as_str);
            bodies.extend(body.map(|body| (path.clone(), body.trim_start_matches('#').to_owned())));
        }
    }
    for (path, body) in bodies {
        if value.pointer(&format!("{body}/required")).is_none() {
            may_be_absent(&mut value, &path, &body);
        }
        let properties = value.pointer_mut(&format!("{body}/properties")).and_then(Value::as_object_mut);
        for (name, property) in properties.into_iter().flatten() {
            if let (Some(form), Some(schema)) = (form(&path, name), property.as_object_mut()) {
                describe(schema, form);
            }
        }
    }
    serde_json::from_value(value).unwrap_or(document)
}
