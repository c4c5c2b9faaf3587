//! What a handler reads before it asks the ledger: whose content, sale, subscription or payout that is.

use super::Store;
use crate::ask::{Ask, Seen, content_id, subscription_id, transaction_id, user_of};
use domain::id::PayoutId;
use domain::sale::SaleOf;
use uuid::Uuid;

impl Store {
    pub fn seen(&self, ask: &Ask, seen: Seen) -> Seen {
        match *ask {
            Ask::Unlock { content, .. } => {
                let creator = self.contents.get(&content_id(content)).map(|row| user_of(row.creator_id));
                Seen { creator, ..seen }
            }
            Ask::Renew { subscription } => {
                let row = self.subscriptions.get(&subscription_id(subscription));
                let (fan, creator) = (row.map(|row| row.subscriber_id), row.map(|row| row.creator_id));
                Seen { fan: fan.map(user_of), creator: creator.map(user_of), ..seen }
            }
            Ask::Refund { sale, .. } => {
                let sale = self.sales.get(&transaction_id(sale));
                let subscription = sale.and_then(|sale| match sale.of {
                    SaleOf::Subscription { id, .. } => Some(id.uuid().as_u128()),
                    SaleOf::Unlock(_) | SaleOf::Gift(_) => None,
                });
                let (fan, creator) = (sale.map(|sale| sale.payer_id), sale.map(|sale| sale.payee_id));
                Seen { fan: fan.map(user_of), creator: creator.map(user_of), subscription, ..seen }
            }
            Ask::Decide { payout, .. } => {
                let row = self.payouts.get(&PayoutId::new(Uuid::from_u128(payout)));
                Seen { creator: row.map(|row| user_of(row.creator_id)), ..seen }
            }
            Ask::Deposit { .. }
            | Ask::Transfer { .. }
            | Ask::Subscribe { .. }
            | Ask::Gift { .. }
            | Ask::Payout { .. } => seen,
        }
    }
}
