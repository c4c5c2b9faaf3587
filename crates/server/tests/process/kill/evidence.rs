//! What the server says after all the kills, held against what its clients wrote down.

use super::{DEPOSIT_CENTS, PEOPLE, Person};
use crate::client::{Account, Client};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Transfers by their label: the user on the other side, and the cents as they count for the one who looks.
type Lines = BTreeMap<String, (String, i64)>;

/// Fails unless histories and balances are what the logs imply: nothing lost, nothing twice, nothing else.
pub async fn check(people: &[Person], address: SocketAddr) {
    let (expected, balances) = implied(people);
    let looks: Vec<_> = people.iter().map(|person| tokio::spawn(look(person.account.clone(), address))).collect();
    for (index, look) in looks.into_iter().enumerate() {
        let (lines, balance) = look.await.unwrap();
        for (label, line) in &expected[index] {
            assert_eq!(lines.get(label), Some(line), "transfer {label} in the history of person {index}");
        }
        let invented: Vec<_> = lines.keys().filter(|label| !expected[index].contains_key(*label)).collect();
        assert!(invented.is_empty(), "nobody acknowledged {invented:?} to person {index}");
        assert_eq!(balance, balances[index], "the balance of person {index}");
    }
}

/// What everybody's history and balance must be, by the senders' logs.
fn implied(people: &[Person]) -> (Vec<Lines>, Vec<i64>) {
    let (mut lines, mut balances) = (vec![Lines::new(); PEOPLE], vec![DEPOSIT_CENTS; PEOPLE]);
    for person in people {
        assert!(person.pending.is_none(), "somebody still waits");
        for transfer in &person.acknowledged {
            let (from, to, label) = (person.index, transfer.to, &transfer.label);
            lines[from].insert(label.clone(), (people[to].account.id.clone(), -transfer.cents));
            lines[to].insert(label.clone(), (person.account.id.clone(), transfer.cents));
            balances[from] -= transfer.cents;
            balances[to] += transfer.cents;
        }
    }
    (lines, balances)
}

/// Reads one whole history, and the balance. A label that comes twice fails at once.
async fn look(account: Account, address: SocketAddr) -> (Lines, i64) {
    let mut client = Client::connect(address).await.unwrap();
    let mut lines = Lines::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/wallet/transactions?type=transfer&limit=100{cursor}");
        let page = client.get(&path, &account.token).await.unwrap();
        assert_eq!(page.status, 200, "{}", page.body);
        for line in page.body["data"].as_array().unwrap() {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let (label, other) = (text(&line["note"]), text(&line["counterparty"]["id"]));
            let before = lines.insert(label, (other, line["amount_cents"].as_i64().unwrap()));
            assert_eq!(before, None, "the same transfer twice: {line}");
        }
        let Some(next) = page.body["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let balance = client.get("/api/wallet/balance", &account.token).await.unwrap();
    (lines, balance.body["balance_cents"].as_i64().unwrap())
}
