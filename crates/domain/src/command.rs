//! Everything that can be asked of the ledger.

use crate::audit::Actor;
use crate::gift::{GiftType, Quantity};
use crate::id::{ContentId, DepositId, PayoutId, SubscriptionId, TransactionId, UserId};
use crate::idempotency::{Idempotency, KeyDigest};
use crate::money::{Amount, Cents};
use crate::payout::Destination;
use crate::split::Terms;
use crate::subscription::{PlanTier, RenewalPolicy};
use crate::text::{Note, Reason};
use crate::wallet::Provider;
use std::collections::BTreeSet;

/// One command, with everything that makes its execution unique.
///
/// Every request has a key, jobs included: so a commit whose outcome was not heard of can always be
/// resolved by looking the key up.
#[derive(Clone, Debug)]
pub struct Request {
    /// The id of the transaction that it makes, if it makes one. Made before the commit.
    pub id: TransactionId,
    /// Who asks.
    pub actor: Actor,
    /// The key.
    pub key: Idempotency,
    /// What is asked.
    pub command: Command,
}

/// What can be asked. A new command is a variant here, a file in `decide`, and rows in the store.
#[derive(Clone, Debug)]
pub enum Command {
    /// Money in from a payment provider.
    Deposit(Deposit),
    /// From one user to another.
    Transfer(Transfer),
    /// A fan buys a content.
    Unlock(Unlock),
    /// A fan subscribes to a creator.
    Subscribe(Subscribe),
    /// The next period of a subscription is paid for.
    Renew(Renew),
    /// A gift from one user to another.
    Gift(Gift),
    /// A sale is given back, in part or in full.
    Refund(Refund),
    /// Money is held for a payout.
    RequestPayout(RequestPayout),
    /// A payout is paid or rejected.
    DecidePayout(DecidePayout),
}

/// Credits a user with money that a payment provider received.
#[derive(Clone, Debug)]
pub struct Deposit {
    /// Who is credited.
    pub user_id: UserId,
    /// How much: what was asked for, or all that was paid if an administrator releases it.
    pub amount: Amount,
    /// Through whom.
    pub provider: Provider,
    /// The provider's own id of the payment.
    pub provider_tx_id: Option<String>,
    /// The deposit that waits and is completed; none where one is made and completed at once.
    pub pending: Option<DepositId>,
    /// Whether an administrator releases it: it is held for this very payment then.
    pub is_release: bool,
}

/// Moves money from one user to another.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// Who pays.
    pub from: UserId,
    /// Who is paid.
    pub to: UserId,
    /// How much.
    pub amount: Amount,
    /// A word to the recipient.
    pub note: Option<Note>,
}

/// Buys a content, at the price that its row has when this is decided.
#[derive(Clone, Debug)]
pub struct Unlock {
    /// Who pays.
    pub user_id: UserId,
    /// What for.
    pub content_id: ContentId,
    /// Whose content it is, as was read before. That never changes. None if there was no such content.
    pub creator_id: Option<UserId>,
    /// The price that the fan was shown.
    pub expected_price: Option<Cents>,
    /// How the price is divided.
    pub terms: Terms,
}

/// Subscribes to a creator, and pays for the first period.
#[derive(Clone, Debug)]
pub struct Subscribe {
    /// Who pays.
    pub subscriber_id: UserId,
    /// Who is paid.
    pub creator_id: UserId,
    /// For how long.
    pub tier: PlanTier,
    /// The price that the fan was shown.
    pub expected_price: Option<Cents>,
    /// How the price is divided.
    pub terms: Terms,
    /// How renewals will be charged.
    pub policy: RenewalPolicy,
}

/// Pays for the running period of a subscription whose last one has ended.
#[derive(Clone, Debug)]
pub struct Renew {
    /// Which.
    pub subscription_id: SubscriptionId,
    /// Who pays, as was read before. That never changes.
    pub subscriber_id: UserId,
    /// Who is paid, as was read before. That never changes.
    pub creator_id: UserId,
    /// How the price is divided.
    pub terms: Terms,
    /// How renewals are charged.
    pub policy: RenewalPolicy,
}

/// Gives something from the catalogue.
#[derive(Clone, Debug)]
pub struct Gift {
    /// Who pays.
    pub sender_id: UserId,
    /// Who gets it.
    pub recipient_id: UserId,
    /// What.
    pub gift_type: GiftType,
    /// What one costs, by the catalogue.
    pub price: Amount,
    /// How many.
    pub quantity: Quantity,
    /// A word to the recipient.
    pub message: Option<Note>,
    /// What it is given for, such as the id of a stream.
    pub context: Option<Note>,
    /// How the price is divided.
    pub terms: Terms,
}

/// Gives a sale back, in part or in full.
#[derive(Clone, Debug)]
pub struct Refund {
    /// The transaction of the sale.
    pub original: TransactionId,
    /// Whom it was between, as was read before. That never changes. None if there was no such sale.
    pub parties: Option<Parties>,
    /// How much; all that is left if it is not said.
    pub amount: Option<Amount>,
    /// Why.
    pub reason: Reason,
}

/// Whom a sale was between.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Parties {
    /// The fan.
    pub payer_id: UserId,
    /// The creator.
    pub payee_id: UserId,
    /// The subscription that the sale was a period of.
    pub subscription_id: Option<SubscriptionId>,
}

/// Holds a creator's money for a payout.
#[derive(Clone, Debug)]
pub struct RequestPayout {
    /// Whose money.
    pub creator_id: UserId,
    /// How much.
    pub amount: Amount,
    /// Where to.
    pub destination: Destination,
}

/// Pays a payout, or gives its money back.
#[derive(Clone, Debug)]
pub struct DecidePayout {
    /// Which.
    pub payout_id: PayoutId,
    /// Whose it is, as was read before. That never changes. None if there was no such payout.
    pub creator_id: Option<UserId>,
    /// Whether the money is out; else it goes back.
    pub is_paid: bool,
    /// The reference of the payment, or why there is none.
    pub remark: Reason,
}

/// The rows that a batch needs before it can be decided.
///
/// A command names all its rows, so loading never needs a second round. Sorted, because wallets are
/// locked in this order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Needs {
    /// Users whose wallets are read or moved.
    pub users: BTreeSet<UserId>,
    /// Creators whose debt is repaid or grows, or would have to be repaid first.
    pub debtors: BTreeSet<UserId>,
    /// Idempotency keys.
    pub keys: BTreeSet<(UserId, KeyDigest)>,
    /// Contents that are sold.
    pub contents: BTreeSet<ContentId>,
    /// Purchases that may be there already.
    pub unlocks: BTreeSet<(UserId, ContentId)>,
    /// Plans that are subscribed to.
    pub plans: BTreeSet<(UserId, PlanTier)>,
    /// Active subscriptions of a subscriber to a creator.
    pub subscribers: BTreeSet<(UserId, UserId)>,
    /// Subscriptions by their id.
    pub subscriptions: BTreeSet<SubscriptionId>,
    /// Sales that are given back.
    pub sales: BTreeSet<TransactionId>,
    /// Creators who may have a pending payout.
    pub payees: BTreeSet<UserId>,
    /// Payouts that are decided.
    pub payouts: BTreeSet<PayoutId>,
    /// Deposits that are completed.
    pub deposits: BTreeSet<DepositId>,
    /// Payments that may have been credited already.
    pub payments: BTreeSet<(Provider, String)>,
}

impl Request {
    /// Adds the rows that this request needs.
    pub fn needs(&self, needs: &mut Needs) {
        needs.keys.insert((self.key.principal, self.key.digest));
        self.command.needs(needs);
    }
}

impl Command {
    fn needs(&self, needs: &mut Needs) {
        match self {
            Self::Deposit(deposit) => {
                needs.users.insert(deposit.user_id);
                needs.deposits.extend(deposit.pending);
                needs.payments.extend(deposit.provider_tx_id.clone().map(|id| (deposit.provider.clone(), id)));
            }
            Self::Transfer(transfer) => needs.users.extend([transfer.from, transfer.to]),
            Self::Unlock(unlock) => {
                needs.sale(unlock.user_id, unlock.creator_id);
                needs.contents.insert(unlock.content_id);
                needs.unlocks.insert((unlock.user_id, unlock.content_id));
            }
            Self::Subscribe(subscribe) => {
                needs.sale(subscribe.subscriber_id, Some(subscribe.creator_id));
                needs.plans.insert((subscribe.creator_id, subscribe.tier));
                needs.subscribers.insert((subscribe.subscriber_id, subscribe.creator_id));
            }
            Self::Renew(renew) => {
                needs.sale(renew.subscriber_id, Some(renew.creator_id));
                needs.subscriptions.insert(renew.subscription_id);
            }
            Self::Gift(gift) => needs.sale(gift.sender_id, Some(gift.recipient_id)),
            Self::Refund(refund) => {
                if let Some(parties) = refund.parties {
                    needs.sale(parties.payer_id, Some(parties.payee_id));
                    needs.subscriptions.extend(parties.subscription_id);
                }
                needs.sales.insert(refund.original);
            }
            Self::RequestPayout(payout) => {
                needs.users.insert(payout.creator_id);
                needs.debtors.insert(payout.creator_id);
                needs.payees.insert(payout.creator_id);
            }
            Self::DecidePayout(decision) => {
                needs.users.extend(decision.creator_id);
                needs.debtors.extend(decision.creator_id);
                needs.payouts.insert(decision.payout_id);
            }
        }
    }
}

impl Needs {
    /// The wallets of a sale, or of its refund.
    fn sale(&mut self, payer: UserId, payee: Option<UserId>) {
        self.users.insert(payer);
        self.users.extend(payee);
        self.debtors.extend(payee);
    }
}
