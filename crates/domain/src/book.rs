//! The rows that a batch needs, and the changes that it made.
//!
//! Commands of one batch see each other here, in order. A command is recorded whole or not at all:
//! everything that can fail comes before the first change.

mod held;
mod slot;
mod tallies;

pub use held::Rows;

use crate::audit::{self, Action, EntityType, Fields, Value};
use crate::command::Request;
use crate::content::Offer;
use crate::gift::{Standing, StandingChange};
use crate::id::{AuditId, ContentId, DepositId, PayoutId, SubscriptionId, TransactionId, UserId, WalletId};
use crate::idempotency::{ExecutionDigest, KeyDigest, RETENTION, Record, StoredResponse};
use crate::money::{Amount, Cents};
use crate::payout::Payout;
use crate::receipt::{Act, DepositAsked};
use crate::refusal::{Refusal, Whose};
use crate::sale::{EarningChange, EarningDay, Sale};
use crate::split::Split;
use crate::subscription::{Plan, PlanTier, Subscription};
use crate::timestamp::{Span, Timestamp};
use crate::transaction::{Entry, Leg, Legs, Party, Transaction};
use crate::user::AccountStatus;
use crate::wallet::{Provider, UserWallet, WalletStatus};
use held::Held;
use slot::{Slot, balance_after, debt_after};
use std::collections::{BTreeMap, HashMap};
use tallies::Tallies;

/// The rows of a batch: loaded, then changed by each command in turn.
#[derive(Clone, Debug, Default)]
pub struct Book {
    wallets: HashMap<UserId, Slot>,
    debts: HashMap<UserId, Slot>,
    held: Held,
    tallies: Tallies,
    records: HashMap<(UserId, KeyDigest), Record>,
    changes: Changes,
    system: BTreeMap<WalletId, WalletChange>,
}

/// What a batch adds to the database.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// New transactions with their entries, in the order of decision.
    pub transactions: Vec<(Transaction, ExecutionDigest)>,
    /// Users' wallets, sorted by id.
    pub user_wallets: Vec<WalletChange>,
    /// Debt wallets with their creators, sorted by id. The first change of one makes it.
    pub debt_wallets: Vec<(UserId, WalletChange)>,
    /// System wallets, sorted by id; applied last, as deltas.
    pub system_wallets: Vec<WalletChange>,
    /// Answers to be kept, by principal and key.
    pub records: Vec<Record>,
    /// Audit records.
    pub audit: Vec<audit::Record>,
    /// Lines of the leaderboards, sorted.
    pub standings: Vec<(Standing, StandingChange)>,
    /// Days of earnings, sorted.
    pub earnings: Vec<(EarningDay, EarningChange)>,
}

/// The net change of one wallet over a batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WalletChange {
    /// The wallet.
    pub id: WalletId,
    /// What is added to its balance.
    pub delta: Cents,
    /// When its newest entry was made.
    pub last_transaction_at: Timestamp,
}

/// A movement that a rule proposes.
#[derive(Clone, Debug)]
pub struct Draft {
    /// What it is for.
    pub act: Act,
    /// How much, before any split.
    pub amount: Amount,
    /// The user who pays, if one does.
    pub payer_id: Option<UserId>,
    /// The user who is paid, if one is.
    pub payee_id: Option<UserId>,
    /// How the amount is divided, for what fans pay for.
    pub split: Option<Split>,
    /// The transaction that it undoes, in part or in full.
    pub reverses: Option<TransactionId>,
    /// Its legs.
    pub legs: Legs,
    /// What the audit log calls it.
    pub action: Action,
    /// What the audit log says of it beside the balances.
    pub details: Fields,
    /// Whether it is an administrator's correction: a suspended account takes part in it all the same.
    pub is_correction: bool,
}

impl Draft {
    /// A movement with nothing said of it but what every movement has.
    #[must_use]
    pub const fn new(action: Action, act: Act, amount: Amount, legs: Legs) -> Self {
        Self {
            act,
            amount,
            payer_id: None,
            payee_id: None,
            split: None,
            reverses: None,
            legs,
            action,
            details: Fields::new(),
            is_correction: false,
        }
    }
}

impl Book {
    /// A book of loaded rows.
    #[must_use]
    pub fn new(rows: Rows) -> Self {
        let slot = |wallet: UserWallet| (wallet.user_id, Slot { loaded_balance: wallet.balance, wallet, moved: false });
        let (wallets, debts, records, held) = held::sort(rows);
        Self {
            wallets: wallets.into_iter().map(slot).collect(),
            debts: debts.into_iter().map(slot).collect(),
            records: records.into_iter().map(|record| ((record.principal, record.digest), record)).collect(),
            held,
            ..Self::default()
        }
    }

    /// A user's wallet, if there is such a user.
    #[must_use]
    pub fn wallet(&self, user: UserId) -> Option<&UserWallet> {
        self.wallets.get(&user).map(|slot| &slot.wallet)
    }

    /// What a creator owes because of refunds: zero or more.
    #[must_use]
    pub fn owed(&self, creator: UserId) -> Cents {
        self.debts.get(&creator).and_then(|slot| slot.wallet.balance.checked_neg()).unwrap_or(Cents::ZERO)
    }

    /// A content as it is now.
    #[must_use]
    pub fn content(&self, id: ContentId) -> Option<&Offer> {
        self.held.contents.get(&id)
    }

    /// Whether somebody has bought a content, and it was not given back.
    #[must_use]
    pub fn has_unlocked(&self, user: UserId, content: ContentId) -> bool {
        self.held.unlocks.contains(&(user, content))
    }

    /// A plan as it is now.
    #[must_use]
    pub fn plan(&self, creator: UserId, tier: PlanTier) -> Option<&Plan> {
        self.held.plans.get(&(creator, tier))
    }

    /// The subscription of one to another that is marked as active; it may have lapsed.
    #[must_use]
    pub fn active_subscription(&self, subscriber: UserId, creator: UserId) -> Option<&Subscription> {
        self.held.active_subscription(subscriber, creator)
    }

    /// A subscription.
    #[must_use]
    pub fn subscription(&self, id: SubscriptionId) -> Option<&Subscription> {
        self.held.subscriptions.get(&id)
    }

    /// A sale, with what was given back of it.
    #[must_use]
    pub fn sale(&self, id: TransactionId) -> Option<&Sale> {
        self.held.sales.get(&id)
    }

    /// A payout.
    #[must_use]
    pub fn payout(&self, id: PayoutId) -> Option<&Payout> {
        self.held.payouts.get(&id)
    }

    /// Whether money of a creator is held for a payout that is not decided.
    #[must_use]
    pub fn has_pending_payout(&self, creator: UserId) -> bool {
        self.held.has_pending_payout(creator)
    }

    /// A deposit that was asked for.
    #[must_use]
    pub fn deposit(&self, id: DepositId) -> Option<&DepositAsked> {
        self.held.deposits.get(&id)
    }

    /// Whether a provider's payment was credited before.
    #[must_use]
    pub fn knows_payment(&self, provider: &Provider, id: &str) -> bool {
        self.held.payments.contains(&(provider.clone(), id.to_owned()))
    }

    /// What is recorded of a key, by an earlier batch or by an earlier command of this one.
    #[must_use]
    pub fn record(&self, principal: UserId, digest: KeyDigest) -> Option<&Record> {
        self.records.get(&(principal, digest))
    }

    /// Posts a draft: checks every leg, then records the transaction, the balances and the audit record.
    ///
    /// # Errors
    /// A [`Refusal`]; the book is then as it was.
    pub fn post(&mut self, request: &Request, draft: Draft, now: Timestamp) -> Result<Transaction, Refusal> {
        let entries = self.check(&draft, request.key.principal)?;
        let created_at = self.moment(&draft, now);
        let deltas = self.system_deltas(&draft, created_at)?;
        // Nothing below can fail.
        let before = self.balances(&draft);
        for (leg, entry) in draft.legs.iter().zip(&entries) {
            if let (Some(slot), Some(balance)) = (self.slot(&leg.party), entry.balance_after) {
                slot.wallet.balance = balance;
                slot.wallet.last_transaction_at = Some(created_at);
                slot.moved = true;
            }
        }
        self.system.extend(deltas.into_iter().map(|change| (change.id, change)));
        let mut after = self.balances(&draft);
        after.extend(draft.details);
        let transaction = Transaction {
            id: request.id,
            user_id: request.key.principal,
            payer_id: draft.payer_id,
            payee_id: draft.payee_id,
            amount: draft.amount,
            act: draft.act,
            split: draft.split,
            reverses: draft.reverses,
            entries,
            created_at,
        };
        self.held.apply(&transaction);
        self.tallies.apply(&transaction);
        self.changes.audit.push(audit::Record {
            // One audit record to a transaction: they share the UUID.
            id: AuditId::new(request.id.uuid()),
            actor: request.actor.clone(),
            action: draft.action,
            entity_type: EntityType::Transaction,
            entity_id: Some(request.id.uuid()),
            tx_id: Some(request.id),
            before,
            after,
            created_at,
        });
        let digest = ExecutionDigest::of(request.key.principal, request.key.digest, request.key.first_seen);
        self.changes.transactions.push((transaction.clone(), digest));
        Ok(transaction)
    }

    /// Keeps the answer of a request for its key.
    pub fn remember(&mut self, request: &Request, made_transaction: bool, response: StoredResponse) {
        let key = &request.key;
        let record = Record {
            principal: key.principal,
            digest: key.digest,
            fingerprint: key.fingerprint,
            execution: request.id,
            tx_id: made_transaction.then_some(request.id),
            route: key.route.clone(),
            request_id: request.actor.request_id.clone(),
            response,
            created_at: key.first_seen,
            expires_at: key.first_seen.plus(RETENTION),
        };
        self.records.insert((key.principal, key.digest), record.clone());
        self.changes.records.push(record);
    }

    /// Everything that the batch did.
    #[must_use]
    pub fn changes(self) -> Changes {
        let mut changes = self.changes;
        changes.user_wallets = self.wallets.into_values().filter(|slot| slot.moved).filter_map(Slot::change).collect();
        changes.user_wallets.sort_unstable_by_key(|change| change.id);
        let debts = self.debts.into_iter().filter(|(_, slot)| slot.moved);
        changes.debt_wallets = debts.filter_map(|(user, slot)| Some((user, slot.change()?))).collect();
        changes.debt_wallets.sort_unstable_by_key(|(_, change)| change.id);
        changes.system_wallets = self.system.into_values().collect();
        (changes.standings, changes.earnings) = self.tallies.into_sorted();
        changes.records.sort_unstable_by_key(|record| (record.principal, record.digest));
        changes
    }

    /// The entries that a draft makes, if every wallet allows its leg.
    fn check(&self, draft: &Draft, asker: UserId) -> Result<Vec<Entry>, Refusal> {
        let whose = |user, pays| match (user == asker, pays) {
            (true, _) => Whose::Yours,
            (false, true) => Whose::Payers,
            (false, false) => Whose::Recipients,
        };
        let entry = |leg: &Leg| {
            let amount = leg.amount;
            match &leg.party {
                Party::System(wallet) => {
                    Ok(Entry { wallet_id: wallet.id(), amount, balance_after: None, user_id: None })
                }
                Party::Debt(creator) => {
                    let balance = debt_after(self.owed(*creator), amount)?;
                    let wallet_id = WalletId::of_debt(*creator);
                    Ok(Entry { wallet_id, amount, balance_after: Some(balance), user_id: None })
                }
                Party::User(user) => {
                    let whose = whose(*user, amount.is_negative());
                    let wallet = self.usable(*user, whose, draft.is_correction)?;
                    let balance = balance_after(wallet, whose, amount)?;
                    Ok(Entry { wallet_id: wallet.id, amount, balance_after: Some(balance), user_id: Some(*user) })
                }
            }
        };
        let entries = draft.legs.iter().map(entry).collect::<Result<_, _>>()?;
        // A creator whose whole share is nothing, or goes to their debt, has no leg, and takes part all the same.
        for (user, pays) in [(draft.payer_id, true), (draft.payee_id, false)] {
            user.map(|user| self.usable(user, whose(user, pays), draft.is_correction)).transpose()?;
        }
        Ok(entries)
    }

    /// The wallet of somebody who takes part, if their account and the wallet itself allow it.
    fn usable(&self, user: UserId, whose: Whose, is_correction: bool) -> Result<&UserWallet, Refusal> {
        let wallet = self.wallet(user).ok_or(Refusal::RecipientNotFound)?;
        if wallet.account_status != AccountStatus::Active && !is_correction {
            return Err(Refusal::AccountSuspended(whose));
        }
        if wallet.status != WalletStatus::Active {
            return Err(Refusal::WalletFrozen(whose));
        }
        Ok(wallet)
    }

    /// The slot of a user's wallet or debt; a debt begins with its first movement.
    fn slot(&mut self, party: &Party) -> Option<&mut Slot> {
        match party {
            Party::User(user) => self.wallets.get_mut(user),
            Party::Debt(creator) => {
                Some(self.debts.entry(*creator).or_insert_with(|| Slot::no_debt(*creator, WalletId::of_debt(*creator))))
            }
            Party::System(_) => None,
        }
    }

    /// When the transaction happens: after every earlier one of its users' wallets, so that each
    /// wallet's history has one order, whatever the clocks of several processes say.
    fn moment(&self, draft: &Draft, now: Timestamp) -> Timestamp {
        let slot = |leg: &Leg| match &leg.party {
            Party::User(user) => self.wallets.get(user),
            Party::Debt(creator) => self.debts.get(creator),
            Party::System(_) => None,
        };
        let newest = draft.legs.iter().filter_map(slot).filter_map(|slot| slot.wallet.last_transaction_at).max();
        newest.map_or(now, |newest| now.max(newest.plus(Span::MICROSECOND)))
    }

    fn system_deltas(&self, draft: &Draft, at: Timestamp) -> Result<Vec<WalletChange>, Refusal> {
        let mut changes = Vec::new();
        for leg in draft.legs.iter() {
            let Party::System(wallet) = &leg.party else { continue };
            let id = wallet.id();
            let earlier = self.system.get(&id);
            let sum = earlier.map_or(Cents::ZERO, |change| change.delta).checked_add(leg.amount);
            let delta = sum.ok_or(Refusal::BalanceLimitExceeded(Whose::Recipients))?;
            let last_transaction_at = earlier.map_or(at, |change| change.last_transaction_at.max(at));
            changes.push(WalletChange { id, delta, last_transaction_at });
        }
        Ok(changes)
    }

    /// The balances of payer and payee, for the audit log.
    fn balances(&self, draft: &Draft) -> Fields {
        let of = |name, user: Option<UserId>| {
            let wallet = self.wallet(user?)?;
            Some((name, Value::Integer(wallet.balance.get())))
        };
        [of("payer_balance_cents", draft.payer_id), of("payee_balance_cents", draft.payee_id)]
            .into_iter()
            .flatten()
            .collect()
    }
}
