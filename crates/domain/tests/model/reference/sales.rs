//! What fans pay for, in the reference model: the fan pays the price, platform and processor get their shares
//! rounded down, the creator gets the rest, and what the creator owes is repaid from that first.

use super::{MOST, Model, Movement};
use crate::ask::{CONTEXT, Number, Sending, User};
use crate::terms::TERMS;
use crate::told::{Done, Holder, Of, Refused, Row, Sold};

/// Which shares of the terms.
pub(super) const OF_UNLOCKS: usize = 0;
pub(super) const OF_SUBSCRIPTIONS: usize = 1;
const OF_GIFTS: usize = 2;

impl Model {
    pub(super) fn unlock(
        &mut self,
        sending: &Sending,
        (fan, content): (User, u64),
        expected: Option<i64>,
        now: i64,
    ) -> Result<Done, Refused> {
        let row = self.contents.get(&content).filter(|row| Some(row.creator) == sending.seen.creator).copied();
        let row = row.ok_or(Refused::new("content_not_found"))?;
        for (is_so, code) in [
            (row.creator == fan, "own_content"),
            (self.unlocked.contains_key(&(fan, content)), "already_unlocked"),
            (!row.is_active, "content_inactive"),
            (row.subscriber_only, "subscriber_only"),
            (row.price == 0, "content_is_free"),
        ] {
            if is_so {
                return Err(Refused::new(code));
            }
        }
        expect(row.price, expected)?;
        let of = (OF_UNLOCKS, Of::Unlock(content.into()));
        let act = Row::Unlock { id: sending.number, content: content.into() };
        let done = self.sell(sending, (fan, row.creator, row.price), of, act, now)?;
        if self.sales.values().filter(|sale| sale.fan == fan && sale.of == of.1).nth(1).is_some() {
            self.notes.push("unlocked again after a full refund");
        }
        self.unlocked.insert((fan, content), sending.number);
        Ok(done)
    }

    pub(super) fn give(
        &mut self,
        sending: &Sending,
        (from, to): (User, User),
        (gift, quantity, message): (&str, i64, Option<&str>),
        now: i64,
    ) -> Result<Done, Refused> {
        if from == to {
            return Err(Refused::new("self_gift"));
        }
        let price = i128::from(sending.seen.price) * i128::from(quantity);
        if price > i128::from(MOST) {
            return Err(Refused::about("balance_limit_exceeded", "recipients"));
        }
        let row = Row::Gift {
            id: sending.number,
            between: (from, to),
            gift: gift.to_owned(),
            quantity,
            words: [message.map(str::to_owned), Some(CONTEXT.to_owned())],
        };
        let price = i64::try_from(price).unwrap();
        self.sell(sending, (from, to, price), (OF_GIFTS, Of::Gifts(quantity)), row, now)
    }

    pub(super) fn sell(
        &mut self,
        sending: &Sending,
        (fan, creator, price): (User, User, i64),
        (kind, of): (usize, Of),
        row: Row,
        now: i64,
    ) -> Result<Done, Refused> {
        let terms = TERMS[sending.seen.terms][kind];
        let share =
            |of_ten_thousand: u16| i64::try_from(i128::from(price) * i128::from(of_ten_thousand) / 10_000).unwrap();
        let (platform, processor) = (share(terms.0), share(terms.1));
        let earned = price - platform - processor;
        let repaid = earned.min(self.owes(creator));
        let version = i64::try_from(sending.seen.terms).unwrap() + 1;
        let parts = [earned, platform, processor];
        let moves = vec![
            (Holder::User(fan), -price),
            (Holder::User(creator), earned - repaid),
            (Holder::Debt(creator), repaid),
            (Holder::Platform, platform),
            (Holder::Processor, processor),
        ];
        let (payer, payee, split) = (Some(fan), Some(creator), Some((version, parts)));
        let movement = Movement { payer, payee, amount: price, split, moves, ..Movement::default() };
        let done = self.post(sending, movement, row, now)?;
        let id: Number = sending.number;
        let (given_back, at) = ([0; 3], done.at);
        self.sales.insert(id, Sold { id, fan, creator, amount: price, version, parts, given_back, of, at });
        if earned == repaid {
            self.notes.push("sale of which the creator gets nothing");
        }
        Ok(done)
    }
}

/// The price that the fan was shown is the one that is charged, or nothing is.
pub(super) fn expect(price: i64, expected: Option<i64>) -> Result<(), Refused> {
    if expected.is_some_and(|expected| expected != price) {
        return Err(Refused::with("price_changed", &[price]));
    }
    Ok(())
}
