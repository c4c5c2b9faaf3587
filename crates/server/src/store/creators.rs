//! Creators, as everybody sees them. Never their addresses.

use super::{LookUp, Row, StoreError, View};
use domain::id::UserId;
use domain::subscription::{Plan, PlanTier, SubscriptionStatus};
use domain::timestamp::Timestamp;
use uuid::Uuid;

/// A creator, as everybody sees them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Creator {
    /// Their account.
    pub id: UserId,
    /// Their public name, if they have one.
    pub username: Option<String>,
    /// Since when the account exists.
    pub created_at: Timestamp,
    /// How many contents they have on offer.
    pub contents: i64,
    /// How many subscribe to them now.
    pub subscribers: i64,
    /// What they ask for a subscription, the shortest period first.
    pub plans: Vec<Plan>,
}

/// Which creators, and from where on. Newest first: their ids are in the order of their accounts.
#[derive(Clone, Debug)]
pub struct Page {
    /// Only creators before this one.
    pub before: Option<UserId>,
    /// Only those whose public name begins like this, whatever the case.
    pub prefix: Option<String>,
    /// At most this many.
    pub limit: i64,
}

/// A creator with one of their plans: a line of the answer for each.
fn read(row: &Row<'_>) -> Result<(Creator, Option<Plan>), StoreError> {
    let id = row.get(0)?;
    let creator = Creator {
        id,
        username: row.get(1)?,
        created_at: row.get(2)?,
        contents: row.get(3)?,
        subscribers: row.get(4)?,
        plans: Vec::new(),
    };
    let plan = match row.get::<Option<PlanTier>>(5)? {
        Some(tier) => Some(Plan { creator_id: id, tier, price: row.get(6)?, is_active: row.get(7)? }),
        None => None,
    };
    Ok((creator, plan))
}

/// The creators of lines that stand together by creator.
fn gather(lines: Vec<(Creator, Option<Plan>)>) -> Vec<Creator> {
    let mut creators: Vec<Creator> = Vec::new();
    for (creator, plan) in lines {
        if creators.last().is_none_or(|last| last.id != creator.id) {
            creators.push(creator);
        }
        if let Some(last) = creators.last_mut() {
            last.plans.extend(plan);
        }
    }
    creators
}

/// One creator with what they have on offer, counted.
pub(super) const FIND: &str = "SELECT u.id, u.username, u.created_at,
        (SELECT COUNT(*) FROM contents c WHERE c.creator_id = u.id AND c.is_active = 1),
        (SELECT COUNT(*) FROM subscriptions s
            WHERE s.creator_id = u.id AND s.status = 'active' AND s.expires_at > $2),
        p.tier, p.price_cents, p.is_active
    FROM users u
    LEFT JOIN plans p ON p.creator_id = u.id
    WHERE u.id = $1 AND u.role = 'creator' AND u.account_status = 'active'
    ORDER BY p.tier";

/// One creator, whose account is usable.
///
/// # Errors
/// If the database fails.
pub fn find(view: &View<'_>, id: UserId, now: Timestamp) -> Result<Option<Creator>, StoreError> {
    let lines = view.query(FIND, &[id.into(), now.into()], read)?;
    Ok(gather(lines).into_iter().next())
}

/// A page of the creators whose accounts are usable.
///
/// # Errors
/// If the database fails.
pub fn list(view: &View<'_>, now: Timestamp, page: &Page) -> Result<Vec<Creator>, StoreError> {
    let text = "SELECT u.id, u.username, u.created_at, u.contents, u.subscribers, p.tier, p.price_cents, p.is_active
        FROM (SELECT a.id, a.username, a.created_at,
                (SELECT COUNT(*) FROM contents c WHERE c.creator_id = a.id AND c.is_active = 1) AS contents,
                (SELECT COUNT(*) FROM subscriptions s
                    WHERE s.creator_id = a.id AND s.status = 'active' AND s.expires_at > $1) AS subscribers
            FROM users a
            WHERE a.role = 'creator' AND a.account_status = 'active' AND a.id < $2
                AND (CAST($3 AS TEXT) IS NULL OR a.username_folded LIKE $3 ESCAPE '!')
            ORDER BY a.id DESC LIMIT $4) u
        LEFT JOIN plans p ON p.creator_id = u.id
        ORDER BY u.id DESC, p.tier";
    let before = page.before.unwrap_or(UserId::new(Uuid::max()));
    let prefix = page.prefix.as_deref().map(pattern);
    let lines = view.query(text, &[now.into(), before.into(), prefix.as_deref().into(), page.limit.into()], read)?;
    Ok(gather(lines))
}

/// A text as a pattern that finds what begins with it: what means something in a pattern means itself.
fn pattern(text: &str) -> String {
    let folded = text.to_ascii_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_");
    format!("{folded}%")
}

/// The access check of a creator: each step a look-up by key, however many subscribers there are. The status is a
/// parameter, so that the index with all four columns answers alone, without the row.
/// Public so that a test can ask the database for its plan.
pub const SUBSCRIBED_UNTIL: &str = "SELECT s.expires_at FROM users u
    LEFT JOIN subscriptions s
        ON s.subscriber_id = $1 AND s.creator_id = u.id AND s.status = $4 AND s.expires_at > $3
    WHERE u.id = $2";

/// Until when a user subscribes to a creator, if they do; the outer `None` if there is no such account.
///
/// # Errors
/// If the database fails.
#[must_use]
pub fn subscribed_until(subscriber: UserId, creator: UserId, now: Timestamp) -> LookUp<Option<Timestamp>> {
    let values = [subscriber.into(), creator.into(), now.into(), SubscriptionStatus::Active.into()];
    LookUp::new(SUBSCRIBED_UNTIL, &values, |row| row.get(0))
}
