//! Versions of the splits: the same shares have the same version, for ever.

use super::{Fixture, START, databases, open, soon};
use domain::split::{Shares, Splits};
use superapp::store::split_versions;

fn splits(platform: u16) -> Splits {
    let shares = |platform| Shares::new(9_500 - platform, platform, 500).unwrap();
    Splits { premium_unlock: shares(1_500), subscription: shares(2_500), gift: shares(platform) }
}

async fn version(db: &Fixture, splits: Splits) -> i64 {
    db.write(move |work| split_versions::find_or_insert(work, &splits, START)).await
}

#[tokio::test]
async fn the_same_shares_keep_their_version_and_changed_ones_get_the_next() {
    for db in databases() {
        for (platform, expected) in [(1_000, 1), (1_000, 1), (1_001, 2), (999, 3), (1_001, 2), (1_000, 1)] {
            assert_eq!(version(&db, splits(platform)).await, expected, "{platform}");
        }
    }
}

#[tokio::test]
async fn each_of_the_six_numbers_makes_another_table() {
    for db in databases() {
        let shares = |platform, processor| Shares::new(10_000 - platform - processor, platform, processor).unwrap();
        let base = Splits { premium_unlock: shares(1, 1), subscription: shares(1, 1), gift: shares(1, 1) };
        let tables = [
            base,
            Splits { premium_unlock: shares(2, 1), ..base },
            Splits { premium_unlock: shares(1, 2), ..base },
            Splits { subscription: shares(2, 1), ..base },
            Splits { subscription: shares(1, 2), ..base },
            Splits { gift: shares(2, 1), ..base },
            Splits { gift: shares(1, 2), ..base },
        ];
        for (expected, table) in (1..).zip(tables) {
            assert_eq!(version(&db, table).await, expected, "{table:?}");
        }
    }
}

#[tokio::test]
async fn processes_that_start_at_once_agree() {
    let db = Fixture::sqlite();
    let starting = (0..8).map(|process| {
        let database = open(&db.place.location);
        let table = splits(process % 2);
        let work = move |work: &mut superapp::store::Work<'_>| split_versions::find_or_insert(work, &table, START);
        tokio::spawn(async move { database.write(work, soon()).await.unwrap() })
    });
    let mut versions = Vec::new();
    for process in starting.collect::<Vec<_>>() {
        versions.push(process.await.unwrap());
    }
    assert!(versions.iter().step_by(2).all(|version| *version == versions[0]), "{versions:?}");
    assert!(versions.iter().skip(1).step_by(2).all(|version| *version == versions[1]), "{versions:?}");
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions, [1, 2]);
}
