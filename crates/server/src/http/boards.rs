//! Who gave: leaderboards, and the gifts that somebody sent and received.

use super::extract::{Caller, Fields, Parameters};
use super::parameters::{Page, Problems, limit, rfc3339};
use super::problem::Problem;
use crate::app::App;
use crate::store::{View, gifts, leaderboards};
use axum::Json;
use axum::extract::State;
use domain::gift::BoardPeriod;
use domain::id::{GiftId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which board.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BoardFilter {
    /// Only gifts to this creator; without it the board is over all creators.
    #[param(example = "usr_01h2xcejqtf2nbrexx3vqjhp41")]
    creator_id: Option<String>,
    /// The current `day`, `week` (from Monday on) or `month` in UTC, or `all` time, which is the default.
    #[param(example = "week")]
    period: Option<String>,
    /// Lines of the board, 20 by default, at most 100.
    #[param(minimum = 1, example = 20)]
    limit: Option<i64>,
}

/// The first lines of a leaderboard.
#[derive(Debug, Serialize, ToSchema)]
pub struct Leaderboard {
    /// The lines: the largest total first, and of two that are equal the one that was reached first.
    data: Vec<BoardLine>,
}

/// A line of a leaderboard.
#[derive(Debug, Serialize, ToSchema)]
pub struct BoardLine {
    /// The place, from 1.
    #[schema(example = 1)]
    rank: i64,
    /// Who gave.
    #[schema(example = "usr_01h2xcejqtf2nbrexx3vqjhp41")]
    sender_id: String,
    /// Their public name.
    #[schema(example = "ann")]
    username: Option<String>,
    /// What they gave, less what was refunded.
    #[schema(example = 300_000)]
    total_cents: i64,
    /// How many gifts that was. Those that were refunded in full do not count.
    #[schema(example = 3)]
    gifts: i64,
}

/// Who gave most.
#[utoipa::path(get, path = "/api/gifts/leaderboard", operation_id = "gift_leaderboard", tag = "gifts", security(("bearer" = [])), params(BoardFilter),
    responses((status = 200, description = "The board", body = Leaderboard), Problems))]
pub async fn leaderboard(
    State(app): State<App>,
    _caller: Caller,
    Parameters(filter): Parameters<BoardFilter>,
) -> Result<Json<Leaderboard>, Problem> {
    let mut fields = Fields::default();
    let creator = filter
        .creator_id
        .map(|id| fields.check("creator_id", id.parse::<UserId>()))
        .map_or(Some(None), |id| id.map(Some));
    let period = filter.period.as_deref().map_or(Some(BoardPeriod::All), |word| {
        fields.check("period", BoardPeriod::parse(word).ok_or("must be day, week, month or all"))
    });
    let (creator, period) = fields.finish(creator.zip(period))?;
    let (limit, start) = (limit(filter.limit)?, period.start(app.clock.now()));
    let lines = app.database.read_stale(move |reader| leaderboards::top(reader, creator, period, start, limit)).await?;
    let line = |(rank, line): (i64, leaderboards::Line)| BoardLine {
        rank,
        sender_id: line.sender_id.to_string(),
        username: line.username,
        total_cents: line.total.get(),
        gifts: line.gifts,
    };
    Ok(Json(Leaderboard { data: (1..).zip(lines).map(line).collect() }))
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GiftFilter {
    /// Lines on a page, 20 by default, at most 100.
    #[param(minimum = 1, example = 20)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

/// A gift, as one of the two whom it concerns sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct GiftLine {
    /// Its id.
    #[schema(example = "gft_01h2xcejqtf2nbrexx3vqjhp41")]
    id: String,
    /// Who gave it.
    #[schema(example = "usr_01h2xcejqtf2nbrexx3vqjhp41")]
    sender_id: String,
    /// Who got it.
    #[schema(example = "usr_01h2xcejqtf2nbrexx3vqjhp41")]
    recipient_id: String,
    /// The public name of the one on the other side.
    #[schema(example = "bob")]
    username: Option<String>,
    /// What it is.
    #[schema(example = "rose")]
    gift_type: String,
    /// How many.
    #[schema(example = 3)]
    quantity: i64,
    /// What was paid for all of them.
    #[schema(example = 300_000)]
    amount_cents: i64,
    /// What of that was given back.
    #[schema(example = 0)]
    refunded_cents: i64,
    /// A word to the recipient.
    message: Option<String>,
    /// What it was given for.
    context: Option<String>,
    /// When.
    created_at: String,
}

impl GiftLine {
    fn of(line: gifts::Listed, sender: UserId, recipient: UserId) -> Self {
        Self {
            id: line.id.to_string(),
            sender_id: sender.to_string(),
            recipient_id: recipient.to_string(),
            username: line.other_username,
            gift_type: line.gift_type,
            quantity: line.quantity,
            amount_cents: line.amount.get(),
            refunded_cents: line.refunded.get(),
            message: line.message,
            context: line.context,
            created_at: rfc3339(line.created_at),
        }
    }
}

/// What the caller gave, newest first.
#[utoipa::path(get, path = "/api/gifts/sent", operation_id = "gifts_sent", tag = "gifts", security(("bearer" = [])), params(GiftFilter),
    responses((status = 200, description = "A page of gifts", body = Page<GiftLine>), Problems))]
pub async fn sent(
    State(app): State<App>,
    caller: Caller,
    Parameters(filter): Parameters<GiftFilter>,
) -> Result<Json<Page<GiftLine>>, Problem> {
    let user = caller.id();
    let show = |line: gifts::Listed| {
        let other = line.other_id;
        GiftLine::of(line, user, other)
    };
    page(&app, (format!("gifts/sent {user}"), user), filter, gifts::sent, show).await
}

/// What the caller got, newest first.
#[utoipa::path(get, path = "/api/gifts/received", operation_id = "gifts_received", tag = "gifts", security(("bearer" = [])), params(GiftFilter),
    responses((status = 200, description = "A page of gifts", body = Page<GiftLine>), Problems))]
pub async fn received(
    State(app): State<App>,
    caller: Caller,
    Parameters(filter): Parameters<GiftFilter>,
) -> Result<Json<Page<GiftLine>>, Problem> {
    let user = caller.id();
    let show = |line: gifts::Listed| {
        let other = line.other_id;
        GiftLine::of(line, other, user)
    };
    page(&app, (format!("gifts/received {user}"), user), filter, gifts::received, show).await
}

/// One of the two lists: whose gifts it reads is the caller's id and nothing else.
type List = fn(
    &View<'_>,
    UserId,
    Option<(domain::timestamp::Timestamp, GiftId)>,
    i64,
) -> Result<Vec<gifts::Listed>, crate::store::StoreError>;

async fn page<T>(
    app: &App,
    (scope, user): (String, UserId),
    filter: GiftFilter,
    list: List,
    show: impl FnMut(gifts::Listed) -> T,
) -> Result<Json<Page<T>>, Problem> {
    let limit = limit(filter.limit)?;
    let before = filter.cursor.as_deref().map(|cursor| app.cursors.read(&scope, cursor)).transpose()?;
    let before = before.map(|(at, id)| (at, GiftId::new(id)));
    let lines = app.database.read(move |view| list(view, user, before, limit.saturating_add(1))).await?;
    let cursor = |line: &gifts::Listed| app.cursors.write(&scope, (line.created_at, line.id.uuid()));
    Ok(Json(Page::cut(lines, limit, cursor, show)))
}
