//! The audit record says who did what, and the balances on both sides of it.

use super::Store;
use crate::ask::{REASON, REMARK};
use domain::audit::{Action, EntityType, Record, Value};
use domain::id::UserId;
use domain::receipt::Act;
use domain::transaction::Transaction;

/// Before the entries of the transaction are inserted.
pub(super) fn check_audit_record(store: &Store, transaction: &Transaction, record: &Record) {
    assert_eq!((record.tx_id, record.entity_id), (Some(transaction.id), Some(transaction.id.uuid())));
    assert_eq!((record.entity_type, record.id.uuid()), (EntityType::Transaction, transaction.id.uuid()));
    assert_eq!(record.created_at, transaction.created_at);
    assert_eq!(record.actor.id, Some(transaction.user_id));
    let (action, detail) = match &transaction.act {
        Act::Deposit(_) => (Action::Deposited, None),
        Act::Transfer { .. } => (Action::Transferred, None),
        Act::Unlock(_) => (Action::Unlocked, None),
        Act::Subscribe { .. } => (Action::Subscribed, None),
        Act::Renew(_) => (Action::Renewed, None),
        Act::Gift(_) => (Action::GiftSent, None),
        Act::Refund(_) => (Action::Refunded, Some(("reason", REASON))),
        Act::PayoutHold(_) => (Action::PayoutHeld, None),
        Act::PayoutDecision { payout, .. } if payout.status.as_str() == "paid" => {
            (Action::PayoutPaid, Some(("remark", REMARK)))
        }
        Act::PayoutDecision { .. } => (Action::PayoutRejected, Some(("remark", REMARK))),
    };
    assert_eq!(record.action, action);
    let parties = [("payer_balance_cents", transaction.payer_id), ("payee_balance_cents", transaction.payee_id)];
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for (name, user) in parties {
        let Some(user) = user else { continue };
        let balance = balance_before(store, user);
        let moved = transaction.entry_of(user).map_or(0, |entry| entry.amount.get());
        before.push((name, Value::Integer(balance)));
        after.push((name, Value::Integer(balance + moved)));
    }
    after.extend(detail.map(|(name, text)| (name, Value::Text(text.to_owned()))));
    assert_eq!((&record.before, &record.after), (&before, &after), "{transaction:?}");
}

/// By the newest entry, because the wallet's row has seen the whole batch already.
fn balance_before(store: &Store, user: UserId) -> i64 {
    let newest = store.entries.get(&store.wallets[&user].id).and_then(|rows| rows.last());
    newest.map_or(0, |row| row.balance_after.unwrap())
}
