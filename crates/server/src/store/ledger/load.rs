//! What a batch reads, by key, a set of rows at a time. Rules on it are in `domain`.

use crate::store::{Row, StoreError, Value, View, Work, idempotency_keys, payouts, subscriptions, wallets};
use domain::book::Rows;
use domain::command::Needs;
use domain::content::Offer;
use domain::gift::Quantity;
use domain::id::{ContentId, DepositId, PayoutId, SubscriptionId, TransactionId, UserId, WalletId};
use domain::money::Cents;
use domain::payout::Payout;
use domain::receipt::DepositAsked;
use domain::sale::{Sale, SaleOf};
use domain::split::Split;
use domain::subscription::{Plan, PlanTier, Subscription};
use domain::transaction::TransactionType;
use domain::user::AccountStatus;
use domain::wallet::{Provider, UserWallet, WalletStatus};
use std::collections::BTreeSet;

/// Users' wallets and debts in the order of their ids, then what else a batch may change: each table in the same
/// place in every batch. Whatever is read after this stays as it was read.
pub(super) fn lock(work: &mut Work<'_>, needs: &Needs) -> Result<(), StoreError> {
    let own = needs.users.iter().map(|user| WalletId::of_user(*user));
    wallets::lock(work, own.chain(needs.debtors.iter().map(|user| WalletId::of_debt(*user))))?;
    let text = "SELECT id FROM subscriptions WHERE id = ANY(CAST($1 AS UUID[])) ORDER BY id FOR UPDATE";
    work.lock(text, &ids(needs.subscriptions.iter().copied()))?;
    let text = "SELECT id FROM payouts WHERE id = ANY(CAST($1 AS UUID[])) ORDER BY id FOR UPDATE";
    work.lock(text, &ids(needs.payouts.iter().copied()))?;
    let text = "SELECT id FROM deposits WHERE id = ANY(CAST($1 AS UUID[])) ORDER BY id FOR UPDATE";
    work.lock(text, &ids(needs.deposits.iter().copied()))
}

fn ids<'set, T: Into<Value<'set>>>(ids: impl IntoIterator<Item = T>) -> Vec<Value<'set>> {
    ids.into_iter().map(Into::into).collect()
}

/// A set of rows with one parameter each.
fn set<'set, T: Into<Value<'set>>>(ids: impl IntoIterator<Item = T>) -> Vec<[Value<'set>; 1]> {
    ids.into_iter().map(|id| [id.into()]).collect()
}

/// A set of rows with two parameters each.
fn pairs<'set, A: Into<Value<'set>>, B: Into<Value<'set>>>(
    ids: impl IntoIterator<Item = (A, B)>,
) -> Vec<[Value<'set>; 2]> {
    ids.into_iter().map(|(first, second)| [first.into(), second.into()]).collect()
}

pub(super) fn rows(view: &View<'_>, needs: &Needs) -> Result<Rows, StoreError> {
    let mut subscriptions = active_subscriptions(view, &needs.subscribers)?;
    subscriptions.extend(subscriptions_of(view, &needs.subscriptions)?);
    let mut payouts = pending_payouts(view, &needs.payees)?;
    payouts.extend(payouts_of(view, &needs.payouts)?);
    Ok(Rows {
        wallets: wallets(view, &needs.users)?,
        debts: debts(view, &needs.debtors)?,
        records: idempotency_keys::find_each(view, needs.keys.iter())?,
        contents: contents(view, &needs.contents)?,
        unlocks: unlocks(view, &needs.unlocks)?,
        plans: plans(view, &needs.plans)?,
        subscriptions,
        sales: sales(view, &needs.sales)?,
        payouts,
        deposits: deposits(view, &needs.deposits)?,
        payments: payments(view, &needs.payments)?,
    })
}

fn wallets(view: &View<'_>, users: &BTreeSet<UserId>) -> Result<Vec<UserWallet>, StoreError> {
    let text = "SELECT w.id, w.user_id, u.account_status, w.status, w.balance_cents, w.last_transaction_at
        FROM wallets w JOIN users u ON u.id = w.user_id WHERE w.id = $1 AND w.kind = 'user'";
    view.query_each(text, &set(users.iter().map(|user| WalletId::of_user(*user))), |row| {
        Ok(UserWallet {
            id: row.get(0)?,
            user_id: row.get(1)?,
            account_status: row.get(2)?,
            status: row.get(3)?,
            balance: row.get(4)?,
            last_transaction_at: row.get(5)?,
        })
    })
}

fn debts(view: &View<'_>, creators: &BTreeSet<UserId>) -> Result<Vec<UserWallet>, StoreError> {
    let text = "SELECT id, user_id, balance_cents, last_transaction_at FROM wallets WHERE id = $1 AND kind = 'debt'";
    view.query_each(text, &set(creators.iter().map(|creator| WalletId::of_debt(*creator))), |row| {
        Ok(UserWallet {
            id: row.get(0)?,
            user_id: row.get(1)?,
            account_status: AccountStatus::Active,
            status: WalletStatus::Active,
            balance: row.get(2)?,
            last_transaction_at: row.get(3)?,
        })
    })
}

fn contents(view: &View<'_>, contents: &BTreeSet<ContentId>) -> Result<Vec<Offer>, StoreError> {
    let text = "SELECT id, creator_id, price_cents, subscriber_only, is_active FROM contents WHERE id = $1";
    view.query_each(text, &set(contents.iter().copied()), |row| {
        Ok(Offer {
            id: row.get(0)?,
            creator_id: row.get(1)?,
            price: row.get(2)?,
            subscriber_only: row.get(3)?,
            is_active: row.get(4)?,
        })
    })
}

fn unlocks(view: &View<'_>, unlocks: &BTreeSet<(UserId, ContentId)>) -> Result<Vec<(UserId, ContentId)>, StoreError> {
    let text = "SELECT user_id, content_id FROM unlocks WHERE user_id = $1 AND content_id = $2 AND revoked_at IS NULL";
    view.query_each(text, &pairs(unlocks.iter().copied()), |row| Ok((row.get(0)?, row.get(1)?)))
}

fn plans(view: &View<'_>, plans: &BTreeSet<(UserId, PlanTier)>) -> Result<Vec<Plan>, StoreError> {
    let text = "SELECT creator_id, tier, price_cents, is_active FROM plans WHERE creator_id = $1 AND tier = $2";
    view.query_each(text, &pairs(plans.iter().copied()), |row| {
        Ok(Plan { creator_id: row.get(0)?, tier: row.get(1)?, price: row.get(2)?, is_active: row.get(3)? })
    })
}

fn active_subscriptions(
    view: &View<'_>,
    parties: &BTreeSet<(UserId, UserId)>,
) -> Result<Vec<Subscription>, StoreError> {
    let text = "SELECT id, subscriber_id, creator_id, tier, status, price_cents, anchor_at, period, period_start, \
        period_end, expires_at, auto_renew, renew_at, renewals_tried, created_at FROM subscriptions
        WHERE subscriber_id = $1 AND creator_id = $2 AND status = 'active'";
    view.query_each(text, &pairs(parties.iter().copied()), subscriptions::read)
}

fn subscriptions_of(view: &View<'_>, ids: &BTreeSet<SubscriptionId>) -> Result<Vec<Subscription>, StoreError> {
    let text = "SELECT id, subscriber_id, creator_id, tier, status, price_cents, anchor_at, period, period_start, \
        period_end, expires_at, auto_renew, renew_at, renewals_tried, created_at FROM subscriptions WHERE id = $1";
    view.query_each(text, &set(ids.iter().copied()), subscriptions::read)
}

fn sales(view: &View<'_>, ids: &BTreeSet<TransactionId>) -> Result<Vec<Sale>, StoreError> {
    let text =
        "SELECT t.tx_id, t.payer_id, t.payee_id, t.amount_cents, t.created_at, t.type, t.reference_id, p.period, \
            g.quantity, t.split_version, t.creator_cents, t.platform_cents, t.processor_cents,
            CAST(COALESCE(r.creator_cents, 0) AS BIGINT), CAST(COALESCE(r.platform_cents, 0) AS BIGINT),
            CAST(COALESCE(r.processor_cents, 0) AS BIGINT)
        FROM transactions t
        LEFT JOIN subscription_periods p ON p.tx_id = t.tx_id
        LEFT JOIN gifts g ON g.id = t.tx_id
        LEFT JOIN (SELECT original_tx_id, SUM(creator_cents) AS creator_cents, SUM(platform_cents) AS platform_cents, \
                SUM(processor_cents) AS processor_cents
            FROM refunds WHERE original_tx_id = $1 GROUP BY original_tx_id) r ON r.original_tx_id = t.tx_id
        WHERE t.tx_id = $1 AND t.type IN ('unlock', 'subscription', 'gift')";
    view.query_each(text, &set(ids.iter().copied()), |row| {
        let version = row.get(9)?;
        let parts = |first: usize| -> Result<Split, StoreError> {
            let (creator, platform, processor): (Cents, Cents, Cents) =
                (row.get(first)?, row.get(first + 1)?, row.get(first + 2)?);
            Ok(Split { version, creator, platform, processor })
        };
        Ok(Sale {
            id: row.get(0)?,
            payer_id: row.get(1)?,
            payee_id: row.get(2)?,
            amount: row.get(3)?,
            created_at: row.get(4)?,
            of: sale_of(row)?,
            split: parts(10)?,
            refunded: parts(13)?,
        })
    })
}

fn sale_of(row: &Row<'_>) -> Result<SaleOf, StoreError> {
    match row.get(5)? {
        TransactionType::Unlock => Ok(SaleOf::Unlock(row.get(6)?)),
        TransactionType::Subscription => Ok(SaleOf::Subscription { id: row.get(6)?, period: row.get(7)? }),
        TransactionType::Gift => {
            let quantity = Quantity::new(row.get(8)?);
            quantity.map(SaleOf::Gift).map_err(|_| StoreError::Column { column: 8, expected: "a quantity" })
        }
        _ => Err(StoreError::Column { column: 5, expected: "the type of a sale" }),
    }
}

fn pending_payouts(view: &View<'_>, creators: &BTreeSet<UserId>) -> Result<Vec<Payout>, StoreError> {
    let text = "SELECT id, creator_id, amount_cents, destination, status, remark, created_at FROM payouts
        WHERE creator_id = $1 AND status = 'pending'";
    view.query_each(text, &set(creators.iter().copied()), payouts::read)
}

fn payouts_of(view: &View<'_>, ids: &BTreeSet<PayoutId>) -> Result<Vec<Payout>, StoreError> {
    let text =
        "SELECT id, creator_id, amount_cents, destination, status, remark, created_at FROM payouts WHERE id = $1";
    view.query_each(text, &set(ids.iter().copied()), payouts::read)
}

fn deposits(view: &View<'_>, ids: &BTreeSet<DepositId>) -> Result<Vec<DepositAsked>, StoreError> {
    let text = "SELECT id, user_id, amount_cents, provider, provider_tx_id, status FROM deposits WHERE id = $1";
    view.query_each(text, &set(ids.iter().copied()), |row| {
        Ok(DepositAsked {
            id: row.get(0)?,
            user_id: row.get(1)?,
            amount: row.get(2)?,
            provider: provider(row, 3)?,
            provider_tx_id: row.get(4)?,
            status: row.get(5)?,
        })
    })
}

fn payments(view: &View<'_>, payments: &BTreeSet<(Provider, String)>) -> Result<Vec<(Provider, String)>, StoreError> {
    let text = "SELECT provider, provider_tx_id FROM transactions WHERE provider = $1 AND provider_tx_id = $2";
    let set = pairs(payments.iter().map(|(provider, id)| (provider.as_str(), id.as_str())));
    view.query_each(text, &set, |row| Ok((provider(row, 0)?, row.get(1)?)))
}

fn provider(row: &Row<'_>, column: usize) -> Result<Provider, StoreError> {
    let name: String = row.get(column)?;
    Provider::parse(&name).map_err(|_| StoreError::Column { column, expected: "a provider" })
}
