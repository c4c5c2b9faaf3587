//! Why nothing was done, in plain words and numbers.

use domain::refusal::{Refusal, Whose};

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refused {
    pub code: &'static str,
    pub about: &'static str,
    pub numbers: Vec<i64>,
}

impl Refused {
    pub fn new(code: &'static str) -> Self {
        Self { code, about: "", numbers: Vec::new() }
    }

    pub fn about(code: &'static str, about: &'static str) -> Self {
        Self { code, about, numbers: Vec::new() }
    }

    pub fn with(code: &'static str, numbers: &[i64]) -> Self {
        Self { code, about: "", numbers: numbers.to_vec() }
    }

    /// Without a wildcard, so that a new refusal cannot be left out of the model.
    pub fn of(refusal: &Refusal) -> Self {
        let code = refusal.code();
        match refusal {
            Refusal::InsufficientFunds { available, required } => Self::with(code, &[available.get(), required.get()]),
            Refusal::PriceChanged { price } => Self::with(code, &[price.get()]),
            Refusal::RefundExceedsOriginal { left } => Self::with(code, &[left.get()]),
            Refusal::DebtOutstanding { owed, whose } => Self { code, about: about(*whose), numbers: vec![owed.get()] },
            Refusal::WalletFrozen(whose) | Refusal::AccountSuspended(whose) | Refusal::BalanceLimitExceeded(whose) => {
                Self::about(code, about(*whose))
            }
            Refusal::RecipientNotFound
            | Refusal::SelfTransfer
            | Refusal::ContentNotFound
            | Refusal::ContentInactive
            | Refusal::OwnContent
            | Refusal::ContentIsFree
            | Refusal::SubscriberOnly
            | Refusal::AlreadyUnlocked
            | Refusal::PlanNotFound
            | Refusal::PlanInactive
            | Refusal::AlreadySubscribed
            | Refusal::SelfSubscription
            | Refusal::RenewalNotDue
            | Refusal::SelfGift
            | Refusal::TransactionNotFound
            | Refusal::PayoutPending
            | Refusal::PayoutNotFound
            | Refusal::PayoutDecided
            | Refusal::DepositNotFound
            | Refusal::DepositMismatch
            | Refusal::DepositNotHeld
            | Refusal::PaymentKnown => Self::new(code),
        }
    }
}

const fn about(whose: Whose) -> &'static str {
    match whose {
        Whose::Yours => "yours",
        Whose::Payers => "payers",
        Whose::Recipients => "recipients",
    }
}
