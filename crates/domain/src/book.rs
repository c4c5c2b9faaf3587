//! The rows that a batch needs, and the changes that it made.
//!
//! Commands of one batch see each other here, in order. A command is recorded whole or not at all:
//! everything that can fail comes before the first change.

use crate::audit::{self, Action, EntityType, Fields, Value};
use crate::command::Request;
use crate::id::{AuditId, UserId, WalletId};
use crate::idempotency::{ExecutionDigest, KeyDigest, RETENTION, Record, StoredResponse};
use crate::money::{Amount, Cents};
use crate::receipt::{Act, Refusal, Whose};
use crate::timestamp::{Span, Timestamp};
use crate::transaction::{Entry, Leg, Legs, Party, Transaction};
use crate::user::AccountStatus;
use crate::wallet::{UserWallet, WalletStatus};
use std::collections::{BTreeMap, HashMap};

/// A user's wallet and what the batch has done to it.
#[derive(Clone, Debug)]
struct Slot {
    wallet: UserWallet,
    loaded_balance: Cents,
    moved: bool,
}

/// The rows of a batch: loaded, then changed by each command in turn.
#[derive(Clone, Debug, Default)]
pub struct Book {
    wallets: HashMap<UserId, Slot>,
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
    /// System wallets, sorted by id; applied last, as deltas.
    pub system_wallets: Vec<WalletChange>,
    /// Answers to be kept, by principal and key.
    pub records: Vec<Record>,
    /// Audit records.
    pub audit: Vec<audit::Record>,
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
    /// Its legs.
    pub legs: Legs,
    /// What the audit log calls it.
    pub action: Action,
}

impl Book {
    /// A book of loaded rows.
    #[must_use]
    pub fn new(wallets: Vec<UserWallet>, records: Vec<Record>) -> Self {
        let slot = |wallet: UserWallet| (wallet.user_id, Slot { loaded_balance: wallet.balance, wallet, moved: false });
        Self {
            wallets: wallets.into_iter().map(slot).collect(),
            records: records.into_iter().map(|record| ((record.principal, record.digest), record)).collect(),
            ..Self::default()
        }
    }

    /// A user's wallet, if there is such a user.
    #[must_use]
    pub fn wallet(&self, user: UserId) -> Option<&UserWallet> {
        self.wallets.get(&user).map(|slot| &slot.wallet)
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
        for entry in &entries {
            if let (Some(user), Some(balance)) = (entry.user_id, entry.balance_after)
                && let Some(slot) = self.wallets.get_mut(&user)
            {
                slot.wallet.balance = balance;
                slot.wallet.last_transaction_at = Some(created_at);
                slot.moved = true;
            }
        }
        self.system.extend(deltas.into_iter().map(|change| (change.id, change)));
        let after = self.balances(&draft);
        let transaction = Transaction {
            id: request.id,
            user_id: request.key.principal,
            payer_id: draft.payer_id,
            payee_id: draft.payee_id,
            amount: draft.amount,
            act: draft.act,
            entries,
            created_at,
        };
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
        changes.system_wallets = self.system.into_values().collect();
        changes.records.sort_unstable_by_key(|record| (record.principal, record.digest));
        changes
    }

    /// The entries that a draft makes, if every wallet allows its leg.
    fn check(&self, draft: &Draft, asker: UserId) -> Result<Vec<Entry>, Refusal> {
        let entry = |leg: &Leg| match &leg.party {
            Party::System(wallet) => {
                Ok(Entry { wallet_id: wallet.id(), amount: leg.amount, balance_after: None, user_id: None })
            }
            Party::User(user) => {
                let whose = if *user == asker { Whose::Yours } else { Whose::Theirs };
                let wallet = self.wallet(*user).ok_or(Refusal::RecipientNotFound)?;
                let balance = balance_after(wallet, whose, leg.amount)?;
                Ok(Entry {
                    wallet_id: wallet.id,
                    amount: leg.amount,
                    balance_after: Some(balance),
                    user_id: Some(*user),
                })
            }
        };
        draft.legs.iter().map(entry).collect()
    }

    /// When the transaction happens: after every earlier one of its users' wallets, so that each
    /// wallet's history has one order, whatever the clocks of several processes say.
    fn moment(&self, draft: &Draft, now: Timestamp) -> Timestamp {
        let mut moment = now;
        for wallet in self.users_of(draft).filter_map(|user| self.wallet(user)) {
            if let Some(last) = wallet.last_transaction_at {
                moment = moment.max(last.plus(Span::MICROSECOND));
            }
        }
        moment
    }

    fn users_of<'draft>(&self, draft: &'draft Draft) -> impl Iterator<Item = UserId> + use<'draft> {
        draft.legs.iter().filter_map(|leg| match leg.party {
            Party::User(user) => Some(user),
            Party::System(_) => None,
        })
    }

    fn system_deltas(&self, draft: &Draft, at: Timestamp) -> Result<Vec<WalletChange>, Refusal> {
        let mut changes = Vec::new();
        for leg in draft.legs.iter() {
            let Party::System(wallet) = &leg.party else { continue };
            let id = wallet.id();
            let earlier = self.system.get(&id);
            let sum = earlier.map_or(Cents::ZERO, |change| change.delta).checked_add(leg.amount);
            let delta = sum.ok_or(Refusal::BalanceLimitExceeded(Whose::Theirs))?;
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

impl Slot {
    /// The net change; `None` cannot happen, because both balances are between 0 and 2⁵³.
    fn change(self) -> Option<WalletChange> {
        Some(WalletChange {
            id: self.wallet.id,
            delta: self.wallet.balance.checked_sub(self.loaded_balance)?,
            last_transaction_at: self.wallet.last_transaction_at?,
        })
    }
}

/// The balance of a user's wallet after a leg, if its state allows the leg.
fn balance_after(wallet: &UserWallet, whose: Whose, amount: Cents) -> Result<Cents, Refusal> {
    if wallet.account_status != AccountStatus::Active {
        return Err(Refusal::AccountSuspended(whose));
    }
    if wallet.status != WalletStatus::Active {
        return Err(Refusal::WalletFrozen(whose));
    }
    let balance = wallet.balance.checked_add(amount).ok_or(Refusal::BalanceLimitExceeded(whose))?;
    if balance.is_negative() {
        let required = amount.checked_neg().unwrap_or(Cents::ZERO);
        return Err(Refusal::InsufficientFunds { available: wallet.balance, required });
    }
    if balance > Amount::MAX {
        return Err(Refusal::BalanceLimitExceeded(whose));
    }
    Ok(balance)
}
