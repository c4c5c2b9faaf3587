//! What an operation denied, as a problem.

use super::Problem;
use crate::operations::Denial;
use axum::http::StatusCode;

impl From<Denial> for Problem {
    fn from(denial: Denial) -> Self {
        let (status, code, title) = match denial {
            Denial::EmailTaken => (StatusCode::CONFLICT, "email_taken", "The e-mail address is taken"),
            Denial::UsernameTaken => (StatusCode::CONFLICT, "username_taken", "The user name is taken"),
            Denial::InvalidCredentials | Denial::HashChanged => {
                (StatusCode::UNAUTHORIZED, "invalid_credentials", "Sign-in failed")
            }
            Denial::AccountSuspended => (StatusCode::FORBIDDEN, "account_suspended", "An account is suspended"),
            Denial::WrongPassword => (StatusCode::UNPROCESSABLE_ENTITY, "wrong_password", "The password is wrong"),
            Denial::RefreshReused => (StatusCode::UNAUTHORIZED, "refresh_token_reused", "The token was used before"),
            Denial::RefreshInvalid => (StatusCode::UNAUTHORIZED, "invalid_refresh_token", "The token is not valid"),
            Denial::NotCreditable(_) => (StatusCode::CONFLICT, "payment_not_creditable", "No credit for the payment"),
            Denial::TooManyPendingDeposits(_) => {
                (StatusCode::CONFLICT, "too_many_pending_deposits", "Too many deposits are pending")
            }
            Denial::DepositNotFound => (StatusCode::NOT_FOUND, "deposit_not_found", "The deposit does not exist"),
            Denial::DepositDecided => (StatusCode::CONFLICT, "deposit_decided", "The deposit is decided"),
            Denial::SessionNotFound
            | Denial::UserNotFound
            | Denial::WalletNotFound
            | Denial::ContentNotFound
            | Denial::ApiKeyNotFound => (StatusCode::NOT_FOUND, "not_found", "Not found"),
            Denial::TooManyApiKeys => (StatusCode::CONFLICT, "too_many_api_keys", "Too many API keys"),
            Denial::SubscriptionNotFound => (StatusCode::NOT_FOUND, "subscription_not_found", "No such subscription"),
            Denial::RenewalTokenRequired => (StatusCode::BAD_REQUEST, "refresh_token_required", "A token is required"),
            Denial::RenewalTokenInvalid => (StatusCode::UNAUTHORIZED, "invalid_entitlement_token", "No valid token"),
            Denial::RenewalTokenReused => (StatusCode::UNAUTHORIZED, "entitlement_token_reused", "A copied token"),
            Denial::SubscriptionEnded => (StatusCode::CONFLICT, "subscription_ended", "The subscription has ended"),
            Denial::OwnAccount(_) => (StatusCode::CONFLICT, "own_account", "The account is one's own"),
            Denial::SamePlace => return Self::field("/preview_url", denial),
        };
        Self::new(status, code, title, denial.to_string())
    }
}
