//! Whether there is one order of all transfers and reads that agrees with each wallet's own and with the clock: nothing
//! comes before what ended before it began. Such an order is there unless these go in a circle.

use super::NEVER;
use super::view::Views;

/// Edges by where they begin, in one list.
struct Edges {
    ends: Vec<u32>,
    first: Vec<usize>,
}

impl Edges {
    fn of(pairs: &[(u32, u32)], nodes: usize) -> Self {
        let mut first = vec![0; nodes + 1];
        pairs.iter().for_each(|(from, _)| first[*from as usize + 1] += 1);
        for node in 0..nodes {
            first[node + 1] += first[node];
        }
        let (mut ends, mut next) = (vec![0; pairs.len()], first.clone());
        for (from, to) in pairs {
            ends[next[*from as usize]] = *to;
            next[*from as usize] += 1;
        }
        Self { ends, first }
    }

    fn from(&self, node: u32) -> &[u32] {
        &self.ends[self.first[node as usize]..self.first[node as usize + 1]]
    }
}

/// Some of what goes in a circle, or stands behind one.
const TOLD_MAX: usize = 8;

/// What cannot be put in an order, if anything cannot.
pub fn circle(views: &Views<'_>) -> Option<String> {
    // Nodes: a transfer by its label, a read by its number behind them, and then the moments at which something ended.
    let reads_from = views.transfers.len();
    let ended_from = reads_from + views.reads.len();
    let mut pairs = Vec::new();
    along_wallets(views, reads_from, &mut pairs);
    let spans = spans(views, reads_from);
    let moments = along_the_clock(&spans, ended_from, &mut pairs);
    let nodes = ended_from + moments;
    let edges = Edges::of(&pairs, nodes);
    let mut before = vec![0_u32; nodes];
    pairs.iter().for_each(|(_, to)| before[*to as usize] += 1);
    let mut ready: Vec<u32> = (0..node(nodes)).filter(|node| before[*node as usize] == 0).collect();
    let mut ordered = 0;
    while let Some(next) = ready.pop() {
        ordered += 1;
        for after in edges.from(next) {
            before[*after as usize] -= 1;
            if before[*after as usize] == 0 {
                ready.push(*after);
            }
        }
    }
    let left = || (0..ended_from).filter(|node| before[*node] > 0);
    let tell = |node: usize| match node.checked_sub(reads_from) {
        None => format!("{:?}", views.transfers[node]),
        Some(read) => format!("{:?}", views.reads[read]),
    };
    (ordered < nodes).then(|| {
        let told: Vec<String> = left().take(TOLD_MAX).map(tell).collect();
        format!("{} operations have no order, such as {told:?}", left().count())
    })
}

fn node(index: usize) -> u32 {
    u32::try_from(index).expect("a run is bounded")
}

/// Each entry comes before the next, and a read between the entry that it shows and the one after it.
fn along_wallets(views: &Views<'_>, reads_from: usize, pairs: &mut Vec<(u32, u32)>) {
    // A deposit was there before everything.
    let transfer = |label: u32| views.transfers.get(label as usize).is_some_and(Option::is_some).then_some(label);
    for entries in &views.history.wallets {
        let labels: Vec<u32> = entries.iter().filter_map(|entry| transfer(entry.label)).collect();
        pairs.extend(labels.windows(2).map(|pair| (pair[0], pair[1])));
    }
    for (number, read) in views.reads.iter().enumerate() {
        let (entries, this) = (&views.history.wallets[read.wallet], node(reads_from + number));
        pairs.extend(transfer(entries[read.place].label).map(|label| (label, this)));
        let after = entries.get(read.place + 1).and_then(|entry| transfer(entry.label));
        pairs.extend(after.map(|label| (this, label)));
    }
}

/// Each transfer that happened and each read, from when it was asked for to when it was known.
fn spans(views: &Views<'_>, reads_from: usize) -> Vec<(u32, u64, u64)> {
    let happened = views.transfers.iter().enumerate();
    let happened = happened.filter_map(|(label, transfer)| Some((node(label), transfer.as_ref()?)));
    let happened = happened.filter(|(_, transfer)| transfer.places.iter().any(Option::is_some));
    let transfers = happened.map(|(label, transfer)| (label, transfer.from, transfer.paid));
    let reads = views.reads.iter().enumerate();
    let reads = reads.map(|(number, read)| (node(reads_from + number), read.from, read.until));
    transfers.chain(reads).collect()
}

/// What ended leads to the moment at which it did, a moment to the next one, and the last moment before something was
/// asked for to that. Says how many moments there are.
fn along_the_clock(spans: &[(u32, u64, u64)], ended_from: usize, pairs: &mut Vec<(u32, u32)>) -> usize {
    let mut ended: Vec<(u64, u32)> =
        spans.iter().filter(|(_, _, until)| *until != NEVER).map(|(node, _, until)| (*until, *node)).collect();
    ended.sort_unstable();
    for (index, (_, operation)) in ended.iter().enumerate() {
        let moment = node(ended_from + index);
        pairs.push((*operation, moment));
        if index > 0 {
            pairs.push((moment - 1, moment));
        }
    }
    for (operation, from, _) in spans {
        if let Some(last) = ended.partition_point(|(until, _)| until < from).checked_sub(1) {
            pairs.push((node(ended_from + last), *operation));
        }
    }
    ended.len()
}
