//! What sends reports to others: one client of HTTP, with the library of cryptography that everything else here uses.

use anyhow::Context;
use rustls::crypto::aws_lc_rs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

/// How long a report may take on its way.
const PATIENCE: Duration = Duration::from_secs(5);

/// A client that follows nobody elsewhere. The file (PEM) says who is believed over TLS.
///
/// # Errors
/// If the file cannot be read, and `url` needs it.
pub fn agent(url: &str, certificates: &Path) -> anyhow::Result<Agent> {
    let mut config = Agent::config_builder().timeout_global(Some(PATIENCE)).max_redirects(0).proxy(None);
    if url.starts_with("https:") {
        let text = std::fs::read(certificates).with_context(|| {
            format!("the certificates of `postgres.root_certificates` cannot be read: {}", certificates.display())
        })?;
        let certificates = parse_pem(&text).filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        });
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()))
            .root_certs(RootCerts::Specific(Arc::new(certificates.collect())));
        config = config.tls_config(tls.build());
    }
    Ok(config.build().into())
}
