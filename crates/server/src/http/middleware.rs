//! What surrounds every handler. The order is in `http.rs`.

pub mod authenticate;
pub mod body;
pub mod compress;
pub mod cors;
pub mod envelope;
pub mod limit;
pub mod load;
