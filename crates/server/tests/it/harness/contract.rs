//! The OpenAPI document, held against every answer: an answer that it does not describe fails the test.

use super::Reply;
use super::reply::Sent;
use axum::http::Method;
use serde_json::{Map, Value};
use std::sync::OnceLock;
use superapp::app::App;

/// The document, made once: it is the same for every server.
pub fn document(app: &App) -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| serde_json::to_value(superapp::http::openapi(app)).unwrap())
}

/// A method of a path, as the document describes it.
#[derive(Clone, Debug)]
pub struct Operation {
    pub method: Method,
    pub path: String,
    pub is_public: bool,
    /// The schema of the body, with references resolved; `None` for a route without one.
    pub body: Option<Map<String, Value>>,
    pub takes_key: bool,
    pub needs_key: bool,
}

/// Everything that the document describes.
pub fn operations(app: &App) -> Vec<Operation> {
    let document = document(app);
    let mut list = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            // A webhook judges no body before its signature: its own tests send it hostile ones.
            let is_signed = path.starts_with("/api/webhooks/");
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            list.push(Operation {
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                is_public: operation["security"].is_null(),
                body: (!schema.is_null() && !is_signed).then(|| resolve(document, schema).as_object().unwrap().clone()),
                takes_key: parameters.iter().any(|parameter| parameter["name"] == "Idempotency-Key"),
                needs_key: parameters.iter().any(|one| one["name"] == "Idempotency-Key" && one["required"] == true),
            });
        }
    }
    list
}

/// Follows a reference to what it stands for.
pub fn resolve<'document>(document: &'document Value, schema: &'document Value) -> &'document Value {
    match schema["$ref"].as_str() {
        Some(reference) => {
            let pointer = reference.strip_prefix('#').unwrap();
            document.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"))
        }
        None => schema,
    }
}

/// Holds an answer against the document. What is no operation of it, such as a 404, is not its business.
pub fn check(app: &App, sent: &Sent, reply: &Reply) {
    let document = document(app);
    let path = sent.path.split('?').next().unwrap_or_default();
    let item = document["paths"].as_object().unwrap().iter().find(|(template, _)| fits(template, path));
    let method = if sent.method == Method::HEAD { "get".to_owned() } else { sent.method.as_str().to_lowercase() };
    let Some(operation) = item.and_then(|(_, item)| item.get(&method)) else { return };
    let responses = operation["responses"].as_object().unwrap();
    let class = format!("{}XX", reply.status / 100);
    let response = responses.get(&reply.status.to_string()).or_else(|| responses.get(&class));
    let response = response.unwrap_or_else(|| panic!("the document does not know {reply}"));
    if sent.method == Method::HEAD {
        return;
    }
    let Some(content) = response["content"].as_object() else {
        assert!(reply.bytes.is_empty(), "the document knows no body of {reply}");
        return;
    };
    let media = content.get(reply.content_type());
    let media = media.unwrap_or_else(|| panic!("the document wants {:?} in {reply}", content.keys()));
    if reply.content_type().ends_with("json")
        && let Err(wrong) = validate(document, &media["schema"], &reply.json(), "")
    {
        panic!("{wrong} in {reply}");
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    let same = |(wanted, found): (&&str, &&str)| wanted == found || (wanted.starts_with('{') && !found.is_empty());
    template.len() == path.len() && template.iter().zip(&path).all(same)
}

/// Validates a value as strictly as the document allows: a member that it does not name is an error, and so is
/// a keyword that this function does not know.
pub fn validate(document: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    for (keyword, rule) in resolve(document, schema).as_object().unwrap() {
        let holds = match keyword.as_str() {
            "type" => has_type(rule, value),
            "properties" => {
                let known = value.as_object().is_none_or(|object| object.keys().all(|name| !rule[name].is_null()));
                validate_members(document, rule, value, at)?;
                known
            }
            "required" => rule.as_array().unwrap().iter().all(|name| value.get(name.as_str().unwrap()).is_some()),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    validate(document, rule, item, &format!("{at}/{index}"))?;
                }
                true
            }
            "additionalProperties" => {
                for (name, member) in value.as_object().into_iter().flatten().filter(|_| rule.is_object()) {
                    validate(document, rule, member, &format!("{at}/{name}"))?;
                }
                true
            }
            "oneOf" => {
                let fitting = |choice: &&Value| validate(document, choice, value, at).is_ok();
                rule.as_array().unwrap().iter().filter(fitting).count() == 1
            }
            "minimum" => value.as_i64().is_none_or(|number| number >= rule.as_i64().unwrap()),
            "maximum" => value.as_i64().is_none_or(|number| number <= rule.as_i64().unwrap()),
            "enum" => rule.as_array().unwrap().contains(value),
            "minItems" => {
                value.as_array().is_none_or(|items| items.len() >= usize::try_from(rule.as_u64().unwrap()).unwrap())
            }
            "maxItems" => {
                value.as_array().is_none_or(|items| items.len() <= usize::try_from(rule.as_u64().unwrap()).unwrap())
            }
            "minLength" => length(value).is_none_or(|length| length >= rule.as_u64().unwrap()),
            "maxLength" => length(value).is_none_or(|length| length <= rule.as_u64().unwrap()),
            // Patterns are tried by `scripts/conformance`, which has an engine for them.
            "pattern" => true,
            "$ref" | "description" | "example" | "format" | "propertyNames" => true,
            other => return Err(format!("the keyword {other} of the document is not understood")),
        };
        if !holds {
            return Err(format!("`{at}` breaks {keyword} {rule}"));
        }
    }
    Ok(())
}

fn length(value: &Value) -> Option<u64> {
    value.as_str().map(|text| u64::try_from(text.chars().count()).unwrap())
}

fn validate_members(document: &Value, members: &Value, value: &Value, at: &str) -> Result<(), String> {
    for (name, member) in value.as_object().into_iter().flatten() {
        if let Some(schema) = members.get(name) {
            validate(document, schema, member, &format!("{at}/{name}"))?;
        }
    }
    Ok(())
}

/// Whether a value is of a type, or of one of several.
pub fn has_type(rule: &Value, value: &Value) -> bool {
    match rule {
        Value::Array(choices) => choices.iter().any(|choice| has_type(choice, value)),
        rule => match rule.as_str().unwrap() {
            "null" => value.is_null(),
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "boolean" => value.is_boolean(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            other => panic!("the type {other} of the document is not understood"),
        },
    }
}
