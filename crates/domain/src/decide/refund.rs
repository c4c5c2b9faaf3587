//! A sale is given back, in part or in full: each part gives its share of what it has left.
//!
//! If the creator no longer has the money, their debt wallet carries it.

use super::sale::without_nothing;
use crate::audit::{Action, Value};
use crate::book::{Book, Draft};
use crate::command::Refund;
use crate::id::{RefundId, TransactionId};
use crate::money::{Amount, Cents};
use crate::receipt::{Act, RefundRow};
use crate::refusal::{Refusal, Whose};
use crate::sale::{Sale, SaleOf};
use crate::split::Split;
use crate::subscription::{Subscription, SubscriptionStatus};
use crate::transaction::{Leg, Legs, Party};
use crate::wallet::SystemWallet;

pub(super) fn draft(book: &Book, id: TransactionId, refund: &Refund) -> Result<Draft, Refusal> {
    let is_the_one = |sale: &&Sale| {
        refund.parties.is_some_and(|seen| (seen.payer_id, seen.payee_id) == (sale.payer_id, sale.payee_id))
    };
    let sale = *book.sale(refund.original).filter(is_the_one).ok_or(Refusal::TransactionNotFound)?;
    let exceeded = |left| Refusal::RefundExceedsOriginal { left };
    let left = sale.left().ok_or(exceeded(Cents::ZERO))?;
    let total = left.total().ok_or(exceeded(Cents::ZERO))?;
    let all = Amount::new(total.get()).map_err(|_| exceeded(Cents::ZERO))?;
    let amount = refund.amount.unwrap_or(all);
    let shares = left.share_refund(amount).ok_or(exceeded(total))?;
    let in_full = amount == all;
    let debt = shortage(book, &sale, shares.creator)?;
    let row = RefundRow {
        id: RefundId::new(id.uuid()),
        sale,
        shares,
        debt,
        reason: refund.reason.clone(),
        in_full,
        revoked: if in_full { revoked(book, &sale) } else { None },
    };
    Ok(Draft {
        payer_id: Some(sale.payee_id),
        payee_id: Some(sale.payer_id),
        split: Some(shares),
        reverses: Some(sale.id),
        // An account that was suspended can still give back what it took.
        is_correction: true,
        details: vec![("reason", Value::Text(refund.reason.as_str().to_owned()))],
        ..Draft::new(Action::Refunded, Act::Refund(row), amount, legs(&sale, amount, &shares, debt)?)
    })
}

/// How much of the creator's share they no longer have.
fn shortage(book: &Book, sale: &Sale, share: Cents) -> Result<Cents, Refusal> {
    let has = book.wallet(sale.payee_id).ok_or(Refusal::RecipientNotFound)?.balance;
    let short = share.checked_sub(has.min(share));
    short.ok_or(Refusal::BalanceLimitExceeded(Whose::Recipients))
}

fn legs(sale: &Sale, amount: Amount, shares: &Split, debt: Cents) -> Result<Legs, Refusal> {
    // None of these can fail for shares of an amount in range.
    let legs = || {
        let from_wallet = shares.creator.checked_sub(debt)?;
        let legs = [
            Leg { party: Party::User(sale.payer_id), amount: amount.credit() },
            Leg { party: Party::User(sale.payee_id), amount: from_wallet.checked_neg()? },
            Leg { party: Party::Debt(sale.payee_id), amount: debt.checked_neg()? },
            Leg { party: Party::System(SystemWallet::Platform), amount: shares.platform.checked_neg()? },
            Leg { party: Party::System(SystemWallet::Processor), amount: shares.processor.checked_neg()? },
        ];
        Legs::balance(without_nothing(legs))
    };
    legs().ok_or(Refusal::BalanceLimitExceeded(Whose::Recipients))
}

/// The subscription that ends with the charge of its newest period. An older one leaves it as it is.
fn revoked(book: &Book, sale: &Sale) -> Option<Subscription> {
    let SaleOf::Subscription { id, period } = sale.of else { return None };
    let subscription = book.subscription(id)?;
    let newest = subscription.period == period && subscription.status == SubscriptionStatus::Active;
    newest.then(|| subscription.revoke())
}
