//! Why the ledger did nothing. The texts are for the person who asked.

use crate::money::Cents;
use thiserror::Error;

/// Whose wallet or account a refusal is about, as seen by the one who asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Whose {
    /// The asker's own.
    Yours,
    /// That of somebody else who pays.
    Payers,
    /// That of somebody else who is paid.
    Recipients,
}

impl std::fmt::Display for Whose {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Yours => "your",
            Self::Payers => "the payer's",
            Self::Recipients => "the recipient's",
        })
    }
}

/// Why nothing was done.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Refusal {
    /// The payer has too little.
    #[error("this needs {} cents and {} are available; deposit more and try again", required.get(), available.get())]
    InsufficientFunds {
        /// What the wallet holds.
        available: Cents,
        /// What was asked for.
        required: Cents,
    },
    /// There is no such account.
    #[error("no account has this id; check the id of the recipient")]
    RecipientNotFound,
    /// Payer and payee are one.
    #[error("a transfer to oneself moves nothing; choose another recipient")]
    SelfTransfer,
    /// An administrator stopped the wallet.
    #[error("{0} wallet is frozen; ask the support to lift it")]
    WalletFrozen(Whose),
    /// An administrator stopped the account.
    #[error("{0} account is suspended; ask the support")]
    AccountSuspended(Whose),
    /// The credit would exceed what a wallet can hold.
    #[error("{0} wallet cannot hold that much; use a smaller amount")]
    BalanceLimitExceeded(Whose),
    /// There is no such content.
    #[error("there is no such content; list what there is with GET /api/content")]
    ContentNotFound,
    /// The creator has taken it off.
    #[error("this content is not on offer any more")]
    ContentInactive,
    /// One does not buy what is one's own.
    #[error("this content is your own; you have access already")]
    OwnContent,
    /// It costs nothing.
    #[error("this content is free; you have access already")]
    ContentIsFree,
    /// It comes with a subscription only.
    #[error("this content is for subscribers; subscribe to its creator with POST /api/subscriptions")]
    SubscriberOnly,
    /// It was bought before.
    #[error("you have unlocked this content already")]
    AlreadyUnlocked,
    /// It costs something else than the one who asked was shown.
    #[error("the price is {} cents now; show it, and ask again with the new `expected_price_cents`", price.get())]
    PriceChanged {
        /// What it costs.
        price: Cents,
    },
    /// The creator offers no such subscription.
    #[error("this creator has no such plan; GET /api/creators/{{id}} lists the plans")]
    PlanNotFound,
    /// The creator has taken the plan off.
    #[error("this plan is not on offer any more; GET /api/creators/{{id}} lists the plans")]
    PlanInactive,
    /// A subscription to the creator runs.
    #[error("you subscribe to this creator already; GET /api/subscriptions/active lists your subscriptions")]
    AlreadySubscribed,
    /// One does not subscribe to oneself.
    #[error("you cannot subscribe to yourself")]
    SelfSubscription,
    /// No renewal of the subscription is due.
    #[error("no renewal of this subscription is due")]
    RenewalNotDue,
    /// One does not give to oneself.
    #[error("a gift to oneself moves nothing; choose another recipient")]
    SelfGift,
    /// There is no such transaction, or it is none that can be given back.
    #[error("this is no transaction that paid for an unlock, a subscription or a gift; check the id")]
    TransactionNotFound,
    /// More would be given back than is left.
    #[error("{} cents are left to refund; use a smaller amount", left.get())]
    RefundExceedsOriginal {
        /// What is left.
        left: Cents,
    },
    /// A payout is pending.
    #[error("a payout of yours is pending; wait until it is decided")]
    PayoutPending,
    /// The creator owes the platform because of refunds, and no money goes out before that is repaid.
    #[error("{}", debt(*owed, *whose))]
    DebtOutstanding {
        /// What they owe.
        owed: Cents,
        /// That of the one who asks for a payout, or of the one whose payout is decided.
        whose: Whose,
    },
    /// There is no such payout.
    #[error("there is no such payout; GET /api/admin/payouts lists them")]
    PayoutNotFound,
    /// It was paid or rejected before.
    #[error("this payout was decided before")]
    PayoutDecided,
    /// There is no such deposit.
    #[error("there is no such deposit")]
    DepositNotFound,
    /// The deposit is not pending, or is over something else.
    #[error("the deposit is not pending, or not over this amount")]
    DepositMismatch,
    /// The deposit is not held, so there is nothing to decide.
    #[error("the deposit is not held; GET /api/admin/payment-events lists what became of it")]
    DepositNotHeld,
    /// The payment was credited before.
    #[error("this payment was credited before")]
    PaymentKnown,
}

impl Refusal {
    /// The stable code, for programs and metrics.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InsufficientFunds { .. } => "insufficient_funds",
            Self::RecipientNotFound => "recipient_not_found",
            Self::SelfTransfer => "self_transfer",
            Self::WalletFrozen(_) => "wallet_frozen",
            Self::AccountSuspended(_) => "account_suspended",
            Self::BalanceLimitExceeded(_) => "balance_limit_exceeded",
            Self::ContentNotFound => "content_not_found",
            Self::ContentInactive => "content_inactive",
            Self::OwnContent => "own_content",
            Self::ContentIsFree => "content_is_free",
            Self::SubscriberOnly => "subscriber_only",
            Self::AlreadyUnlocked => "already_unlocked",
            Self::PriceChanged { .. } => "price_changed",
            Self::PlanNotFound => "plan_not_found",
            Self::PlanInactive => "plan_inactive",
            Self::AlreadySubscribed => "already_subscribed",
            Self::SelfSubscription => "self_subscription",
            Self::RenewalNotDue => "renewal_not_due",
            Self::SelfGift => "self_gift",
            Self::TransactionNotFound => "transaction_not_found",
            Self::RefundExceedsOriginal { .. } => "refund_exceeds_original",
            Self::PayoutPending => "payout_pending",
            Self::DebtOutstanding { .. } => "debt_outstanding",
            Self::PayoutNotFound => "payout_not_found",
            Self::PayoutDecided => "payout_decided",
            Self::DepositNotFound => "deposit_not_found",
            Self::DepositMismatch => "deposit_mismatch",
            Self::DepositNotHeld => "deposit_not_held",
            Self::PaymentKnown => "payment_known",
        }
    }

    /// Whether the same key gets the same refusal again.
    ///
    /// What an administrator can lift, and what comes with time, is not final: the same request may succeed
    /// tomorrow.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        !matches!(self, Self::WalletFrozen(_) | Self::AccountSuspended(_) | Self::RenewalNotDue)
    }
}

/// Who owes it decides what there is to do.
fn debt(owed: Cents, whose: Whose) -> String {
    let owed = owed.get();
    match whose {
        Whose::Yours => format!(
            "you owe {owed} cents because of refunds, and what you earn repays them first; ask again when they are repaid"
        ),
        Whose::Payers | Whose::Recipients => format!(
            "the creator owes {owed} cents because of refunds; reject the payout, and they are repaid from it first"
        ),
    }
}
