//! What a batch reads, by key, a set of rows at a time. Rules on it are in `domain`.

use crate::store::set_query::SetQuery;
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
    let wallets = wallets(&needs.users);
    let debts = debts(&needs.debtors);
    let records = idempotency_keys::find_each(needs.keys.iter());
    let contents = contents(&needs.contents);
    let unlocks = unlocks(&needs.unlocks);
    let plans = plans(&needs.plans);
    let (active, subscriptions) = (active_subscriptions(&needs.subscribers), subscriptions_of(&needs.subscriptions));
    let sales = sales(&needs.sales);
    let (pending, payouts) = (pending_payouts(&needs.payees), payouts_of(&needs.payouts));
    let (deposits, payments) = (deposits(&needs.deposits), payments(&needs.payments));
    view.query_all(&[
        &wallets,
        &debts,
        &records,
        &contents,
        &unlocks,
        &plans,
        &active,
        &subscriptions,
        &sales,
        &pending,
        &payouts,
        &deposits,
        &payments,
    ])?;
    Ok(Rows {
        wallets: wallets.rows(),
        debts: debts.rows(),
        records: records.rows(),
        contents: contents.rows(),
        unlocks: unlocks.rows(),
        plans: plans.rows(),
        subscriptions: [active.rows(), subscriptions.rows()].concat(),
        sales: sales.rows(),
        payouts: [pending.rows(), payouts.rows()].concat(),
        deposits: deposits.rows(),
        payments: payments.rows(),
    })
}

fn wallets(users: &BTreeSet<UserId>) -> SetQuery<'_, 1, UserWallet> {
    let text = "SELECT w.id, w.user_id, u.account_status, w.status, w.balance_cents, w.last_transaction_at
        FROM wallets w JOIN users u ON u.id = w.user_id WHERE w.id = $1 AND w.kind = 'user'";
    SetQuery::new(text, set(users.iter().map(|user| WalletId::of_user(*user))), |row| {
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

fn debts(creators: &BTreeSet<UserId>) -> SetQuery<'_, 1, UserWallet> {
    let text = "SELECT id, user_id, balance_cents, last_transaction_at FROM wallets WHERE id = $1 AND kind = 'debt'";
    SetQuery::new(text, set(creators.iter().map(|creator| WalletId::of_debt(*creator))), |row| {
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

fn contents(contents: &BTreeSet<ContentId>) -> SetQuery<'_, 1, Offer> {
    let text = "SELECT id, creator_id, price_cents, subscriber_only, is_active FROM contents WHERE id = $1";
    SetQuery::new(text, set(contents.iter().copied()), |row| {
        Ok(Offer {
            id: row.get(0)?,
            creator_id: row.get(1)?,
            price: row.get(2)?,
            subscriber_only: row.get(3)?,
            is_active: row.get(4)?,
        })
    })
}

fn unlocks(unlocks: &BTreeSet<(UserId, ContentId)>) -> SetQuery<'_, 2, (UserId, ContentId)> {
    let text = "SELECT user_id, content_id FROM unlocks WHERE user_id = $1 AND content_id = $2 AND revoked_at IS NULL";
    SetQuery::new(text, pairs(unlocks.iter().copied()), |row| Ok((row.get(0)?, row.get(1)?)))
}

fn plans(plans: &BTreeSet<(UserId, PlanTier)>) -> SetQuery<'_, 2, Plan> {
    let text = "SELECT creator_id, tier, price_cents, is_active FROM plans WHERE creator_id = $1 AND tier = $2";
    SetQuery::new(text, pairs(plans.iter().copied()), |row| {
        Ok(Plan { creator_id: row.get(0)?, tier: row.get(1)?, price: row.get(2)?, is_active: row.get(3)? })
    })
}

fn active_subscriptions(parties: &BTreeSet<(UserId, UserId)>) -> SetQuery<'_, 2, Subscription> {
    let text = "SELECT id, subscriber_id, creator_id, tier, status, price_cents, anchor_at, period, period_start, \
        period_end, expires_at, auto_renew, renew_at, renewals_tried, created_at FROM subscriptions
        WHERE subscriber_id = $1 AND creator_id = $2 AND status = 'active'";
    SetQuery::new(text, pairs(parties.iter().copied()), subscriptions::read)
}

fn subscriptions_of(ids: &BTreeSet<SubscriptionId>) -> SetQuery<'_, 1, Subscription> {
    let text = "SELECT id, subscriber_id, creator_id, tier, status, price_cents, anchor_at, period, period_start, \
        period_end, expires_at, auto_renew, renew_at, renewals_tried, created_at FROM subscriptions WHERE id = $1";
    SetQuery::new(text, set(ids.iter().copied()), subscriptions::read)
}

fn sales(ids: &BTreeSet<TransactionId>) -> SetQuery<'_, 1, Sale> {
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
    SetQuery::new(text, set(ids.iter().copied()), |row| {
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

fn pending_payouts(creators: &BTreeSet<UserId>) -> SetQuery<'_, 1, Payout> {
    let text = "SELECT id, creator_id, amount_cents, destination, status, remark, created_at FROM payouts
        WHERE creator_id = $1 AND status = 'pending'";
    SetQuery::new(text, set(creators.iter().copied()), payouts::read)
}

fn payouts_of(ids: &BTreeSet<PayoutId>) -> SetQuery<'_, 1, Payout> {
    let text =
        "SELECT id, creator_id, amount_cents, destination, status, remark, created_at FROM payouts WHERE id = $1";
    SetQuery::new(text, set(ids.iter().copied()), payouts::read)
}

fn deposits(ids: &BTreeSet<DepositId>) -> SetQuery<'_, 1, DepositAsked> {
    let text = "SELECT id, user_id, amount_cents, provider, provider_tx_id, status FROM deposits WHERE id = $1";
    SetQuery::new(text, set(ids.iter().copied()), |row| {
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

fn payments(payments: &BTreeSet<(Provider, String)>) -> SetQuery<'_, 2, (Provider, String)> {
    let text = "SELECT provider, provider_tx_id FROM transactions WHERE provider = $1 AND provider_tx_id = $2";
    let set = pairs(payments.iter().map(|(provider, id)| (provider.as_str(), id.as_str())));
    SetQuery::new(text, set, |row| Ok((provider(row, 0)?, row.get(1)?)))
}

fn provider(row: &Row<'_>, column: usize) -> Result<Provider, StoreError> {
    let name: String = row.get(column)?;
    Provider::parse(&name).map_err(|_| StoreError::Column { column, expected: "a provider" })
}
