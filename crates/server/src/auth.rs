//! Credentials: tokens that are signed, tokens that are random, and passwords.

pub mod api_key;
pub mod entitlement;
mod hs256;
pub mod password;
pub mod refresh;
pub mod secrets;
pub mod token;
