//! Accounts, as administrators see and change them.

use super::word;
use crate::app::App;
use crate::http::extract::{Fields, Id, Origin, Parameters};
use crate::http::once::{self, Once};
use crate::http::parameters::{OptionalKey, Page, Problems, limit, rfc3339};
use crate::http::problem::{Problem, ProblemBody};
use crate::http::roles::Admin;
use crate::http::users::json_response;
use crate::operations::accounts;
use crate::store::Work;
use crate::store::users::{self as accounts_store, User};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use domain::id::{UserId, WalletId};
use domain::user::{AccountStatus, Email, Role, StandingChange, Tier};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The longest beginning of a name that is looked for.
const PREFIX_CHARACTERS_MAX: usize = 254;

const ROLES: &[&str] = &["user", "creator", "admin"];
const TIERS: &[&str] = &["free", "premium", "creator", "admin"];
const STATUSES: &[&str] = &["active", "suspended"];

/// An account, as an administrator sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AccountBody {
    /// Its id.
    #[schema(example = "usr_01h2xcejqtf2nbrexx3vqjhp41")]
    id: String,
    /// Its wallet.
    #[schema(example = "wal_01h2xcejqtf2nbrexx3vqjhp41")]
    wallet_id: String,
    /// Its address.
    #[schema(example = "ann@example.com")]
    email: String,
    /// Its public name, if it has one.
    username: Option<String>,
    /// `user`, `creator` or `admin`.
    role: &'static str,
    /// `free`, `premium`, `creator` or `admin`.
    tier: &'static str,
    /// `active` or `suspended`.
    account_status: &'static str,
    /// Since when it exists.
    created_at: String,
}

impl From<User> for AccountBody {
    fn from(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            wallet_id: WalletId::of_user(user.id).to_string(),
            email: user.email,
            username: user.username,
            role: user.role.as_str(),
            tier: user.tier.as_str(),
            account_status: user.account_status.as_str(),
            created_at: rfc3339(user.created_at),
        }
    }
}

/// Which accounts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Only the account with this address.
    #[param(example = "ann@example.com")]
    email: Option<String>,
    /// Only this role.
    #[param(example = "creator")]
    role: Option<String>,
    /// Only this tier.
    #[param(example = "premium")]
    tier: Option<String>,
    /// Only `active` or only `suspended` ones.
    #[param(example = "suspended")]
    account_status: Option<String>,
    /// Only accounts whose user name or e-mail address begins with this, whatever its case.
    #[param(example = "an")]
    q: Option<String>,
    /// Lines on a page, 20 by default, at most 100.
    #[param(minimum = 1, example = 20)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

impl Filter {
    fn scope(&self) -> String {
        format!("admin/users {:?} {:?} {:?} {:?} {:?}", self.email, self.role, self.tier, self.account_status, self.q)
    }

    fn page(&self, app: &App) -> Result<accounts_store::Page, Problem> {
        let mut fields = Fields::default();
        let email = self.email.as_deref().map(|text| fields.check("email", Email::parse(text)));
        let role = self.role.as_deref().map(|text| fields.check("role", word(text, Role::parse, ROLES)));
        let tier = self.tier.as_deref().map(|text| fields.check("tier", word(text, Tier::parse, TIERS)));
        let status = self.account_status.as_deref();
        let status = status.map(|text| fields.check("account_status", word(text, AccountStatus::parse, STATUSES)));
        let prefix = self.q.as_deref().map(|text| {
            let fits = (1..=PREFIX_CHARACTERS_MAX).contains(&text.chars().count());
            fields.check("q", if fits { Ok(text.to_lowercase()) } else { Err("must be 1 to 254 characters") })
        });
        fields.finish(Some(()))?;
        let before = self.cursor.as_deref().map(|cursor| app.cursors.read(&self.scope(), cursor)).transpose()?;
        Ok(accounts_store::Page {
            before: before.map(|(at, id)| (at, UserId::new(id))),
            email: email.flatten(),
            role: role.flatten(),
            tier: tier.flatten(),
            account_status: status.flatten(),
            prefix: prefix.flatten(),
            limit: limit(self.limit)?,
        })
    }
}

/// Accounts, newest first.
#[utoipa::path(get, path = "/api/admin/users", tag = "admin", security(("bearer" = [])), params(Filter),
    responses((status = 200, description = "A page of accounts", body = Page<AccountBody>), Problems))]
pub async fn users(
    State(app): State<App>,
    _admin: Admin,
    Parameters(filter): Parameters<Filter>,
) -> Result<Json<Page<AccountBody>>, Problem> {
    let wanted = filter.page(&app)?;
    let shown = wanted.limit;
    let wanted = accounts_store::Page { limit: shown.saturating_add(1), ..wanted };
    let lines = app.database.read(move |view| accounts_store::list(view, &wanted)).await?;
    let cursor = |user: &User| app.cursors.write(&filter.scope(), (user.created_at, user.id.uuid()));
    Ok(Json(Page::cut(lines, shown, cursor, AccountBody::from)))
}

/// One account.
#[utoipa::path(get, path = "/api/admin/users/{id}", tag = "admin", security(("bearer" = [])),
    params(("id" = String, Path, description = "The account")),
    responses((status = 200, description = "The account", body = AccountBody),
        (status = 404, description = "`not_found`", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn user(State(app): State<App>, _admin: Admin, Id(id): Id<UserId>) -> Result<Json<AccountBody>, Problem> {
    let user = app.database.look_up(move |view| accounts_store::find(view, id)).await?;
    user.map(|user| Json(user.into())).ok_or_else(|| Problem::not_found("there is no such account"))
}

/// What of an account an administrator may change. A member that is left out stays as it is.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeUser {
    /// `user`, `creator` or `admin`.
    #[schema(example = "creator")]
    role: Option<String>,
    /// `free`, `premium`, `creator` or `admin`.
    #[schema(example = "premium")]
    tier: Option<String>,
    /// `active` or `suspended`.
    #[schema(example = "suspended")]
    account_status: Option<String>,
}

/// Changes what an account may do. It counts from its next request on.
#[utoipa::path(patch, path = "/api/admin/users/{id}", tag = "admin", security(("bearer" = [])),
    params(("id" = String, Path, description = "The account"), OptionalKey), request_body = ChangeUser,
    responses((status = 200, description = "The account", body = AccountBody),
        (status = 404, description = "`not_found`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`own_account`", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn change_user(
    State(app): State<App>,
    Admin(caller): Admin,
    origin: Origin,
    Id(id): Id<UserId>,
    once: Once<ChangeUser>,
) -> Result<Response, Problem> {
    let (body, key) = once.into_parts();
    let mut fields = Fields::default();
    let role = body.role.map(|text| fields.check("/role", word(&text, Role::parse, ROLES)));
    let tier = body.tier.map(|text| fields.check("/tier", word(&text, Tier::parse, TIERS)));
    let status = body.account_status;
    let status = status.map(|text| fields.check("/account_status", word(&text, AccountStatus::parse, STATUSES)));
    fields.finish(Some(()))?;
    let change = StandingChange { role: role.flatten(), tier: tier.flatten(), account_status: status.flatten() };
    let context = origin.context(&app, Some(&caller));
    let operation = move |work: &mut Work<'_>| accounts::change_standing(work, &context, id, change);
    once::write(&app, &origin, key, operation, |user| json_response(200, &AccountBody::from(user))).await
}
