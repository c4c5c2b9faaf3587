//! Histories made by hand: one that is well, and from it one for each thing that can be wrong.

use super::super::history::{Asked, Entry, Heard, History, Operation, Order};
use super::{Anomaly, Found, NEVER, check};

const fn entry(label: u32, other: u16, cents: i64, balance: i64, at: i64) -> Entry {
    Entry { label, other, cents, balance, at }
}

const fn transfer(
    from: u64,
    until: u64,
    (label, payer, payee, cents): (u32, u16, u16, u32),
    heard: Heard,
) -> Operation {
    Operation { from, until, process: 0, asked: Asked::Transfer(Order { label, payer, payee, cents }, heard) }
}

const fn balance(from: u64, until: u64, (wallet, cents, at): (u16, i64, i64)) -> Operation {
    Operation { from, until, process: 1, asked: Asked::Balance { wallet, cents, at } }
}

const fn paid(balance: i64) -> Heard {
    Heard::Paid { balance, digest: 7 }
}

const REFUSED: Heard = Heard::Refused { digest: 9 };

/// Three wallets. Transfer 1 was acknowledged, transfer 2 has no answer and happened, transfer 3 was refused, transfer 4
/// was told that nothing happened, and transfer 5 was answered twice.
fn well() -> History {
    History {
        operations: vec![
            transfer(10, 20, (1, 0, 1, 60), paid(40)),
            balance(12, 30, (0, 40, 5)),
            transfer(31, NEVER, (2, 1, 2, 100), Heard::Unknown),
            transfer(40, 50, (3, 0, 2, 41), REFUSED),
            transfer(42, 52, (3, 0, 2, 41), REFUSED),
            transfer(40, 50, (4, 0, 2, 1), Heard::Nothing),
            balance(60, 61, (2, 200, 8)),
            transfer(70, 80, (5, 2, 0, 30), paid(170)),
            transfer(72, 84, (5, 2, 0, 30), paid(170)),
            Operation {
                from: 90,
                until: 95,
                process: 1,
                asked: Asked::Newest {
                    wallet: 2,
                    entries: Box::new([entry(5, 0, -30, 170, 9), entry(2, 1, 100, 200, 8)]),
                },
            },
        ],
        wallets: vec![
            vec![entry(0, 0, 100, 100, 1), entry(1, 1, -60, 40, 5), entry(5, 2, 30, 70, 9)],
            vec![entry(0, 1, 100, 100, 1), entry(1, 0, 60, 160, 5), entry(2, 2, -100, 60, 8)],
            vec![entry(0, 2, 100, 100, 1), entry(2, 1, 100, 200, 8), entry(5, 0, -30, 170, 9)],
        ],
        sums: vec![300, 300],
    }
}

/// What is found when something is changed.
fn found(change: impl FnOnce(&mut History)) -> Found {
    let mut history = well();
    change(&mut history);
    check(&history)
}

/// Fails unless a change is found as what it is.
#[track_caller]
fn caught(anomaly: Anomaly, change: impl FnOnce(&mut History)) {
    let found = found(change);
    assert!(found.counts.contains_key(&anomaly), "{anomaly:?} in {found:?}");
}

/// The same, where nothing else may be found.
#[track_caller]
fn caught_alone(anomaly: Anomaly, change: impl FnOnce(&mut History)) {
    let found = found(change);
    assert_eq!(found.counts.into_iter().collect::<Vec<_>>(), [(anomaly, 1)], "{:?}", found.examples);
}

#[test]
fn a_history_that_is_well_has_nothing_wrong() {
    let found = found(|_| ());
    assert!(found.counts.is_empty() && found.examples.is_empty(), "{found:?}");
}

#[test]
fn what_was_acknowledged_and_is_in_no_history_is_lost() {
    caught_alone(Anomaly::Lost, |history| history.operations.push(transfer(96, 97, (6, 0, 1, 5), paid(65))));
}

#[test]
fn what_is_in_a_history_twice_is_doubled() {
    caught(Anomaly::Doubled, |history| {
        history.wallets[0].push(entry(5, 2, 30, 100, 10));
        history.wallets[2].push(entry(5, 0, -30, 140, 10));
    });
}

#[test]
fn what_nobody_asked_for_or_did_not_happen_by_its_answer_is_invented() {
    let append = |history: &mut History, label| {
        history.wallets[0].push(entry(label, 2, -1, 69, 10));
        history.wallets[2].push(entry(label, 0, 1, 171, 10));
    };
    caught(Anomaly::Invented, |history| append(history, 77));
    caught_alone(Anomaly::Invented, |history| append(history, 4));
}

#[test]
fn what_one_side_alone_has_or_has_otherwise_is_one_sided() {
    caught(Anomaly::OneSided, |history| history.wallets[0].truncate(2));
    caught(Anomaly::OneSided, |history| history.wallets[1][1].cents = 61);
    caught(Anomaly::OneSided, |history| history.wallets[1][1].other = 2);
}

#[test]
fn a_balance_that_does_not_follow_from_its_entries_or_is_not_what_was_answered_is_found() {
    caught(Anomaly::Balance, |history| history.wallets[1][2].balance = 61);
    caught(Anomaly::Balance, |history| history.wallets[1].swap(1, 2));
    caught_alone(Anomaly::Balance, |history| {
        history.operations[0] = transfer(10, 20, (1, 0, 1, 60), paid(39));
    });
}

#[test]
fn a_negative_balance_is_found() {
    caught(Anomaly::Negative, |history| {
        history.wallets[0][0] = entry(0, 0, 50, 50, 1);
        history.wallets[0][1].balance = -10;
    });
}

#[test]
fn an_entry_before_one_that_was_acknowledged_before_it_was_asked_for_is_found() {
    // Transfer 1 was asked for after transfer 5 had been acknowledged.
    caught(Anomaly::OrderAgainstTime, |history| history.operations[0].from = 85);
}

#[test]
fn a_read_of_a_state_that_never_was_is_found() {
    caught_alone(Anomaly::WrongRead, |history| history.operations[1] = balance(12, 30, (0, 41, 5)));
    caught_alone(Anomaly::WrongRead, |history| history.operations[1] = balance(12, 30, (0, 40, 6)));
    // A page with a gap.
    caught_alone(Anomaly::WrongRead, |history| {
        let Asked::Newest { entries, .. } = &mut history.operations[9].asked else { unreachable!("a page") };
        entries[1] = entry(0, 2, 100, 100, 1);
    });
}

#[test]
fn a_read_without_what_was_acknowledged_before_it_began_is_stale_whichever_process_is_asked() {
    caught(Anomaly::StaleRead, |history| history.operations.push(balance(21, 22, (0, 100, 1))));
    caught(Anomaly::StaleRead, |history| history.operations.push(balance(81, 82, (2, 200, 8))));
    let concurrent = found(|history| history.operations.push(balance(19, 22, (0, 100, 1))));
    assert!(concurrent.counts.is_empty(), "{concurrent:?}");
}

#[test]
fn a_read_of_less_than_an_earlier_one_showed_went_back() {
    // Nobody acknowledged transfer 2; the read that ended at 61 showed it.
    caught(Anomaly::ReadWentBack, |history| history.operations.push(balance(62, 63, (2, 100, 1))));
}

#[test]
fn a_read_of_what_was_asked_for_after_it_ended_is_found() {
    caught(Anomaly::ReadOfTheFuture, |history| history.operations.push(balance(1, 9, (0, 40, 5))));
}

#[test]
fn a_refusal_with_an_effect_or_without_a_cause_is_found() {
    caught(Anomaly::Refusal, |history| {
        history.operations.push(transfer(31, 33, (2, 1, 2, 100), REFUSED));
    });
    // 40 cents were there all the time.
    caught_alone(Anomaly::Refusal, |history| {
        history.operations.push(transfer(55, 59, (6, 0, 1, 40), REFUSED));
    });
    // Before transfer 5 there were 40, and it may have come after the refusal.
    let late = found(|history| history.operations.push(transfer(75, 79, (6, 0, 1, 41), REFUSED)));
    assert!(late.counts.is_empty(), "{late:?}");
}

#[test]
fn two_answers_to_one_key_are_found() {
    caught_alone(Anomaly::Replay, |history| {
        history.operations.push(transfer(72, 84, (5, 2, 0, 30), Heard::Paid { balance: 170, digest: 8 }));
    });
    caught(Anomaly::Replay, |history| history.operations.push(transfer(72, 84, (5, 2, 0, 30), REFUSED)));
}

#[test]
fn sums_that_are_not_what_was_paid_in_are_found() {
    caught_alone(Anomaly::Sum, |history| history.sums.push(299));
    caught_alone(Anomaly::Sum, |history| history.sums.push(-1));
}

#[test]
fn a_circle_over_several_wallets_is_found_though_each_wallet_is_well() {
    // Each wallet alone is in order: 6 before 7, 7 before 8. But 8 was acknowledged before 6 was asked for.
    caught_alone(Anomaly::Circle, |history| {
        history.wallets.extend([
            vec![entry(0, 3, 10, 10, 1), entry(6, 4, -1, 9, 20)],
            vec![entry(0, 4, 10, 10, 1), entry(6, 3, 1, 11, 20), entry(7, 5, -1, 10, 30)],
            vec![entry(0, 5, 10, 10, 1), entry(7, 4, 1, 11, 30), entry(8, 6, -1, 10, 40)],
            vec![entry(0, 6, 10, 10, 1), entry(8, 5, 1, 11, 40)],
        ]);
        history.sums.clear();
        history.operations.extend([
            transfer(100, 110, (8, 5, 6, 1), paid(10)),
            transfer(100, 140, (7, 4, 5, 1), paid(10)),
            transfer(120, 130, (6, 3, 4, 1), paid(9)),
        ]);
    });
}
