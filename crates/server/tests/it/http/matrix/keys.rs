//! Every route for every kind of API key: with the scope, without it, lapsed, and ended. And that the table of access
//! in the server is about every route, and says what the table here does.

use super::scene::{CALLERS, Caller, Scene};
use super::table::{ROWS, Row};
use super::{assert_none, said, shape};
use crate::harness::{Person, TestApp, operations, unique};
use domain::api_key::{Life, Scope, Scopes};
use domain::id::ApiKeyId;
use std::collections::BTreeSet;
use std::time::Duration;
use superapp::http::access::{For, ROUTES, Route};
use superapp::store::Work;
use superapp::store::api_keys::{self, ApiKey, NewApiKey};
use tokio::time::Instant;

/// The row of the server's table for a row of the one here.
fn access(row: &Row) -> &'static Route {
    let is_it = |route: &&Route| route.method == row.method && shape(route.path) == shape(row.path);
    ROUTES.iter().find(is_it).unwrap_or_else(|| panic!("{} {} has no row in the table of access", row.method, row.path))
}

/// The words of every scope but one.
fn all_but(scope: Option<Scope>) -> Vec<&'static str> {
    Scope::ALL.iter().filter(|other| Some(**other) != scope).map(|scope| scope.as_str()).collect()
}

/// A key made behind the server's back, as it could not be made by its routes.
async fn key(app: &TestApp, owner: &Person, scopes: &[&str], life: Life) -> String {
    let (secret, id) = (app.api_keys.make(), ApiKeyId::new(app.ids.uuid()));
    let key = ApiKey {
        id,
        name: "program".to_owned(),
        last_four: secret.last_four().to_owned(),
        scopes: Scopes::parse(scopes.iter().copied()).unwrap(),
        networks: String::new(),
        created_at: app.clock.now(),
        used_at: None,
        life: Life { revoked_at: None, ..life },
    };
    let new = NewApiKey { user_id: owner.id, digest: app.api_keys.digest(&secret), key };
    let (owner, ended) = (owner.id, life.revoked_at);
    let unit = move |work: &mut Work<'_>| {
        api_keys::insert(work, &new)?;
        ended.map_or(Ok(true), |at| api_keys::revoke(work, id, owner, at))
    };
    app.database.write(unit, Instant::now() + Duration::from_secs(10)).await.unwrap();
    secret.expose().to_owned()
}

/// The keys of somebody for one route.
struct Keys {
    right: String,
    lacking: String,
    lapsed: String,
    ended: String,
}

async fn keys(app: &TestApp, owner: &Person, scope: Option<Scope>) -> Keys {
    let now = app.clock.now();
    let good = Life { expires_at: None, revoked_at: None };
    let right: Vec<&str> = scope.map_or_else(|| all_but(None), |scope| vec![scope.as_str()]);
    Keys {
        right: key(app, owner, &right, good).await,
        lacking: key(app, owner, &all_but(scope), good).await,
        lapsed: key(app, owner, &right, Life { expires_at: Some(now), ..good }).await,
        ended: key(app, owner, &right, Life { revoked_at: Some(now), ..good }).await,
    }
}

#[tokio::test]
async fn the_table_of_access_is_about_every_route_and_says_whom_the_document_lets_in() {
    let app = TestApp::new().await;
    let document: BTreeSet<_> = operations(&app)
        .into_iter()
        .map(|operation| (operation.method.to_string(), operation.path, operation.is_public))
        .collect();
    let table: BTreeSet<_> = ROUTES
        .iter()
        .map(|route| (route.method.to_owned(), route.path.to_owned(), route.audience == For::Anybody))
        .collect();
    assert_eq!(table, document);
}

#[test]
fn roles_are_let_in_as_the_table_of_access_says() {
    for row in ROWS {
        let [anonymous, user, creator, admin, _] = row.statuses.map(|status| !matches!(status, 401 | 403));
        let expected = match access(row).audience {
            // What a public route thinks of a body is its own matter.
            For::Anybody => continue,
            For::Users => [false, true, true, true],
            For::Creators => [false, false, true, true],
            For::Admins => [false, false, false, true],
        };
        assert_eq!([anonymous, user, creator, admin], expected, "{} {}", row.method, row.path);
    }
}

#[tokio::test]
async fn a_key_gets_what_its_owner_gets_where_its_scope_reaches_and_nothing_elsewhere() {
    let scene = Scene::new().await;
    let before = scene.money().await;
    let (mut complaints, mut cells) = (Vec::new(), 0);
    for (number, row) in ROWS.iter().enumerate() {
        let access = access(row);
        for (caller, of_session) in CALLERS.into_iter().zip(row.statuses) {
            let Some(owner) = scene.person(caller) else { continue };
            let keys = keys(&scene.app, owner, access.scope).await;
            let open = access.audience == For::Anybody;
            let expected = |status: u16, code| if open { (of_session, None) } else { (status, Some(code)) };
            let right = if access.scope.is_some() { (of_session, None) } else { expected(403, "insufficient_scope") };
            for (credential, (status, code)) in [
                (&keys.lapsed, expected(401, "unauthenticated")),
                (&keys.ended, expected(401, "unauthenticated")),
                (&keys.lacking, expected(403, "insufficient_scope")),
                (&keys.right, right),
            ] {
                let reply = scene.send_as(row, credential, &format!("row-{number}"), Scene::value).await;
                let cell = format!("{} {} for a key of {caller:?}", row.method, row.path);
                if reply.status != status || reply.is_replay() || code.is_some_and(|code| reply.code() != code) {
                    complaints.push(format!("{cell}: {status} {code:?} was expected of {reply}"));
                }
                let found = scene.private_in(&reply);
                let may_tell = caller == Caller::Owner && reply.status == of_session;
                if !may_tell && !found.is_empty() {
                    complaints.push(format!("{cell}: {found:?} is told in {reply}"));
                }
                cells += 1;
            }
        }
    }
    assert_none(&complaints);
    assert!(cells > 1_000, "{cells}");
    assert_eq!(scene.money().await, before, "money has moved");
}

#[tokio::test]
async fn a_key_tells_what_is_somebody_elses_from_what_is_not_there_no_better_than_a_session() {
    let scene = Scene::new().await;
    let before = (scene.money().await, scene.things().await);
    let (mut complaints, mut compared) = (Vec::new(), 0);
    for row in ROWS.iter().filter(|row| scene.names_something(row)) {
        let access = access(row);
        for caller in [Caller::User, Caller::Creator, Caller::Admin] {
            let keys = keys(&scene.app, scene.person(caller).unwrap(), access.scope).await;
            for credential in [&keys.right, &keys.lacking, &keys.lapsed, &keys.ended] {
                let real = scene.send_as(row, credential, &unique("real"), Scene::value).await;
                let unreal = scene.send_as(row, credential, &unique("unreal"), Scene::nothing).await;
                if matches!(real.status, 401 | 403 | 404) && said(&real) != said(&unreal) {
                    complaints.push(format!("{} {} for {caller:?}: {real}\nbut {unreal}", row.method, row.path));
                }
                compared += 1;
            }
        }
    }
    assert_none(&complaints);
    assert!(compared > 200, "{compared}");
    assert_eq!((scene.money().await, scene.things().await), before, "something was written");
}
