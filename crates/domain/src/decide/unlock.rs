//! A fan buys a content, once. What is charged is the price of the row that this unit of work loaded.

use super::sale;
use crate::audit::Action;
use crate::book::{Book, Draft};
use crate::command::Unlock;
use crate::id::{TransactionId, UnlockId};
use crate::receipt::{Act, UnlockRow};
use crate::refusal::Refusal;

pub(super) fn draft(book: &Book, id: TransactionId, unlock: &Unlock) -> Result<Draft, Refusal> {
    let offer = book.content(unlock.content_id).filter(|offer| Some(offer.creator_id) == unlock.creator_id);
    let offer = offer.ok_or(Refusal::ContentNotFound)?;
    if offer.creator_id == unlock.user_id {
        return Err(Refusal::OwnContent);
    }
    // Before anything that may have changed since: whoever has it, has it.
    if book.has_unlocked(unlock.user_id, offer.id) {
        return Err(Refusal::AlreadyUnlocked);
    }
    if !offer.is_active {
        return Err(Refusal::ContentInactive);
    }
    if offer.subscriber_only {
        return Err(Refusal::SubscriberOnly);
    }
    let price = offer.price.amount().ok_or(Refusal::ContentIsFree)?;
    sale::expect(price, unlock.expected_price)?;
    let act = Act::Unlock(UnlockRow { id: UnlockId::new(id.uuid()), content_id: offer.id });
    sale::draft(book, (unlock.user_id, offer.creator_id), price, unlock.terms, (Action::Unlocked, act))
}
