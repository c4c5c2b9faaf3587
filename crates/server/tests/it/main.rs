//! One test binary, the same tree again.

#[cfg(test)]
mod ledger;
#[cfg(test)]
mod store;
#[cfg(test)]
mod tidy;
