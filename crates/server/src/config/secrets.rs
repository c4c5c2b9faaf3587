//! The secrets of the settings: long enough everywhere, hard to guess in production, and each of its own.

use super::{Auth, Config, ConfigError, SECRET_BYTES_MIN, invalid};
use secrecy::{ExposeSecret, SecretString};

/// Keys of access tokens that are believed beside the one that signs: the one before, the next one, and one to spare.
const PREVIOUS_MAX: usize = 3;
const SECRET_HINT: &str = "make one with `openssl rand -base64 48`";

impl Auth {
    /// The secrets whose access tokens are believed, too.
    #[must_use]
    pub fn previous_jwt_secrets(&self) -> Vec<SecretString> {
        self.previous_jwt_secret.expose_secret().split_whitespace().map(SecretString::from).collect()
    }
}

impl Config {
    pub(super) fn check_secrets(&self) -> Result<(), ConfigError> {
        let Auth { jwt_secret, server_secret, password_pepper, .. } = &self.auth;
        let mut named = vec![
            ("auth.jwt_secret", jwt_secret.clone()),
            ("auth.server_secret", server_secret.clone()),
            ("auth.password_pepper", password_pepper.clone()),
        ];
        let previous = self.auth.previous_jwt_secrets();
        if previous.len() > PREVIOUS_MAX {
            let problem = format!("must be at most {PREVIOUS_MAX} secrets, with a space between");
            return Err(invalid("auth.previous_jwt_secret", problem));
        }
        named.extend(previous.into_iter().map(|secret| ("auth.previous_jwt_secret", secret)));
        for (key, secret) in &named {
            long(key, secret)?;
            if self.is_production() && !(*key == "auth.password_pepper" && secret.expose_secret().is_empty()) {
                strong(key, secret)?;
            }
        }
        for (index, (key, secret)) in named.iter().enumerate() {
            let is_taken = |(_, other): &(_, SecretString)| other.expose_secret() == secret.expose_secret();
            let is_checked = self.is_production() || *key == "auth.previous_jwt_secret";
            if is_checked && !secret.expose_secret().is_empty() && named.iter().take(index).any(is_taken) {
                return Err(invalid(key, "must differ from the other secrets"));
            }
        }
        Ok(())
    }
}

/// Refuses a key that is shorter than what it makes (RFC 7518, 3.2). Without one, development makes its own.
fn long(key: &'static str, secret: &SecretString) -> Result<(), ConfigError> {
    match secret.expose_secret().len() {
        0 | SECRET_BYTES_MIN.. => Ok(()),
        _ => {
            let problem = format!(
                "must be at least {SECRET_BYTES_MIN} bytes long; {SECRET_HINT}, or leave it empty in development"
            );
            Err(invalid(key, problem))
        }
    }
}

/// Refuses secrets that somebody could guess. Says how to make a good one.
fn strong(key: &'static str, secret: &SecretString) -> Result<(), ConfigError> {
    let text = secret.expose_secret();
    if text.is_empty() {
        return Err(invalid(key, format!("is required in production; {SECRET_HINT}")));
    }
    let lower = text.to_lowercase();
    let placeholder = [
        "changeme",
        "change-me",
        "change_me",
        "secret",
        "password",
        "example",
        "default",
        "your-",
        "superapp",
        "qwerty",
        "12345678",
        "abcdefgh",
    ];
    let mut letters: Vec<char> = text.chars().collect();
    letters.sort_unstable();
    letters.dedup();
    if letters.len() < 12 || placeholder.iter().any(|word| lower.contains(word)) {
        return Err(invalid(key, format!("is easy to guess; {SECRET_HINT}")));
    }
    Ok(())
}
