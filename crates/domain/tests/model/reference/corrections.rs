//! Refunds and payouts in the reference model.

use super::{Model, Movement, Payout};
use crate::ask::{DESTINATION, Number, REASON, REMARK, Sending, User};
use crate::told::{Done, Holder, Of, Parts, Refused, Row, Sold, Sub};

impl Model {
    pub(super) fn refund(
        &mut self,
        sending: &Sending,
        sale: Number,
        wanted: Option<i64>,
        now: i64,
    ) -> Result<Done, Refused> {
        let (sale, seen) = (self.sales.get(&sale).copied(), &sending.seen);
        let known = sale.filter(|sale| (Some(sale.fan), Some(sale.creator)) == (seen.fan, seen.creator));
        let sale = known.ok_or(Refused::new("transaction_not_found"))?;
        let left = [0, 1, 2].map(|part| sale.parts[part] - sale.given_back[part]);
        let all: i64 = left.iter().sum();
        let amount = wanted.unwrap_or(all);
        if all == 0 || amount > all {
            return Err(Refused::with("refund_exceeds_original", &[all]));
        }
        let shares = share(left, amount);
        // What the creator no longer has, they owe.
        let has = self.balances[&sale.creator];
        let debt = (shares[0] - has).max(0);
        let in_full = amount == all;
        let revoked = if in_full { self.revoked_with(&sale) } else { None };
        let moves = vec![
            (Holder::User(sale.fan), amount),
            (Holder::User(sale.creator), debt - shares[0]),
            (Holder::Debt(sale.creator), -debt),
            (Holder::Platform, -shares[1]),
            (Holder::Processor, -shares[2]),
        ];
        let movement = Movement {
            payer: Some(sale.creator),
            payee: Some(sale.fan),
            amount,
            split: Some((sale.version, shares)),
            reverses: Some(sale.id),
            moves,
            corrects: true,
        };
        let row = Row::Refund { id: sending.number, sale, debt, reason: REASON.to_owned(), in_full, revoked };
        let done = self.post(sending, movement, row, now)?;
        let given_back = &mut self.sales.get_mut(&sale.id).unwrap().given_back;
        given_back.iter_mut().zip(shares).for_each(|(part, share)| *part += share);
        if let Some(revoked) = revoked {
            self.subscriptions.insert(revoked.id, revoked);
        } else if in_full {
            self.given_back_in_full(&sale);
        }
        Ok(done)
    }

    /// Only the newest period ends its subscription.
    fn revoked_with(&self, sale: &Sold) -> Option<Sub> {
        let Of::Period { subscription, period } = sale.of else { return None };
        let row = &self.subscriptions[&subscription];
        (row.period == period && row.status == "active").then(|| row.revoked())
    }

    fn given_back_in_full(&mut self, sale: &Sold) {
        match sale.of {
            Of::Unlock(content) => {
                let gone = self.unlocked.remove(&(sale.fan, content.try_into().unwrap()));
                assert_eq!(gone, Some(sale.id));
            }
            Of::Period { .. } => self.notes.push("refund of a period that ends nothing"),
            Of::Gifts(_) => self.notes.push("gift off its boards"),
        }
        if sale.given_back != [0; 3] {
            self.notes.push("the last of several refunds");
        }
    }

    pub(super) fn hold(&mut self, sending: &Sending, creator: User, amount: i64, now: i64) -> Result<Done, Refused> {
        if self.payouts.values().any(|payout| payout.creator == creator && payout.status == "pending") {
            return Err(Refused::new("payout_pending"));
        }
        if self.owes(creator) > 0 {
            return Err(self.in_debt(creator, "yours"));
        }
        let moves = vec![(Holder::User(creator), -amount), (Holder::Payouts, amount)];
        let payout = Payout { creator, amount, status: "pending", made: now };
        let row = payout_row(sending.number, &payout, None, 0);
        let done =
            self.post(sending, Movement { payer: Some(creator), amount, moves, ..Movement::default() }, row, now)?;
        self.payouts.insert(sending.number, payout);
        Ok(done)
    }

    fn in_debt(&self, creator: User, about: &'static str) -> Refused {
        Refused { about, ..Refused::with("debt_outstanding", &[self.owes(creator)]) }
    }

    pub(super) fn decide_payout(
        &mut self,
        sending: &Sending,
        id: Number,
        is_paid: bool,
        now: i64,
    ) -> Result<Done, Refused> {
        let payout = self.payouts.get(&id).filter(|payout| Some(payout.creator) == sending.seen.creator);
        let Payout { creator, amount, status, made } = *payout.ok_or(Refused::new("payout_not_found"))?;
        if status != "pending" {
            return Err(Refused::new("payout_decided"));
        }
        // The money of a frozen wallet stays where it is, held money included.
        if is_paid && self.frozen.contains(&creator) {
            return Err(Refused::about("wallet_frozen", "recipients"));
        }
        // Nothing leaves while something is owed; what stays pays the debt, as far as it goes.
        let owes = self.owes(creator);
        if is_paid && owes > 0 {
            return Err(self.in_debt(creator, "recipients"));
        }
        let repaid = if is_paid { 0 } else { amount.min(owes) };
        let (status, payee, reverses, rest) = if is_paid {
            ("paid", None, None, vec![(Holder::Clearing("manual"), amount)])
        } else {
            let back = vec![(Holder::User(creator), amount - repaid), (Holder::Debt(creator), repaid)];
            ("rejected", Some(creator), Some(id), back)
        };
        let moves = std::iter::once((Holder::Payouts, -amount)).chain(rest).collect();
        let payout = Payout { creator, amount, status, made };
        let movement = Movement { payee, amount, reverses, moves, corrects: true, ..Movement::default() };
        let row = payout_row(id, &payout, Some(REMARK.to_owned()), repaid);
        let done = self.post(sending, movement, row, now)?;
        if repaid > 0 && repaid < amount {
            self.notes.push("payout rejected that repaid a debt and left something");
        }
        self.payouts.insert(id, payout);
        Ok(done)
    }
}

fn payout_row(id: Number, payout: &Payout, remark: Option<String>, repaid: i64) -> Row {
    let Payout { creator, amount, status, made } = *payout;
    Row::Payout { id, creator, amount, to: DESTINATION.to_owned(), status, remark, made, repaid }
}

/// Everybody gives their share of what is left, rounded down; the cents that are missing then are given one by
/// one by whoever's share lost most by the rounding, the creator first, then the platform.
fn share(left: Parts, amount: i64) -> Parts {
    let all: i128 = left.iter().map(|part| i128::from(*part)).sum();
    let exact = left.map(|part| i128::from(part) * i128::from(amount));
    let mut shares = exact.map(|exact| exact / all);
    let mut lost = exact.map(|exact| exact % all);
    while shares.iter().sum::<i128>() < i128::from(amount) {
        let most = lost.iter().copied().max().unwrap();
        let next = lost.iter().position(|lost| *lost == most).unwrap();
        shares[next] += 1;
        lost[next] = -1;
    }
    shares.map(|share| i64::try_from(share).unwrap())
}
