//! What the people of the model ask for, in plain numbers, and the same thing as the ledger is asked it.

use crate::terms::{Policy, TERMS};
use domain::audit::Actor;
use domain::command::{
    Command, DecidePayout, Deposit, Gift, Parties, Refund, Renew, Request, RequestPayout, Subscribe, Transfer, Unlock,
};
use domain::gift::{GiftType, Quantity};
use domain::id::{ContentId, DepositId, PayoutId, SubscriptionId, TransactionId, UserId};
use domain::idempotency::{Fingerprint, Idempotency, Key, KeyDigest};
use domain::money::{Amount, Cents};
use domain::split::{Shares, Terms};
use domain::subscription::PlanTier;
use domain::text::{Note, Text};
use domain::timestamp::Timestamp;
use domain::wallet::Provider;
use uuid::Uuid;

/// A person, by number.
pub type User = u64;

/// A key, by number; every person has their own.
pub type KeyNumber = u16;

/// A request, and the transaction, subscription, payout or deposit that it makes.
pub type Number = u128;

/// What somebody wants done. A tier is its number of months.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ask {
    Deposit { to: User, amount: i64, through: &'static str, reference: Option<u16>, pending: Option<Number> },
    Transfer { from: User, to: User, amount: i64, note: Option<&'static str> },
    Unlock { fan: User, content: u64, expected: Option<i64> },
    Subscribe { fan: User, creator: User, months: i64, expected: Option<i64> },
    Renew { subscription: Number },
    Gift { from: User, to: User, gift: &'static str, quantity: i64, message: Option<&'static str> },
    Refund { sale: Number, amount: Option<i64> },
    Payout { creator: User, amount: i64 },
    Decide { payout: Number, is_paid: bool },
}

/// What the server adds of its own when a request arrives: its settings, and what it read beforehand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// Which row of `TERMS`.
    pub terms: usize,
    pub policy: Policy,
    /// What the catalogue asks for the gift.
    pub price: i64,
    pub fan: Option<User>,
    pub creator: Option<User>,
    pub subscription: Option<Number>,
}

/// One arrival of a request. A client that retries makes another one, with a number of its own.
#[derive(Clone, Copy, Debug)]
pub struct Sending {
    pub number: Number,
    pub principal: User,
    pub key: KeyNumber,
    pub ask: Ask,
    pub first_seen: i64,
    pub seen: Seen,
}

pub const ROUTE: &str = "/api/wallet/model";
pub const REASON: &str = "asked for it back";
pub const DESTINATION: &str = "account 7 at the bank";
pub const REMARK: &str = "by hand";
pub const CONTEXT: &str = "stream 9";

pub fn user_id(user: User) -> UserId {
    UserId::new(Uuid::from_u128(user.into()))
}

pub fn user_of(id: UserId) -> User {
    id.uuid().as_u128().try_into().unwrap()
}

pub fn content_id(content: u64) -> ContentId {
    ContentId::new(Uuid::from_u128(content.into()))
}

pub fn transaction_id(number: Number) -> TransactionId {
    TransactionId::new(Uuid::from_u128(number))
}

pub fn subscription_id(number: Number) -> SubscriptionId {
    SubscriptionId::new(Uuid::from_u128(number))
}

pub fn key_digest(key: KeyNumber) -> KeyDigest {
    Key::parse(&format!("key-{key}")).unwrap().digest()
}

pub fn tier(months: i64) -> PlanTier {
    match months {
        1 => PlanTier::Monthly,
        3 => PlanTier::Quarterly,
        _ => PlanTier::Yearly,
    }
}

fn amount(cents: i64) -> Amount {
    Amount::new(cents).unwrap()
}

fn note(text: Option<&str>) -> Option<Note> {
    text.and_then(|text| Note::parse(text).unwrap())
}

fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::parse(text).unwrap()
}

impl Ask {
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&[format!("{self:?}").as_bytes()])
    }

    /// Of what there is one only, and the word for two who wanted it at once.
    pub fn contends_for(&self) -> Option<(&'static str, Number, Number)> {
        match *self {
            Self::Unlock { fan, content, .. } => Some(("unlocked twice in a batch", fan.into(), content.into())),
            Self::Subscribe { fan, creator, .. } => Some(("subscribed twice in a batch", fan.into(), creator.into())),
            Self::Renew { subscription } => Some(("renewed twice in a batch", subscription, 0)),
            Self::Refund { sale, .. } => Some(("refunded twice in a batch", sale, 0)),
            Self::Payout { creator, .. } => Some(("two payouts asked for in a batch", creator.into(), 0)),
            Self::Decide { payout, .. } => Some(("payout decided twice in a batch", payout, 0)),
            Self::Deposit { pending: Some(id), .. } => Some(("deposit completed twice in a batch", id, 0)),
            Self::Deposit { .. } | Self::Transfer { .. } | Self::Gift { .. } => None,
        }
    }

    fn command(&self, seen: &Seen) -> Command {
        match *self {
            Self::Deposit { to, amount: cents, through, reference, pending } => Command::Deposit(Deposit {
                user_id: user_id(to),
                amount: amount(cents),
                provider: Provider::parse(through).unwrap(),
                provider_tx_id: reference.map(|number| format!("payment {number}")),
                pending: pending.map(|number| DepositId::new(Uuid::from_u128(number))),
                is_release: false,
            }),
            Self::Transfer { from, to, amount: cents, note: words } => Command::Transfer(Transfer {
                from: user_id(from),
                to: user_id(to),
                amount: amount(cents),
                note: note(words),
            }),
            Self::Refund { sale, amount: cents } => Command::Refund(Refund {
                original: transaction_id(sale),
                parties: seen.fan.zip(seen.creator).map(|(fan, creator)| Parties {
                    payer_id: user_id(fan),
                    payee_id: user_id(creator),
                    subscription_id: seen.subscription.map(subscription_id),
                }),
                amount: cents.map(amount),
                reason: text(REASON),
            }),
            Self::Payout { creator, amount: cents } => Command::RequestPayout(RequestPayout {
                creator_id: user_id(creator),
                amount: amount(cents),
                destination: text(DESTINATION),
            }),
            Self::Decide { payout, is_paid } => Command::DecidePayout(DecidePayout {
                payout_id: PayoutId::new(Uuid::from_u128(payout)),
                creator_id: seen.creator.map(user_id),
                is_paid,
                remark: text(REMARK),
            }),
            Self::Unlock { .. } | Self::Subscribe { .. } | Self::Renew { .. } | Self::Gift { .. } => self.sale(seen),
        }
    }

    fn sale(&self, seen: &Seen) -> Command {
        let policy = seen.policy.policy();
        match *self {
            Self::Unlock { fan, content, expected } => Command::Unlock(Unlock {
                user_id: user_id(fan),
                content_id: content_id(content),
                creator_id: seen.creator.map(user_id),
                expected_price: expected.map(Cents::new),
                terms: seen.terms(0),
            }),
            Self::Subscribe { fan, creator, months, expected } => Command::Subscribe(Subscribe {
                subscriber_id: user_id(fan),
                creator_id: user_id(creator),
                tier: tier(months),
                expected_price: expected.map(Cents::new),
                terms: seen.terms(1),
                policy,
            }),
            Self::Renew { subscription } => Command::Renew(Renew {
                subscription_id: subscription_id(subscription),
                subscriber_id: user_id(seen.fan.unwrap_or_default()),
                creator_id: user_id(seen.creator.unwrap_or_default()),
                terms: seen.terms(1),
                policy,
            }),
            Self::Gift { from, to, gift, quantity, message } => Command::Gift(Gift {
                sender_id: user_id(from),
                recipient_id: user_id(to),
                gift_type: GiftType::parse(gift).unwrap(),
                price: amount(seen.price),
                quantity: Quantity::new(quantity).unwrap(),
                message: note(message),
                context: note(Some(CONTEXT)),
                terms: seen.terms(2),
            }),
            ask => unreachable!("{ask:?} is no sale"),
        }
    }
}

impl Seen {
    fn terms(&self, kind: usize) -> Terms {
        let (platform, processor) = TERMS[self.terms][kind];
        let shares = Shares::new(10_000 - platform - processor, platform, processor).unwrap();
        Terms { version: i64::try_from(self.terms).unwrap() + 1, shares }
    }
}

impl Sending {
    pub fn request_id(&self) -> String {
        format!("request-{}", self.number)
    }

    pub fn actor(&self) -> Actor {
        Actor { id: Some(user_id(self.principal)), credential: None, address: None, request_id: self.request_id() }
    }

    pub fn request(&self) -> Request {
        Request {
            id: transaction_id(self.number),
            actor: self.actor(),
            key: Idempotency {
                principal: user_id(self.principal),
                digest: key_digest(self.key),
                fingerprint: self.ask.fingerprint(),
                route: ROUTE.to_owned(),
                first_seen: Timestamp::from_micros(self.first_seen),
            },
            command: self.ask.command(&self.seen),
        }
    }
}
