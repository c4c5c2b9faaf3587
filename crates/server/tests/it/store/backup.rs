//! Backups of a file: their names are moments, the newest is known by its name, and only backups are ever deleted. What
//! they hold is seen with a server beside them, in `tests/process/backups.rs`.

use super::{Fixture, START};
use crate::place;
use domain::timestamp::Span;
use std::sync::Arc;
use superapp::store::backup;

#[tokio::test]
async fn backups_are_named_after_their_moment_and_the_oldest_go() {
    let fixture = Fixture::sqlite();
    let file = fixture.path();
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("backups");
    assert_eq!(backup::newest(&folder), None, "there is no such directory");
    let mut made = Vec::new();
    for hours in [3, 1, 2] {
        let at = START.plus(Span::hours(hours));
        let (path, verified) = backup::create(&file, &folder, &place::options(), at, Arc::new(|_| ())).await.unwrap();
        assert!(verified.is_sound() && verified.found.is_empty());
        assert_eq!(backup::newest(&folder), Some(START.plus(Span::hours(3))));
        let again = backup::create(&file, &folder, &place::options(), at, Arc::new(|_| ())).await;
        assert!(matches!(again, Err(backup::BackupError::Exists(_))), "{again:?}");
        made.push(path);
    }
    assert!(made[0].ends_with("superapp-20330518T063320Z.db"), "{made:?}");
    std::fs::write(folder.join("superapp-of-mine.db"), "mine").unwrap();
    assert_eq!(backup::prune(&folder, 2).unwrap(), 1);
    assert_eq!(made.iter().map(|path| path.exists()).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(backup::prune(&folder, 2).unwrap(), 0);
    assert!(folder.join("superapp-of-mine.db").exists());
}
