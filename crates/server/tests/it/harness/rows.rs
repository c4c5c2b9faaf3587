//! What tests read and change behind the server's back, because no route does: rows, through the store.

use super::{Client, Person, Reply, TestApp};
use domain::id::{SessionId, TransactionId, UserId};
use serde_json::Value;
use std::time::Duration;
use superapp::auth::token::Bearer;
use superapp::store::sessions::{self, NewSession};
use superapp::store::{Row, StoreError, Work};
use tokio::time::Instant;
use uuid::Uuid;

/// A record of the audit log.
#[derive(Clone, Debug)]
pub struct AuditRow {
    pub action: String,
    pub actor: Option<UserId>,
    pub credential: Option<Uuid>,
    pub address: Option<String>,
    pub entity_type: String,
    pub entity: Option<Uuid>,
    pub tx_id: Option<TransactionId>,
    pub before: Value,
    pub after: Value,
}

fn audit_row(row: &Row<'_>) -> Result<AuditRow, StoreError> {
    let json = |text: String| serde_json::from_str(&text).unwrap();
    Ok(AuditRow {
        action: row.get(0)?,
        actor: row.get(1)?,
        credential: row.get(2)?,
        address: row.get(3)?,
        entity_type: row.get(4)?,
        entity: row.get(5)?,
        tx_id: row.get(6)?,
        before: json(row.get(7)?),
        after: json(row.get(8)?),
    })
}

impl Client {
    /// A token for a session of its own, made without a password.
    pub async fn token_of(&self, user_id: UserId) -> String {
        let (id, created_at) = (SessionId::new(self.ids.uuid()), self.clock.now());
        let expires_at = created_at.plus(domain::session::ABSOLUTE);
        let session = NewSession { id, user_id, address: None, user_agent: None, created_at, expires_at };
        let insert = move |work: &mut Work<'_>| sessions::insert(work, &session);
        self.database.write(insert, Instant::now() + Duration::from_secs(10)).await.unwrap();
        self.tokens.sign(Bearer { user_id, session_id: id }, id.uuid(), created_at).unwrap()
    }
}

impl TestApp {
    /// The same person with a session and a token of their own, made without a password.
    pub async fn another_session(&self, person: &Person) -> Person {
        person.with_token(self.client.token_of(person.id).await)
    }

    /// Changes exactly one row, which `id` names.
    async fn change(&self, text: &'static str, id: Uuid) {
        let change = move |work: &mut Work<'_>| work.execute_one(text, &[id.into()]);
        self.database.write(change, Instant::now() + Duration::from_secs(10)).await.unwrap();
    }

    /// Stops every movement of a wallet.
    pub async fn freeze(&self, person: &Person) {
        self.change("UPDATE wallets SET status = 'frozen' WHERE id = $1", person.id.uuid()).await;
    }

    /// Lets a wallet move again.
    pub async fn unfreeze(&self, person: &Person) {
        self.change("UPDATE wallets SET status = 'active' WHERE id = $1", person.id.uuid()).await;
    }

    /// Stops an account.
    pub async fn suspend(&self, person: &Person) {
        self.change("UPDATE users SET account_status = 'suspended' WHERE id = $1", person.id.uuid()).await;
    }

    /// Lets an account be used again.
    pub async fn reinstate(&self, person: &Person) {
        self.change("UPDATE users SET account_status = 'active' WHERE id = $1", person.id.uuid()).await;
    }

    /// Gives somebody a cent that comes from nowhere, which no test may end with.
    pub async fn counterfeit(&self, person: &Person) {
        self.change("UPDATE wallets SET balance_cents = balance_cents + 1 WHERE id = $1", person.id.uuid()).await;
    }

    /// Gives each of them such a cent. The test then has to give up its ledger.
    pub async fn unbalance(&self, people: &[Person]) {
        for person in people {
            self.counterfeit(person).await;
        }
    }

    /// Makes an account an administrator's.
    pub async fn promote(&self, person: &Person) {
        self.change("UPDATE users SET role = 'admin' WHERE id = $1", person.id.uuid()).await;
    }

    /// The answer to a query for one number.
    pub async fn count(&self, text: &'static str) -> i64 {
        let read = move |view: &superapp::store::View<'_>| view.query_opt(text, &[], |row| row.get::<i64>(0));
        self.database.read(read).await.unwrap().unwrap()
    }

    /// How many transactions there are.
    pub async fn transactions(&self) -> i64 {
        self.count("SELECT COUNT(*) FROM transactions").await
    }

    /// How many idempotency keys are on record, expired or not.
    pub async fn keys(&self) -> i64 {
        self.count("SELECT COUNT(*) FROM idempotency_keys").await
    }

    /// What a request left in the audit log.
    pub async fn audit_of(&self, reply: &Reply) -> Vec<AuditRow> {
        let id = reply.request_id();
        let text = "SELECT action, actor_id, credential_id, address, entity_type, entity_id, tx_id, before, \
            after FROM audit_logs WHERE request_id = $1 ORDER BY id";
        self.database.read(move |view| view.query(text, &[id.as_str().into()], audit_row)).await.unwrap()
    }
}
