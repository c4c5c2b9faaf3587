//! Arbitrary rows of every kind, and arbitrary commands about them: of people 1 to 4, the first two of whom sell
//! something. Person 5 does not exist, and neither does the last row of each kind.

use crate::{START, amounts, any_wallets, usable_wallets, user};
use domain::book::Rows;
use domain::command::{
    Command, DecidePayout, Deposit, Gift, Parties, Refund, Renew, RequestPayout, Subscribe, Transfer, Unlock,
};
use domain::content::{Offer, Price};
use domain::gift::{GiftType, Quantity};
use domain::id::{ContentId, DepositId, PayoutId, SubscriptionId, TransactionId, UserId, WalletId};
use domain::money::{Amount, Cents};
use domain::payout::{Payout, PayoutStatus};
use domain::receipt::{DepositAsked, DepositStatus};
use domain::sale::{Sale, SaleOf};
use domain::split::{Shares, Split, Terms};
use domain::subscription::{Plan, PlanTier, RenewalPolicy, Subscription, SubscriptionStatus};
use domain::text::Text;
use domain::timestamp::{Span, Timestamp};
use domain::user::AccountStatus;
use domain::wallet::{Provider, UserWallet, WalletStatus};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::{select, subsequence};
use uuid::Uuid;

const POLICY: RenewalPolicy = RenewalPolicy { grace: Span::days(3), retry_after: Span::hours(24), tries_max: 3 };
const PAIRS: [(u128, u128); 3] = [(3, 1), (4, 1), (3, 2)];

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn small() -> impl Strategy<Value = Amount> {
    prop_oneof![1..=3_i64, 1..=100_i64].prop_map(|cents| Amount::new(cents).unwrap())
}

/// The first of the two more often.
fn seller() -> impl Strategy<Value = u128> {
    prop_oneof![4 => Just(1_u128), 1 => Just(2)]
}

fn terms() -> impl Strategy<Value = Terms> {
    select(vec![(1_500, 500), (2_500, 500), (0, 0), (10_000, 0), (3_333, 3_334)]).prop_map(|(platform, processor)| {
        Terms { version: 1, shares: Shares::new(10_000 - platform - processor, platform, processor).unwrap() }
    })
}

/// What creators owe.
fn debts() -> impl Strategy<Value = Vec<UserWallet>> {
    let owed = prop_oneof![Just(0), 1..=100_i64, Just(Amount::MAX.get())];
    vec((any::<bool>(), owed), 2).prop_map(|rows| {
        let debt = |((exists, owed), creator): ((bool, i64), u128)| {
            exists.then(|| UserWallet {
                id: WalletId::of_debt(user(creator)),
                user_id: user(creator),
                account_status: AccountStatus::Active,
                status: WalletStatus::Active,
                balance: Cents::new(-owed),
                last_transaction_at: None,
            })
        };
        rows.into_iter().zip(1..).filter_map(debt).collect()
    })
}

fn contents() -> impl Strategy<Value = Vec<Offer>> {
    let price = prop_oneof![1 => Just(0), 4 => 1..=100_i64, 1 => Just(Amount::MAX.get())];
    vec((seller(), price, select(vec![false, false, true]), select(vec![true, true, false])), 4).prop_map(|rows| {
        let offer = |((creator, price, subscriber_only, is_active), number)| Offer {
            id: ContentId::new(id(number)),
            creator_id: user(creator),
            price: Price::new(price).unwrap(),
            subscriber_only,
            is_active,
        };
        rows.into_iter().zip(1..).map(offer).collect()
    })
}

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    vec((small(), any::<bool>()), 6).prop_map(|rows| {
        let plan = |((price, is_active), index): ((Amount, bool), usize)| {
            let creator_id = user(if index < 3 { 1 } else { 2 });
            Plan { creator_id, tier: PlanTier::ALL[index % 3], price, is_active }
        };
        // One plan is not there.
        rows.into_iter().zip(0..5).map(plan).collect()
    })
}

/// In every state, with the last period long over, just over, or running.
fn subscriptions() -> impl Strategy<Value = Vec<Subscription>> {
    let row = (small(), 0..100_i64, select(SubscriptionStatus::ALL.to_vec()), any::<bool>(), 0..3_i64);
    vec(row, PAIRS.len()).prop_map(|rows| {
        let subscription = |((price, days, status, auto_renew, renewals_tried), index): (_, usize)| {
            let (subscriber, creator) = PAIRS[index];
            let plan = Plan { creator_id: user(creator), tier: PlanTier::Monthly, price, is_active: true };
            let anchor = START.minus(Span::days(days));
            let number = u128::try_from(index).unwrap() + 1;
            let row = Subscription::begin(SubscriptionId::new(id(number)), user(subscriber), &plan, POLICY, anchor);
            Subscription { status, auto_renew, renewals_tried, ..row }
        };
        rows.into_iter().zip(0..).map(subscription).collect()
    })
}

/// Sales of which nothing, something or all was given back.
fn sales() -> impl Strategy<Value = Vec<Sale>> {
    let back = prop_oneof![Just(0), 1..=100_i64, Just(Amount::MAX.get())];
    vec((0..PAIRS.len(), amounts(), terms(), back, 0..3_u8, 0..40_i64), 6).prop_map(|rows| {
        let sale = |((pair, amount, terms, back, of, days), number): ((usize, Amount, Terms, i64, u8, i64), u128)| {
            let split = terms.split(amount.credit()).unwrap();
            let back = Amount::new(back.min(amount.credit().get())).ok();
            Sale {
                id: TransactionId::new(id(100 + number)),
                payer_id: user(PAIRS[pair].0),
                payee_id: user(PAIRS[pair].1),
                amount,
                split,
                refunded: back.map_or(Split::nothing(1), |back| split.share_refund(back).unwrap()),
                of: match of {
                    0 => SaleOf::Unlock(ContentId::new(id(1))),
                    1 => {
                        let index = u128::try_from(pair).unwrap();
                        SaleOf::Subscription { id: SubscriptionId::new(id(index + 1)), period: 0 }
                    }
                    _ => SaleOf::Gift(Quantity::new(3).unwrap()),
                },
                created_at: START.minus(Span::days(days)),
            }
        };
        rows.into_iter().zip(1..).map(sale).collect()
    })
}

fn payouts() -> impl Strategy<Value = Vec<Payout>> {
    vec((small(), select(PayoutStatus::ALL.to_vec())), 2).prop_map(|rows| {
        let payout = |((amount, status), number): ((Amount, PayoutStatus), u128)| Payout {
            id: PayoutId::new(id(200 + number)),
            creator_id: user(number),
            amount,
            destination: Text::parse("the bank").unwrap(),
            status,
            remark: (status != PayoutStatus::Pending).then(|| Text::parse("done").unwrap()),
            created_at: START,
        };
        rows.into_iter().zip(1..).map(payout).collect()
    })
}

fn deposits() -> impl Strategy<Value = Vec<DepositAsked>> {
    vec((1..=4_u128, 1..=3_i64, select(DepositStatus::ALL.to_vec())), 2).prop_map(|rows| {
        let asked = |((owner, cents, status), number): ((u128, i64, DepositStatus), u128)| DepositAsked {
            id: DepositId::new(id(300 + number)),
            user_id: user(owner),
            amount: Amount::new(cents).unwrap(),
            provider: Provider::sandbox(),
            provider_tx_id: None,
            status,
        };
        rows.into_iter().zip(1..).map(asked).collect()
    })
}

pub fn rows() -> impl Strategy<Value = Rows> {
    let unlocks: Vec<_> = [3, 4].into_iter().flat_map(|fan| (1..=4).map(move |content| (fan, content))).collect();
    let unlocks = subsequence(unlocks, 0..=8);
    let beside = (contents(), unlocks, plans(), subscriptions(), sales(), payouts(), deposits());
    (prop_oneof![any_wallets(), usable_wallets()], debts(), beside).prop_map(|(wallets, debts, beside)| {
        let (contents, unlocks, plans, subscriptions, sales, payouts, deposits) = beside;
        let unlocks = unlocks.into_iter().map(|(fan, content)| (user(fan), ContentId::new(id(content)))).collect();
        let payments = vec![(Provider::sandbox(), "payment 1".to_owned())];
        Rows {
            wallets,
            debts,
            records: Vec::new(),
            contents,
            unlocks,
            plans,
            subscriptions,
            sales,
            payouts,
            deposits,
            payments,
        }
    })
}

/// What fans ask for.
fn purchases() -> impl Strategy<Value = (UserId, Command)> {
    let expected = || option::weighted(0.3, (0..=100_i64).prop_map(Cents::new));
    let unlock = (1..=4_u128, 1..=5_u128, option::weighted(0.9, seller()), expected(), terms());
    let unlock = unlock.prop_map(|(fan, content, creator, expected_price, terms)| {
        let (user_id, content_id, creator_id) = (user(fan), ContentId::new(id(content)), creator.map(user));
        (user_id, Command::Unlock(Unlock { user_id, content_id, creator_id, expected_price, terms }))
    });
    let tier = select(PlanTier::ALL.to_vec());
    let subscribe = (1..=4_u128, 1..=2_u128, tier, expected(), terms());
    let subscribe = subscribe.prop_map(|(fan, creator, tier, expected_price, terms)| {
        let (subscriber_id, creator_id, policy) = (user(fan), user(creator), POLICY);
        let command = Subscribe { subscriber_id, creator_id, tier, expected_price, terms, policy };
        (subscriber_id, Command::Subscribe(command))
    });
    let renew = (0..=PAIRS.len(), terms()).prop_map(|(index, terms)| {
        let (subscriber, creator) = PAIRS[index % PAIRS.len()];
        let subscription_id = SubscriptionId::new(id(u128::try_from(index).unwrap() + 1));
        let (subscriber_id, creator_id, policy) = (user(subscriber), user(creator), POLICY);
        let command = Renew { subscription_id, subscriber_id, creator_id, terms, policy };
        (subscriber_id, Command::Renew(command))
    });
    let gift = (1..=4_u128, 1..=5_u128, amounts(), 1..=100_i64, terms());
    let gift = gift.prop_map(|(from, to, price, quantity, terms)| {
        let (sender_id, recipient_id) = (user(from), user(to));
        let (gift_type, quantity) = (GiftType::parse("rose").unwrap(), Quantity::new(quantity).unwrap());
        let (message, context) = (None, None);
        let command = Gift { sender_id, recipient_id, gift_type, price, quantity, message, context, terms };
        (sender_id, Command::Gift(command))
    });
    prop_oneof![3 => unlock, 2 => subscribe, 2 => renew, 2 => gift]
}

/// Money in and out, and what administrators ask for.
fn movements() -> impl Strategy<Value = (UserId, Command)> {
    let cents = prop_oneof![1..=3_i64, 1..=Amount::MAX.get()];
    let deposit = (1..=5_u128, cents, option::of(1..=3_u128), option::of(1..=9_u8), any::<bool>());
    let deposit = deposit.prop_map(|(to, cents, pending, payment, is_release)| {
        let deposit = Deposit {
            user_id: user(to),
            amount: Amount::new(cents).unwrap(),
            provider: Provider::sandbox(),
            provider_tx_id: payment.map(|number| format!("payment {number}")),
            pending: pending.map(|number| DepositId::new(id(300 + number))),
            is_release: is_release && pending.is_some(),
        };
        (user(to), Command::Deposit(deposit))
    });
    let transfer = (1..=4_u128, 1..=5_u128, amounts()).prop_map(|(from, to, amount)| {
        (user(from), Command::Transfer(Transfer { from: user(from), to: user(to), amount, note: None }))
    });
    let pair = prop_oneof![4 => (0..PAIRS.len()).prop_map(Some), 1 => Just(None)];
    let refund = (1..=7_u128, pair, option::of(amounts())).prop_map(|(number, pair, amount)| {
        let parties = pair.map(|index| Parties {
            payer_id: user(PAIRS[index].0),
            payee_id: user(PAIRS[index].1),
            subscription_id: Some(SubscriptionId::new(id(u128::try_from(index).unwrap() + 1))),
        });
        let original = TransactionId::new(id(100 + number));
        (user(4), Command::Refund(Refund { original, parties, amount, reason: Text::parse("why").unwrap() }))
    });
    let hold = (1..=4_u128, amounts()).prop_map(|(creator, amount)| {
        let destination = Text::parse("the bank").unwrap();
        (user(creator), Command::RequestPayout(RequestPayout { creator_id: user(creator), amount, destination }))
    });
    let decision = (1..=3_u128, option::of(1..=2_u128), any::<bool>()).prop_map(|(number, creator, is_paid)| {
        let payout_id = PayoutId::new(id(200 + number));
        let remark = Text::parse("why").unwrap();
        let command = DecidePayout { payout_id, creator_id: creator.map(user), is_paid, remark };
        (user(4), Command::DecidePayout(command))
    });
    prop_oneof![2 => deposit, 1 => transfer, 4 => refund, 1 => hold, 2 => decision]
}

/// A command with the number of its key.
pub fn asks() -> impl Strategy<Value = (UserId, u8, Command)> {
    (prop_oneof![purchases(), movements()], 0..30_u8).prop_map(|((asker, command), key)| (asker, key, command))
}

/// With renewals that are early, due and late.
pub fn moments() -> impl Strategy<Value = Timestamp> {
    (0..60_i64).prop_map(|days| START.plus(Span::days(days)))
}
