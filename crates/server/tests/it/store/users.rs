//! Accounts: what is unique, what is found again, and what a change touches.

use super::{START, databases, new_user, user_id};
use domain::id::WalletId;
use domain::timestamp::Span;
use domain::user::{AccountStatus, Email, Role, Standing, Tier, Username};
use superapp::store::users::{self, NewUser, Page, Taken};
use superapp::store::{Column, StoreError, wallets};

#[tokio::test]
async fn an_account_is_found_as_it_was_made() {
    for db in databases() {
        let new = new_user(1);
        db.write(move |work| users::insert(work, &new)).await;
        let found = db.read(|view| users::find(view, user_id(1))).await.unwrap();
        assert_eq!(found.email, "user1@example.com");
        assert_eq!(found.username.as_deref(), Some("User1"));
        assert_eq!((found.role, found.tier), (Role::User, Tier::Free));
        assert_eq!((found.account_status, found.created_at), (AccountStatus::Active, START));
        let email = Email::parse("USER1@example.com").unwrap();
        let (same, hash) = db.read(move |view| users::find_by_email(view, &email)).await.unwrap();
        assert_eq!((same, hash.as_str()), (found, "hash 1"));
    }
}

#[tokio::test]
async fn an_account_that_does_not_exist_is_not_found() {
    for db in databases() {
        let email = Email::parse("nobody@example.com").unwrap();
        assert_eq!(db.read(|view| users::find(view, user_id(1))).await, None);
        assert!(db.read(move |view| users::find_by_email(view, &email)).await.is_none());
        assert_eq!(db.read(|view| users::password_hash(view, user_id(1))).await, None);
        assert_eq!(db.find(users::username(user_id(1))).await, None);
    }
}

#[tokio::test]
async fn an_account_without_a_name_is_told_from_one_that_does_not_exist() {
    for db in databases() {
        let nameless = NewUser { username: None, ..new_user(1) };
        db.write(move |work| users::insert(work, &nameless)).await;
        db.user(2).await;
        assert_eq!(db.find(users::username(user_id(1))).await, Some(None));
        assert_eq!(db.find(users::username(user_id(2))).await, Some(Some("User2".to_owned())));
    }
}

#[tokio::test]
async fn an_address_and_a_name_are_taken_once_whatever_their_case() {
    for db in databases() {
        db.user(1).await;
        let same_address = NewUser { id: user_id(2), username: None, ..new_user(1) };
        let same_name = NewUser { username: Some(Username::parse("uSER1").unwrap()), ..new_user(3) };
        for new in [same_address, same_name] {
            let id = new.id;
            let result = db.try_write(move |work| users::insert(work, &new)).await;
            assert!(matches!(result, Err(StoreError::Lost(_))), "{result:?}");
            assert_eq!(db.read(move |view| users::find(view, id)).await, None);
        }
    }
}

#[tokio::test]
async fn what_is_taken_is_named_and_ones_own_is_not_taken() {
    for db in databases() {
        db.user(1).await;
        let ask = |email: Option<&str>, name: Option<&str>, except: Option<u128>| {
            let email = email.map(|email| Email::parse(email).unwrap());
            let name = name.map(|name| Username::parse(name).unwrap());
            db.read(move |view| users::taken(view, email.as_ref(), name.as_ref(), except.map(user_id)))
        };
        let (email, name) = (Some("user1@example.com"), Some("USER1"));
        assert_eq!(ask(email, None, None).await, Some(Taken::Email));
        assert_eq!(ask(None, name, None).await, Some(Taken::Username));
        assert_eq!(ask(email, name, Some(2)).await, Some(Taken::Email));
        assert_eq!(ask(email, name, Some(1)).await, None);
        assert_eq!(ask(Some("free@example.com"), Some("free"), None).await, None);
        assert_eq!(ask(None, None, None).await, None);
    }
}

#[tokio::test]
async fn a_profile_changes_with_its_folded_name_and_nobody_elses() {
    for db in databases() {
        db.user(1).await;
        db.user(2).await;
        let before = db.read(|view| users::find(view, user_id(2))).await;
        let (email, name) = (Email::parse("new@example.com").unwrap(), Username::parse("NewName").unwrap());
        let later = START.plus(Span::seconds(1));
        db.write(move |work| users::update_profile(work, user_id(1), &email, Some(&name), later)).await;
        let after = db.read(|view| users::find(view, user_id(1))).await.unwrap();
        assert_eq!((after.email.as_str(), after.username.as_deref()), ("new@example.com", Some("NewName")));
        assert_eq!(db.read(|view| users::find(view, user_id(2))).await, before);
        let folded = Username::parse("newname").unwrap();
        let taken = db.read(move |view| users::taken(view, None, Some(&folded), None)).await;
        assert_eq!(taken, Some(Taken::Username));
        let email = Email::parse("new@example.com").unwrap();
        db.write(move |work| users::update_profile(work, user_id(1), &email, None, later)).await;
        assert_eq!(db.find(users::username(user_id(1))).await, Some(None));
    }
}

#[tokio::test]
async fn a_profile_cannot_take_what_is_another_accounts() {
    for db in databases() {
        db.user(1).await;
        db.user(2).await;
        let email = Email::parse("user2@example.com").unwrap();
        let result = db.try_write(move |work| users::update_profile(work, user_id(1), &email, None, START)).await;
        assert!(result.is_err());
        assert_eq!(db.read(|view| users::find(view, user_id(1))).await.unwrap().email, "user1@example.com");
    }
}

#[tokio::test]
async fn roles_and_passwords_change() {
    for db in databases() {
        db.user(1).await;
        for role in Role::ALL {
            db.write(move |work| users::update_role(work, user_id(1), *role, START)).await;
            assert_eq!(db.read(|view| users::find(view, user_id(1))).await.unwrap().role, *role);
        }
        db.write(|work| users::update_password(work, user_id(1), "another hash", START)).await;
        let hash = db.read(|view| users::password_hash(view, user_id(1))).await;
        assert_eq!(hash.as_deref(), Some("another hash"));
    }
}

#[tokio::test]
async fn a_change_of_an_account_that_does_not_exist_is_an_error() {
    for db in databases() {
        let email = Email::parse("new@example.com").unwrap();
        let results = [
            db.try_write(move |work| users::update_profile(work, user_id(1), &email, None, START)).await,
            db.try_write(|work| users::update_role(work, user_id(1), Role::Admin, START)).await,
            db.try_write(|work| users::update_password(work, user_id(1), "hash", START)).await,
        ];
        for result in results {
            assert!(matches!(result, Err(StoreError::Broken(_))), "{result:?}");
        }
    }
}

#[tokio::test]
async fn every_change_of_an_account_is_dated() {
    for db in databases() {
        db.user(1).await;
        let at = |second| START.plus(Span::seconds(second));
        let email = Email::parse("new@example.com").unwrap();
        let dated = |second| {
            let expected = at(second).as_micros();
            let read = db.read(|view| {
                view.query_opt("SELECT updated_at FROM users WHERE id = $1", &[user_id(1).into()], |row| row.get(0))
            });
            async move { assert_eq!(read.await, Some(expected)) }
        };
        dated(0).await;
        db.write(move |work| users::update_profile(work, user_id(1), &email, None, at(1))).await;
        dated(1).await;
        db.write(move |work| users::update_role(work, user_id(1), Role::Creator, at(2))).await;
        dated(2).await;
        db.write(move |work| users::update_password(work, user_id(1), "hash", at(3))).await;
        dated(3).await;
    }
}

#[test]
fn a_word_that_is_not_one_of_ours_is_not_read_as_one() {
    assert_eq!(Role::read("emperor".into()), None);
    assert_eq!(Role::read(7.into()), None);
    assert_eq!(Role::read("admin".into()), Some(Role::Admin));
}

#[tokio::test]
async fn a_standing_changes_as_a_whole_and_is_dated() {
    for db in databases() {
        db.user(1).await;
        db.user(2).await;
        let standing = Standing { role: Role::Creator, tier: Tier::Premium, account_status: AccountStatus::Suspended };
        let later = START.plus(Span::seconds(1));
        db.write(move |work| users::update_standing(work, user_id(1), standing, later)).await;
        let found = db.read(|view| users::find(view, user_id(1))).await.unwrap();
        let found = Standing { role: found.role, tier: found.tier, account_status: found.account_status };
        assert_eq!(found, standing);
        assert_eq!(db.read(|view| users::find(view, user_id(2))).await.unwrap().role, Role::User);
        let dated = "SELECT COUNT(*) FROM users WHERE updated_at = $1 AND id = $2";
        let values = move |view: &superapp::store::View<'_>| {
            view.query_opt(dated, &[later.into(), user_id(1).into()], |row| row.get::<i64>(0))
        };
        assert_eq!(db.read(values).await, Some(1));
        let result = db.try_write(move |work| users::update_standing(work, user_id(9), standing, later)).await;
        assert!(matches!(result, Err(StoreError::Broken(_))), "{result:?}");
    }
}

#[tokio::test]
async fn accounts_are_listed_newest_first_by_any_mix_of_filters() {
    for db in databases() {
        for (number, second) in [(1, 0), (2, 0), (3, 5), (4, 1)] {
            let new = NewUser { created_at: START.plus(Span::seconds(second)), ..new_user(number) };
            db.write(move |work| users::insert(work, &new)).await;
        }
        let standing = Standing { role: Role::Creator, tier: Tier::Premium, account_status: AccountStatus::Suspended };
        db.write(move |work| users::update_standing(work, user_id(2), standing, START)).await;
        let list = |page: Page| {
            let found = db.read(move |view| users::list(view, &page));
            async move { found.await.iter().map(|user| user.id.uuid().as_u128()).collect::<Vec<_>>() }
        };
        let all = || Page { limit: 10, ..Page::default() };
        assert_eq!(list(all()).await, [3, 4, 2, 1]);
        assert_eq!(list(Page { limit: 2, ..Page::default() }).await, [3, 4]);
        assert_eq!(list(Page { before: Some((START, user_id(2))), ..all() }).await, [1]);
        assert_eq!(list(Page { role: Some(Role::Creator), ..all() }).await, [2]);
        assert_eq!(list(Page { tier: Some(Tier::Free), ..all() }).await, [3, 4, 1]);
        assert_eq!(list(Page { account_status: Some(AccountStatus::Suspended), ..all() }).await, [2]);
        assert_eq!(list(Page { prefix: Some("user".to_owned()), ..all() }).await, [3, 4, 2, 1]);
        assert_eq!(list(Page { prefix: Some("user3@".to_owned()), ..all() }).await, [3]);
        assert_eq!(list(Page { prefix: Some("%".to_owned()), ..all() }).await, [0_u128; 0]);
        let email = || Email::parse("user1@example.com").ok();
        assert_eq!(list(Page { email: email(), ..all() }).await, [1]);
        assert_eq!(list(Page { email: email(), role: Some(Role::Admin), ..all() }).await, [0_u128; 0]);
        assert_eq!(list(Page { email: email(), before: Some((START, user_id(1))), ..all() }).await, [0_u128; 0]);
    }
}

#[tokio::test]
async fn each_of_many_look_ups_at_the_same_moment_finds_its_own_row_or_none() {
    for db in databases() {
        for number in (1..=40).step_by(2) {
            db.user(number).await;
        }
        let ask = |round: u128| {
            let (name, wallet) = (users::username(user_id(round % 41)), wallets::find_by_user(user_id(round % 41)));
            let database = db.database.clone();
            tokio::spawn(async move { tokio::join!(database.find(name), database.find(wallet)) })
        };
        let asked: Vec<_> = (0..400).map(ask).collect();
        for (round, asked) in (0..).zip(asked) {
            let (name, wallet) = asked.await.unwrap();
            let number = round % 41;
            let is_there = number % 2 == 1;
            let own = is_there.then(|| new_user(number).username.map(|name| name.as_str().to_owned()));
            assert_eq!(name.unwrap(), own, "{number}");
            let found = wallet.unwrap().map(|wallet| wallet.id);
            assert_eq!(found, is_there.then(|| WalletId::of_user(user_id(number))), "{number}");
        }
    }
}
