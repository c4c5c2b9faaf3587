//! What a batch reads, row by row, by key. Rules on it are in `domain`.

use crate::store::{Row, StoreError, View, Work, idempotency_keys, payouts, subscriptions};
use domain::book::Rows;
use domain::command::Needs;
use domain::content::{Offer, Price};
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

/// Users' wallets first and in id order, then everything else.
pub(super) fn rows(work: &mut Work<'_>, needs: &Needs) -> Result<Rows, StoreError> {
    let view: &View<'_> = work;
    let mut rows = Rows { wallets: Vec::with_capacity(needs.users.len()), ..Rows::default() };
    for user in &needs.users {
        rows.wallets.extend(wallet(view, *user)?);
    }
    for creator in &needs.debtors {
        rows.debts.extend(debt(view, *creator)?);
    }
    for (principal, digest) in &needs.keys {
        rows.records.extend(idempotency_keys::find(view, *principal, *digest)?);
    }
    for id in &needs.contents {
        rows.contents.extend(content(view, *id)?);
    }
    for (user, content) in &needs.unlocks {
        rows.unlocks.extend(unlock(view, *user, *content)?);
    }
    for (creator, tier) in &needs.plans {
        rows.plans.extend(plan(view, *creator, *tier)?);
    }
    for (subscriber, creator) in &needs.subscribers {
        rows.subscriptions.extend(active_subscription(view, *subscriber, *creator)?);
    }
    for id in &needs.subscriptions {
        rows.subscriptions.extend(subscription(view, *id)?);
    }
    for id in &needs.sales {
        rows.sales.extend(sale(view, *id)?);
    }
    for creator in &needs.payees {
        rows.payouts.extend(pending_payout(view, *creator)?);
    }
    for id in &needs.payouts {
        rows.payouts.extend(payout(view, *id)?);
    }
    for id in &needs.deposits {
        rows.deposits.extend(deposit(view, *id)?);
    }
    for (provider, id) in &needs.payments {
        rows.payments.extend(payment(view, provider, id)?);
    }
    Ok(rows)
}

fn wallet(view: &View<'_>, user: UserId) -> Result<Option<UserWallet>, StoreError> {
    let text = "SELECT w.id, w.user_id, u.account_status, w.status, w.balance_cents, w.last_transaction_at
        FROM wallets w JOIN users u ON u.id = w.user_id WHERE w.id = $1 AND w.kind = 'user'";
    view.query_opt(text, &[WalletId::of_user(user).into()], |row| {
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

fn debt(view: &View<'_>, creator: UserId) -> Result<Option<UserWallet>, StoreError> {
    let text = "SELECT id, balance_cents, last_transaction_at FROM wallets WHERE id = $1 AND kind = 'debt'";
    view.query_opt(text, &[WalletId::of_debt(creator).into()], |row| {
        Ok(UserWallet {
            id: row.get(0)?,
            user_id: creator,
            account_status: AccountStatus::Active,
            status: WalletStatus::Active,
            balance: row.get(1)?,
            last_transaction_at: row.get(2)?,
        })
    })
}

fn content(view: &View<'_>, id: ContentId) -> Result<Option<Offer>, StoreError> {
    let text = "SELECT creator_id, price_cents, subscriber_only, is_active FROM contents WHERE id = $1";
    view.query_opt(text, &[id.into()], |row| {
        Ok(Offer {
            id,
            creator_id: row.get(0)?,
            price: Price::new(row.get(1)?).map_err(|_| StoreError::Column { column: 1, expected: "a price" })?,
            subscriber_only: row.get(2)?,
            is_active: row.get(3)?,
        })
    })
}

fn unlock(view: &View<'_>, user: UserId, content: ContentId) -> Result<Option<(UserId, ContentId)>, StoreError> {
    let text = "SELECT user_id, content_id FROM unlocks WHERE user_id = $1 AND content_id = $2 AND revoked_at IS NULL";
    view.query_opt(text, &[user.into(), content.into()], |row| Ok((row.get(0)?, row.get(1)?)))
}

fn plan(view: &View<'_>, creator: UserId, tier: PlanTier) -> Result<Option<Plan>, StoreError> {
    let text = "SELECT price_cents, is_active FROM plans WHERE creator_id = $1 AND tier = $2";
    view.query_opt(text, &[creator.into(), tier.into()], |row| {
        Ok(Plan { creator_id: creator, tier, price: row.get(0)?, is_active: row.get(1)? })
    })
}

fn active_subscription(
    view: &View<'_>,
    subscriber: UserId,
    creator: UserId,
) -> Result<Option<Subscription>, StoreError> {
    let text = "SELECT id, subscriber_id, creator_id, tier, status, price_cents, anchor_at, period, period_start, \
        period_end, expires_at, auto_renew, renew_at, renewals_tried, created_at FROM subscriptions
        WHERE subscriber_id = $1 AND creator_id = $2 AND status = 'active'";
    view.query_opt(text, &[subscriber.into(), creator.into()], subscriptions::read)
}

fn subscription(view: &View<'_>, id: SubscriptionId) -> Result<Option<Subscription>, StoreError> {
    let text = "SELECT id, subscriber_id, creator_id, tier, status, price_cents, anchor_at, period, period_start, \
        period_end, expires_at, auto_renew, renew_at, renewals_tried, created_at FROM subscriptions WHERE id = $1";
    view.query_opt(text, &[id.into()], subscriptions::read)
}

fn sale(view: &View<'_>, id: TransactionId) -> Result<Option<Sale>, StoreError> {
    let text = "SELECT t.payer_id, t.payee_id, t.amount_cents, t.created_at, t.type, t.reference_id, p.period, \
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
    view.query_opt(text, &[id.into()], |row| {
        let version = row.get(8)?;
        let parts = |first: usize| -> Result<Split, StoreError> {
            let (creator, platform, processor): (Cents, Cents, Cents) =
                (row.get(first)?, row.get(first + 1)?, row.get(first + 2)?);
            Ok(Split { version, creator, platform, processor })
        };
        Ok(Sale {
            id,
            payer_id: row.get(0)?,
            payee_id: row.get(1)?,
            amount: row.get(2)?,
            created_at: row.get(3)?,
            of: sale_of(row)?,
            split: parts(9)?,
            refunded: parts(12)?,
        })
    })
}

fn sale_of(row: &Row<'_>) -> Result<SaleOf, StoreError> {
    match row.get(4)? {
        TransactionType::Unlock => Ok(SaleOf::Unlock(row.get(5)?)),
        TransactionType::Subscription => Ok(SaleOf::Subscription { id: row.get(5)?, period: row.get(6)? }),
        TransactionType::Gift => {
            let quantity = Quantity::new(row.get(7)?);
            quantity.map(SaleOf::Gift).map_err(|_| StoreError::Column { column: 7, expected: "a quantity" })
        }
        _ => Err(StoreError::Column { column: 4, expected: "the type of a sale" }),
    }
}

fn pending_payout(view: &View<'_>, creator: UserId) -> Result<Option<Payout>, StoreError> {
    let text = "SELECT id, creator_id, amount_cents, destination, status, remark, created_at FROM payouts
        WHERE creator_id = $1 AND status = 'pending'";
    view.query_opt(text, &[creator.into()], payouts::read)
}

fn payout(view: &View<'_>, id: PayoutId) -> Result<Option<Payout>, StoreError> {
    let text =
        "SELECT id, creator_id, amount_cents, destination, status, remark, created_at FROM payouts WHERE id = $1";
    view.query_opt(text, &[id.into()], payouts::read)
}

fn deposit(view: &View<'_>, id: DepositId) -> Result<Option<DepositAsked>, StoreError> {
    let text = "SELECT user_id, amount_cents, provider, provider_tx_id, status FROM deposits WHERE id = $1";
    view.query_opt(text, &[id.into()], |row| {
        let provider: String = row.get(2)?;
        Ok(DepositAsked {
            id,
            user_id: row.get(0)?,
            amount: row.get(1)?,
            provider: Provider::parse(&provider)
                .map_err(|_| StoreError::Column { column: 2, expected: "a provider" })?,
            provider_tx_id: row.get(3)?,
            status: row.get(4)?,
        })
    })
}

fn payment(view: &View<'_>, provider: &Provider, id: &str) -> Result<Option<(Provider, String)>, StoreError> {
    let text = "SELECT 1 FROM transactions WHERE provider = $1 AND provider_tx_id = $2";
    let known = view.query_opt(text, &[provider.as_str().into(), id.into()], |_| Ok(()))?;
    Ok(known.map(|()| (provider.clone(), id.to_owned())))
}
