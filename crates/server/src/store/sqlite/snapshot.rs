//! A file copied while it is written to: all of one moment, page by page, beside the writer.

use super::settings;
use crate::store::OpenError;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// Pages between two looks at how far it is: 4 MiB.
const PAGES_PER_STEP: i32 = 1024;

/// Copies the file `from` as it is now into the new file `to`. `watch` hears how many pages are done, and of how many.
///
/// The read that it copies in stays open from the first page to the last: so what is written meanwhile neither gets in
/// nor makes it begin again. The writer goes on; its log cannot be cut short meanwhile.
pub(in crate::store) fn copy(from: &Path, to: &Path, watch: &mut dyn FnMut(u64, u64)) -> Result<(), OpenError> {
    settings::prepare_file(to)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(from, flags)?;
    source.busy_timeout(settings::PATIENCE)?;
    source.pragma_update(None, "query_only", true)?;
    source.execute_batch("BEGIN; SELECT COUNT(*) FROM sqlite_schema")?;
    let mut target = Connection::open_with_flags(to, flags)?;
    let backup = Backup::new(&source, &mut target)?;
    loop {
        let step = backup.step(PAGES_PER_STEP)?;
        let progress = backup.progress();
        let number = |pages: i32| u64::try_from(pages).unwrap_or_default();
        watch(number(progress.pagecount.saturating_sub(progress.remaining)), number(progress.pagecount));
        // Nobody else knows the new file, and the read of the old one is open already: neither can be busy for long.
        if step == StepResult::Done {
            break;
        }
    }
    drop(backup);
    // One file, without a log beside it.
    target.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))?;
    target.close().map_err(|(_, error)| error)?;
    std::fs::File::open(to)?.sync_all()?;
    Ok(())
}

/// What is wrong with the pages of a file; nothing if it is whole.
pub(in crate::store) fn damage(path: &Path) -> Result<Vec<String>, OpenError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut statement = connection.prepare("PRAGMA integrity_check(10)")?;
    let lines = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}
