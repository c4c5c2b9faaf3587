//! Whether what was heard of a bank can be true: plain functions over a history that was written down.
//!
//! Each wallet has one order, which its entries tell. Every read shows a place in it. So it is known which of two
//! operations on a wallet was first, and together with what ended before what began, that must go without a circle:
//! then there is one order of all operations that explains every answer (strict serializability).

mod order;
mod tests;
mod view;

use super::history::{Asked, Heard, History, Operation, Order};
use std::collections::BTreeMap;
use view::Views;

/// Examples of what is wrong that are kept.
const EXAMPLES_MAX: usize = 20;
/// A moment that did not come.
pub const NEVER: u64 = u64::MAX;

/// What can be wrong with a history.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Anomaly {
    /// Acknowledged, and not in the histories.
    Lost,
    /// More than once in a history.
    Doubled,
    /// In a history, though nobody asked for it or all who did were told that nothing happened.
    Invented,
    /// In one of two histories, or not the same in both.
    OneSided,
    /// A balance that is not the one before it and the entry's cents, or not what was answered.
    Balance,
    /// A balance below zero.
    Negative,
    /// An entry before one that was acknowledged before it was asked for.
    OrderAgainstTime,
    /// A read that shows no state that the wallet ever had.
    WrongRead,
    /// A read without a transfer that was acknowledged before it began.
    StaleRead,
    /// A read of less than an earlier read had shown.
    ReadWentBack,
    /// A read of what was asked for after it ended.
    ReadOfTheFuture,
    /// A refusal that had an effect, or while there was money enough all the time.
    Refusal,
    /// Two answers to one key.
    Replay,
    /// Balances that do not sum to what was paid in.
    Sum,
    /// No order of all operations explains what was heard.
    Circle,
}

/// What is wrong with a history.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub counts: BTreeMap<Anomaly, usize>,
    pub examples: Vec<String>,
}

impl Found {
    fn add(&mut self, anomaly: Anomaly, told: impl FnOnce() -> String) {
        *self.counts.entry(anomaly).or_default() += 1;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(format!("{anomaly:?}: {}", told()));
        }
    }
}

/// A transfer, by all that was heard of it.
#[derive(Clone, Debug)]
pub struct Transfer {
    pub order: Order,
    /// When it was first asked for.
    pub from: u64,
    /// When it was first acknowledged, and refused.
    pub paid: u64,
    pub refused: u64,
    /// The first answer that counts.
    answer: Option<Heard>,
    /// Whether every answer said that nothing happened.
    is_denied: bool,
    /// Its places in the histories of payer and payee.
    pub places: [Option<usize>; 2],
}

/// Every transfer at the place of its label.
pub type Transfers = Vec<Option<Transfer>>;

/// Looks at a history from every side.
pub fn check(history: &History) -> Found {
    let mut found = Found::default();
    let mut transfers = gather(&history.operations, &mut found);
    place(history, &mut transfers, &mut found);
    judge(history, &transfers, &mut found);
    add_up(history, &mut found);
    let views = Views::new(history, &transfers, &mut found);
    views.check_reads(&mut found);
    views.check_refusals(&mut found);
    if let Some(told) = order::circle(&views) {
        found.add(Anomaly::Circle, || told);
    }
    found
}

fn gather(operations: &[Operation], found: &mut Found) -> Transfers {
    let mut transfers = Transfers::new();
    for operation in operations {
        let Asked::Transfer(order, heard) = operation.asked else { continue };
        let label = order.label as usize;
        if transfers.len() <= label {
            transfers.resize(label + 1, None);
        }
        let transfer = transfers[label].get_or_insert(Transfer {
            order,
            from: NEVER,
            paid: NEVER,
            refused: NEVER,
            answer: None,
            is_denied: true,
            places: [None; 2],
        });
        transfer.from = transfer.from.min(operation.from);
        transfer.is_denied &= heard == Heard::Nothing;
        match heard {
            Heard::Paid { .. } => transfer.paid = transfer.paid.min(operation.until),
            Heard::Refused { .. } => transfer.refused = transfer.refused.min(operation.until),
            Heard::Nothing | Heard::Unknown => continue,
        }
        let answer = *transfer.answer.get_or_insert(heard);
        if answer != heard {
            found.add(Anomaly::Replay, || format!("transfer {label} was answered with {answer:?} and {heard:?}"));
        }
    }
    transfers
}

/// Finds each transfer in the histories of both sides.
fn place(history: &History, transfers: &mut Transfers, found: &mut Found) {
    for (wallet, entries) in history.wallets.iter().enumerate() {
        for (index, entry) in entries.iter().enumerate().filter(|(_, entry)| entry.label != 0) {
            let told = || format!("{entry:?} of wallet {wallet}");
            let Some(transfer) = transfers.get_mut(entry.label as usize).and_then(Option::as_mut) else {
                found.add(Anomaly::Invented, told);
                continue;
            };
            let order = transfer.order;
            let (payer, payee, cents) = (usize::from(order.payer), usize::from(order.payee), i64::from(order.cents));
            let (side, other, expected) =
                if wallet == payer { (0, order.payee, -cents) } else { (1, order.payer, cents) };
            if ![payer, payee].contains(&wallet) || entry.other != other || entry.cents != expected {
                found.add(Anomaly::OneSided, told);
            } else if transfer.places[side].replace(index).is_some() {
                found.add(Anomaly::Doubled, told);
            }
        }
    }
}

/// Holds what was answered against what is in the histories.
fn judge(history: &History, transfers: &Transfers, found: &mut Found) {
    for transfer in transfers.iter().flatten() {
        let told = || format!("{transfer:?}");
        let [payer, payee] = transfer.places;
        if payer.is_some() != payee.is_some() {
            found.add(Anomaly::OneSided, told);
        }
        let is_there = payer.is_some() || payee.is_some();
        if transfer.paid != NEVER && !is_there {
            found.add(Anomaly::Lost, told);
        }
        if transfer.refused != NEVER && is_there {
            found.add(Anomaly::Refusal, told);
        }
        if transfer.is_denied && is_there {
            found.add(Anomaly::Invented, told);
        }
        if let (Some(Heard::Paid { balance, .. }), Some(place)) = (transfer.answer, payer)
            && history.wallets[usize::from(transfer.order.payer)][place].balance != balance
        {
            found.add(Anomaly::Balance, told);
        }
    }
}

/// Holds balances against entries, times against their order, and sums against what was paid in.
fn add_up(history: &History, found: &mut Found) {
    let mut total = 0;
    for (wallet, entries) in history.wallets.iter().enumerate() {
        let (mut balance, mut before) = (0, i64::MIN);
        for entry in entries {
            let told = || format!("{entry:?} of wallet {wallet} after {balance}");
            if entry.label == 0 {
                total += entry.cents;
            }
            if entry.balance != balance + entry.cents || entry.at <= before {
                found.add(Anomaly::Balance, told);
            }
            if entry.balance < 0 {
                found.add(Anomaly::Negative, told);
            }
            (balance, before) = (entry.balance, entry.at);
        }
    }
    let last: i64 = history.wallets.iter().filter_map(|entries| Some(entries.last()?.balance)).sum();
    for sum in history.sums.iter().chain([&last]).filter(|sum| **sum != total) {
        found.add(Anomaly::Sum, || format!("{sum}, and {total} was paid in"));
    }
}
