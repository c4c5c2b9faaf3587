//! The digest of a table's rows in the order of their keys: equal on two databases if and only if the rows are. Kept
//! in chunks, so that a difference has a place.

use super::cell::Cell;
use sha2::{Digest as _, Sha256};

/// Rows to a chunk.
pub(super) const CHUNK: u64 = 1_000;

/// Grows row by row.
#[derive(Debug, Default)]
pub(super) struct Digest {
    rows: u64,
    chunk: Sha256,
    chunks: Vec<[u8; 32]>,
}

/// What all rows came to.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) rows: u64,
    chunks: Vec<[u8; 32]>,
}

impl Digest {
    pub(super) fn add(&mut self, cell: &Cell) {
        match cell {
            Cell::Null => self.chunk.update([0]),
            Cell::Integer(number) => {
                self.chunk.update([1]);
                self.chunk.update(number.to_be_bytes());
            }
            Cell::Text(text) => self.variable(2, text.as_bytes()),
            Cell::Bytes(bytes) => self.variable(3, bytes),
        }
    }

    /// With its length before it, so that no two rows are the same bytes.
    fn variable(&mut self, kind: u8, bytes: &[u8]) {
        self.chunk.update([kind]);
        self.chunk.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        self.chunk.update(bytes);
    }

    pub(super) fn end_row(&mut self) {
        self.rows = self.rows.saturating_add(1);
        if self.rows.is_multiple_of(CHUNK) {
            self.chunks.push(std::mem::take(&mut self.chunk).finalize().into());
        }
    }

    pub(super) fn finish(mut self) -> Summary {
        self.chunks.push(self.chunk.finalize().into());
        Summary { rows: self.rows, chunks: self.chunks }
    }
}

impl Summary {
    /// SHA-256 over the chunks, in hexadecimal.
    pub(super) fn hex(&self) -> String {
        let whole = self.chunks.iter().fold(Sha256::new(), Sha256::chain_update).finalize();
        whole.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The number, from 1, of the first row of the first chunk that differs; none if all rows are equal.
    pub(super) fn first_difference(&self, other: &Self) -> Option<u64> {
        let longer = self.chunks.len().max(other.chunks.len());
        let differs = |index: &usize| self.chunks.get(*index) != other.chunks.get(*index);
        let index = (0..longer).find(differs)?;
        Some(u64::try_from(index).unwrap_or(u64::MAX).saturating_mul(CHUNK).saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::{Cell, Digest, Summary};

    fn of(rows: u64, changed: Option<u64>) -> Summary {
        let mut digest = Digest::default();
        for row in 0..rows {
            digest.add(&Cell::Integer(i64::from(changed == Some(row))));
            digest.add(&Cell::Null);
            digest.end_row();
        }
        digest.finish()
    }

    #[test]
    fn equal_rows_have_one_digest_and_a_difference_has_a_place() {
        for rows in [0, 1, 999, 1_000, 1_001, 2_500] {
            assert_eq!(of(rows, None).first_difference(&of(rows, None)), None);
            assert_eq!(of(rows, None).hex(), of(rows, None).hex());
        }
        assert_eq!(of(2_500, None).first_difference(&of(2_500, Some(1_999))), Some(1_001));
        assert_eq!(of(2_500, None).first_difference(&of(2_499, None)), Some(2_001));
        assert_ne!(of(2_500, None).hex(), of(2_500, Some(0)).hex());
    }

    #[test]
    fn what_looks_alike_is_told_apart() {
        let of = |cells: &[Cell]| {
            let mut digest = Digest::default();
            cells.iter().for_each(|cell| digest.add(cell));
            digest.finish().hex()
        };
        let text = |text: &str| Cell::Text(text.to_owned());
        let different = [
            of(&[text("ab"), text("c")]),
            of(&[text("a"), text("bc")]),
            of(&[Cell::Bytes(b"ab".to_vec()), text("c")]),
            of(&[Cell::Null, text("abc")]),
            of(&[text(""), text("abc")]),
            of(&[Cell::Integer(0), text("abc")]),
        ];
        for (index, digest) in different.iter().enumerate() {
            assert!(!different[index + 1..].contains(digest), "{index}");
        }
    }
}
