//! `superapp admin …`: what has to work before anybody can sign in.

use super::{Admin, End, existing_database, runtime, say};
use crate::app::{location, open_database};
use crate::auth::password::Hasher;
use crate::clock::{Clock, Ids};
use crate::config::Config;
use crate::operations::{Context as Circumstances, Denial, accounts};
use crate::store::users::{self, NewUser};
use crate::store::{Location, Work};
use anyhow::{Context, bail};
use domain::audit::Actor;
use domain::id::UserId;
use domain::password::Password;
use domain::user::{Email, Role, StandingChange, Tier, Username};
use std::io::Read;
use std::path::Path;
use tokio::time::Instant;

/// Nobody types a longer one.
const PASSWORD_BYTES_MAX: u64 = 4_096;

pub(super) fn run(admin: Admin, config: Config, data_dir: &Path) -> anyhow::Result<End> {
    let address = |email: &str| Email::parse(email).context("--email");
    match admin {
        Admin::Create { email, username, password_stdin: _ } => {
            let email = address(&email)?;
            let username = username.map(|name| Username::parse(&name)).transpose().context("--username")?;
            let password = password_from_stdin()?;
            let location = location(&config, data_dir)?;
            runtime()?.block_on(create(config, &location, email, username, password))
        }
        Admin::Unlock { email } => {
            let location = existing_database(&config, data_dir)?;
            runtime()?.block_on(unlock(config, &location, address(&email)?))
        }
        Admin::SetTier { email, tier } => {
            let tier = Tier::parse(&tier).context("--tier must be free, premium, creator or admin")?;
            let change = StandingChange { tier: Some(tier), ..StandingChange::default() };
            let location = existing_database(&config, data_dir)?;
            runtime()?.block_on(change_standing(config, &location, address(&email)?, change))
        }
        Admin::SetRole { email, role } => {
            let role = Role::parse(&role).context("--role must be user, creator or admin")?;
            let change = StandingChange { role: Some(role), ..StandingChange::default() };
            let location = existing_database(&config, data_dir)?;
            runtime()?.block_on(change_standing(config, &location, address(&email)?, change))
        }
    }
}

/// Whoever sits at the command line, for the audit log.
fn operator(clock: &Clock, ids: &Ids) -> Circumstances {
    let actor = Actor { id: None, credential: None, address: None, request_id: format!("cli-{}", ids.uuid()) };
    Circumstances { now: clock.now(), actor, ids: ids.clone() }
}

async fn change_standing(
    config: Config,
    location: &Location,
    email: Email,
    change: StandingChange,
) -> anyhow::Result<End> {
    let clock = Clock::System;
    let context = operator(&clock, &Ids::new(clock.clone()));
    let database = open_database(&config, location, &clock)?;
    let wanted = email.clone();
    let operation = move |work: &mut Work<'_>| {
        let Some((found, _)) = users::find_by_email(work, &wanted)? else { return Ok(Err(Denial::UserNotFound)) };
        accounts::change_standing(work, &context, found.id, change)
    };
    let done = database.write(operation, Instant::now() + config.request_deadline()).await?;
    database.close().await;
    let shown = email.as_str();
    match done {
        Ok(user) => say(&format!(
            "{shown} is {}, with the role {} and the tier {}",
            user.id,
            user.role.as_str(),
            user.tier.as_str()
        ))?,
        Err(Denial::UserNotFound) => {
            bail!(
                "no account has the address {shown}; make an administrator with `superapp admin create --email {shown} --password-stdin`"
            )
        }
        Err(denial) => bail!("{denial}"),
    }
    Ok(End::Done)
}

async fn unlock(config: Config, location: &Location, email: Email) -> anyhow::Result<End> {
    let clock = Clock::System;
    let context = operator(&clock, &Ids::new(clock.clone()));
    let database = open_database(&config, location, &clock)?;
    let wanted = email.clone();
    let operation = move |work: &mut Work<'_>| match users::find_by_email(work, &wanted)? {
        Some((found, _)) => accounts::unlock_sign_in(work, &context, found.id).map(Some),
        None => Ok(None),
    };
    let done = database.write(operation, Instant::now() + config.request_deadline()).await?;
    database.close().await;
    let shown = email.as_str();
    match done {
        Some(true) => say(&format!("{shown} can sign in again; nothing counts that failed before"))?,
        Some(false) => say(&format!("{shown} can sign in; no attempt has failed since the last one that did not"))?,
        None => bail!("no account has the address {shown}"),
    }
    Ok(End::Done)
}

fn password_from_stdin() -> anyhow::Result<Password> {
    let mut text = String::new();
    std::io::stdin().take(PASSWORD_BYTES_MAX).read_to_string(&mut text).context("the password cannot be read")?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    Password::choose(text).context("the password")
}

async fn create(
    config: Config,
    location: &Location,
    email: Email,
    username: Option<Username>,
    password: Password,
) -> anyhow::Result<End> {
    let clock = Clock::System;
    let ids = Ids::new(clock.clone());
    let password_hash = Hasher::new(&config.auth, config.auth.password_pepper.clone())?.hash(password).await?;
    let database = open_database(&config, location, &clock)?;
    let context = operator(&clock, &ids);
    let id = UserId::new(ids.uuid());
    let shown = email.as_str().to_owned();
    let new = NewUser { id, email, username, password_hash, role: Role::Admin, created_at: context.now };
    let currency = config.money.currency.clone();
    let operation = move |work: &mut Work<'_>| accounts::register(work, &context, &new, &currency);
    let done = database.write(operation, Instant::now() + config.request_deadline()).await?;
    database.close().await;
    if let Err(denial) = done {
        bail!("{denial}");
    }
    say(&format!("administrator {shown} is {id}"))?;
    Ok(End::Done)
}
