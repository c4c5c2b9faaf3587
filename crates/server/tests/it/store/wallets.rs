//! Wallets outside of batches: one to a user, the system's made once, one currency.

use super::{START, databases, soon, user_id};
use domain::id::WalletId;
use domain::money::Cents;
use domain::timestamp::Span;
use domain::wallet::{Provider, SystemWallet, WalletStatus};
use superapp::store::StoreError;
use superapp::store::wallets::{self, Page};

#[tokio::test]
async fn a_new_wallet_is_active_and_empty() {
    for db in databases() {
        let ann = db.user(1).await;
        let wallet = db.find(wallets::find_by_user(ann)).await.unwrap();
        assert_eq!((wallet.id, wallet.balance), (WalletId::of_user(ann), Cents::ZERO));
        assert_eq!((wallet.currency.as_str(), wallet.status), ("IDR", WalletStatus::Active));
        assert_eq!(wallet.last_transaction_at, None);
        assert_eq!(db.find(wallets::find_by_user(user_id(9))).await, None);
    }
}

#[tokio::test]
async fn a_user_has_one_wallet() {
    for db in databases() {
        let ann = db.user(1).await;
        let again = db.try_write(move |work| wallets::insert_user(work, ann, "IDR", START)).await;
        assert!(matches!(again, Err(StoreError::Lost(_))), "{again:?}");
    }
}

#[tokio::test]
async fn system_wallets_are_made_once_and_are_nobodys() {
    for db in databases() {
        let list = [SystemWallet::Platform, SystemWallet::Clearing(Provider::sandbox())];
        for _ in 0..2 {
            let list = list.clone();
            db.write(move |work| wallets::insert_system(work, &list, "IDR", START)).await;
        }
        let text = "SELECT id, kind, provider, user_id FROM wallets ORDER BY kind DESC";
        let rows = db
            .read(move |view| {
                view.query(text, &[], |row| {
                    let owner: Option<domain::id::UserId> = row.get(3)?;
                    Ok((row.get::<WalletId>(0)?, row.get::<String>(1)?, row.get::<Option<String>>(2)?, owner))
                })
            })
            .await;
        let expected = [
            (list[0].id(), "platform".to_owned(), None, None),
            (list[1].id(), "clearing".to_owned(), Some("sandbox".to_owned()), None),
        ];
        assert_eq!(rows, expected);
    }
}

#[tokio::test]
async fn another_currency_is_noticed() {
    for db in databases() {
        let other = |currency: &'static str| db.read(move |view| wallets::other_currency(view, currency));
        assert_eq!(other("EUR").await, None, "there is no wallet yet");
        db.user(1).await;
        assert_eq!(other("IDR").await, None);
        assert_eq!(other("EUR").await, Some("IDR".to_owned()));
    }
}

#[tokio::test]
async fn a_wallet_is_stopped_and_let_go_and_no_other_one_is() {
    for db in databases() {
        let (ann, bob) = (db.user(1).await, db.user(2).await);
        let status = |user| {
            let found = db.find(wallets::find_by_user(user));
            async move { found.await.unwrap().status }
        };
        for wanted in [WalletStatus::Frozen, WalletStatus::Active] {
            db.write(move |work| wallets::update_status(work, WalletId::of_user(ann), wanted)).await;
            assert_eq!((status(ann).await, status(bob).await), (wanted, WalletStatus::Active));
        }
        let nobody = WalletId::of_user(user_id(9));
        let result = db.try_write(move |work| wallets::update_status(work, nobody, WalletStatus::Frozen)).await;
        assert!(matches!(result, Err(StoreError::Broken(_))), "{result:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_wallet_stays_as_it_was_read_and_one_that_does_not_exist_is_passed_over() {
    for db in databases() {
        let id = WalletId::of_user(db.user(1).await);
        let nobody = WalletId::of_user(user_id(9));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let database = db.database.clone();
            // As a payment runs: what is not locked may be changed by others at any moment.
            tasks.spawn(async move {
                let increment = move |work: &mut superapp::store::Work<'_>| {
                    wallets::lock(work, [id, nobody])?;
                    let read = "SELECT balance_cents FROM wallets WHERE id = $1";
                    let balance: i64 = work.query_opt(read, &[id.into()], |row| row.get(0))?.unwrap_or_default();
                    let write = "UPDATE wallets SET balance_cents = $2 WHERE id = $1";
                    work.execute_one(write, &[id.into(), (balance + 1).into()])
                };
                database.post(increment, soon()).await.unwrap();
            });
        }
        tasks.join_all().await;
        let wallet = db.find(wallets::find_by_user(user_id(1))).await.unwrap();
        assert_eq!(wallet.balance, Cents::new(20));
    }
}

#[tokio::test]
async fn wallets_are_listed_by_user_and_by_when_money_moved() {
    for db in databases() {
        let (ann, bob, eve) = (db.user(1).await, db.user(2).await, db.user(3).await);
        db.write(move |work| {
            let text = "UPDATE wallets SET last_transaction_at = $2, status = $3 WHERE id = $1";
            for (user, at, status) in [(ann, START, "active"), (bob, START.plus(Span::seconds(1)), "frozen")] {
                work.execute_one(text, &[WalletId::of_user(user).into(), at.into(), status.into()])?;
            }
            Ok(())
        })
        .await;
        let list = |page: Page| {
            let found = db.read(move |view| wallets::list(view, &page));
            async { found.await.into_iter().map(|line| line.user_id.unwrap()).collect::<Vec<_>>() }
        };
        let all = || Page { limit: 9, ..Page::default() };
        assert_eq!(list(all()).await, [bob, ann], "on the third no money ever moved");
        assert_eq!(list(Page { limit: 1, ..Page::default() }).await, [bob]);
        let before = Some((START.plus(Span::seconds(1)), WalletId::of_user(bob)));
        assert_eq!(list(Page { before, ..all() }).await, [ann]);
        assert_eq!(list(Page { status: Some(WalletStatus::Frozen), ..all() }).await, [bob]);
        assert_eq!(list(Page { user: Some(eve), ..all() }).await, [eve]);
        let frozen = |user| Page { user: Some(user), status: Some(WalletStatus::Frozen), ..all() };
        assert_eq!((list(frozen(bob)).await, list(frozen(ann)).await), (vec![bob], vec![]));
    }
}
