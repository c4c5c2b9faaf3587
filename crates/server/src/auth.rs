//! Credentials: tokens that are signed, tokens that are random, and passwords.

mod hs256;
pub mod password;
pub mod refresh;
pub mod secrets;
pub mod token;
