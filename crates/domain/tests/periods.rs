//! Ten years of a thousand subscriptions, with a job that wakes when it likes and dies when it likes: every
//! period is charged exactly once, on its day, by the cent. `PERIODS_SEED` repeats a run.

#![expect(clippy::arithmetic_side_effects, reason = "numbers of a test are small, and overflow checks are on")]
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test fails")]

#[expect(dead_code, reason = "the model test uses the rest")]
#[path = "model/months.rs"]
mod months;

use domain::audit::Actor;
use domain::book::{Book, Rows};
use domain::command::{Command, Needs, Renew, Request, Subscribe};
use domain::decide::{Answer, answer};
use domain::id::{SubscriptionId, TransactionId, UserId, WalletId};
use domain::idempotency::{Fingerprint, Idempotency, Key, Record, StoredResponse};
use domain::money::{Amount, Cents};
use domain::receipt::{Act, Outcome};
use domain::split::{Shares, Terms};
use domain::subscription::{Plan, PlanTier, RenewalPolicy, Subscription};
use domain::timestamp::{Span, Timestamp};
use domain::user::AccountStatus;
use domain::wallet::{UserWallet, WalletStatus};
use months::{DAY, HOUR, add_months};
use proptest::prelude::RngExt;
use proptest::test_runner::{RngAlgorithm, TestRng};
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use uuid::Uuid;

const SUBSCRIPTIONS: usize = 1_000;
const CREATORS: u128 = 7;
/// 1 January 2027. The last anchors are in 2028, which has a 29 February.
const START: i64 = 1_798_761_600_000_000;
const YEARS: i64 = 10;
const WAKE_MAX: i64 = 5 * DAY;
const RICH: i64 = 1_000_000_000;
const POLICY: RenewalPolicy = RenewalPolicy { grace: Span::days(3), retry_after: Span::hours(24), tries_max: 3 };

/// One fan and what they sign up for.
struct Wish {
    fan: UserId,
    creator: UserId,
    tier: PlanTier,
    price: Amount,
    anchor: i64,
}

/// One charge as its transaction says.
#[derive(Debug)]
struct Charge {
    at: i64,
    parts: [i64; 3],
    start: i64,
    end: i64,
}

/// The rows of a database, loaded by what a batch needs.
#[derive(Default)]
struct Database {
    wallets: HashMap<UserId, UserWallet>,
    plan: Option<Plan>,
    subscriptions: BTreeMap<SubscriptionId, Subscription>,
    records: HashMap<(UserId, domain::idempotency::KeyDigest), Record>,
    charges: BTreeMap<(SubscriptionId, i64), Vec<Charge>>,
}

impl Database {
    /// Decides a batch; commits it, unless the process dies before it can.
    fn run(&mut self, batch: &[Request], now: i64, dies: bool) -> Vec<Answer> {
        let mut needs = Needs::default();
        batch.iter().for_each(|request| request.needs(&mut needs));
        let mut book = Book::new(Rows {
            wallets: needs.users.iter().filter_map(|user| self.wallets.get(user)).cloned().collect(),
            records: needs.keys.iter().filter_map(|key| self.records.get(key)).cloned().collect(),
            plans: self.plan.into_iter().filter(|plan| needs.plans.contains(&(plan.creator_id, plan.tier))).collect(),
            subscriptions: needs.subscriptions.iter().filter_map(|id| self.subscriptions.get(id)).copied().collect(),
            ..Rows::default()
        });
        let now = Timestamp::from_micros(now);
        let answers = batch.iter().map(|request| answer(&mut book, request, now, &render)).collect();
        if dies {
            return answers;
        }
        let changes = book.changes();
        for change in changes.user_wallets {
            let wallet = self.wallets.values_mut().find(|wallet| wallet.id == change.id).unwrap();
            wallet.balance = wallet.balance.checked_add(change.delta).unwrap();
            wallet.last_transaction_at = Some(change.last_transaction_at);
        }
        self.records.extend(changes.records.into_iter().map(|record| ((record.principal, record.digest), record)));
        for (transaction, _) in changes.transactions {
            let (Act::Subscribe { subscription: row, .. } | Act::Renew(row)) = transaction.act else {
                unreachable!("{transaction:?}")
            };
            let split = transaction.split.unwrap();
            self.subscriptions.insert(row.id, row);
            self.charges.entry((row.id, row.period)).or_default().push(Charge {
                at: transaction.created_at.as_micros(),
                parts: [split.creator.get(), split.platform.get(), split.processor.get()],
                start: row.period_start.as_micros(),
                end: row.period_end.as_micros(),
            });
        }
        answers
    }
}

fn render(outcome: &Outcome) -> StoredResponse {
    StoredResponse { status: 201, headers: Vec::new(), body: vec![u8::from(outcome.is_ok())] }
}

fn user(number: u128) -> UserId {
    UserId::new(Uuid::from_u128(number))
}

fn terms() -> Terms {
    Terms { version: 1, shares: Shares::new(7_000, 2_500, 500).unwrap() }
}

/// One job, and its memory that dies with it.
struct Job {
    rng: TestRng,
    database: Database,
    next_id: u128,
    /// What was due when some other process looked last.
    stale: Vec<(Subscription, String)>,
    restarts: u32,
    refused: u32,
}

impl Job {
    fn request(&mut self, principal: UserId, key: &str, command: Command, now: i64) -> Request {
        self.next_id += 1;
        Request {
            id: TransactionId::new(Uuid::from_u128(self.next_id)),
            actor: Actor { id: None, credential: None, address: None, request_id: format!("job-{}", self.next_id) },
            key: Idempotency {
                principal,
                digest: Key::parse(key).unwrap().digest(),
                fingerprint: Fingerprint::of(&[key.as_bytes()]),
                route: "renewals".to_owned(),
                first_seen: Timestamp::from_micros(now),
            },
            command,
        }
    }

    fn subscribe(&mut self, wish: &Wish) {
        let (fan, creator) = (wish.fan, wish.creator);
        self.database.plan = Some(Plan { creator_id: creator, tier: wish.tier, price: wish.price, is_active: true });
        let command = Command::Subscribe(Subscribe {
            subscriber_id: fan,
            creator_id: creator,
            tier: wish.tier,
            expected_price: Some(wish.price.credit()),
            terms: terms(),
            policy: POLICY,
        });
        let request = self.request(fan, "subscribe", command, wish.anchor);
        let answers = self.database.run(&[request], wish.anchor, false);
        assert!(matches!(answers[..], [Answer::Executed { refusal: None, .. }]), "{answers:?}");
    }

    fn renewals(&mut self, due: &[(Subscription, String)], now: i64) -> Vec<Request> {
        due.iter()
            .map(|(row, key)| {
                let command = Command::Renew(Renew {
                    subscription_id: row.id,
                    subscriber_id: row.subscriber_id,
                    creator_id: row.creator_id,
                    terms: terms(),
                    policy: POLICY,
                });
                self.request(row.subscriber_id, key, command, now)
            })
            .collect()
    }

    /// Charges what is due. It may die before or after any commit, and then begins anew with the same keys.
    fn wake(&mut self, now: i64) {
        let moment = Timestamp::from_micros(now);
        let due = self.database.subscriptions.values().filter(|row| row.renew_at.is_some_and(|at| at <= moment));
        let due: Vec<_> = due.map(|row| (*row, format!("renewal:{}:{}", row.id, row.period + 1))).collect();
        for batch in due.chunks(20) {
            let requests = self.renewals(batch, now);
            match self.rng.random_range(0..4) {
                // Nothing of it is committed, and the next process makes requests of its own.
                0 => {
                    self.restarts += 1;
                    self.database.run(&requests, now, true);
                    let again = self.renewals(batch, now);
                    self.database.run(&again, now, false);
                }
                // It is committed and nobody heard: the same requests run again, and so do new ones.
                1 => {
                    self.restarts += 1;
                    self.database.run(&requests, now, false);
                    self.database.run(&requests, now, false);
                    let again = self.renewals(batch, now);
                    let answers = self.database.run(&again, now, false);
                    assert!(answers.iter().all(|answer| matches!(answer, Answer::Replayed { .. })), "{answers:?}");
                }
                _ => {
                    self.database.run(&requests, now, false);
                }
            }
        }
        // Somebody who looked long ago still thinks that these are due, under the same keys or under others.
        let mut stale = std::mem::replace(&mut self.stale, due);
        if self.rng.random_ratio(1, 2) {
            stale.iter_mut().for_each(|(_, key)| key.push_str(":again"));
        }
        let late = self.renewals(&stale, now);
        let answers = self.database.run(&late, now, false);
        for answer in answers {
            match answer {
                Answer::Executed { refusal: Some("renewal_not_due"), .. } => self.refused += 1,
                Answer::Replayed { .. } => {}
                answer @ (Answer::Executed { .. } | Answer::KeyReused) => {
                    unreachable!("charged twice, or early: {answer:?}")
                }
            }
        }
    }
}

/// Every day of the month that can be an anchor, at every kind of hour.
fn wishes(rng: &mut TestRng) -> Vec<Wish> {
    let time = |rng: &mut TestRng, index: usize| match index % 5 {
        0 => 0,
        1 => DAY - 1,
        _ => rng.random_range(0..DAY),
    };
    let mut wishes: Vec<_> = (0..SUBSCRIPTIONS)
        .map(|index| {
            let day = i64::try_from(index % 31).unwrap();
            // Of the days of January a month later is what a short month has; 29 February is in 2028.
            let month = if index % 62 == 28 { 13 } else { [0, 2, 4, 6, 7, 9, 11][index / 31 % 7] };
            let first = add_months(START, month);
            let number = u128::try_from(index).unwrap();
            Wish {
                fan: user(1_000 + number),
                creator: user(1 + number % CREATORS),
                tier: PlanTier::ALL[index % 3],
                price: Amount::new([1, 3, 19, 500, 99_999][index % 5]).unwrap(),
                anchor: first + day * DAY + time(rng, index / 3),
            }
        })
        .collect();
    wishes.sort_by_key(|wish| wish.anchor);
    wishes
}

fn wallet(user_id: UserId, balance: i64) -> UserWallet {
    UserWallet {
        id: WalletId::of_user(user_id),
        user_id,
        account_status: AccountStatus::Active,
        status: WalletStatus::Active,
        balance: Cents::new(balance),
        last_transaction_at: None,
    }
}

/// By jiff, which the other calendar is not.
fn by_jiff(anchor: i64, months: i64) -> i64 {
    let at = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::from_microsecond(anchor).unwrap());
    let later = at.checked_add(jiff::Span::new().months(months)).unwrap();
    jiff::tz::Offset::UTC.to_timestamp(later).unwrap().as_microsecond()
}

#[test]
fn every_period_of_ten_years_is_charged_exactly_once_and_on_its_day() {
    let seed = std::env::var("PERIODS_SEED").ok().map(|seed| seed.parse().unwrap());
    let seed: u64 = seed.unwrap_or_else(|| RandomState::new().hash_one(0));
    println!("PERIODS_SEED={seed} repeats this run");
    let digest = Fingerprint::of(&[&seed.to_be_bytes()]);
    let rng = TestRng::from_seed(RngAlgorithm::XorShift, &digest.0[..16]);
    let mut job = Job { rng, database: Database::default(), next_id: 0, stale: Vec::new(), restarts: 0, refused: 0 };
    let wishes = wishes(&mut job.rng);
    let fans = wishes.iter().map(|wish| wallet(wish.fan, RICH));
    job.database.wallets =
        fans.chain((1..=CREATORS).map(|creator| wallet(user(creator), 0))).map(|row| (row.user_id, row)).collect();

    let end = add_months(START, 24 + 12 * YEARS);
    let (mut now, mut wakes, mut begun) = (START, Vec::new(), 0);
    while now < end {
        let interval = if job.rng.random_ratio(1, 3) { HOUR } else { WAKE_MAX };
        now += job.rng.random_range(1..=interval);
        while wishes.get(begun).is_some_and(|wish| wish.anchor <= now) {
            job.subscribe(&wishes[begun]);
            begun += 1;
        }
        job.wake(now);
        wakes.push(now);
    }
    assert_eq!((begun, job.database.subscriptions.len()), (SUBSCRIPTIONS, SUBSCRIPTIONS));
    let charges = check(&job.database, &wishes, &wakes);
    println!("{charges} charges, {} wakes, {} restarts, {} stale tries", wakes.len(), job.restarts, job.refused);
    assert!(job.restarts > 1_000 && job.refused > 1_000);
}

/// Every charge against the periods that there are, and every wallet against the charges.
fn check(database: &Database, wishes: &[Wish], wakes: &[i64]) -> usize {
    let last = *wakes.last().unwrap();
    let (mut earned, mut charged) = (HashMap::<UserId, i64>::new(), 0);
    for wish in wishes {
        let row = database.subscriptions.values().find(|row| row.subscriber_id == wish.fan).unwrap();
        let (months, price) = (i64::from(wish.tier.months()), wish.price.credit().get());
        let parts = [price - price / 4 - price / 20, price / 4, price / 20];
        let mut periods = 0;
        loop {
            let start = add_months(wish.anchor, periods * months);
            if start > last {
                break;
            }
            assert_eq!(start, by_jiff(wish.anchor, periods * months), "two calendars");
            let charges = &database.charges[&(row.id, periods)];
            assert_eq!(charges.len(), 1, "{row:?}: {charges:?}");
            let charge = &charges[0];
            assert_eq!((charge.start, charge.end), (start, add_months(wish.anchor, (periods + 1) * months)));
            // The first time that the job was awake after the period began; a charge of the same creator's in
            // the same microsecond puts it off by another one.
            let due = if periods == 0 { start } else { wakes[wakes.partition_point(|wake| *wake < start)] };
            assert!((due..due + 1_000).contains(&charge.at), "{row:?}: {charge:?} was due at {due}");
            assert_eq!(charge.parts, parts);
            periods += 1;
        }
        assert!(periods * months >= YEARS * 12, "{row:?}");
        assert_eq!(database.wallets[&wish.fan].balance.get(), RICH - periods * price);
        *earned.entry(wish.creator).or_default() += periods * parts[0];
        charged += usize::try_from(periods).unwrap();
    }
    for (creator, earned) in earned {
        assert_eq!(database.wallets[&creator].balance.get(), earned);
    }
    assert_eq!(database.charges.values().map(Vec::len).sum::<usize>(), charged, "no charge but these");
    charged
}
