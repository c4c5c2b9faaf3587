//! Where traces and errors are sent to, if anywhere: only a binary that is built for it can.

use super::{Config, ConfigError, invalid};
use secrecy::ExposeSecret;

impl Config {
    pub(super) fn check_exports(&self) -> Result<(), ConfigError> {
        let (endpoint, dsn) = (&self.traces.endpoint, self.sentry.dsn.expose_secret());
        if !endpoint.is_empty() {
            require(cfg!(feature = "otel"), "traces.endpoint", "traces", "otel")?;
            url("traces.endpoint", endpoint, "must be a URL such as http://127.0.0.1:4318/v1/traces, or empty")?;
        }
        if !dsn.is_empty() {
            // Platforms set SENTRY_DSN for whatever runs on them: a start does not fail for it, but says so.
            url("sentry.dsn", dsn, "must be a DSN such as https://KEY@HOST/PROJECT, or empty")?;
        }
        Ok(())
    }
}

impl Config {
    /// Whether somebody expects errors at Sentry, which this binary cannot send there.
    #[must_use]
    pub fn misses_sentry(&self) -> bool {
        !cfg!(feature = "sentry") && !self.sentry.dsn.expose_secret().is_empty()
    }
}

fn require(is_built: bool, key: &'static str, what: &str, feature: &str) -> Result<(), ConfigError> {
    if is_built {
        return Ok(());
    }
    let problem = format!(
        "is set, and this superapp is built without {what}: build it with `--features {feature}`, or leave it empty"
    );
    Err(invalid(key, problem))
}

/// The value may hold a key, so it is not repeated.
fn url(key: &'static str, value: &str, problem: &str) -> Result<(), ConfigError> {
    if value.starts_with("http://") || value.starts_with("https://") { Ok(()) } else { Err(invalid(key, problem)) }
}

#[cfg(test)]
mod tests {
    use crate::config::Sources;

    fn refused(name: &str, value: &str) -> Option<String> {
        let environment = [(name.to_owned(), value.to_owned())].into();
        Sources { file: None, environment }.load().err().map(|error| error.to_string())
    }

    #[test]
    fn what_is_not_built_in_is_named_with_its_feature() {
        for (name, key, value, feature, is_built) in [(
            "SUPERAPP_TRACES__ENDPOINT",
            "traces.endpoint",
            "http://127.0.0.1:4318/v1/traces",
            "otel",
            cfg!(feature = "otel"),
        )] {
            let said = refused(name, value);
            let Some(said) = said.filter(|_| !is_built) else {
                assert!(is_built);
                assert!(refused(name, "nowhere").unwrap().contains(key));
                continue;
            };
            assert!(said.contains(key) && said.contains(&format!("--features {feature}")), "{said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn a_platforms_dsn_stops_nobody_and_must_be_one() {
        assert_eq!(refused("SENTRY_DSN", "http://hunter2@127.0.0.1/1"), None);
        let said = refused("SENTRY_DSN", "hunter2").unwrap();
        assert!(said.contains("sentry.dsn") && !said.contains("hunter2"), "{said}");
        let environment = [("SENTRY_DSN".to_owned(), "http://key@127.0.0.1/1".to_owned())].into();
        let config = Sources { file: None, environment }.load().unwrap();
        assert_eq!(config.misses_sentry(), !cfg!(feature = "sentry"));
    }
}
