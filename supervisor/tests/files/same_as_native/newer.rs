//! The calls of newer kernels, and those that need an instance to be opened first.

use super::calls::{CWD, each, flags};
use crate::call::{Arg, Call};
use crate::sys;
use Arg::{Buffer, Bytes, Number, Path, Value};

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
