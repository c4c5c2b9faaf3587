//! What was asked of a bank, what was heard, and when: small, because there are a million of it. Nothing is judged here.

/// One entry of a wallet's history. The label is that of its transfer; a deposit has none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Entry {
    /// 0 for a deposit.
    pub label: u32,
    /// The wallet on the other side; its own for a deposit.
    pub other: u16,
    /// Signed: what it did to the wallet.
    pub cents: i64,
    pub balance: i64,
    /// Microseconds, by the ledger. Grows from entry to entry.
    pub at: i64,
}

/// What was answered to a transfer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Heard {
    /// 201, with the payer's balance after it, and a digest of all that was answered.
    Paid { balance: i64, digest: u64 },
    /// 402, likewise.
    Refused { digest: u64 },
    /// Nothing happened by this request, it says.
    Nothing,
    /// Nobody knows.
    Unknown,
}

/// A transfer as its sender wrote it down. Sent again it has the same label, which is its key and its note.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Order {
    pub label: u32,
    pub payer: u16,
    pub payee: u16,
    pub cents: u32,
}

/// What was asked of a wallet, and what was heard.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Asked {
    Transfer(Order, Heard),
    /// What it held, and when money last moved.
    Balance {
        wallet: u16,
        cents: i64,
        at: i64,
    },
    /// The newest entries, from the newest on.
    Newest {
        wallet: u16,
        entries: Box<[Entry]>,
    },
}

/// From the moment before it was sent to the moment after it was heard, in microseconds of one clock.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Operation {
    pub from: u64,
    pub until: u64,
    pub process: u8,
    pub asked: Asked,
}

/// All that is known of a run.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub operations: Vec<Operation>,
    /// Each wallet's whole history at the end, from the oldest on. The first entry is its deposit.
    pub wallets: Vec<Vec<Entry>>,
    /// The sum of all balances at some moments, each read in one statement; -1 where one of them was negative.
    pub sums: Vec<i64>,
}
