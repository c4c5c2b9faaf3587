//! A gift from the catalogue, at the catalogue's price.

use super::sale;
use crate::audit::Action;
use crate::book::{Book, Draft};
use crate::command::Gift;
use crate::gift::GiftRow;
use crate::id::{GiftId, TransactionId};
use crate::receipt::Act;
use crate::refusal::{Refusal, Whose};

pub(super) fn draft(book: &Book, id: TransactionId, gift: &Gift) -> Result<Draft, Refusal> {
    if gift.sender_id == gift.recipient_id {
        return Err(Refusal::SelfGift);
    }
    let price = gift.quantity.times(gift.price).ok_or(Refusal::BalanceLimitExceeded(Whose::Recipients))?;
    let act = Act::Gift(GiftRow {
        id: GiftId::new(id.uuid()),
        sender_id: gift.sender_id,
        recipient_id: gift.recipient_id,
        gift_type: gift.gift_type.clone(),
        quantity: gift.quantity,
        message: gift.message.clone(),
        context: gift.context.clone(),
    });
    sale::draft(book, (gift.sender_id, gift.recipient_id), price, gift.terms, (Action::GiftSent, act))
}
