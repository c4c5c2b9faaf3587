//! TLS to the server: its certificate must be of an authority that we were told to trust, and name the host that we
//! asked for. There is no mode that encrypts and does not verify.

use super::warnings::Warnings;
use crate::store::OpenError;
use std::future::poll_fn;
use std::path::Path;
use tokio_postgres::tls::TlsStream;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, Error, NoTls, Socket};

/// Whether and how a connection is encrypted.
#[derive(Clone)]
pub(super) enum Tls {
    /// In plain.
    Off,
    /// With a certificate that is verified.
    #[cfg(feature = "postgres-tls")]
    On(tokio_postgres_rustls::MakeRustlsConnect),
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(if matches!(self, Self::Off) { "Off" } else { "On" })
    }
}

impl Tls {
    pub(super) async fn connect(&self, config: &Config) -> Result<(Client, Warnings), Error> {
        match self {
            Self::Off => drive(config.connect(NoTls).await?),
            #[cfg(feature = "postgres-tls")]
            Self::On(connector) => drive(config.connect(connector.clone()).await?),
        }
    }
}

/// Has the connection driven beside its client, and what the server says beside its answers heard.
fn drive<S: TlsStream + Unpin + Send + 'static>(
    (client, mut connection): (Client, Connection<Socket, S>),
) -> Result<(Client, Warnings), Error> {
    let warnings = Warnings::default();
    let heard = warnings.clone();
    tokio::spawn(async move {
        // Whoever waits for an answer is told of an error.
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notice(said) = message {
                heard.hear(&said);
            }
        }
    });
    Ok((client, warnings))
}

#[cfg(not(feature = "postgres-tls"))]
pub(super) const fn verifying(_roots: &Path) -> Result<Tls, OpenError> {
    Err(OpenError::NoTls)
}

/// Trusts the authorities of a file (PEM), and nobody else.
#[cfg(feature = "postgres-tls")]
pub(super) fn verifying(roots: &Path) -> Result<Tls, OpenError> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    use std::sync::Arc;
    let unusable = |error: Box<dyn std::error::Error + Send + Sync>| OpenError::RootCertificates {
        path: roots.display().to_string(),
        source: error,
    };
    let mut store = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(roots).map_err(|error| unusable(error.into()))? {
        store.add(certificate.map_err(|error| unusable(error.into()))?).map_err(|error| unusable(error.into()))?;
    }
    if store.is_empty() {
        return Err(unusable("it holds no certificate".into()));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(error.into()))?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(Tls::On(tokio_postgres_rustls::MakeRustlsConnect::new(config)))
}
