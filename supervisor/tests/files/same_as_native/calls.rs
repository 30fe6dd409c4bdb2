//! The calls that are compared: each family, with all names and flags.

use crate::call::{Arg, Call};
use Arg::{Buffer, How, Number, Path};

pub(super) const CWD: Arg = Number(libc::AT_FDCWD as i64);

pub(super) fn flags(flags: i32) -> Arg {
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

pub(super) fn each(make: impl Fn(&'static str) -> Vec<Call>) -> Vec<Call> {
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
