//! Sending gifts.

use crate::harness::TestApp;
use serde_json::json;

#[tokio::test]
async fn a_gift_is_paid_at_the_catalogues_price() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 1_000_000).await, app.user("bob").await);
    let body = json!({ "recipient_id": bob.id.to_string(), "gift_type": "rose", "quantity": 3, "message": "for the song",
        "context": "stream-17" });
    let sold = ann.post("/api/gifts/send").key("k").json(body.clone()).send().await.done(201);
    let told = sold.json();
    assert_eq!(told["gift"]["amount_cents"], 300_000);
    assert_eq!((&told["gift"]["quantity"], &told["gift"]["gift_type"]), (&json!(3), &json!("rose")));
    assert_eq!((&told["gift"]["message"], &told["gift"]["context"]), (&json!("for the song"), &json!("stream-17")));
    assert_eq!(told["split"], json!({ "creator_cents": 255_000, "platform_cents": 30_000, "processor_cents": 15_000 }));
    assert_eq!(told["transaction"]["note"], "for the song");
    ann.post("/api/gifts/send").key("k").json(body).send().await.replays(&sold);
    assert_eq!(bob.history().await[0]["note"], "for the song");
    assert_eq!((ann.balance().await, bob.balance().await), (700_000, 255_000));
}

#[tokio::test]
async fn every_refusal_of_a_gift_has_its_code_and_moves_nothing() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 99_999).await, app.user("bob").await);
    ann.roses(&bob, 1).send().await.refused(400, "idempotency_key_required");
    ann.roses(&bob, 1).fresh_key().send().await.refused(402, "insufficient_funds");
    ann.roses(&ann, 1).fresh_key().send().await.refused(422, "self_gift");
    for quantity in [0, 101, -1] {
        ann.roses(&bob, quantity).fresh_key().send().await.invalid(&["/quantity"]);
    }
    let send = |recipient: &str, gift_type: &str, message: &str| {
        let body = json!({ "recipient_id": recipient, "gift_type": gift_type, "quantity": 1, "message": message });
        ann.post("/api/gifts/send").fresh_key().json(body)
    };
    let (bob_id, nobody) = (bob.id.to_string(), "usr_00000000000000000000000001");
    send(&bob_id, "castle", "").send().await.invalid(&["/gift_type"]);
    send("bob", "rose", &"x".repeat(201)).send().await.invalid(&["/recipient_id", "/message"]);
    let priced = json!({ "recipient_id": bob_id, "gift_type": "rose", "quantity": 1, "price_cents": 1 });
    ann.post("/api/gifts/send").fresh_key().json(priced).send().await.invalid(&["/price_cents"]);
    assert_eq!((ann.balance().await, bob.balance().await), (99_999, 0));
    ann.deposit(1).fresh_key().send().await.done(201);
    send(nobody, "rose", "").send().await.refused(404, "recipient_not_found");
    assert_eq!(app.count("SELECT COUNT(*) FROM gifts").await, 0);
}
