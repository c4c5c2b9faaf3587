//! The audit log: who did what to which thing, from what to what. Never a secret.

use crate::id::{AuditId, TransactionId, UserId};
use crate::timestamp::Timestamp;
use crate::words::words;
use std::net::IpAddr;
use uuid::Uuid;

/// Who asks, and from where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Actor {
    /// The account, where one is known.
    pub id: Option<UserId>,
    /// The session or key that was shown, where one was.
    pub credential: Option<Uuid>,
    /// The peer's address; none for work of our own.
    pub address: Option<IpAddr>,
    /// The request, as in `X-Request-Id` and in the logs.
    pub request_id: String,
}

words! {
    /// What was done.
    Action {
        /// An account was made.
        Registered = "user.registered",
        /// A sign-in succeeded.
        SignedIn = "session.created",
        /// A sign-in failed.
        SignInFailed = "session.refused",
        /// A refresh token was exchanged.
        Refreshed = "session.refreshed",
        /// A used refresh token came again: the session is dead.
        RefreshReused = "session.refresh_reused",
        /// A refresh was refused: unknown, expired or revoked.
        RefreshFailed = "session.refresh_refused",
        /// A session was ended by its owner.
        SignedOut = "session.revoked",
        /// A password was changed.
        PasswordChanged = "user.password_changed",
        /// A password change was refused: the current one was wrong.
        PasswordRefused = "user.password_refused",
        /// An API key was made.
        ApiKeyCreated = "api_key.created",
        /// An API key was ended by its owner.
        ApiKeyRevoked = "api_key.revoked",
        /// An API key was shown where it is not good. Once a minute for each key, however often it comes.
        ApiKeyRefused = "api_key.refused",
        /// An operator let an account sign in again, after too many wrong passwords.
        SignInUnlocked = "user.sign_in_unlocked",
        /// A profile was edited.
        ProfileChanged = "user.updated",
        /// An account became a creator's.
        BecameCreator = "user.became_creator",
        /// An administrator was made at the command line.
        AdminCreated = "user.admin_created",
        /// Money came in from a payment provider.
        Deposited = "transaction.deposit",
        /// A deposit was asked for, and waits for its provider.
        DepositRequested = "deposit.requested",
        /// A provider said that a deposit failed.
        DepositFailed = "deposit.failed",
        /// What a provider said does not match a deposit: an administrator decides.
        DepositHeld = "deposit.held",
        /// An administrator rejected a deposit.
        DepositRejected = "deposit.rejected",
        /// An administrator credited a deposit that was held.
        DepositReleased = "transaction.deposit_released",
        /// Money went from one user to another.
        Transferred = "transaction.transfer",
        /// A content was bought.
        Unlocked = "transaction.unlock",
        /// A subscription began.
        Subscribed = "transaction.subscription",
        /// A subscription was renewed.
        Renewed = "transaction.renewal",
        /// A gift was given.
        GiftSent = "transaction.gift",
        /// A sale was given back, in part or in full.
        Refunded = "transaction.refund",
        /// Money was held for a payout.
        PayoutHeld = "transaction.payout_held",
        /// A payout was paid.
        PayoutPaid = "transaction.payout_paid",
        /// A payout was rejected, and its money given back.
        PayoutRejected = "transaction.payout_rejected",
        /// A subscription is not renewed any more.
        SubscriptionCancelled = "subscription.cancelled",
        /// A subscription is renewed after all.
        SubscriptionResumed = "subscription.resumed",
        /// A subscription came to its end.
        SubscriptionEnded = "subscription.ended",
        /// A renewal could not be charged.
        RenewalFailed = "subscription.renewal_failed",
        /// A token for media gateways was handed out.
        TokenIssued = "subscription.token_issued",
        /// A used token came again: the tokens of its period are dead.
        TokenReused = "subscription.token_reused",
        /// A token for media gateways was refused.
        TokenRefused = "subscription.token_refused",
        /// An administrator changed the role, the tier or the standing of an account.
        StandingChanged = "user.standing_changed",
        /// An administrator stopped every movement of a wallet.
        WalletFrozen = "wallet.frozen",
        /// An administrator let a wallet move again.
        WalletUnfrozen = "wallet.unfrozen",
        /// An administrator had the whole ledger recomputed.
        Reconciled = "reconciliation.created",
        /// A content was made.
        ContentCreated = "content.created",
        /// A content was edited.
        ContentChanged = "content.updated",
        /// A content was taken off offer, alone or with an edit.
        ContentDeactivated = "content.deactivated",
        /// A plan was made or changed.
        PlanChanged = "plan.updated",
    }
}

words! {
    /// What kind of thing an action was done to.
    EntityType {
        /// An account.
        User = "user",
        /// A sign-in.
        Session = "session",
        /// A credential of a program.
        ApiKey = "api_key",
        /// A movement of money.
        Transaction = "transaction",
        /// A deposit, apart from the movement that completes it.
        Deposit = "deposit",
        /// What happens to a subscription beside its payments.
        Subscription = "subscription",
        /// An account in the ledger.
        Wallet = "wallet",
        /// One look at the whole ledger.
        Reconciliation = "reconciliation",
        /// Something that a creator sells or shows.
        Content = "content",
        /// What a creator asks for a subscription; it has its creator's id.
        Plan = "plan",
    }
}

/// One value in a record's `before` or `after`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Value {
    /// A word or a name.
    Text(String),
    /// A number, such as cents.
    Integer(i64),
}

/// Named values, in the order in which they are written.
pub type Fields = Vec<(&'static str, Value)>;

/// One record. Records are only ever added.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// Its id.
    pub id: AuditId,
    /// Who.
    pub actor: Actor,
    /// What.
    pub action: Action,
    /// To what kind of thing.
    pub entity_type: EntityType,
    /// To which one; none where it does not exist (a sign-in with an unknown address).
    pub entity_id: Option<Uuid>,
    /// The transaction that it belongs to, for money.
    pub tx_id: Option<TransactionId>,
    /// What changed, as it was.
    pub before: Fields,
    /// What changed, as it is now.
    pub after: Fields,
    /// When.
    pub created_at: Timestamp,
}
