//! The statements of the catalogue: one for each order, so that each is a range of an index that is in that order.
//! What reads them is `catalogue.rs`.

/// From the newest content on, along the index on the moments.
pub(in crate::store) const NEWEST: &str =
    "SELECT c.id, c.creator_id, u.username, c.type, c.title, c.description, c.price_cents, c.subscriber_only,
        c.media_url, c.preview_url, c.is_active, c.created_at, c.updated_at
    FROM contents c
    JOIN users u ON u.id = c.creator_id
    WHERE (c.created_at, c.id) < ($2, $3)
        AND (c.is_active = 1 OR c.creator_id = $1) AND u.account_status = 'active'
        AND (CAST($4 AS TEXT) IS NULL OR c.type = $4)
        AND (CAST($5 AS TEXT) IS NULL OR lower(c.title) LIKE lower($5) ESCAPE '!')
    ORDER BY c.created_at DESC, c.id DESC LIMIT $6";

/// From the oldest content on, along the index on the moments.
pub(in crate::store) const OLDEST: &str =
    "SELECT c.id, c.creator_id, u.username, c.type, c.title, c.description, c.price_cents, c.subscriber_only,
        c.media_url, c.preview_url, c.is_active, c.created_at, c.updated_at
    FROM contents c
    JOIN users u ON u.id = c.creator_id
    WHERE (c.created_at, c.id) > ($2, $3)
        AND (c.is_active = 1 OR c.creator_id = $1) AND u.account_status = 'active'
        AND (CAST($4 AS TEXT) IS NULL OR c.type = $4)
        AND (CAST($5 AS TEXT) IS NULL OR lower(c.title) LIKE lower($5) ESCAPE '!')
    ORDER BY c.created_at, c.id LIMIT $6";

/// One kind from its newest content on. Ids are in the order of the contents, and the index on the kinds is in theirs
/// on SQLite; PostgreSQL sorts those of a rare kind, and walks along the ids for a common one.
pub(in crate::store) const NEWEST_OF_KIND: &str =
    "SELECT c.id, c.creator_id, u.username, c.type, c.title, c.description, c.price_cents, c.subscriber_only,
        c.media_url, c.preview_url, c.is_active, c.created_at, c.updated_at
    FROM contents c
    JOIN users u ON u.id = c.creator_id
    WHERE c.type = $4 AND c.id < $2
        AND (c.is_active = 1 OR c.creator_id = $1) AND u.account_status = 'active'
        AND (CAST($3 AS TEXT) IS NULL OR lower(c.title) LIKE lower($3) ESCAPE '!')
    ORDER BY c.id DESC LIMIT $5";

/// One kind from its oldest content on, in the same way.
pub(in crate::store) const OLDEST_OF_KIND: &str =
    "SELECT c.id, c.creator_id, u.username, c.type, c.title, c.description, c.price_cents, c.subscriber_only,
        c.media_url, c.preview_url, c.is_active, c.created_at, c.updated_at
    FROM contents c
    JOIN users u ON u.id = c.creator_id
    WHERE c.type = $4 AND c.id > $2
        AND (c.is_active = 1 OR c.creator_id = $1) AND u.account_status = 'active'
        AND (CAST($3 AS TEXT) IS NULL OR lower(c.title) LIKE lower($3) ESCAPE '!')
    ORDER BY c.id LIMIT $5";

/// From the dearest content on, along the index on the prices.
pub(in crate::store) const DEAREST: &str =
    "SELECT c.id, c.creator_id, u.username, c.type, c.title, c.description, c.price_cents, c.subscriber_only,
        c.media_url, c.preview_url, c.is_active, c.created_at, c.updated_at
    FROM contents c
    JOIN users u ON u.id = c.creator_id
    WHERE (c.price_cents, c.id) < ($2, $3)
        AND (c.is_active = 1 OR c.creator_id = $1) AND u.account_status = 'active'
        AND (CAST($4 AS TEXT) IS NULL OR c.type = $4)
        AND (CAST($5 AS TEXT) IS NULL OR lower(c.title) LIKE lower($5) ESCAPE '!')
    ORDER BY c.price_cents DESC, c.id DESC LIMIT $6";

/// From the cheapest content on, along the index on the prices.
pub(in crate::store) const CHEAPEST: &str =
    "SELECT c.id, c.creator_id, u.username, c.type, c.title, c.description, c.price_cents, c.subscriber_only,
        c.media_url, c.preview_url, c.is_active, c.created_at, c.updated_at
    FROM contents c
    JOIN users u ON u.id = c.creator_id
    WHERE (c.price_cents, c.id) > ($2, $3)
        AND (c.is_active = 1 OR c.creator_id = $1) AND u.account_status = 'active'
        AND (CAST($4 AS TEXT) IS NULL OR c.type = $4)
        AND (CAST($5 AS TEXT) IS NULL OR lower(c.title) LIKE lower($5) ESCAPE '!')
    ORDER BY c.price_cents, c.id LIMIT $6";

/// One creator's contents, sorted, largest first: by price, or by when they were made.
pub(in crate::store) const DESCENDING: &str =
    "SELECT c.id, c.creator_id, u.username, c.type, c.title, c.description, c.price_cents, c.subscriber_only,
        c.media_url, c.preview_url, c.is_active, c.created_at, c.updated_at
    FROM contents c
    JOIN users u ON u.id = c.creator_id
    WHERE (CASE WHEN CAST($7 AS BIGINT) = 1 THEN c.price_cents ELSE c.created_at END, c.id) < ($2, $3)
        AND c.creator_id = $8
        AND (c.is_active = 1 OR c.creator_id = $1) AND u.account_status = 'active'
        AND (CAST($4 AS TEXT) IS NULL OR c.type = $4)
        AND (CAST($5 AS TEXT) IS NULL OR lower(c.title) LIKE lower($5) ESCAPE '!')
    ORDER BY CASE WHEN CAST($7 AS BIGINT) = 1 THEN c.price_cents ELSE c.created_at END DESC, c.id DESC LIMIT $6";

/// The same, smallest first.
pub(in crate::store) const ASCENDING: &str =
    "SELECT c.id, c.creator_id, u.username, c.type, c.title, c.description, c.price_cents, c.subscriber_only,
        c.media_url, c.preview_url, c.is_active, c.created_at, c.updated_at
    FROM contents c
    JOIN users u ON u.id = c.creator_id
    WHERE (CASE WHEN CAST($7 AS BIGINT) = 1 THEN c.price_cents ELSE c.created_at END, c.id) > ($2, $3)
        AND c.creator_id = $8
        AND (c.is_active = 1 OR c.creator_id = $1) AND u.account_status = 'active'
        AND (CAST($4 AS TEXT) IS NULL OR c.type = $4)
        AND (CAST($5 AS TEXT) IS NULL OR lower(c.title) LIKE lower($5) ESCAPE '!')
    ORDER BY CASE WHEN CAST($7 AS BIGINT) = 1 THEN c.price_cents ELSE c.created_at END, c.id LIMIT $6";
