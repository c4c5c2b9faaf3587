//! `superapp admin …`: what has to work before anybody can sign in.

use super::{Admin, End, runtime, say, sqlite_path};
use crate::app::open_database;
use crate::auth::password::Hasher;
use crate::clock::{Clock, Ids};
use crate::config::Config;
use crate::operations::{Context as Circumstances, accounts};
use crate::store::Work;
use crate::store::users::NewUser;
use anyhow::{Context, bail};
use domain::audit::Actor;
use domain::id::UserId;
use domain::password::Password;
use domain::user::{Email, Role, Username};
use std::io::Read;
use std::path::Path;
use tokio::time::Instant;

/// Nobody types a longer one.
const PASSWORD_BYTES_MAX: u64 = 4_096;

pub(super) fn run(admin: Admin, config: Config, data_dir: &Path) -> anyhow::Result<End> {
    let Admin::Create { email, username, password_stdin: _ } = admin;
    let email = Email::parse(&email).context("--email")?;
    let username = username.map(|name| Username::parse(&name)).transpose().context("--username")?;
    let password = password_from_stdin()?;
    let path = sqlite_path(&config, data_dir)?;
    runtime()?.block_on(create(config, &path, email, username, password))
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
    path: &Path,
    email: Email,
    username: Option<Username>,
    password: Password,
) -> anyhow::Result<End> {
    let clock = Clock::System;
    let ids = Ids::new(clock.clone());
    let password_hash = Hasher::new(&config.auth, config.auth.password_pepper.clone())?.hash(password).await?;
    let database = open_database(&config, path, &clock)?;
    let actor = Actor { id: None, credential: None, address: None, request_id: format!("cli-{}", ids.uuid()) };
    let context = Circumstances { now: clock.now(), actor, ids: ids.clone() };
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
