//! The lists of gifts: from both sides, every gift once, newest first, and nobody else's.

use super::{Fixture, databases};
use crate::ledger::bank::Bank;
use domain::command::Command;
use domain::id::GiftId;
use domain::money::Cents;
use domain::text::Note;
use domain::timestamp::Span;
use superapp::store::gifts;

#[tokio::test]
async fn a_gift_is_seen_from_both_sides_and_by_nobody_else() {
    for db in databases() {
        let bank = Bank::open(db, 3).await;
        bank.execute("in", vec![bank.deposit(0, 1_000)]).await;
        let Command::Gift(mut gift) = bank.gift(0, 1, 3) else { panic!("not a gift") };
        gift.message = Note::parse("for the song").unwrap();
        gift.context = Note::parse("stream-17").unwrap();
        let sold = bank.tell("gift", Command::Gift(gift)).await.unwrap();
        assert!(bank.tell("back", bank.refund(0, 1, sold, Some(40))).await.is_ok());
        let (ann, bob, eve) = (bank.users[0], bank.users[1], bank.users[2]);
        let sent = bank.db.read(move |view| gifts::sent(view, ann, None, 10)).await;
        let received = bank.db.read(move |view| gifts::received(view, bob, None, 10)).await;
        assert_eq!((sent.len(), received.len()), (1, 1));
        let line = &sent[0];
        assert_eq!((line.id, line.other_id), (GiftId::new(sold.uuid()), bob));
        assert_eq!((line.gift_type.as_str(), line.quantity), ("rose", 3));
        assert_eq!((line.amount, line.refunded), (Cents::new(300), Cents::new(40)));
        assert_eq!((line.message.as_deref(), line.context.as_deref()), (Some("for the song"), Some("stream-17")));
        assert_eq!((line.created_at, line.other_username.as_deref()), (received[0].created_at, Some("User2")));
        assert_eq!((received[0].other_id, received[0].other_username.as_deref()), (ann, Some("User1")));
        for user in [bob, eve] {
            assert_eq!(bank.db.read(move |view| gifts::sent(view, user, None, 10)).await, []);
        }
        for user in [ann, eve] {
            assert_eq!(bank.db.read(move |view| gifts::received(view, user, None, 10)).await, []);
        }
    }
}

#[tokio::test]
async fn pages_show_every_gift_once_newest_first() {
    for db in databases() {
        let bank = Bank::open(db, 2).await;
        bank.execute("in", vec![bank.deposit(0, 100_000)]).await;
        let mut given = Vec::new();
        for round in 0..5 {
            let gifts = (0..5).map(|_| bank.gift(0, 1, 1)).collect();
            given.extend(bank.told(&format!("round-{round}"), gifts).await.into_iter().map(Result::unwrap));
            bank.advance(Span::seconds(1));
        }
        given.reverse();
        let (ann, bob) = (bank.users[0], bank.users[1]);
        let (mut seen, mut before) = ([Vec::new(), Vec::new()], [None, None]);
        for _ in 0..4 {
            let [of_ann, of_bob] = before;
            let sent = bank.db.read(move |view| gifts::sent(view, ann, of_ann, 7)).await;
            let received = bank.db.read(move |view| gifts::received(view, bob, of_bob, 7)).await;
            for (side, page) in [sent, received].into_iter().enumerate() {
                before[side] = page.last().map(|line| (line.created_at, line.id));
                seen[side].extend(page.iter().map(|line| line.id.uuid()));
            }
        }
        let given: Vec<_> = given.iter().map(|id| id.uuid()).collect();
        assert_eq!(seen, [given.clone(), given]);
    }
}

#[tokio::test]
async fn the_lists_are_read_without_a_scan_or_a_sort() {
    let db = Fixture::sqlite();
    let connection = db.sqlite_connection();
    for (column, index) in
        [("sender_id", "gifts_sender_id_created_at"), ("recipient_id", "gifts_recipient_id_created_at")]
    {
        let text = format!(
            "EXPLAIN QUERY PLAN SELECT id FROM gifts WHERE {column} = ?1 AND (created_at, id) < (?2, ?3)
                ORDER BY created_at DESC, id DESC LIMIT ?4"
        );
        let mut statement = connection.prepare(&text).unwrap();
        let rows = statement.query_map((1, 2, 3, 4), |row| row.get::<_, String>(3)).unwrap();
        let steps: Vec<String> = rows.collect::<Result<_, _>>().unwrap();
        assert_eq!(steps.len(), 1, "{steps:?}");
        assert!(steps[0].starts_with("SEARCH") && steps[0].contains(index), "{steps:?}");
    }
}
