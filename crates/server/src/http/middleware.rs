//! What surrounds every handler. The order is in `http.rs`.

pub mod authenticate;
pub mod body;
pub mod envelope;
pub mod limit;
