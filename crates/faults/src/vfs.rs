//! A file layer that SQLite believes in: every call goes to its own layer for Unix, past somebody who may write it down
//! or let it fail. The only file of the project with `unsafe` in it; nothing else may be here.
#![expect(unsafe_code, reason = "SQLite's file layer is a table of C functions: docs/decisions/0021")]

use rusqlite::ffi::{
    self, SQLITE_CANTOPEN, SQLITE_OK, SQLITE_OPEN_MAIN_DB, SQLITE_OPEN_MAIN_JOURNAL, SQLITE_OPEN_WAL, sqlite3_file,
    sqlite3_io_methods, sqlite3_vfs,
};
use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};

/// What is asked of the file layer.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "each is named after the function of SQLite's file layer")]
pub enum Op {
    Access,
    CheckReservedLock,
    Close,
    Delete,
    FileSize,
    FullPathname,
    Lock,
    Open,
    Read,
    ShmLock,
    ShmMap,
    Sync,
    Truncate,
    Unlock,
    Write,
}

/// What a file is to SQLite.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// The database file.
    Database,
    /// Its write-ahead log.
    Wal,
    /// A rollback journal.
    Journal,
    /// Anything else, such as a temporary file, or one of which only the name is known.
    Other,
}

/// One call.
#[derive(Debug)]
pub struct Call<'call> {
    /// What is asked.
    pub op: Op,
    /// Of what.
    pub kind: Kind,
    /// The file's path.
    pub path: &'call Path,
    /// Where it is written, how long a file becomes, and the flags of a sync, a lock or an opening.
    pub number: i64,
    /// What is written.
    pub data: &'call [u8],
}

/// How much of a call is done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// All of it.
    Whole,
    /// The first half of what is read or written.
    Half,
}

/// Who sees every call on the files of a directory.
pub trait Watcher: Send + Sync {
    /// Lets a call proceed, or not, and says what SQLite is told.
    fn handle(&self, call: &Call<'_>, proceed: &mut dyn FnMut(Reach) -> c_int) -> c_int;
}

static REAL: AtomicPtr<sqlite3_vfs> = AtomicPtr::new(std::ptr::null_mut());
static WATCHERS: Mutex<BTreeMap<PathBuf, Arc<dyn Watcher>>> = Mutex::new(BTreeMap::new());

/// Lets somebody see every call on the files of a directory that are opened from now on. A file keeps its watcher until
/// it is closed.
pub fn watch(directory: &Path, watcher: Arc<dyn Watcher>) {
    install();
    WATCHERS.lock().unwrap_or_else(PoisonError::into_inner).insert(directory.to_owned(), watcher);
}

/// Ends it.
pub fn unwatch(directory: &Path) {
    WATCHERS.lock().unwrap_or_else(PoisonError::into_inner).remove(directory);
}

fn watcher_of(path: &Path) -> Option<Arc<dyn Watcher>> {
    WATCHERS.lock().unwrap_or_else(PoisonError::into_inner).get(path.parent()?).cloned()
}

/// Makes this layer the default one of the process, once.
fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // SAFETY: a null name asks for the default layer, which SQLite keeps for ever.
        let real = unsafe { ffi::sqlite3_vfs_find(std::ptr::null()) };
        assert!(!real.is_null(), "SQLite has no file layer");
        REAL.store(real, Ordering::Release);
        // SAFETY: it is not null, and SQLite changes none of the fields read here.
        let mut own = unsafe { *real };
        own.iVersion = 1;
        own.szOsFile += c_int::try_from(size_of::<File>()).expect("a small struct");
        own.pNext = std::ptr::null_mut();
        own.zName = c"watched".as_ptr();
        own.xOpen = Some(open);
        own.xDelete = Some(delete);
        own.xAccess = Some(access);
        own.xFullPathname = Some(full_pathname);
        // SAFETY: it is leaked, so it lives as long as SQLite may use it.
        let code = unsafe { ffi::sqlite3_vfs_register(Box::into_raw(Box::new(own)), 1) };
        assert_eq!(code, SQLITE_OK, "the file layer was not registered");
    });
}

fn real() -> *mut sqlite3_vfs {
    REAL.load(Ordering::Acquire)
}

/// What SQLite has in its hands; the file of its own layer lies directly behind it.
#[repr(C)]
struct File {
    base: sqlite3_file,
    state: *mut State,
}

struct State {
    watcher: Option<Arc<dyn Watcher>>,
    kind: Kind,
    path: PathBuf,
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// A path as SQLite hands it over.
///
/// # Safety
/// `name` is null or a C string that lives for the call.
unsafe fn path<'call>(name: *const c_char) -> &'call Path {
    use std::os::unix::ffi::OsStrExt;
    if name.is_null() {
        return Path::new("");
    }
    // SAFETY: by this function's contract.
    let bytes = unsafe { CStr::from_ptr(name) }.to_bytes();
    Path::new(std::ffi::OsStr::from_bytes(bytes))
}

/// Lets a call go past its watcher, if it has one.
fn past(watcher: Option<&Arc<dyn Watcher>>, call: &Call<'_>, go: &mut dyn FnMut(Reach) -> c_int) -> c_int {
    match watcher {
        Some(watcher) => watcher.handle(call, go),
        None => go(Reach::Whole),
    }
}

/// A call that has only a name.
fn by_name(op: Op, path: &Path, number: i64, go: &mut dyn FnMut(Reach) -> c_int) -> c_int {
    let call = Call { op, kind: Kind::Other, path, number, data: &[] };
    past(watcher_of(path).as_ref(), &call, go)
}

/// # Safety
/// As for `xOpen`: `file` has room for `szOsFile` bytes.
unsafe extern "C" fn open(
    _: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    let own = file.cast::<File>();
    // SAFETY: SQLite hands over a name that lives for the call, and room for our file with its own behind it.
    let (path, inner) = unsafe {
        (*own).base.pMethods = std::ptr::null();
        (path(name), own.add(1).cast::<sqlite3_file>())
    };
    let kind = match flags {
        flags if flags & SQLITE_OPEN_MAIN_DB != 0 => Kind::Database,
        flags if flags & SQLITE_OPEN_WAL != 0 => Kind::Wal,
        flags if flags & SQLITE_OPEN_MAIN_JOURNAL != 0 => Kind::Journal,
        _ => Kind::Other,
    };
    let watcher = watcher_of(path);
    // SAFETY: the arguments are SQLite's own, for its own layer, and `inner` has the room that this one asks for.
    let mut go = |_: Reach| unsafe {
        (*real()).xOpen.map_or(SQLITE_CANTOPEN, |open| open(real(), name, inner, flags, flags_out))
    };
    let call = Call { op: Op::Open, kind, path, number: flags.into(), data: &[] };
    let code = past(watcher.as_ref(), &call, &mut go);
    if code == SQLITE_OK {
        let state = State { watcher, kind, path: path.to_owned() };
        // SAFETY: as above; SQLite closes what has methods exactly once, and `close` takes the state back.
        unsafe {
            (*own).state = Box::into_raw(Box::new(state));
            (*own).base.pMethods = &raw const METHODS;
        }
    }
    code
}

unsafe extern "C" fn delete(_: *mut sqlite3_vfs, name: *const c_char, sync_directory: c_int) -> c_int {
    // SAFETY: the name lives for the call.
    let path = unsafe { path(name) };
    // SAFETY: SQLite's own arguments for its own layer.
    let mut go = |_: Reach| unsafe {
        (*real()).xDelete.map_or(ffi::SQLITE_IOERR_DELETE, |delete| delete(real(), name, sync_directory))
    };
    by_name(Op::Delete, path, sync_directory.into(), &mut go)
}

unsafe extern "C" fn access(_: *mut sqlite3_vfs, name: *const c_char, flags: c_int, out: *mut c_int) -> c_int {
    // SAFETY: the name lives for the call.
    let path = unsafe { path(name) };
    // SAFETY: SQLite's own arguments for its own layer.
    let mut go = |_: Reach| unsafe {
        (*real()).xAccess.map_or(ffi::SQLITE_IOERR_ACCESS, |access| access(real(), name, flags, out))
    };
    by_name(Op::Access, path, flags.into(), &mut go)
}

unsafe extern "C" fn full_pathname(_: *mut sqlite3_vfs, name: *const c_char, room: c_int, out: *mut c_char) -> c_int {
    // SAFETY: the name lives for the call.
    let path = unsafe { path(name) };
    // SAFETY: SQLite's own arguments for its own layer.
    let mut go =
        |_: Reach| unsafe { (*real()).xFullPathname.map_or(SQLITE_CANTOPEN, |full| full(real(), name, room, out)) };
    by_name(Op::FullPathname, path, 0, &mut go)
}

/// The state of a file, SQLite's own file behind it, and the functions of that.
///
/// # Safety
/// `file` was opened by `open` and is not closed yet.
unsafe fn parts<'call>(file: *mut sqlite3_file) -> (&'call State, *mut sqlite3_file, &'call sqlite3_io_methods) {
    let own = file.cast::<File>();
    // SAFETY: by this function's contract the state is ours, and the inner file open: it has methods.
    unsafe {
        let inner = own.add(1).cast::<sqlite3_file>();
        (&*(*own).state, inner, &*(*inner).pMethods)
    }
}

/// Shows a call to the watcher of its file.
fn shown(state: &State, (op, number): (Op, i64), data: &[u8], go: &mut dyn FnMut(Reach) -> c_int) -> c_int {
    let call = Call { op, kind: state.kind, path: &state.path, number, data };
    past(state.watcher.as_ref(), &call, go)
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite closes an open file, once; nobody uses the state afterwards.
    let state = unsafe { Box::from_raw((*file.cast::<File>()).state) };
    // SAFETY: SQLite's own file is open until here.
    let mut go = |_: Reach| unsafe {
        let inner = file.cast::<File>().add(1).cast::<sqlite3_file>();
        (*(*inner).pMethods).xClose.map_or(SQLITE_OK, |close| close(inner))
    };
    shown(&state, (Op::Close, 0), &[], &mut go)
}

unsafe extern "C" fn read(file: *mut sqlite3_file, out: *mut c_void, amount: c_int, offset: i64) -> c_int {
    // SAFETY: an open file of ours.
    let (state, inner, methods) = unsafe { parts(file) };
    let mut go = |reach| {
        let amount = if reach == Reach::Half { amount / 2 } else { amount };
        // SAFETY: `out` has room for all of it, so for less, too.
        unsafe { methods.xRead.map_or(ffi::SQLITE_IOERR_READ, |read| read(inner, out, amount, offset)) }
    };
    shown(state, (Op::Read, offset), &[], &mut go)
}

unsafe extern "C" fn write(file: *mut sqlite3_file, data: *const c_void, amount: c_int, offset: i64) -> c_int {
    // SAFETY: an open file of ours, and `amount` bytes that live for the call.
    let ((state, inner, methods), bytes) = unsafe {
        (parts(file), std::slice::from_raw_parts(data.cast::<u8>(), usize::try_from(amount).unwrap_or_default()))
    };
    let mut go = |reach| {
        let amount = if reach == Reach::Half { amount / 2 } else { amount };
        // SAFETY: SQLite's own arguments for its own layer, or less of them.
        unsafe { methods.xWrite.map_or(ffi::SQLITE_IOERR_WRITE, |write| write(inner, data, amount, offset)) }
    };
    shown(state, (Op::Write, offset), bytes, &mut go)
}

/// A function of the file layer that hands its arguments on, shown to the watcher.
macro_rules! passed_on {
    ($name:ident, $method:ident, $op:expr, $number:expr, ($($argument:ident: $kind:ty),*)) => {
        unsafe extern "C" fn $name(file: *mut sqlite3_file, $($argument: $kind),*) -> c_int {
            // SAFETY: an open file of ours.
            let (state, inner, methods) = unsafe { parts(file) };
            // SAFETY: SQLite's own arguments for its own layer.
            let mut go = |_: Reach| unsafe { methods.$method.map_or(ffi::SQLITE_IOERR, |pass| pass(inner, $($argument),*)) };
            shown(state, ($op, i64::from($number)), &[], &mut go)
        }
    };
}

passed_on!(truncate, xTruncate, Op::Truncate, size, (size: i64));
passed_on!(sync, xSync, Op::Sync, flags, (flags: c_int));
passed_on!(file_size, xFileSize, Op::FileSize, 0, (out: *mut i64));
passed_on!(lock, xLock, Op::Lock, level, (level: c_int));
passed_on!(unlock, xUnlock, Op::Unlock, level, (level: c_int));
passed_on!(check_reserved_lock, xCheckReservedLock, Op::CheckReservedLock, 0, (out: *mut c_int));
passed_on!(shm_map, xShmMap, Op::ShmMap, page, (page: c_int, size: c_int, extend: c_int, out: *mut *mut c_void));
passed_on!(shm_lock, xShmLock, Op::ShmLock, flags, (offset: c_int, count: c_int, flags: c_int));

unsafe extern "C" fn file_control(file: *mut sqlite3_file, op: c_int, argument: *mut c_void) -> c_int {
    // SAFETY: an open file of ours.
    let (_, inner, methods) = unsafe { parts(file) };
    // SAFETY: SQLite's own arguments for its own layer.
    unsafe { methods.xFileControl.map_or(ffi::SQLITE_NOTFOUND, |control| control(inner, op, argument)) }
}

unsafe extern "C" fn sector_size(file: *mut sqlite3_file) -> c_int {
    // SAFETY: an open file of ours.
    let (_, inner, methods) = unsafe { parts(file) };
    // SAFETY: as above.
    unsafe { methods.xSectorSize.map_or(0, |size| size(inner)) }
}

unsafe extern "C" fn device_characteristics(file: *mut sqlite3_file) -> c_int {
    // SAFETY: an open file of ours.
    let (_, inner, methods) = unsafe { parts(file) };
    // SAFETY: as above.
    unsafe { methods.xDeviceCharacteristics.map_or(0, |characteristics| characteristics(inner)) }
}

unsafe extern "C" fn shm_barrier(file: *mut sqlite3_file) {
    // SAFETY: an open file of ours.
    let (_, inner, methods) = unsafe { parts(file) };
    if let Some(barrier) = methods.xShmBarrier {
        // SAFETY: as above.
        unsafe { barrier(inner) }
    }
}

unsafe extern "C" fn shm_unmap(file: *mut sqlite3_file, delete: c_int) -> c_int {
    // SAFETY: an open file of ours.
    let (_, inner, methods) = unsafe { parts(file) };
    // SAFETY: as above.
    unsafe { methods.xShmUnmap.map_or(SQLITE_OK, |unmap| unmap(inner, delete)) }
}
