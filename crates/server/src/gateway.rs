//! What is outside: payment providers, and how each one's word is told from anybody else's; Redis.
//!
//! What follows from a word is ruled in `domain`, and the ledger alone moves money.

pub mod redis;
mod signature;

pub use signature::{Signed, Signer, TOLERANCE};

use crate::config::Config;
use domain::wallet::Provider;

/// How money comes in.
#[derive(Debug)]
pub enum PaymentProvider {
    /// Completes every deposit at once, for development.
    Sandbox,
    /// Sends signed events, some time after a deposit was asked for.
    Webhook(Signer),
}

/// The payment providers that are set up.
#[derive(Debug)]
pub struct Gateway {
    providers: Vec<(Provider, PaymentProvider)>,
}

impl Gateway {
    /// The providers of the settings.
    ///
    /// # Errors
    /// If the settings are wrong, which their check has ruled out.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        let mut providers = Vec::new();
        if config.sandbox() {
            providers.push((Provider::sandbox(), PaymentProvider::Sandbox));
        }
        if let Some(webhook) = config.webhook()? {
            providers.push((webhook.provider, PaymentProvider::Webhook(Signer::new(&webhook.keys)?)));
        }
        Ok(Self { providers })
    }

    /// How money comes in through a provider, if it is set up.
    #[must_use]
    pub fn find(&self, provider: &Provider) -> Option<&PaymentProvider> {
        self.providers.iter().find(|(name, _)| name == provider).map(|(_, kind)| kind)
    }
}
