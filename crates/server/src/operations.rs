//! What is not money: one business act per function, each inside the caller's unit of work.
//!
//! An operation checks before it writes, and records itself in the audit log. A denial is a value, not an
//! error: the unit of work commits all the same, because a failed sign-in is on record, too.

pub mod accounts;
pub mod api_keys;
pub mod contents;
pub mod deposits;
pub mod entitlement_tokens;
pub mod payment_events;
pub mod plans;
pub mod reconciliations;
pub mod sessions;
pub mod subscriptions;
pub mod wallets;

use crate::clock::Ids;
use crate::store::{StoreError, Work, audit_logs};
use domain::audit::{Action, Actor, EntityType, Fields, Record};
use domain::id::AuditId;
use domain::payment::{NotCreditable, TooManyPending};
use domain::timestamp::Timestamp;
use domain::user::OwnAccount;
use thiserror::Error;
use uuid::Uuid;

/// Who acts, when, and where ids come from.
#[derive(Clone, Debug)]
pub struct Context {
    /// The time of the act.
    pub now: Timestamp,
    /// Who acts.
    pub actor: Actor,
    /// Where ids come from.
    pub ids: Ids,
}

/// Why an act was not done. The texts are for the person who asked.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Denial {
    /// The address belongs to an account.
    #[error("an account with this e-mail address exists; sign in instead")]
    EmailTaken,
    /// The name belongs to an account.
    #[error("this user name is taken; choose another")]
    UsernameTaken,
    /// Unknown address or wrong password: one answer for both.
    #[error("e-mail address or password are wrong")]
    InvalidCredentials,
    /// The hash has changed since the password was compared with it, which says nothing of the password.
    #[error("the password was changed meanwhile; sign in again")]
    HashChanged,
    /// The account is suspended.
    #[error("your account is suspended; ask the support")]
    AccountSuspended,
    /// The current password is wrong.
    #[error("the current password is wrong")]
    WrongPassword,
    /// Somebody has a copy of the token.
    #[error("this refresh token was used before, so its session has been ended; sign in again")]
    RefreshReused,
    /// Unknown, expired or ended.
    #[error("this refresh token is not valid any more; sign in again")]
    RefreshInvalid,
    /// Not a live session of the one who asks.
    #[error("you have no such session; list yours with GET /api/auth/sessions")]
    SessionNotFound,
    /// Not a key of the one who asks.
    #[error("you have no such API key; list yours with GET /api/api-keys")]
    ApiKeyNotFound,
    /// The one who asks has as many keys as anybody may have.
    #[error("you have {max} API keys that are good; delete one first", max = domain::api_key::LIVE_MAX)]
    TooManyApiKeys,
    /// Too many deposits of the one who asks wait for their provider.
    #[error(transparent)]
    TooManyPendingDeposits(#[from] TooManyPending),
    /// What was paid cannot be credited.
    #[error(transparent)]
    NotCreditable(#[from] NotCreditable),
    /// There is no such deposit.
    #[error("there is no such deposit; GET /api/admin/payment-events lists the events of deposits")]
    DepositNotFound,
    /// The deposit is completed or has failed.
    #[error("the deposit is completed or has failed already, so there is nothing to reject")]
    DepositDecided,
    /// Not a subscription of the one who asks.
    #[error("you have no such subscription; list yours with GET /api/subscriptions")]
    SubscriptionNotFound,
    /// There is nothing left to cancel or to resume.
    #[error("this subscription has ended; subscribe anew with POST /api/subscriptions")]
    SubscriptionEnded,
    /// The last refresh token of the subscription must be shown.
    #[error(
        "send the `refresh_token` that came with the last token of this period; if it is lost, sign in anew and send none"
    )]
    RenewalTokenRequired,
    /// No refresh token of the subscription in this period.
    #[error("this refresh token is of an earlier period, or none at all; send none for the first token of a period")]
    RenewalTokenInvalid,
    /// Somebody has a copy of a refresh token of the subscription.
    #[error("this refresh token was used before, so those of its period have been ended; sign in anew, then send none")]
    RenewalTokenReused,
    /// No account has the id.
    #[error("there is no such account; list them with GET /api/admin/users")]
    UserNotFound,
    /// No user has the wallet.
    #[error("no user has this wallet; GET /api/admin/users/{{id}} names it")]
    WalletNotFound,
    /// Administrators would lock themselves out.
    #[error(transparent)]
    OwnAccount(#[from] OwnAccount),
    /// Not a content of the one who asks.
    #[error("you have no such content; list yours with GET /api/content?creator_id= and your id")]
    ContentNotFound,
    /// The preview is the media, which only those with access may see.
    #[error("must differ from `media_url`, which only those with access are told")]
    SamePlace,
}

/// What became of an operation.
pub type Done<T> = Result<Result<T, Denial>, StoreError>;

/// What happened to which thing, for the audit log.
#[derive(Clone, Debug)]
struct Event {
    action: Action,
    entity_type: EntityType,
    entity_id: Option<Uuid>,
    before: Fields,
    after: Fields,
}

impl Event {
    fn new(action: Action, entity_type: EntityType, entity_id: Option<Uuid>) -> Self {
        Self { action, entity_type, entity_id, before: Fields::new(), after: Fields::new() }
    }
}

impl Context {
    fn record(&self, work: &mut Work<'_>, event: Event) -> Result<(), StoreError> {
        let record = Record {
            id: AuditId::new(self.ids.uuid()),
            actor: self.actor.clone(),
            action: event.action,
            entity_type: event.entity_type,
            entity_id: event.entity_id,
            tx_id: None,
            before: event.before,
            after: event.after,
            created_at: self.now,
        };
        audit_logs::insert(work, &[record])
    }

    /// The same act by somebody who was unknown until now.
    fn by(&self, user: domain::id::UserId, credential: Uuid) -> Self {
        let mut context = self.clone();
        context.actor.id = Some(user);
        context.actor.credential = Some(credential);
        context
    }
}
