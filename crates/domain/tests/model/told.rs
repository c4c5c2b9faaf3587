//! What somebody is told, in plain numbers. The reference model makes one by its own rules, the ledger's
//! outcome is read into one, and both go out as the same bytes only if every number agrees.

#[path = "told/refused.rs"]
mod refused;

pub use refused::Refused;

use crate::ask::{Number, User, user_id, user_of};
use crate::chance::NOBODY;
use domain::id::WalletId;
use domain::idempotency::StoredResponse;
use domain::payout::Payout;
use domain::receipt::{Act, Outcome};
use domain::sale::SaleOf;
use domain::split::Split;
use domain::subscription::Subscription;
use domain::timestamp::Timestamp;
use domain::transaction::Transaction;
use domain::wallet::{Provider, SystemWallet};
use std::collections::HashMap;
use std::sync::OnceLock;
use uuid::Uuid;

/// Whose wallet.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Holder {
    User(User),
    Debt(User),
    Clearing(&'static str),
    Platform,
    Processor,
    Payouts,
}

/// One leg: whose, how much, and the balance after it.
pub type Leg = (Holder, i64, Option<i64>);

/// The parts of creator, platform and processor.
pub type Parts = [i64; 3];

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Told {
    Done(Box<Done>),
    Refused(Refused),
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Done {
    pub number: Number,
    pub asker: User,
    pub payer: Option<User>,
    pub payee: Option<User>,
    pub amount: i64,
    /// The version of the splits, and the parts.
    pub split: Option<(i64, Parts)>,
    pub reverses: Option<Number>,
    pub legs: Vec<Leg>,
    pub row: Row,
    pub at: i64,
}

/// The rows beside the entries.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Row {
    Deposit {
        id: Number,
        through: String,
        reference: Option<String>,
        status: &'static str,
        was_pending: bool,
    },
    Transfer {
        note: Option<String>,
    },
    Unlock {
        id: Number,
        content: Number,
    },
    Subscribe {
        new: Sub,
        ended: Option<Sub>,
    },
    Renew {
        renewed: Sub,
    },
    Gift {
        id: Number,
        between: (User, User),
        gift: String,
        quantity: i64,
        words: [Option<String>; 2],
    },
    Refund {
        id: Number,
        sale: Sold,
        debt: i64,
        reason: String,
        in_full: bool,
        revoked: Option<Sub>,
    },
    Payout {
        id: Number,
        creator: User,
        amount: i64,
        to: String,
        status: &'static str,
        remark: Option<String>,
        made: i64,
        repaid: i64,
    },
}

/// A subscription.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sub {
    pub id: Number,
    pub fan: User,
    pub creator: User,
    pub months: i64,
    pub status: &'static str,
    pub price: i64,
    pub anchor: i64,
    pub period: i64,
    pub start: i64,
    pub end: i64,
    pub expires: i64,
    pub renews: bool,
    pub next_try: Option<i64>,
    pub tries: i64,
    pub made: i64,
}

/// A sale, with what was given back of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sold {
    pub id: Number,
    pub fan: User,
    pub creator: User,
    pub amount: i64,
    pub version: i64,
    pub parts: Parts,
    pub given_back: Parts,
    pub of: Of,
    pub at: i64,
}

/// What was sold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Of {
    Unlock(Number),
    Period { subscription: Number, period: i64 },
    Gifts(i64),
}

impl Told {
    pub const fn refusal(&self) -> Option<&'static str> {
        match self {
            Self::Done(_) => None,
            Self::Refused(refused) => Some(refused.code),
        }
    }

    pub fn stored(&self) -> StoredResponse {
        StoredResponse {
            status: if self.refusal().is_none() { 201 } else { 422 },
            headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
            body: format!("{self:?}").into_bytes(),
        }
    }
}

impl Row {
    /// What was done, for the list of what a run has shown.
    pub const fn what(&self) -> &'static str {
        match self {
            Self::Deposit { was_pending: false, .. } => "deposit",
            Self::Deposit { .. } => "pending deposit completed",
            Self::Transfer { .. } => "transfer",
            Self::Unlock { .. } => "unlock",
            Self::Subscribe { ended: None, .. } => "subscription",
            Self::Subscribe { .. } => "subscription after one that had lapsed",
            Self::Renew { .. } => "renewal",
            Self::Gift { .. } => "gift",
            Self::Refund { in_full: false, .. } => "refund in part",
            Self::Refund { revoked: Some(_), .. } => "refund that revokes a subscription",
            Self::Refund { .. } => "refund in full",
            Self::Payout { remark: None, .. } => "payout held",
            Self::Payout { status, repaid, .. } => match status.as_bytes() {
                b"paid" => "payout paid",
                _ if *repaid > 0 => "payout rejected that repaid a debt",
                _ => "payout rejected",
            },
        }
    }
}

/// The pure function that turns an outcome into what goes out.
pub fn render(outcome: &Outcome) -> StoredResponse {
    let told = match outcome {
        Ok(receipt) => Told::Done(Box::new(done(&receipt.transaction))),
        Err(refusal) => Told::Refused(Refused::of(refusal)),
    };
    told.stored()
}

fn done(transaction: &Transaction) -> Done {
    let leg = |entry: &domain::transaction::Entry| {
        let holder = holder(entry.wallet_id);
        let user = if let Holder::User(user) = holder { Some(user) } else { None };
        assert_eq!(entry.user_id.map(user_of), user, "{entry:?}");
        (holder, entry.amount.get(), entry.balance_after.map(domain::money::Cents::get))
    };
    Done {
        number: number(transaction.id.uuid()),
        asker: user_of(transaction.user_id),
        payer: transaction.payer_id.map(user_of),
        payee: transaction.payee_id.map(user_of),
        amount: transaction.amount.credit().get(),
        split: transaction.split.map(|split| (split.version, parts(&split))),
        reverses: transaction.reverses.map(|id| number(id.uuid())),
        legs: transaction.entries.iter().map(leg).collect(),
        row: row(&transaction.act),
        at: transaction.created_at.as_micros(),
    }
}

fn number(id: Uuid) -> Number {
    id.as_u128()
}

fn parts(split: &Split) -> Parts {
    [split.creator.get(), split.platform.get(), split.processor.get()]
}

/// Whose a wallet is, by its id.
pub fn holder(id: WalletId) -> Holder {
    static HOLDERS: OnceLock<HashMap<WalletId, Holder>> = OnceLock::new();
    let holders = HOLDERS.get_or_init(|| {
        let people = (1..=NOBODY).flat_map(|user| {
            let (own, debt) = (WalletId::of_user(user_id(user)), WalletId::of_debt(user_id(user)));
            [(own, Holder::User(user)), (debt, Holder::Debt(user))]
        });
        let clearing = ["sandbox", "other", "manual"]
            .into_iter()
            .map(|name| (SystemWallet::Clearing(Provider::parse(name).unwrap()).id(), Holder::Clearing(name)));
        let system = [
            (SystemWallet::Platform.id(), Holder::Platform),
            (SystemWallet::Processor.id(), Holder::Processor),
            (SystemWallet::Payouts.id(), Holder::Payouts),
        ];
        people.chain(clearing).chain(system).collect()
    });
    holders[&id]
}

fn row(act: &Act) -> Row {
    let owned = |note: &Option<domain::text::Note>| note.as_ref().map(|note| note.as_str().to_owned());
    match act {
        Act::Deposit(row) => Row::Deposit {
            id: number(row.id.uuid()),
            through: row.provider.as_str().to_owned(),
            reference: row.provider_tx_id.clone(),
            status: row.status.as_str(),
            was_pending: row.was.is_some(),
        },
        Act::Transfer { note } => Row::Transfer { note: owned(note) },
        Act::Unlock(row) => Row::Unlock { id: number(row.id.uuid()), content: number(row.content_id.uuid()) },
        Act::Subscribe { subscription, ended } => {
            Row::Subscribe { new: plain(subscription), ended: ended.as_ref().map(plain) }
        }
        Act::Renew(subscription) => Row::Renew { renewed: plain(subscription) },
        Act::Gift(row) => Row::Gift {
            id: number(row.id.uuid()),
            between: (user_of(row.sender_id), user_of(row.recipient_id)),
            gift: row.gift_type.as_str().to_owned(),
            quantity: row.quantity.get(),
            words: [owned(&row.message), owned(&row.context)],
        },
        Act::Refund(row) => Row::Refund {
            id: number(row.id.uuid()),
            sale: sold(&row.sale),
            debt: row.debt.get(),
            reason: row.reason.as_str().to_owned(),
            in_full: row.in_full,
            revoked: row.revoked.as_ref().map(plain),
        },
        Act::PayoutHold(payout) => payout_row(payout, 0),
        Act::PayoutDecision { payout, repaid } => payout_row(payout, repaid.get()),
    }
}

fn payout_row(payout: &Payout, repaid: i64) -> Row {
    Row::Payout {
        id: number(payout.id.uuid()),
        creator: user_of(payout.creator_id),
        amount: payout.amount.credit().get(),
        to: payout.destination.as_str().to_owned(),
        status: payout.status.as_str(),
        remark: payout.remark.as_ref().map(|remark| remark.as_str().to_owned()),
        made: payout.created_at.as_micros(),
        repaid,
    }
}

pub fn plain(row: &Subscription) -> Sub {
    Sub {
        id: number(row.id.uuid()),
        fan: user_of(row.subscriber_id),
        creator: user_of(row.creator_id),
        months: row.tier.months().into(),
        status: row.status.as_str(),
        price: row.price.credit().get(),
        anchor: row.anchor_at.as_micros(),
        period: row.period,
        start: row.period_start.as_micros(),
        end: row.period_end.as_micros(),
        expires: row.expires_at.as_micros(),
        renews: row.auto_renew,
        next_try: row.renew_at.map(Timestamp::as_micros),
        tries: row.renewals_tried,
        made: row.created_at.as_micros(),
    }
}

pub fn sold(sale: &domain::sale::Sale) -> Sold {
    Sold {
        id: number(sale.id.uuid()),
        fan: user_of(sale.payer_id),
        creator: user_of(sale.payee_id),
        amount: sale.amount.credit().get(),
        version: sale.split.version,
        parts: parts(&sale.split),
        given_back: parts(&sale.refunded),
        of: match sale.of {
            SaleOf::Unlock(content) => Of::Unlock(number(content.uuid())),
            SaleOf::Subscription { id, period } => Of::Period { subscription: number(id.uuid()), period },
            SaleOf::Gift(quantity) => Of::Gifts(quantity.get()),
        },
        at: sale.created_at.as_micros(),
    }
}
