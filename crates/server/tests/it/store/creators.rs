//! Creators: who is one, what they have on offer, and who subscribes to them.

use super::contents::subscribe;
use super::{Fixture, START, databases, user_id, uuid};
use domain::id::UserId;
use domain::money::Amount;
use domain::subscription::{Plan, PlanTier};
use domain::timestamp::Span;
use domain::user::Role;
use superapp::store::creators::{self, Creator, Page};
use superapp::store::{plans, users};

async fn creator(db: &Fixture, number: u128) -> UserId {
    let id = db.user(number).await;
    db.write(move |work| users::update_role(work, id, Role::Creator, START)).await;
    id
}

async fn content(db: &Fixture, number: u128, creator: UserId, is_active: bool) {
    let text = "INSERT INTO contents (id, creator_id, type, title, price_cents, subscriber_only, media_url, is_active, \
        created_at, updated_at) VALUES ($1, $2, 'video', 'a', 0, 0, 'https://example.com/a', $3, 0, 0)";
    let values = [uuid(number).into(), creator.into(), is_active.into()];
    db.write(move |work| work.execute_one(text, &values)).await;
}

async fn page(db: &Fixture, before: Option<u128>, prefix: Option<&str>, limit: i64) -> Vec<Creator> {
    let page = Page { before: before.map(user_id), prefix: prefix.map(ToOwned::to_owned), limit };
    db.read(move |view| creators::list(view, START, &page)).await
}

#[tokio::test]
async fn a_creator_is_shown_with_what_is_live() {
    for db in databases() {
        let (cleo, fan) = (creator(&db, 1).await, db.user(2).await);
        for (number, active) in [(11, true), (12, true), (13, false)] {
            content(&db, number, cleo, active).await;
        }
        let later = START.plus(Span::seconds(1));
        for (number, status, until) in
            [(21, "active", later), (22, "active", later), (23, "active", START), (24, "ended", later)]
        {
            subscribe(&db, number, user_id(number), cleo, status, until).await;
        }
        let plan =
            |tier, price, is_active| Plan { creator_id: cleo, tier, price: Amount::new(price).unwrap(), is_active };
        let offered = [plan(PlanTier::Monthly, 5, true), plan(PlanTier::Yearly, 50, false)];
        for plan in offered.into_iter().rev() {
            db.write(move |work| plans::upsert(work, &plan, START)).await;
        }
        let found = db.read(move |view| creators::find(view, cleo, START)).await.unwrap();
        let expected = Creator {
            id: cleo,
            username: Some("User1".to_owned()),
            created_at: START,
            contents: 2,
            subscribers: 2,
            plans: offered.to_vec(),
        };
        assert_eq!(found, expected);
        assert_eq!(page(&db, None, None, 10).await, [expected]);
        for nobody in [fan, user_id(99)] {
            assert_eq!(db.read(move |view| creators::find(view, nobody, START)).await, None);
        }
    }
}

#[tokio::test]
async fn creators_are_listed_newest_first_and_by_the_beginning_of_their_names() {
    for db in databases() {
        for number in [1, 2, 3, 10, 11] {
            let id = creator(&db, number).await;
            let plan =
                Plan { creator_id: id, tier: PlanTier::Monthly, price: Amount::new(1).unwrap(), is_active: true };
            db.write(move |work| plans::upsert(work, &plan, START)).await;
            db.write(move |work| plans::upsert(work, &Plan { tier: PlanTier::Yearly, ..plan }, START)).await;
        }
        db.user(12).await;
        let suspend = "UPDATE users SET account_status = 'suspended' WHERE id = $1";
        db.write(move |work| work.execute_one(suspend, &[user_id(3).into()])).await;
        let ids =
            |creators: Vec<Creator>| creators.iter().map(|creator| creator.id.uuid().as_u128()).collect::<Vec<_>>();
        assert_eq!(ids(page(&db, None, None, 10).await), [11, 10, 2, 1]);
        assert_eq!(ids(page(&db, None, None, 2).await), [11, 10], "creators are counted, not their plans");
        assert_eq!(ids(page(&db, Some(10), None, 2).await), [2, 1]);
        assert_eq!(ids(page(&db, None, Some("uSER1"), 10).await), [11, 10, 1]);
        assert_eq!(ids(page(&db, None, Some("ser"), 10).await), [0; 0]);
        for text in ["%", "_", "!", "user_"] {
            assert_eq!(ids(page(&db, None, Some(text), 10).await), [0; 0], "{text}");
        }
        assert!(db.read(move |view| creators::find(view, user_id(3), START)).await.is_none());
    }
}

#[tokio::test]
async fn a_subscription_is_told_with_its_end() {
    for db in databases() {
        let (cleo, fan) = (creator(&db, 1).await, db.user(2).await);
        let end = START.plus(Span::seconds(60));
        subscribe(&db, 21, fan, cleo, "active", end).await;
        let until = |fan, creator, now| db.find(creators::subscribed_until(fan, creator, now));
        assert_eq!(until(fan, cleo, START).await, Some(Some(end)));
        assert_eq!(until(fan, cleo, end).await, Some(None), "the end is not in it");
        assert_eq!(until(cleo, fan, START).await, Some(None));
        assert_eq!(until(fan, user_id(9), START).await, None);
    }
}
