//! What the people of a bank sell each other: contents, plans, gifts, and the way back.

use super::bank::Bank;
use domain::command::{Command, DecidePayout, Gift, Parties, Refund, Renew, RequestPayout, Subscribe, Unlock};
use domain::gift::{GiftType, Quantity};
use domain::id::{ContentId, PayoutId, SubscriptionId, TransactionId};
use domain::money::Amount;
use domain::payout::Destination;
use domain::split::{Shares, SplitTable, Splits};
use domain::subscription::{PlanTier, RenewalPolicy};
use domain::text::Reason;
use domain::timestamp::Span;
use superapp::ledger::Engine;
use superapp::store::Value;
use uuid::Uuid;

pub const POLICY: RenewalPolicy = RenewalPolicy { grace: Span::days(3), retry_after: Span::hours(24), tries_max: 3 };

/// The splits of a bank, under the first version.
pub fn splits() -> SplitTable {
    let shares = |creator, platform, processor| Shares::new(creator, platform, processor).unwrap();
    let splits = Splits {
        premium_unlock: shares(8_000, 1_500, 500),
        subscription: shares(7_000, 2_500, 500),
        gift: shares(8_500, 1_000, 500),
    };
    SplitTable { version: 1, splits }
}

impl Bank {
    /// A content of a creator's, on offer.
    pub async fn content(&self, number: u128, creator: usize, price_cents: i64) -> ContentId {
        let (id, creator_id) = (ContentId::new(Uuid::from_u128(number)), self.users[creator]);
        let text = "INSERT INTO contents (id, creator_id, type, title, price_cents, subscriber_only, media_url, is_active, \
            created_at, updated_at) VALUES ($1, $2, 'video', 'a title', $3, 0, 'https://example.com/a', 1, 0, 0)";
        self.change(text, [id.into(), creator_id.into(), price_cents.into()]).await;
        id
    }

    /// A monthly plan of a creator's, on offer.
    pub async fn plan(&self, creator: usize, price_cents: i64) {
        let text = "INSERT INTO plans (creator_id, tier, price_cents, is_active, created_at, updated_at)
            VALUES ($1, $2, $3, 1, 0, 0)";
        self.change(text, [self.users[creator].into(), PlanTier::Monthly.into(), price_cents.into()]).await;
    }

    async fn change(&self, text: &'static str, values: [Value<'static>; 3]) {
        self.db.write(move |work| work.execute_one(text, &values)).await;
    }

    pub fn unlock(&self, fan: usize, creator: usize, content_id: ContentId) -> Command {
        Command::Unlock(Unlock {
            user_id: self.users[fan],
            content_id,
            creator_id: Some(self.users[creator]),
            expected_price: None,
            terms: splits().premium_unlock(),
        })
    }

    pub fn subscribe(&self, fan: usize, creator: usize) -> Command {
        Command::Subscribe(Subscribe {
            subscriber_id: self.users[fan],
            creator_id: self.users[creator],
            tier: PlanTier::Monthly,
            expected_price: None,
            terms: splits().subscription(),
            policy: POLICY,
        })
    }

    pub fn renew(&self, fan: usize, creator: usize, subscription_id: SubscriptionId) -> Command {
        Command::Renew(Renew {
            subscription_id,
            subscriber_id: self.users[fan],
            creator_id: self.users[creator],
            terms: splits().subscription(),
            policy: POLICY,
        })
    }

    pub fn gift(&self, fan: usize, creator: usize, quantity: i64) -> Command {
        Command::Gift(Gift {
            sender_id: self.users[fan],
            recipient_id: self.users[creator],
            gift_type: GiftType::parse("rose").unwrap(),
            price: Amount::new(100).unwrap(),
            quantity: Quantity::new(quantity).unwrap(),
            message: None,
            context: None,
            terms: splits().gift(),
        })
    }

    pub fn refund(&self, fan: usize, creator: usize, original: TransactionId, cents: Option<i64>) -> Command {
        let (payer_id, payee_id) = (self.users[fan], self.users[creator]);
        // A period of a subscription is told by the transaction's own id where it is the first.
        let subscription_id = Some(SubscriptionId::new(original.uuid()));
        Command::Refund(Refund {
            original,
            parties: Some(Parties { payer_id, payee_id, subscription_id }),
            amount: cents.map(|cents| Amount::new(cents).unwrap()),
            reason: Reason::parse("a mistake").unwrap(),
        })
    }

    pub fn request_payout(&self, creator: usize, cents: i64) -> Command {
        Command::RequestPayout(RequestPayout {
            creator_id: self.users[creator],
            amount: Amount::new(cents).unwrap(),
            destination: Destination::parse("a bank").unwrap(),
        })
    }

    pub fn decide_payout(&self, creator: usize, payout: TransactionId, is_paid: bool) -> Command {
        Command::DecidePayout(DecidePayout {
            payout_id: PayoutId::new(payout.uuid()),
            creator_id: Some(self.users[creator]),
            is_paid,
            remark: Reason::parse("reference 7").unwrap(),
        })
    }

    /// What is said to each command of one batch: the transaction, or the code of the refusal.
    pub async fn told(&self, label: &str, commands: Vec<Command>) -> Vec<Result<TransactionId, String>> {
        let submissions: Vec<_> = commands
            .into_iter()
            .enumerate()
            .map(|(index, command)| self.submission(&format!("{label}-{index}"), command))
            .collect();
        let answers = self.engine().run(submissions.into()).await.unwrap();
        let told = |answer| match answer {
            domain::decide::Answer::Executed { response, refusal: None } => {
                Ok(String::from_utf8(response.body).unwrap().parse().unwrap())
            }
            domain::decide::Answer::Executed { refusal: Some(code), .. } => Err(code.to_owned()),
            other => panic!("{other:?}"),
        };
        answers.into_iter().map(told).collect()
    }

    /// What is said to one command.
    pub async fn tell(&self, label: &str, command: Command) -> Result<TransactionId, String> {
        self.told(label, vec![command]).await.remove(0)
    }

    /// What everybody holds, in the order of the users.
    pub async fn balances(&self) -> Vec<i64> {
        let text = "SELECT balance_cents FROM wallets WHERE kind = 'user' ORDER BY id";
        self.db.read(move |view| view.query(text, &[], |row| row.get(0))).await
    }

    /// The answer to a query for one number.
    pub async fn number(&self, text: &'static str) -> i64 {
        self.db.read(move |view| view.query_opt(text, &[], |row| row.get(0))).await.unwrap()
    }
}
