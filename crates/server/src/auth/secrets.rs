//! The secrets that a server needs: from the settings, or made once in the data directory.

use crate::clock::random_bytes;
use crate::config::{Auth, SECRET_BYTES_MIN};
use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Every secret of a server.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// Signs access tokens.
    pub jwt: SecretString,
    /// Signed access tokens before, or will: what they signed is believed.
    pub previous_jwt: Vec<SecretString>,
    /// Signs cursors, and keeps fingerprints from being computed elsewhere.
    pub server: SecretString,
    /// Mixed into password hashes; empty for none.
    pub pepper: SecretString,
}

impl Secrets {
    /// Takes what the settings hold, and reads or makes the rest in the data directory. The settings
    /// have been checked: in production nothing is missing here.
    ///
    /// # Errors
    /// If a file cannot be read or made, or holds too little.
    pub fn load(auth: &Auth, data_dir: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            jwt: set_or_made(&auth.jwt_secret, data_dir, "jwt_secret")?,
            previous_jwt: auth.previous_jwt_secrets(),
            server: set_or_made(&auth.server_secret, data_dir, "server_secret")?,
            pepper: auth.password_pepper.clone(),
        })
    }
}

fn set_or_made(set: &SecretString, data_dir: &Path, name: &str) -> anyhow::Result<SecretString> {
    if !set.expose_secret().is_empty() {
        return Ok(set.clone());
    }
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data_dir)
        .context("the data directory cannot be made")?;
    let path = data_dir.join(name);
    // Written beside and linked into place: a reader finds a whole secret or none, and of two processes
    // that start together one wins.
    let draft = data_dir.join(format!(".{name}.{}", std::process::id()));
    if !path.exists() {
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(URL_SAFE_NO_PAD.encode(random_bytes::<48>()).as_bytes())?;
        file.sync_all()?;
        match std::fs::hard_link(&draft, &path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error.into()),
            _ => std::fs::remove_file(&draft)?,
        }
    }
    let text = std::fs::read_to_string(&path).with_context(|| format!("the secret `{name}` cannot be read"))?;
    let text = text.trim();
    if text.len() < SECRET_BYTES_MIN {
        bail!(
            "the secret `{name}` in the data directory is shorter than {SECRET_BYTES_MIN} bytes; delete it to make a new one"
        );
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::Secrets;
    use crate::config::Sources;
    use secrecy::ExposeSecret;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn secrets_are_made_once_for_their_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let auth = Sources::default().load().unwrap().auth;
        let first = Secrets::load(&auth, &directory.path().join("data")).unwrap();
        let second = Secrets::load(&auth, &directory.path().join("data")).unwrap();
        assert_eq!(first.jwt.expose_secret(), second.jwt.expose_secret());
        assert_ne!(first.jwt.expose_secret(), first.server.expose_secret());
        let file = directory.path().join("data/jwt_secret");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(directory.path().join("data")).unwrap().count(), 2);
    }

    #[test]
    fn a_damaged_secret_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("jwt_secret"), "short").unwrap();
        let auth = Sources::default().load().unwrap().auth;
        assert!(Secrets::load(&auth, directory.path()).is_err());
    }
}
