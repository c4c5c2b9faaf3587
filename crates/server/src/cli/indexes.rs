//! `superapp migrate validate`: whether each index of the report is there, and whether its query uses it.

use super::{End, say, say_error};
use crate::store::indexes::{self, Finding, State};
use crate::store::migrations::Migrator;
use anyhow::Context;
use serde_json::json;

pub(super) fn validate(migrator: &Migrator, repair: bool, json: bool) -> anyhow::Result<End> {
    migrator.check()?;
    let mut findings = indexes::validate(migrator)?;
    let missing: Vec<_> = findings.iter().filter(|finding| finding.state == State::Missing).collect();
    if repair && !missing.is_empty() {
        for finding in missing {
            let name = finding.index.name();
            say_error(&format!("making {name}"));
            indexes::make(migrator, finding.index).with_context(|| format!("`{name}` cannot be made"))?;
        }
        findings = indexes::validate(migrator)?;
    }
    if json {
        print_json(&findings)?;
    } else {
        print_text(&findings)?;
    }
    Ok(if findings.iter().all(|finding| finding.state == State::Ok) { End::Done } else { End::Failed })
}

fn print_json(findings: &[Finding]) -> anyhow::Result<()> {
    let line = |finding: &Finding| {
        let index = finding.index;
        json!({
            "name": index.name(),
            "table": index.table,
            "columns": index.columns,
            "unique": index.unique,
            "where": index.rows,
            "query": index.query,
            "state": finding.state.as_str(),
            "plan": finding.plan,
        })
    };
    let valid = findings.iter().all(|finding| finding.state == State::Ok);
    say(&serde_json::to_string_pretty(&json!({
        "valid": valid,
        "indexes": findings.iter().map(line).collect::<Vec<_>>(),
    }))?)
}

fn print_text(findings: &[Finding]) -> anyhow::Result<()> {
    for Finding { index, state, plan } in findings {
        let columns = format!("{}({})", index.table, index.columns);
        say(&format!("{:8} {:56} {columns:60} {}", state.as_str(), index.name(), index.query))?;
        if *state == State::Unused {
            plan.iter().try_for_each(|line| say(&format!("         {line}")))?;
        }
    }
    let count = |wanted: State| findings.iter().filter(|finding| finding.state == wanted).count();
    let (missing, unused) = (count(State::Missing), count(State::Unused));
    if missing + unused == 0 {
        return say(&format!("{} indexes: each is there, and its query uses it", findings.len()));
    }
    say(&format!("{} indexes: {missing} missing, {unused} unused", findings.len()))?;
    if missing > 0 {
        say_error("hint: `superapp migrate validate --repair` makes what is missing, as its migration says");
    }
    if unused > 0 {
        say_error("hint: old statistics mislead a database: run its ANALYZE, then `superapp migrate validate` again");
    }
    Ok(())
}
