//! The audit log, by transaction, thing, actor, action and time. It holds no secret, so it shows everything.

use crate::app::App;
use crate::http::extract::{Fields, Parameters};
use crate::http::parameters::{Page, Problems, limit, moment, rfc3339};
use crate::http::problem::Problem;
use crate::http::roles::Admin;
use crate::store::audit_logs::{self as log, Line};
use axum::Json;
use axum::extract::State;
use domain::audit::{Action, EntityType};
use domain::id::{
    ApiKeyId, AuditId, ContentId, DepositId, GiftId, PayoutId, ReconciliationId, RefundId, SessionId, SubscriptionId,
    TransactionId, UnlockId, UserId, WalletId,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// One record.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuditBody {
    /// Its id.
    #[schema(example = "aud_01h2xcejqtf2nbrexx3vqjhp41")]
    id: String,
    /// What was done.
    #[schema(example = "wallet.frozen")]
    action: &'static str,
    /// Who did it; null for nobody known, and for work of the server's own.
    actor_id: Option<String>,
    /// The session or the API key that was shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    credential_id: Option<String>,
    /// The address that the request came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// The request, as in `X-Request-Id`.
    request_id: String,
    /// What kind of thing it was done to.
    #[schema(example = "wallet")]
    entity_type: &'static str,
    /// To which one.
    #[schema(example = "wal_01h2xcejqtf2nbrexx3vqjhp41")]
    entity_id: Option<String>,
    /// The transaction that it belongs to.
    tx_id: Option<String>,
    /// What changed, as it was.
    #[schema(value_type = Object)]
    before: Map<String, Value>,
    /// What changed, as it is now.
    #[schema(value_type = Object)]
    after: Map<String, Value>,
    /// When.
    created_at: String,
}

impl From<Line> for AuditBody {
    fn from(line: Line) -> Self {
        // The schema holds the two to JSON, and only objects are written.
        let object = |text: &str| serde_json::from_str(text).unwrap_or_default();
        Self {
            id: line.id.to_string(),
            action: line.action.as_str(),
            actor_id: line.actor_id.map(|id| id.to_string()),
            credential_id: line.credential_id.map(|id| match line.is_by_key {
                true => ApiKeyId::new(id).to_string(),
                false => SessionId::new(id).to_string(),
            }),
            address: line.address,
            request_id: line.request_id,
            entity_type: line.entity_type.as_str(),
            entity_id: line.entity_id.map(|id| entity_id(line.entity_type, id)),
            tx_id: line.tx_id.map(|id| id.to_string()),
            before: object(&line.before),
            after: object(&line.after),
            created_at: rfc3339(line.created_at),
        }
    }
}

fn entity_id(kind: EntityType, id: Uuid) -> String {
    match kind {
        EntityType::User => UserId::new(id).to_string(),
        EntityType::Session => SessionId::new(id).to_string(),
        EntityType::ApiKey => ApiKeyId::new(id).to_string(),
        EntityType::Subscription => SubscriptionId::new(id).to_string(),
        EntityType::Transaction => TransactionId::new(id).to_string(),
        EntityType::Wallet => WalletId::new(id).to_string(),
        EntityType::Reconciliation => ReconciliationId::new(id).to_string(),
        EntityType::Deposit => DepositId::new(id).to_string(),
        EntityType::Content => ContentId::new(id).to_string(),
        // A plan has no id of its own: it is its creator's.
        EntityType::Plan => UserId::new(id).to_string(),
    }
}

/// Reads any of our ids, with the word for what it is in the log: what a transaction made has its id, and is on
/// record as that transaction.
fn entity(text: &str) -> Option<(&'static str, Uuid)> {
    let (prefix, _) = text.split_once('_')?;
    Some(match prefix {
        UserId::PREFIX => ("user", text.parse::<UserId>().ok()?.uuid()),
        SessionId::PREFIX => ("session", text.parse::<SessionId>().ok()?.uuid()),
        ApiKeyId::PREFIX => ("api_key", text.parse::<ApiKeyId>().ok()?.uuid()),
        WalletId::PREFIX => ("wallet", text.parse::<WalletId>().ok()?.uuid()),
        ReconciliationId::PREFIX => ("reconciliation", text.parse::<ReconciliationId>().ok()?.uuid()),
        ContentId::PREFIX => ("content", text.parse::<ContentId>().ok()?.uuid()),
        TransactionId::PREFIX => ("transaction", text.parse::<TransactionId>().ok()?.uuid()),
        // One that was asked for is on record as itself, one that was made at once as its transaction.
        DepositId::PREFIX => ("", text.parse::<DepositId>().ok()?.uuid()),
        UnlockId::PREFIX => ("transaction", text.parse::<UnlockId>().ok()?.uuid()),
        SubscriptionId::PREFIX => ("subscription", text.parse::<SubscriptionId>().ok()?.uuid()),
        GiftId::PREFIX => ("transaction", text.parse::<GiftId>().ok()?.uuid()),
        RefundId::PREFIX => ("transaction", text.parse::<RefundId>().ok()?.uuid()),
        PayoutId::PREFIX => ("transaction", text.parse::<PayoutId>().ok()?.uuid()),
        _ => return None,
    })
}

/// Which records.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Only of this transaction.
    #[param(example = "tx_01h2xcejqtf2nbrexx3vqjhp41")]
    tx_id: Option<String>,
    /// Only about this kind of thing.
    #[param(example = "wallet")]
    entity_type: Option<String>,
    /// Only about this thing: any id that the API gave out.
    #[param(example = "wal_01h2xcejqtf2nbrexx3vqjhp41")]
    entity_id: Option<String>,
    /// Only by this account.
    #[param(example = "usr_01h2xcejqtf2nbrexx3vqjhp41")]
    actor_id: Option<String>,
    /// Only this action.
    #[param(example = "wallet.frozen")]
    action: Option<String>,
    /// Not before this time.
    #[param(format = DateTime, example = "2026-01-31T12:00:00Z")]
    from: Option<String>,
    /// Before this time.
    #[param(format = DateTime, example = "2026-01-31T12:00:00Z")]
    to: Option<String>,
    /// Lines on a page, 20 by default, at most 100.
    #[param(minimum = 1, example = 20)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

impl Filter {
    fn scope(&self) -> String {
        let Self { tx_id, entity_type, entity_id, actor_id, action, from, to, .. } = self;
        format!("admin/audit-logs {tx_id:?} {entity_type:?} {entity_id:?} {actor_id:?} {action:?} {from:?} {to:?}")
    }

    fn page(&self, app: &App) -> Result<log::Page, Problem> {
        let mut fields = Fields::default();
        let tx_id = self.tx_id.as_deref().map(|text| fields.check("tx_id", text.parse::<TransactionId>()));
        let unknown = "must be a kind of thing in the log, such as wallet";
        let kind = self.entity_type.as_deref();
        let kind = kind.map(|text| fields.check("entity_type", EntityType::parse(text).ok_or(unknown)));
        let named = self.entity_id.as_deref();
        let named = named.map(|text| fields.check("entity_id", entity(text).ok_or("must be an id, such as wal_…")));
        let actor = self.actor_id.as_deref().map(|text| fields.check("actor_id", text.parse::<UserId>()));
        let unknown = "must be an action in the log, such as wallet.frozen";
        let action = self.action.as_deref();
        let action = action.map(|text| fields.check("action", Action::parse(text).ok_or(unknown)));
        let from = self.from.as_deref().map(|text| fields.check("from", moment(text)));
        let to = self.to.as_deref().map(|text| fields.check("to", moment(text)));
        fields.finish(Some(()))?;
        let before = self.cursor.as_deref().map(|cursor| app.cursors.read(&self.scope(), cursor)).transpose()?;
        let named = named.flatten();
        Ok(log::Page {
            before: before.map(|(_, id)| AuditId::new(id)),
            tx_id: tx_id.flatten(),
            entity_type: kind.flatten().or_else(|| named.and_then(|(word, _)| EntityType::parse(word))),
            entity_id: named.map(|(_, id)| id),
            actor_id: actor.flatten(),
            action: action.flatten(),
            from: from.flatten(),
            to: to.flatten(),
            limit: limit(self.limit)?,
        })
    }
}

/// The audit log, newest first.
#[utoipa::path(get, path = "/api/admin/audit-logs", tag = "admin", security(("bearer" = [])), params(Filter),
    responses((status = 200, description = "A page of records", body = Page<AuditBody>), Problems))]
pub async fn audit_logs(
    State(app): State<App>,
    _admin: Admin,
    Parameters(filter): Parameters<Filter>,
) -> Result<Json<Page<AuditBody>>, Problem> {
    let wanted = filter.page(&app)?;
    let shown = wanted.limit;
    let wanted = log::Page { limit: shown.saturating_add(1), ..wanted };
    let lines = app.database.read(move |view| log::list(view, &wanted)).await?;
    let cursor = |line: &Line| app.cursors.write(&filter.scope(), (line.created_at, line.id.uuid()));
    Ok(Json(Page::cut(lines, shown, cursor, AuditBody::from)))
}
