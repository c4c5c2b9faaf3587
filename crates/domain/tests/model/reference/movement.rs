//! How money moves in the reference model: who may, how much, and when it happens.

use super::{MOST, Model};
use crate::ask::{Sending, User};
use crate::told::{Done, Holder, Leg, Parts, Refused, Row};

#[derive(Clone, Debug, Default)]
pub(super) struct Movement {
    pub payer: Option<User>,
    pub payee: Option<User>,
    pub amount: i64,
    pub split: Option<(i64, Parts)>,
    pub reverses: Option<u128>,
    /// Who gets how much; who gets nothing has no leg.
    pub moves: Vec<(Holder, i64)>,
    /// Refunds and decisions on payouts: suspended accounts take part in them.
    pub corrects: bool,
}

impl Model {
    /// All of it, or a refusal and nothing.
    pub(super) fn post(
        &mut self,
        sending: &Sending,
        mut movement: Movement,
        row: Row,
        now: i64,
    ) -> Result<Done, Refused> {
        movement.moves.retain(|(_, amount)| *amount != 0);
        self.allow(&movement, sending.principal)?;
        let at = self.moment(&movement, now);
        let legs = movement.moves.iter().map(|(holder, amount)| self.add(*holder, *amount, at)).collect();
        let Movement { payer, payee, amount, split, reverses, .. } = movement;
        let (number, asker) = (sending.number, sending.principal);
        Ok(Done { number, asker, payer, payee, amount, split, reverses, legs, row, at })
    }

    fn allow(&self, movement: &Movement, asker: User) -> Result<(), Refused> {
        let about = |user, pays| match (user == asker, pays) {
            (true, _) => "yours",
            (false, true) => "payers",
            (false, false) => "recipients",
        };
        for (holder, amount) in &movement.moves {
            match *holder {
                Holder::User(user) => {
                    let about = about(user, *amount < 0);
                    self.stands(user, about, movement.corrects)?;
                    let has = self.balances[&user];
                    if has + amount < 0 {
                        return Err(Refused::with("insufficient_funds", &[has, -amount]));
                    }
                    if has + amount > MOST {
                        return Err(Refused::about("balance_limit_exceeded", about));
                    }
                }
                Holder::Debt(user) => {
                    let owes = self.owes(user) - amount;
                    assert!(owes >= 0, "nobody repays more than they owe");
                    if owes > MOST {
                        return Err(Refused::about("balance_limit_exceeded", "recipients"));
                    }
                }
                Holder::Clearing(_) | Holder::Platform | Holder::Processor | Holder::Payouts => {}
            }
        }
        // Those too who get nothing of it, because it all goes to others.
        for (user, pays) in [(movement.payer, true), (movement.payee, false)] {
            if let Some(user) = user {
                self.stands(user, about(user, pays), movement.corrects)?;
            }
        }
        Ok(())
    }

    fn stands(&self, user: User, about: &'static str, corrects: bool) -> Result<(), Refused> {
        if !self.balances.contains_key(&user) {
            Err(Refused::new("recipient_not_found"))
        } else if self.suspended.contains(&user) && !corrects {
            Err(Refused::about("account_suspended", about))
        } else if self.frozen.contains(&user) {
            Err(Refused::about("wallet_frozen", about))
        } else {
            Ok(())
        }
    }

    pub(super) fn owes(&self, user: User) -> i64 {
        self.debts.get(&user).copied().unwrap_or_default()
    }

    /// Now, unless a wallet that takes part has an entry from then or later: then just after it.
    fn moment(&self, movement: &Movement, now: i64) -> i64 {
        let newest = movement.moves.iter().filter_map(|(holder, _)| self.newest.get(holder)).max();
        newest.map_or(now, |newest| now.max(newest + 1))
    }

    fn add(&mut self, holder: Holder, amount: i64, at: i64) -> Leg {
        let balance = match holder {
            Holder::User(user) => {
                let balance = self.balances.entry(user).or_default();
                *balance += amount;
                *balance
            }
            Holder::Debt(user) => {
                let owes = self.debts.entry(user).or_default();
                *owes -= amount;
                self.notes.push(if amount < 0 { "debt made" } else { "debt repaid" });
                -*owes
            }
            // Nobody reads what the system's own wallets hold.
            Holder::Clearing(_) | Holder::Platform | Holder::Processor | Holder::Payouts => {
                return (holder, amount, None);
            }
        };
        self.newest.insert(holder, at);
        (holder, amount, Some(balance))
    }
}
