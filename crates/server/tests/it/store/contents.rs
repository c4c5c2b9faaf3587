//! Contents: what is kept, what each viewer has of it, and pages in every order.

use super::{Fixture, START, databases, user_id, uuid};
use domain::content::{ContentSort, ContentType, Holding, Price};
use domain::id::{ContentId, UnlockId, UserId};
use domain::timestamp::{Span, Timestamp};
use superapp::store::StoreError;
use superapp::store::catalogue::{self, Page};
use superapp::store::contents::{self, Content};

const EVERYTHING: Page =
    Page { sort: ContentSort::Newest, after: None, creator: None, kind: None, title: None, limit: 100 };

fn at(second: i64) -> Timestamp {
    START.plus(Span::seconds(second))
}

/// A content whose every field follows from a number.
fn content(number: u128, creator: UserId, price: i64, second: i64) -> Content {
    Content {
        id: ContentId::new(uuid(number)),
        creator_id: creator,
        creator_username: None,
        kind: ContentType::Video,
        title: format!("Title {number}"),
        description: None,
        price: Price::new(price).unwrap(),
        subscriber_only: false,
        media_url: format!("https://example.com/{number}"),
        preview_url: None,
        is_active: true,
        created_at: at(second),
        updated_at: at(second),
    }
}

async fn add(db: &Fixture, content: Content) -> ContentId {
    let id = content.id;
    db.write(move |work| contents::insert(work, &content)).await;
    id
}

async fn unlock(db: &Fixture, number: u128, fan: UserId, id: ContentId, second: i64, revoked: Option<Timestamp>) {
    let text = "INSERT INTO unlocks (id, user_id, content_id, creator_id, amount_cents, created_at, revoked_at)
        VALUES ($1, $2, $3, $2, 7, $4, $5)";
    let values = [uuid(number).into(), fan.into(), id.into(), at(second).into(), revoked.into()];
    db.write(move |work| work.execute_one(text, &values)).await;
}

pub async fn subscribe(
    db: &Fixture,
    number: u128,
    fan: UserId,
    creator: UserId,
    status: &'static str,
    until: Timestamp,
) {
    let text = "INSERT INTO subscriptions (id, subscriber_id, creator_id, tier, status, price_cents, anchor_at, \
        period, period_start, period_end, expires_at, auto_renew, created_at, updated_at)
        VALUES ($1, $2, $3, 'monthly', $4, 1, 0, 0, 0, $5, $5, 1, 0, 0)";
    let values = [uuid(number).into(), fan.into(), creator.into(), status.into(), until.into()];
    db.write(move |work| work.execute_one(text, &values)).await;
}

async fn list(db: &Fixture, viewer: UserId, page: Page) -> Vec<u128> {
    let seen = db.read(move |view| contents::list(view, viewer, START, &page)).await;
    seen.iter().map(|seen| seen.content.id.uuid().as_u128()).collect()
}

#[tokio::test]
async fn a_content_is_found_as_it_was_made_and_as_it_was_changed() {
    for db in databases() {
        let (cleo, eve) = (db.user(1).await, db.user(2).await);
        let first = content(9, cleo, 5, 0);
        let id = add(&db, first.clone()).await;
        let own = |creator| db.read(move |view| contents::find_own(view, creator, id));
        let named = Content { creator_username: Some("User1".to_owned()), ..first };
        assert_eq!(own(cleo).await, Some(named.clone()));
        assert_eq!(own(eve).await, None, "somebody else's is not one's own");
        let changed = Content {
            kind: ContentType::Audio,
            title: "Another".to_owned(),
            description: Some("Text".to_owned()),
            price: Price::FREE,
            subscriber_only: true,
            media_url: "https://example.com/new".to_owned(),
            preview_url: Some("https://example.com/preview".to_owned()),
            is_active: false,
            updated_at: at(5),
            ..named
        };
        let update = changed.clone();
        db.write(move |work| contents::update(work, &update)).await;
        assert_eq!(own(cleo).await, Some(changed.clone()));
        let stolen = Content { creator_id: eve, ..changed.clone() };
        let result = db.try_write(move |work| contents::update(work, &stolen)).await;
        assert!(matches!(result, Err(StoreError::Broken(_))), "{result:?}");
        assert_eq!(own(cleo).await, Some(changed));
    }
}

#[tokio::test]
async fn a_viewer_has_what_is_live_and_their_own() {
    for db in databases() {
        let (cleo, fan, eve) = (db.user(1).await, db.user(2).await, db.user(3).await);
        let (bought, back, neither) = (
            add(&db, content(11, cleo, 5, 0)).await,
            add(&db, content(12, cleo, 5, 0)).await,
            add(&db, content(13, eve, 5, 0)).await,
        );
        unlock(&db, 21, fan, bought, 0, None).await;
        unlock(&db, 22, fan, back, 0, Some(at(1))).await;
        subscribe(&db, 31, fan, cleo, "active", at(60)).await;
        subscribe(&db, 32, fan, eve, "ended", at(60)).await;
        let holding = |viewer, id, now| {
            let seen = db.find(contents::find(viewer, id, now));
            async move {
                let seen = seen.await.unwrap();
                (seen.holding.unlocked, seen.holding.subscribed, seen.subscribed_until)
            }
        };
        assert_eq!(holding(fan, bought, at(0)).await, (true, true, Some(at(60))));
        assert_eq!(holding(fan, back, at(0)).await, (false, true, Some(at(60))));
        assert_eq!(holding(fan, bought, at(60)).await, (true, false, None), "the end is not in it");
        assert_eq!(holding(fan, neither, at(0)).await, (false, false, None));
        assert_eq!(holding(eve, bought, at(0)).await, (false, false, None));
        assert_eq!(db.find(contents::find(fan, ContentId::new(uuid(99)), START)).await, None);
        let seen = db.read(move |view| contents::list(view, fan, START, &EVERYTHING)).await;
        let held: Vec<_> = seen.iter().map(|seen| (seen.content.id, seen.holding)).collect();
        let holding = |unlocked, subscribed| Holding { unlocked, subscribed };
        assert_eq!(
            held,
            [(neither, holding(false, false)), (back, holding(false, true)), (bought, holding(true, true))]
        );
    }
}

#[tokio::test]
async fn pages_show_every_content_once_in_every_order() {
    for db in databases() {
        let (cleo, dan) = (db.user(1).await, db.user(2).await);
        // Several in each second and at each price: the id decides among them.
        for number in 1..=20_u32 {
            let creator = if number.is_multiple_of(2) { cleo } else { dan };
            add(&db, content(number.into(), creator, (number % 3).into(), (number / 4).into())).await;
        }
        let mut by_price: Vec<u128> = (1..=20).collect();
        by_price.sort_by_key(|number| (number % 3, *number));
        let reversed = |numbers: &[u128]| numbers.iter().rev().copied().collect::<Vec<_>>();
        let oldest: Vec<u128> = (1..=20).collect();
        for (sort, expected) in [
            (ContentSort::Newest, reversed(&oldest)),
            (ContentSort::Oldest, oldest.clone()),
            (ContentSort::PriceAsc, by_price.clone()),
            (ContentSort::PriceDesc, reversed(&by_price)),
        ] {
            for creator in [None, Some(cleo)] {
                let (mut seen, mut after) = (Vec::new(), None);
                loop {
                    let page = Page { sort, after, creator, limit: 3, ..EVERYTHING };
                    let lines = db.read(move |view| contents::list(view, dan, START, &page)).await;
                    let Some(last) = lines.last() else { break };
                    let by_price = matches!(sort, ContentSort::PriceAsc | ContentSort::PriceDesc);
                    let key =
                        if by_price { last.content.price.cents().get() } else { last.content.created_at.as_micros() };
                    after = Some((key, last.content.id));
                    seen.extend(lines.iter().map(|seen| seen.content.id.uuid().as_u128()));
                }
                let of_cleo = |number: &u128| creator.is_none() || number.is_multiple_of(2);
                let expected: Vec<u128> = expected.iter().copied().filter(of_cleo).collect();
                assert_eq!(seen, expected, "{sort:?} {creator:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_catalogue_is_filtered_and_hides_what_is_not_on_offer() {
    for db in databases() {
        let (cleo, fan) = (db.user(1).await, db.user(2).await);
        add(&db, Content { title: "100% Yoga_1".to_owned(), ..content(1, cleo, 1, 1) }).await;
        add(&db, Content { kind: ContentType::Audio, title: "Yoga!".to_owned(), ..content(2, cleo, 1, 2) }).await;
        add(&db, Content { is_active: false, ..content(3, cleo, 1, 3) }).await;
        add(&db, content(4, fan, 1, 4)).await;
        assert_eq!(list(&db, fan, EVERYTHING).await, [4, 2, 1]);
        assert_eq!(list(&db, cleo, EVERYTHING).await, [4, 3, 2, 1], "one's own are all there");
        assert_eq!(list(&db, fan, Page { creator: Some(cleo), ..EVERYTHING }).await, [2, 1]);
        assert_eq!(list(&db, fan, Page { creator: Some(user_id(9)), ..EVERYTHING }).await, [0; 0]);
        assert_eq!(list(&db, fan, Page { kind: Some(ContentType::Audio), ..EVERYTHING }).await, [2]);
        for (title, expected) in [
            ("yoga", vec![2, 1]),
            ("0% y", vec![1]),
            ("%", vec![1]),
            ("_", vec![1]),
            ("!", vec![2]),
            ("nothing", vec![]),
        ] {
            let title = Some(title.to_owned());
            for sort in [ContentSort::Newest, ContentSort::PriceDesc] {
                assert_eq!(
                    list(&db, fan, Page { title: title.clone(), sort, ..EVERYTHING }).await,
                    expected,
                    "{title:?}"
                );
            }
        }
        assert_eq!(list(&db, fan, Page { limit: 1, ..EVERYTHING }).await, [4]);
        db.write(move |work| {
            work.execute_one("UPDATE users SET account_status = 'suspended' WHERE id = $1", &[cleo.into()])
        })
        .await;
        assert_eq!(list(&db, fan, EVERYTHING).await, [4], "nothing of a suspended creator is on offer");
    }
}

#[tokio::test]
async fn purchases_are_listed_newest_first_without_those_that_were_given_back() {
    for db in databases() {
        let (cleo, fan) = (db.user(1).await, db.user(2).await);
        for number in 1..=5_u32 {
            let id = add(&db, Content { is_active: number != 2, ..content(number.into(), cleo, 9, 0) }).await;
            let revoked = (number == 3).then(|| at(9));
            unlock(&db, u128::from(number) + 20, fan, id, (number / 2).into(), revoked).await;
        }
        let page = |before, limit| db.read(move |view| contents::unlocked(view, fan, before, limit));
        let all = page(None, 100).await;
        let ids = |lines: &[contents::Unlocked]| {
            lines.iter().map(|line| line.content.id.uuid().as_u128()).collect::<Vec<_>>()
        };
        assert_eq!(ids(&all), [5, 4, 2, 1]);
        assert_eq!((all[0].id, all[0].amount.credit().get()), (UnlockId::new(uuid(25)), 7));
        assert_eq!(all[0].unlocked_at, at(2));
        assert_eq!(ids(&page(Some((all[1].unlocked_at, all[1].id)), 1).await), [2]);
        assert!(db.read(move |view| contents::unlocked(view, cleo, None, 100)).await.is_empty());
    }
}

#[tokio::test]
async fn what_is_listed_and_what_a_viewer_has_of_it_are_two_questions_with_one_answer() {
    for db in databases() {
        let (cleo, fan) = (db.user(1).await, db.user(2).await);
        for number in 11..=15 {
            add(&db, content(number, cleo, 5, 0)).await;
        }
        unlock(&db, 21, fan, ContentId::new(uuid(13)), 0, None).await;
        subscribe(&db, 31, fan, cleo, "active", at(60)).await;
        // Without a replica what may be stale is not.
        let listed = db.database.read_stale(move |reader| catalogue::list(reader, fan, &EVERYTHING)).await.unwrap();
        let two = db.read(move |view| contents::hold(view, fan, START, &listed)).await;
        let one = db.read(move |view| contents::list(view, fan, START, &EVERYTHING)).await;
        assert_eq!(two, one);
        for seen in one {
            let found = db.find(contents::find(fan, seen.content.id, START)).await;
            assert_eq!(found, Some(seen));
        }
        assert_eq!(db.database.replica(), None);
        assert_eq!(db.read(move |view| contents::hold(view, fan, START, &[])).await, []);
    }
}
