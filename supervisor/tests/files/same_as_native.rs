//! What is permitted does what the kernel does: same result, same error, same bytes written, same file opened.

use crate::call::{Arg, Call, perform};
use crate::guard::PERMIT;
use crate::{sys, user, victim};

use crate::world::Walls;
use Arg::{Buffer, Bytes, How, Number, Path, Value};

const CWD: Arg = Number(libc::AT_FDCWD as i64);

fn perform_all(calls: &[Call]) -> Vec<u8> {
    std::env::set_current_dir("/data").unwrap();
    calls.iter().map(perform).collect::<Vec<_>>().join("\n").into_bytes()
}

/// Compares the same calls with and without supervision, after `prepare` was run in the victim.
pub fn compare(calls: &[Call], prepare: fn()) {
    compare_under(PERMIT, calls, prepare);
}

/// As [`compare`], under another policy that permits everything.
pub fn compare_under(policy: &str, calls: &[Call], prepare: fn()) {
    compare_all((Walls::Pids, policy), calls, prepare);
}

/// As [`compare`], behind other walls.
pub fn compare_behind(walls: Walls, calls: &[Call], prepare: fn()) {
    compare_all((walls, PERMIT), calls, prepare);
}

fn compare_all((walls, permit): (Walls, &str), calls: &[Call], prepare: fn()) {
    let run = |policy| {
        let told = victim::run_behind(walls, policy, || {
            prepare();
            perform_all(calls)
        });
        String::from_utf8(told).unwrap()
    };
    let native = run(None);
    let supervised = run(Some(permit));
    let differ: Vec<_> = native
        .lines()
        .zip(supervised.lines())
        .filter(|(native, supervised)| native != supervised)
        .map(|(native, supervised)| format!("native     {native}\nsupervised {supervised}"))
        .collect();
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
    assert_eq!(native.lines().count(), calls.len());
}

fn flags(flags: i32) -> Arg {
    Number(flags.into())
}

/// Names that every family is tried with.
pub const NAMES: &[&str] = &[
    "/etc/passwd",
    "file",
    "./folder/../file",
    "//etc///passwd",
    "/",
    ".",
    "..",
    "",
    "folder",
    "folder/",
    "folder/.",
    "file/",
    "file/.",
    "file/x",
    "missing",
    "missing/",
    "missing/x",
    "absolute",
    "relative",
    "relative/",
    "climbing",
    "dangling",
    "dangling/",
    "loop-a",
    "loop-a/x",
    "to-folder",
    "to-folder/",
    "to-folder/.",
    "to-folder/missing",
    "/bin/tool",
    "/locked/inside",
    "/locked/missing",
    "/etc/shadow",
    "none",
    "group",
    "x (deleted)",
    "/tmp/users-link",
    "/tmp/users-self-link",
    "/tmp/users",
    "/tmp/roots",
    "to-self",
    "by-root/passwd",
    "/proc/self/status",
    "/proc/self",
    "/proc/thread-self",
    "/proc/self/cwd/file",
    "/proc/self/root/etc/passwd",
    "/proc/self/exe/x",
    "/proc/self/fd/999",
    "/proc/self/missing",
    "/proc/1/root/etc/passwd",
    "/proc/1/comm",
    "/proc/2/comm",
    "/proc/self/../1/comm",
    "/proc/self/task/1/cmdline",
    "/proc/thread-self/cmdline",
    "/proc/mounts/x",
    "/proc/sys/kernel/hostname",
    "/proc/uptime/x",
    "/proc/self/ns/mnt/x",
    "/proc/missing",
    "/dev/kmsg/x",
    "socket",
    "/ro/new",
];

fn each(make: impl Fn(&'static str) -> Vec<Call>) -> Vec<Call> {
    NAMES.iter().flat_map(|name| make(name)).collect()
}

pub fn asking() -> Vec<Call> {
    let mut calls = each(|name| {
        vec![
            ("stat", vec![Path(name), Buffer(144)]),
            ("lstat", vec![Path(name), Buffer(144)]),
            ("newfstatat", vec![CWD, Path(name), Buffer(144), flags(0)]),
            ("newfstatat", vec![CWD, Path(name), Buffer(144), flags(libc::AT_EMPTY_PATH)]),
            ("statx", vec![CWD, Path(name), flags(0x100), Number(0x7ff), Buffer(256)]),
            ("access", vec![Path(name), flags(libc::R_OK)]),
            ("access", vec![Path(name), flags(libc::W_OK)]),
            ("faccessat", vec![CWD, Path(name), flags(libc::X_OK)]),
            ("faccessat2", vec![CWD, Path(name), flags(libc::W_OK), flags(libc::AT_EACCESS)]),
            ("readlink", vec![Path(name), Buffer(100), Number(100)]),
            ("readlinkat", vec![CWD, Path(name), Buffer(3), Number(3)]),
        ]
    });
    calls.extend([
        ("stat", vec![Path("/dev/fd"), Buffer(144)]),
        ("lstat", vec![Path("/dev/fd"), Buffer(144)]),
        ("stat", vec![Path("/dev/stdin"), Buffer(144)]),
        ("readlink", vec![Path("/proc/self/fd/0"), Buffer(9), Number(9)]),
        ("access", vec![Path("/dev/kmsg"), flags(libc::F_OK)]),
        ("access", vec![Path("/dev/zero"), flags(libc::R_OK | libc::W_OK)]),
        ("access", vec![Path("file"), Number(8)]),
        ("stat", vec![Path("file"), Number(1)]),
        ("stat", vec![Number(1), Buffer(144)]),
        ("readlink", vec![Path("absolute"), Buffer(100), Number(0)]),
        ("readlink", vec![Path("absolute"), Number(1), Number(100)]),
        ("readlinkat", vec![Number(0), Path(""), Buffer(100), Number(100)]),
        ("newfstatat", vec![CWD, Path(""), Buffer(144), flags(libc::AT_EMPTY_PATH)]),
        ("newfstatat", vec![Number(0), Path(""), Buffer(144), flags(libc::AT_EMPTY_PATH)]),
        ("newfstatat", vec![Number(7777), Path(""), Buffer(144), flags(libc::AT_EMPTY_PATH)]),
        ("newfstatat", vec![CWD, Path("file"), Buffer(144), Number(2)]),
        (
            "statx",
            vec![Number(0), Path(""), flags(libc::AT_EMPTY_PATH), Number(0x7ff), Buffer(256)],
        ),
        ("statx", vec![CWD, Path("file"), flags(0x6000), Number(0x7ff), Buffer(256)]),
        ("statx", vec![CWD, Path("file"), Number(0), Number(1 << 31), Buffer(256)]),
        ("faccessat2", vec![CWD, Path(""), flags(libc::R_OK), flags(libc::AT_EMPTY_PATH)]),
        ("faccessat2", vec![CWD, Path("file"), flags(libc::R_OK), Number(1)]),
    ]);
    calls
}

pub fn opening() -> Vec<Call> {
    let mut calls = each(|name| {
        vec![
            ("open", vec![Path(name), flags(libc::O_RDONLY)]),
            ("openat", vec![CWD, Path(name), flags(libc::O_WRONLY | libc::O_NONBLOCK)]),
            ("open", vec![Path(name), flags(libc::O_RDWR | libc::O_CLOEXEC | libc::O_APPEND)]),
            ("open", vec![Path(name), flags(libc::O_NOFOLLOW)]),
            ("open", vec![Path(name), flags(libc::O_DIRECTORY)]),
            ("open", vec![Path(name), flags(libc::O_CREAT | libc::O_EXCL), Number(0o644)]),
            ("openat2", vec![CWD, Path(name), How(0, 0, 0), Number(24)]),
            ("openat2", vec![CWD, Path(name), How(0, 0, libc::RESOLVE_NO_SYMLINKS), Number(24)]),
            ("openat2", vec![CWD, Path(name), How(0, 0, libc::RESOLVE_NO_XDEV), Number(24)]),
        ]
    });
    calls.extend(each(|name| {
        vec![("open", vec![Path(name), flags(libc::O_CREAT | libc::O_RDWR), Number(0o666)])]
    }));
    calls.extend(each(|name| {
        vec![("open", vec![Path(name), flags(libc::O_TMPFILE | libc::O_RDWR), Number(0o600)])]
    }));
    calls.push(("creat", vec![Path("creating"), Number(0o4777)]));
    calls.push(("open", vec![Path("new-by-link"), flags(0)]));
    calls.push(("open", vec![Path("/dev/null"), flags(libc::O_RDWR | libc::O_TRUNC)]));
    calls.push(("open", vec![Path("/dev/tty"), flags(libc::O_RDWR)]));
    calls.push(("open", vec![Path("fifo"), flags(libc::O_RDWR)]));
    calls.push(("open", vec![Path("fifo"), flags(libc::O_WRONLY | libc::O_NONBLOCK)]));
    calls.push(("open", vec![Number(1), flags(0)]));
    calls.push(("openat", vec![Number(7777), Path("x"), flags(0)]));
    calls.push(("openat", vec![Number(7777), Path("/etc/passwd"), flags(0)]));
    calls.push(("openat", vec![Number(0), Path("x"), flags(0)]));
    calls.push(("openat2", vec![CWD, Path("file"), How(1 << 40, 0, 0), Number(24)]));
    calls.push(("openat2", vec![CWD, Path("file"), How(0, 0o600, 0), Number(24)]));
    calls
}

pub fn changing() -> Vec<Call> {
    let mut calls = each(|name| {
        vec![
            ("mkdir", vec![Path(name), Number(0o777)]),
            ("mknod", vec![Path(name), flags(libc::S_IFIFO as i32 | 0o666), Number(0)]),
            ("mknodat", vec![CWD, Path(name), flags(libc::S_IFREG as i32 | 0o600), Number(0)]),
            ("truncate", vec![Path(name), Number(3)]),
            ("rmdir", vec![Path(name)]),
            ("unlink", vec![Path(name)]),
        ]
    });
    calls.extend([
        ("mkdirat", vec![CWD, Path("made"), Number(0o7777)]),
        ("unlinkat", vec![CWD, Path("made"), Number(0)]),
        ("unlinkat", vec![CWD, Path("made"), flags(libc::AT_REMOVEDIR)]),
        ("unlinkat", vec![CWD, Path("made"), Number(1)]),
        ("rmdir", vec![Path("full")]),
        ("truncate", vec![Path("/etc/passwd"), Number(-1)]),
        ("mknod", vec![Path("device"), flags(libc::S_IFCHR as i32 | 0o666), Number(0x0107)]),
        ("mknod", vec![Path("bad"), flags(libc::S_IFDIR as i32 | 0o666), Number(0)]),
        ("lstat", vec![Path("device"), Buffer(144)]),
    ]);
    calls
}

/// Two names, and what a file has beside its content.
pub fn moving() -> Vec<Call> {
    let mut calls = each(|name| {
        vec![
            ("chmod", vec![Path(name), Number(0o640)]),
            ("fchmodat2", vec![CWD, Path(name), Number(0o600), flags(libc::AT_SYMLINK_NOFOLLOW)]),
            ("chown", vec![Path(name), Number(1000), Number(-1)]),
            ("lchown", vec![Path(name), Number(-1), Number(50)]),
            ("fchownat", vec![CWD, Path(name), Number(0), Number(0), Number(0)]),
            ("utime", vec![Path(name), Number(0)]),
            ("utimensat", vec![CWD, Path(name), How(7, 8, 9), flags(libc::AT_SYMLINK_NOFOLLOW)]),
            ("setxattr", vec![Path(name), Path("user.x"), Path("val"), Number(3), Number(0)]),
            ("getxattr", vec![Path(name), Path("user.x"), Buffer(10), Number(10)]),
            ("lgetxattr", vec![Path(name), Path("user.x"), Buffer(1), Number(1)]),
            ("listxattr", vec![Path(name), Number(0), Number(0)]),
            ("llistxattr", vec![Path(name), Buffer(99), Number(99)]),
            ("removexattr", vec![Path(name), Path("user.x")]),
            ("statfs", vec![Path(name), Buffer(120)]),
            ("symlink", vec![Path("text"), Path(name)]),
            ("link", vec![Path(name), Path("/tmp/linked")]),
            ("unlink", vec![Path("/tmp/linked")]),
            (
                "linkat",
                vec![CWD, Path(name), CWD, Path("/tmp/linked"), flags(libc::AT_SYMLINK_FOLLOW)],
            ),
            ("lstat", vec![Path("/tmp/linked"), Buffer(144)]),
            ("unlink", vec![Path("/tmp/linked")]),
        ]
    });
    calls.extend(each(|name| {
        vec![
            ("rename", vec![Path(name), Path("/tmp/moved")]),
            ("renameat2", vec![CWD, Path("/tmp/moved"), CWD, Path(name), Number(1)]),
        ]
    }));
    calls.extend([
        ("renameat2", vec![CWD, Path("full"), CWD, Path("folder"), Number(2)]),
        ("renameat2", vec![CWD, Path("full"), CWD, Path("folder"), Number(64)]),
        ("rename", vec![Path("full"), Path("full/below")]),
        ("lstat", vec![Path("folder/inside"), Buffer(144)]),
        ("linkat", vec![Number(0), Path(""), CWD, Path("new"), flags(libc::AT_EMPTY_PATH)]),
        ("symlink", vec![Path(""), Path("/tmp/empty")]),
        ("symlinkat", vec![Path("a b"), CWD, Path("/tmp/ab")]),
        ("readlink", vec![Path("/tmp/ab"), Buffer(9), Number(9)]),
        ("utimes", vec![Path("file"), How(1, 2, 3), Number(0)]),
        ("futimesat", vec![CWD, Path("file"), Number(0)]),
        ("utimensat", vec![CWD, Path(""), Number(0), flags(libc::AT_EMPTY_PATH)]),
        ("fchmodat", vec![CWD, Path("file"), Number(0o7777)]),
        ("stat", vec![Path("file"), Buffer(144)]),
        ("getxattr", vec![Path("file"), Path(""), Buffer(9), Number(9)]),
        ("getxattr", vec![Path("file"), Number(1), Buffer(9), Number(9)]),
        ("setxattr", vec![Path("file"), Path("user.y"), Path(""), Number(0), Number(9)]),
        ("setxattr", vec![Path("file"), Path("user.y"), Number(1), Number(1), Number(0)]),
        ("setxattr", vec![Path("file"), Path("user.y"), Path("v"), Number(1 << 20), Number(0)]),
        ("statfs", vec![Path("file"), Number(1)]),
    ]);
    calls
}

/// The calls that are newer than the rest, and watches.
pub fn newer() -> Vec<Call> {
    let handle = |size: u8, flags: i32, name| {
        let size: &'static [u8] = Box::leak(Box::new([size, 0, 0, 0]));
        let (handle, mount) = (Bytes(size, 140), Buffer(if flags & 1 == 0 { 4 } else { 8 }));
        ("name_to_handle_at", vec![CWD, Path(name), handle, mount, Number(flags.into())])
    };
    let nofollow = || flags(libc::AT_SYMLINK_NOFOLLOW);
    let mut calls = each(|name| {
        let set =
            |flags| vec![CWD, Path(name), flags, Path("user.x"), Value(b"val", 3, 0), Number(16)];
        vec![
            ("setxattrat", set(flags(0))),
            ("setxattrat", set(nofollow())),
            (
                "getxattrat",
                vec![CWD, Path(name), flags(0), Path("user.x"), Value(b"", 9, 0), Number(16)],
            ),
            ("listxattrat", vec![CWD, Path(name), nofollow(), Buffer(99), Number(99)]),
            ("removexattrat", vec![CWD, Path(name), flags(0), Path("user.x")]),
            ("file_getattr", vec![CWD, Path(name), Buffer(24), Number(24), flags(0)]),
            ("file_getattr", vec![CWD, Path(name), Buffer(32), Number(32), nofollow()]),
            ("file_setattr", vec![CWD, Path(name), Buffer(24), Number(24), flags(0)]),
            ("inotify_add_watch", vec![Number(INOTIFY), Path(name), Number(0x2)]),
            ("inotify_add_watch", vec![Number(INOTIFY), Path(name), Number(0x0200_0002)]),
            ("inotify_add_watch", vec![Number(INOTIFY), Path(name), Number(0x0100_0002)]),
            ("fanotify_mark", vec![Number(FANOTIFY), Number(1), Number(0x2), CWD, Path(name)]),
            ("fanotify_mark", vec![Number(FANOTIFY), Number(5), Number(0x2), CWD, Path(name)]),
            handle(128, 0, name),
            handle(0, libc::AT_SYMLINK_FOLLOW, name),
        ]
    });
    let empty = || flags(libc::AT_EMPTY_PATH);
    calls.extend([
        (
            "setxattrat",
            vec![CWD, Path("file"), flags(0), Path("user.x"), Value(b"val", 3, 7), Number(16)],
        ),
        (
            "setxattrat",
            vec![CWD, Path("file"), flags(0), Path("user.x"), Value(b"val", 3, 2), Number(16)],
        ),
        (
            "setxattrat",
            vec![CWD, Path("file"), flags(0), Path("user.x"), Value(b"val", 3, 1), Number(24)],
        ),
        (
            "setxattrat",
            vec![CWD, Path("file"), flags(0), Path("user.x"), Value(b"val", 3, 1), Number(24)],
        ),
        (
            "setxattrat",
            vec![CWD, Path("file"), flags(1), Path("user.x"), Value(b"val", 3, 0), Number(16)],
        ),
        (
            "setxattrat",
            vec![CWD, Path("file"), flags(0), Path("user.x"), Value(b"val", 3, 0), Number(15)],
        ),
        (
            "setxattrat",
            vec![CWD, Path("file"), flags(0), Path("user.x"), Value(b"val", 3, 0), Number(9999)],
        ),
        ("setxattrat", vec![CWD, Path("file"), flags(0), Path("user.x"), Number(1), Number(16)]),
        (
            "setxattrat",
            vec![CWD, Path("file"), flags(0), Number(1), Value(b"val", 3, 0), Number(16)],
        ),
        (
            "getxattrat",
            vec![CWD, Path("file"), flags(0), Path("user.x"), Value(b"", 1, 0), Number(16)],
        ),
        (
            "getxattrat",
            vec![CWD, Path("file"), flags(0), Path("user.x"), Value(b"", 0, 0), Number(16)],
        ),
        (
            "getxattrat",
            vec![CWD, Path("file"), flags(0), Path("user.x"), Value(b"", 9, 1), Number(16)],
        ),
        ("getxattrat", vec![CWD, Path(""), empty(), Path("user.x"), Value(b"", 9, 0), Number(16)]),
        (
            "getxattrat",
            vec![Number(7777), Path(""), empty(), Path("user.x"), Value(b"", 9, 0), Number(16)],
        ),
        (
            "setxattrat",
            vec![Number(OPENED), Path(""), empty(), Path("user.o"), Value(b"v", 1, 0), Number(16)],
        ),
        (
            "getxattrat",
            vec![Number(OPENED), Path(""), empty(), Path("user.o"), Value(b"", 9, 0), Number(16)],
        ),
        (
            "getxattrat",
            vec![Number(OPENED), Number(0), empty(), Path("user.o"), Value(b"", 9, 0), Number(16)],
        ),
        ("listxattrat", vec![Number(OPENED), Path(""), empty(), Buffer(99), Number(99)]),
        ("listxattrat", vec![Number(OPENED), Path(""), flags(0), Buffer(99), Number(99)]),
        ("listxattrat", vec![CWD, Path("file"), flags(0), Number(1), Number(99)]),
        ("listxattrat", vec![CWD, Path("file"), flags(0), Buffer(2), Number(2)]),
        ("removexattrat", vec![Number(OPENED), Path(""), empty(), Path("user.o")]),
        ("removexattrat", vec![Number(OPENED), Path(""), empty(), Path("user.o")]),
        ("file_getattr", vec![Number(OPENED), Path(""), Buffer(24), Number(24), empty()]),
        ("file_getattr", vec![CWD, Path("file"), Buffer(24), Number(23), flags(0)]),
        ("file_getattr", vec![CWD, Path("file"), Buffer(24), Number(5000), flags(0)]),
        ("file_getattr", vec![CWD, Path("file"), Number(1), Number(24), flags(0)]),
        ("file_getattr", vec![CWD, Path("file"), Buffer(24), Number(24), flags(2)]),
        ("file_setattr", vec![CWD, Path("file"), Number(1), Number(24), flags(0)]),
        (
            "file_setattr",
            vec![CWD, Path("file"), Bytes(b"\xff\xff\xff\xff", 24), Number(24), flags(0)],
        ),
        ("inotify_add_watch", vec![Number(7777), Path("missing"), Number(2)]),
        ("inotify_add_watch", vec![Number(OPENED), Path("missing"), Number(2)]),
        ("inotify_add_watch", vec![Number(INOTIFY), Path("missing"), Number(0)]),
        ("inotify_add_watch", vec![Number(INOTIFY), Path("file"), Number(0x3000_0002)]),
        ("inotify_add_watch", vec![Number(INOTIFY), Number(1), Number(2)]),
        ("fanotify_mark", vec![Number(FANOTIFY), Number(1), Number(2), Number(OPENED), Number(0)]),
        ("fanotify_mark", vec![Number(FANOTIFY), Number(1), Number(2), CWD, Number(0)]),
        ("fanotify_mark", vec![Number(FANOTIFY), Number(2), Number(2), CWD, Path("file")]),
        ("fanotify_mark", vec![Number(FANOTIFY), Number(3), Number(2), CWD, Path("file")]),
        ("fanotify_mark", vec![Number(7777), Number(1), Number(2), CWD, Path("file")]),
        handle(128, 1, "file"),
        handle(128, 2, "file"),
        handle(128, 3, "to-folder"),
        handle(128, 0x1000, ""),
        handle(128, 0x1002, ""),
        handle(128, 0x200, "file"),
        handle(128, 0x202, "file"),
        handle(128, 0x4000, "file"),
        handle(129, 0, "file"),
        handle(4, 0, "file"),
        (
            "name_to_handle_at",
            vec![Number(OPENED), Path(""), Bytes(b"\x80\0\0\0", 140), Buffer(4), empty()],
        ),
        ("name_to_handle_at", vec![CWD, Path("file"), Number(1), Buffer(4), flags(0)]),
        (
            "name_to_handle_at",
            vec![CWD, Path("file"), Bytes(b"\x80\0\0\0", 140), Number(1), flags(0)],
        ),
    ]);
    calls
}

/// Descriptors at numbers of their own.
const INOTIFY: i64 = 50;
const FANOTIFY: i64 = 51;
const OPENED: i64 = 52;

pub fn open_instances() {
    let inotify = sys::take(sys::call(libc::SYS_inotify_init1, [0; 6]));
    let fanotify = sys::take(sys::call(libc::SYS_fanotify_init, [0x200, 0, 0, 0, 0, 0]));
    let file: std::os::fd::OwnedFd = std::fs::File::open("/data/file").unwrap().into();
    for (fd, number) in [(inotify, INOTIFY), (fanotify, FANOTIFY), (file, OPENED)] {
        let from = std::os::fd::AsRawFd::as_raw_fd(&fd) as u64;
        assert_eq!(sys::call(libc::SYS_dup2, [from, number as u64, 0, 0, 0, 0]), number);
    }
}

#[test]
fn newer_calls_as_root() {
    compare(&newer(), open_instances);
}

#[test]
fn newer_calls_as_a_user() {
    compare(&newer(), || {
        open_instances();
        as_user();
    });
}

fn as_root() {}

pub fn as_user() {
    user::become_user(1000, 1000, &[1000, 50]);
    // As after an execve: else the process's proc folder belongs to root.
    nix::sys::prctl::set_dumpable(true).unwrap();
}

pub fn as_user_with_umask() {
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o027));
    as_user();
}

/// A set-user-ID program: access(2) asks for the real user.
pub fn as_set_user_id() {
    user::become_real_user(1000, 1000);
    nix::sys::prctl::set_dumpable(true).unwrap();
}

fn as_root_without_capabilities() {
    supervisor::sys::credentials::set_capabilities(Default::default()).unwrap();
}

/// prctl(2) takes any bytes for a thread's name, and proc(5) shows them as they are.
fn with_a_name_that_is_no_text() {
    nix::sys::prctl::set_name(c"\xff\xc3").unwrap();
}

#[test]
fn opening_with_a_name_that_is_no_text() {
    compare(&opening(), with_a_name_that_is_no_text);
}

#[test]
fn asking_as_a_set_user_id_program() {
    compare(&asking(), as_set_user_id);
}

#[test]
fn opening_as_root_without_capabilities() {
    compare(&opening(), as_root_without_capabilities);
}

#[test]
fn moving_as_root() {
    compare(&moving(), as_root);
}

#[test]
fn moving_as_a_user() {
    compare(&moving(), as_user);
}

#[test]
fn asking_as_root() {
    compare(&asking(), as_root);
}

#[test]
fn asking_as_a_user() {
    compare(&asking(), as_user);
}

#[test]
fn opening_as_root() {
    compare(&opening(), as_root);
}

#[test]
fn opening_as_a_user() {
    compare(&opening(), as_user_with_umask);
}

#[test]
fn changing_as_root() {
    compare(&changing(), as_root);
}

#[test]
fn changing_as_a_user() {
    compare(&changing(), as_user_with_umask);
}
