//! The highest rate that is still good: doubled until one is not, then halved in between. Pure.

/// What is between the highest good rate and the lowest bad one, in percent of the former, when it is near enough.
const NEAR_PERCENT: u64 = 5;

/// Which rate comes next.
#[derive(Clone, Debug)]
pub struct Search {
    now: u64,
    most: u64,
    good: u64,
    bad: Option<u64>,
}

impl Search {
    /// Begins at a rate, and goes no higher than another one.
    pub fn new(first: u64, most: u64) -> Self {
        Self { now: first.min(most), most, good: 0, bad: None }
    }

    /// The rate to try, or nothing more.
    pub fn next(&self) -> Option<u64> {
        (self.now > self.good && self.bad.is_none_or(|bad| self.now < bad)).then_some(self.now)
    }

    /// Says how the last one was.
    pub fn judge(&mut self, good: bool) {
        if good {
            self.good = self.now;
        } else {
            self.bad = Some(self.now);
        }
        self.now = match self.bad {
            None => (self.now * 2).min(self.most),
            Some(bad) if (bad - self.good) * 100 > self.good * NEAR_PERCENT => self.good + (bad - self.good) / 2,
            Some(_) => self.good,
        };
    }

    /// The highest that was good; none if none was.
    pub fn highest(&self) -> Option<u64> {
        (self.good > 0).then_some(self.good)
    }
}

#[cfg(test)]
mod tests {
    use super::Search;

    /// Tries rates against one that is known.
    fn found(limit: u64, most: u64) -> (Option<u64>, usize) {
        let (mut search, mut tries) = (Search::new(100, most), 0);
        while let Some(rate) = search.next() {
            assert!(rate <= most);
            tries += 1;
            search.judge(rate <= limit);
        }
        (search.highest(), tries)
    }

    #[test]
    fn the_limit_is_found_within_a_twentieth_and_in_few_tries() {
        for limit in [100, 101, 199, 200, 950, 1_234, 7_777, 31_000] {
            let (highest, tries) = found(limit, 50_000);
            let highest = highest.unwrap();
            assert!(highest <= limit && (limit - highest) * 100 <= highest * 6, "{limit}: {highest}");
            assert!(tries <= 18, "{limit} took {tries} tries");
        }
    }

    #[test]
    fn no_more_than_the_most_is_tried_and_none_may_be_good() {
        assert_eq!(found(1_000_000, 750), (Some(750), 4));
        assert_eq!(found(1_000_000, 50), (Some(50), 1));
        let (highest, tries) = found(0, 50_000);
        assert_eq!(highest, None);
        assert!(tries < 10);
    }
}
