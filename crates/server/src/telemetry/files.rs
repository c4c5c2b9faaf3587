//! Log files: everything in one, errors in another, each rotated by size, by day and at a start, compressed, and kept
//! for two weeks.

use crate::clock::Clock;
use chrono::Duration;
use file_rotate::compression::Compression;
use file_rotate::suffix::{AppendTimestamp, FileLimit};
use file_rotate::{ContentLimit, FileRotate};
use std::fmt;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// A file that is larger is rotated.
const BYTES_MAX: usize = 20_000_000;
/// How long a rotated file is kept.
const KEPT_DAYS: i64 = 14;
const MICROS_A_DAY: i64 = 86_400_000_000;

/// `combined.log` and `error.log` in a directory.
#[derive(Debug)]
pub struct Files {
    combined: Rotated,
    errors: Rotated,
    clock: Clock,
    day: i64,
}

impl Files {
    /// Opens them, and puts away what an earlier process left.
    ///
    /// # Errors
    /// If the directory or a file in it cannot be written.
    pub fn open(directory: &Path, clock: Clock) -> io::Result<Self> {
        // What people do is nobody's business but the operator's.
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let combined = Rotated::open(directory.join("combined.log"))?;
        let errors = Rotated::open(directory.join("error.log"))?;
        let day = day(&clock);
        Ok(Self { combined, errors, clock, day })
    }

    /// Writes whole lines, and turns the page where a day is over.
    ///
    /// # Errors
    /// If they cannot be written. The next ones are tried again.
    pub fn write(&mut self, combined: &[u8], errors: &[u8]) -> io::Result<()> {
        let today = day(&self.clock);
        let mut turned = Ok(());
        if today != self.day {
            self.day = today;
            // Empty ones, too: what is too old is only looked for at a rotation.
            turned = self.combined.rotate().and(self.errors.rotate());
        }
        // Each as far as it can, whatever became of the others.
        let (combined, errors) = (self.combined.write(combined), self.errors.write(errors));
        turned.and(combined).and(errors)
    }
}

fn day(clock: &Clock) -> i64 {
    clock.now().as_micros().div_euclid(MICROS_A_DAY)
}

struct Rotated {
    path: PathBuf,
    /// None after it broke: it is then opened anew.
    file: Option<FileRotate<AppendTimestamp>>,
}

impl fmt::Debug for Rotated {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Rotated").field("path", &self.path).finish_non_exhaustive()
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).create(true).append(true).mode(0o600);
    options
}

impl Rotated {
    fn open(path: PathBuf) -> io::Result<Self> {
        // It tells of nothing that fails here, so that is found out first.
        let length = options().open(&path)?.metadata()?.len();
        let mut rotated = Self { path, file: None };
        if length > 0 {
            rotated.rotate()?;
        }
        Ok(rotated)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() { Ok(()) } else { self.with(|file| file.write_all(bytes)) }
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.with(FileRotate::rotate)
    }

    /// The library panics where somebody else moves its files; then it begins anew.
    fn with(&mut self, act: impl FnOnce(&mut FileRotate<AppendTimestamp>) -> io::Result<()>) -> io::Result<()> {
        let (kept, path) = (self.file.take(), &self.path);
        let acted = catch_unwind(AssertUnwindSafe(|| {
            let mut file = match kept {
                Some(file) if path.exists() => file,
                _ => open(path)?,
            };
            act(&mut file).map(|()| file)
        }));
        let acted = acted.unwrap_or_else(|_| Err(io::Error::other("the files were moved by somebody else")));
        acted.map(|file| self.file = Some(file))
    }
}

fn open(path: &Path) -> io::Result<FileRotate<AppendTimestamp>> {
    options().open(path)?;
    let kept = FileLimit::Age(Duration::days(KEPT_DAYS));
    let names = AppendTimestamp::default(kept);
    let size = ContentLimit::BytesSurpassed(BYTES_MAX);
    Ok(FileRotate::new(path, names, size, Compression::OnRotate(0), Some(options())))
}

#[cfg(test)]
mod tests {
    use super::{BYTES_MAX, Files, MICROS_A_DAY};
    use crate::clock::Clock;
    use domain::timestamp::Timestamp;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    fn names(directory: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(directory).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn compressed(directory: &Path, of: &str) -> usize {
        names(directory).iter().filter(|name| name.starts_with(of) && name.ends_with(".gz")).count()
    }

    #[test]
    fn errors_are_in_both_files_and_nobody_else_can_read_them() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("logs");
        let mut files = Files::open(&place, Clock::System).unwrap();
        files.write(b"one\ntwo\n", b"two\n").unwrap();
        assert_eq!(std::fs::read_to_string(place.join("combined.log")).unwrap(), "one\ntwo\n");
        assert_eq!(std::fs::read_to_string(place.join("error.log")).unwrap(), "two\n");
        for (path, mode) in [(place.clone(), 0o700), (place.join("error.log"), 0o600)] {
            assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, mode);
        }
    }

    #[test]
    fn a_file_is_put_away_when_it_is_large_at_the_end_of_a_day_and_at_a_start() {
        let directory = tempfile::tempdir().unwrap();
        let at = Arc::new(AtomicI64::new(Timestamp::from_micros(20_000 * MICROS_A_DAY - 1).as_micros()));
        let mut files = Files::open(directory.path(), Clock::Frozen(Arc::clone(&at))).unwrap();
        assert_eq!(names(directory.path()), ["combined.log", "error.log"], "nothing was there to be put away");
        files.write(b"one\n", b"").unwrap();
        at.fetch_add(1, Ordering::SeqCst);
        files.write(b"two\n", b"").unwrap();
        assert_eq!(compressed(directory.path(), "combined"), 1);
        let large = vec![b'x'; BYTES_MAX + 1];
        files.write(&large, b"").unwrap();
        files.write(b"three\n", b"").unwrap();
        assert_eq!(compressed(directory.path(), "combined"), 2);
        assert_eq!(std::fs::read_to_string(directory.path().join("combined.log")).unwrap(), "three\n");
        drop(files);
        let mut files = Files::open(directory.path(), Clock::Frozen(at)).unwrap();
        assert_eq!(compressed(directory.path(), "combined"), 3);
        files.write(b"four\n", b"").unwrap();
        assert_eq!(std::fs::read_to_string(directory.path().join("combined.log")).unwrap(), "four\n");
    }

    #[test]
    fn what_is_older_than_two_weeks_is_deleted() {
        let directory = tempfile::tempdir().unwrap();
        let (old, other) = ("combined.log.20200101T000000.gz", "combined.log.notes");
        for name in [old, other, "combined.log"] {
            std::fs::write(directory.path().join(name), "x").unwrap();
        }
        Files::open(directory.path(), Clock::System).unwrap();
        let left = names(directory.path());
        assert!(!left.contains(&old.to_owned()) && left.contains(&other.to_owned()), "{left:?}");
        assert_eq!(compressed(directory.path(), "combined"), 1);
    }

    #[test]
    fn a_directory_that_somebody_empties_is_filled_again() {
        let directory = tempfile::tempdir().unwrap();
        let mut files = Files::open(directory.path(), Clock::System).unwrap();
        files.write(b"one\n", b"").unwrap();
        std::fs::remove_file(directory.path().join("combined.log")).unwrap();
        files.write(b"two\n", b"").unwrap();
        assert_eq!(std::fs::read_to_string(directory.path().join("combined.log")).unwrap(), "two\n");
    }
}
