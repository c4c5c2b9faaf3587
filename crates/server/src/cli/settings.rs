//! `superapp config print | check`.

use super::{CliError, End, Settings, say};
use crate::config::Sources;
use anyhow::Context;
use std::collections::BTreeMap;

pub(super) fn run(settings: Settings, sources: &Sources) -> Result<End, CliError> {
    match settings {
        Settings::Print { json } => {
            let list = sources.print()?;
            if json {
                let map: BTreeMap<_, _> = list.into_iter().collect();
                say(&serde_json::to_string_pretty(&map).context("the settings cannot be written")?)?;
            } else {
                let width = list.iter().map(|(key, _)| key.len()).max().unwrap_or_default();
                for (key, value) in list {
                    say(&format!("{key:width$} = {value}"))?;
                }
            }
        }
        Settings::Check => {
            let config = sources.load()?;
            let environment = if config.is_production() { "production" } else { "development" };
            say(&format!("the settings are valid for {environment}"))?;
        }
    }
    Ok(End::Done)
}
