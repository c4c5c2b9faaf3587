//! The set form of a statement: one text for one row, made into one text for many.
//!
//! `INSERT … VALUES ($1, $2)` becomes `INSERT … SELECT input.p1, input.p2 FROM UNNEST(…) AS input (p1, p2)`, an
//! update takes its parameters `FROM` the same input, and a query runs `LATERAL` to it. So every statement is
//! written once, for both databases and for any number of rows, and nothing can make the forms disagree.
//! Pure: it knows texts, not connections.

use std::fmt::Write;

/// The text for many rows; `None` for a statement that has no such form. `types` are the types of the parameters.
pub(super) fn set_form(text: &str, types: &[&str]) -> Option<String> {
    let input = input(types)?;
    let first = text.split_whitespace().next()?;
    match first {
        "INSERT" => insert(text, &input),
        "UPDATE" => update(text, types),
        "SELECT" => Some(query(text, types)?),
        _ => None,
    }
}

/// `UNNEST(CAST($1 AS uuid[]), CAST($2 AS int8[])) AS input (p1, p2)`.
fn input(types: &[&str]) -> Option<String> {
    let (mut arrays, mut names) = (String::new(), String::new());
    for (number, kind) in (1..).zip(types) {
        let comma = if number == 1 { "" } else { ", " };
        write!(arrays, "{comma}CAST(${number} AS {kind}[])").ok()?;
        write!(names, "{comma}p{number}").ok()?;
    }
    (!types.is_empty()).then(|| format!("UNNEST({arrays}) AS input ({names})"))
}

fn insert(text: &str, input: &str) -> Option<String> {
    let (head, rest) = text.split_once("VALUES (")?;
    let (values, tail) = rest.split_at(closing(rest)?);
    let tail = tail.strip_prefix(')')?;
    // What follows sees the row that is in the way, and `excluded`, and no input.
    if tail.contains('$') {
        return None;
    }
    Some(format!("{head}SELECT {} FROM {input}{tail}", from_input(values)))
}

/// The last column of each row is the place in the set of those parameters that found it, counted from 1. `OFFSET 0`
/// keeps the planner from turning the join around: for a table that was small when the plan was made it would read
/// the whole of it, and compare each row with each input.
fn query(text: &str, types: &[&str]) -> Option<String> {
    let input = input(types)?.replace(") AS input (", ") WITH ORDINALITY AS input (");
    let input = format!("{}, place)", input.strip_suffix(')')?);
    Some(format!(
        "SELECT found.*, input.place FROM {input} CROSS JOIN LATERAL ({} OFFSET 0) AS found",
        from_input(text)
    ))
}

/// That the key is one of the inputs is said twice, so that no plan reads more of the table than that.
fn update(text: &str, types: &[&str]) -> Option<String> {
    let (head, condition) = text.split_once("WHERE ")?;
    let (column, rest) = condition.split_once(" = $")?;
    let digits = rest.len().checked_sub(rest.trim_start_matches(|letter: char| letter.is_ascii_digit()).len())?;
    let number: usize = rest.get(..digits)?.parse().ok()?;
    let kind = types.get(number.checked_sub(1)?)?;
    let key = format!("{column} = ANY(CAST(${number} AS {kind}[]))");
    Some(format!("{}FROM {} WHERE {} AND {key}", from_input(head), input(types)?, from_input(condition)))
}

/// Where the parenthesis ends that was opened before the text.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1_usize;
    for (index, letter) in text.char_indices() {
        match letter {
            '(' => open = open.checked_add(1)?,
            ')' => open = open.checked_sub(1)?,
            _ => {}
        }
        if open == 0 {
            return Some(index);
        }
    }
    None
}

/// `$1` becomes `input.p1`.
fn from_input(text: &str) -> String {
    text.replace('$', "input.p")
}

#[cfg(test)]
mod tests {
    use super::set_form;

    #[test]
    fn an_insert_selects_from_its_input() {
        let text = "INSERT INTO gifts (id, sender_id, kind) VALUES ($1, lower($2), 'rose') ON CONFLICT DO NOTHING";
        let expected = "INSERT INTO gifts (id, sender_id, kind) SELECT input.p1, lower(input.p2), 'rose' \
            FROM UNNEST(CAST($1 AS uuid[]), CAST($2 AS text[])) AS input (p1, p2) ON CONFLICT DO NOTHING";
        assert_eq!(set_form(text, &["uuid", "text"]).as_deref(), Some(expected));
    }

    #[test]
    fn an_update_takes_its_values_from_its_input() {
        let text = "UPDATE wallets SET balance_cents = balance_cents + $2 WHERE id = $1";
        let expected = "UPDATE wallets SET balance_cents = balance_cents + input.p2 \
            FROM UNNEST(CAST($1 AS uuid[]), CAST($2 AS int8[])) AS input (p1, p2) \
            WHERE id = input.p1 AND id = ANY(CAST($1 AS uuid[]))";
        assert_eq!(set_form(text, &["uuid", "int8"]).as_deref(), Some(expected));
    }

    #[test]
    fn a_query_runs_beside_its_input() {
        let text = "SELECT id FROM wallets WHERE id = $1";
        let expected = "SELECT found.*, input.place \
            FROM UNNEST(CAST($1 AS uuid[])) WITH ORDINALITY AS input (p1, place) CROSS JOIN LATERAL (SELECT id FROM wallets WHERE id = input.p1 OFFSET 0) AS found";
        assert_eq!(set_form(text, &["uuid"]).as_deref(), Some(expected));
    }

    #[test]
    fn more_than_nine_parameters_keep_their_numbers() {
        let text =
            "INSERT INTO t (a, b, c, d, e, f, g, h, i, j, k) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let set = set_form(text, &["int8"; 11]).unwrap();
        assert!(set.contains("SELECT input.p1, ") && set.contains(", input.p10, input.p11 FROM"), "{set}");
    }

    #[test]
    fn what_has_no_set_form_says_so() {
        let claim = "INSERT INTO jobs (name, at) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET at = $2";
        for text in [claim, "INSERT INTO t (a) SELECT $1", "UPDATE t SET a = $1", "DELETE FROM t WHERE a = $1"] {
            assert_eq!(set_form(text, &["int8"; 2]), None, "{text}");
        }
        assert_eq!(set_form("SELECT 1", &[]), None);
    }
}
