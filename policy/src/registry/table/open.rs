//! Opening, asking about and reading the links of files by name.

use crate::registry::notation::{
    AT_EMPTY_PATH, AT_SYMLINK_FOLLOW, AT_SYMLINK_NOFOLLOW, READ, WRITE, at, bits, descriptor, fd,
    follow_unless, forms, keep_unless, number, path, set,
};
use crate::registry::{Call, Form, FormTest, Kind, Links, Parameter, Source};

/// asm-generic/fcntl.h. `O_TMPFILE` without `O_DIRECTORY`, which it includes.
const O_ACCMODE: u64 = 0o3;
const O_CREAT: u64 = 0o100;
const O_TRUNC: u64 = 0o1000;
const O_NOFOLLOW: u64 = 0o400_000;
const O_PATH: u64 = 0o10_000_000;
const O_TMPFILE: u64 = 0o20_000_000;
/// A read-only open with one of these changes the file system all the same.
const CHANGING: u64 = O_CREAT | O_TRUNC | O_TMPFILE;

/// linux/fanotify.h and linux/inotify.h: the link at the end is not followed.
const FAN_MARK_DONT_FOLLOW: u64 = 0x4;
const IN_DONT_FOLLOW: u64 = 0x0200_0000;

const fn oflags(argument: u8) -> Parameter {
    number("oflags", Kind::OpenFlags, argument)
}

const fn how(mask: u64, equals: u64) -> FormTest {
    FormTest::OpenHow { argument: 2, mask, equals }
}

const HOW_FILENAME: Parameter = at(0, Links::OpenHow(2));
const HOW_OFLAGS: Parameter = Parameter {
    name: "oflags",
    kind: Kind::OpenFlags,
    source: Source::OpenHow { argument: 2, offset: 0 },
};

/// The names of stat(2), lstat(2) and fstat(2) in the old systems, after those of a call of today.
macro_rules! stat {
    [$($name:literal)*] => {
        &[$($name,)* "stat", "stat35", "stat64", "newstat", "__stat13", "__stat30", "__stat50"]
    };
}
macro_rules! lstat {
    [$($name:literal)*] => {
        &[$($name,)* "lstat", "lstat35", "lstat64", "newlstat", "__lstat13", "__lstat30", "__lstat50"]
    };
}
macro_rules! fstat {
    [$($name:literal)*] => {
        &[$($name,)* "fstat", "fstat35", "fstat64", "newfstat", "__fstat13", "__fstat30", "__fstat50"]
    };
}

pub(super) static CALLS: &[Call] = &[
    forms!(2 "open":
        Form::named(&["open"])
            .when(&[set(1, O_PATH)])
            .judged(&[READ])
            .with(&[path(0, follow_unless(1, O_NOFOLLOW)), oflags(1)]),
        Form::named(&["open"])
            .when(&[bits(1, O_ACCMODE | CHANGING, 0)])
            .judged(&[READ])
            .with(&[path(0, follow_unless(1, O_NOFOLLOW)), oflags(1)]),
        Form::named(&["open"])
            .when(&[bits(1, O_ACCMODE, 0)])
            .judged(&[READ, WRITE])
            .with(&[path(0, follow_unless(1, O_NOFOLLOW)), oflags(1)]),
        Form::named(&["open"])
            .judged(&[WRITE])
            .with(&[path(0, follow_unless(1, O_NOFOLLOW)), oflags(1)]),
    ),
    forms!(85 "creat":
        Form::named(&["creat", "open"]).judged(&[WRITE]).with(&[path(0, Links::Follow)]),
    ),
    forms!(257 "openat":
        Form::named(&["openat", "open"])
            .when(&[set(2, O_PATH)])
            .judged(&[READ])
            .with(&[at(0, follow_unless(2, O_NOFOLLOW)), oflags(2)]),
        Form::named(&["openat", "open"])
            .when(&[bits(2, O_ACCMODE | CHANGING, 0)])
            .judged(&[READ])
            .with(&[at(0, follow_unless(2, O_NOFOLLOW)), oflags(2)]),
        Form::named(&["openat", "open"])
            .when(&[bits(2, O_ACCMODE, 0)])
            .judged(&[READ, WRITE])
            .with(&[at(0, follow_unless(2, O_NOFOLLOW)), oflags(2)]),
        Form::named(&["openat", "open"])
            .judged(&[WRITE])
            .with(&[at(0, follow_unless(2, O_NOFOLLOW)), oflags(2)]),
    ),
    forms!(437 "openat2":
        Form::named(&["openat2", "openat", "open"])
            .when(&[how(O_PATH, O_PATH)])
            .judged(&[READ])
            .with(&[HOW_FILENAME, HOW_OFLAGS]),
        Form::named(&["openat2", "openat", "open"])
            .when(&[how(O_ACCMODE | CHANGING, 0)])
            .judged(&[READ])
            .with(&[HOW_FILENAME, HOW_OFLAGS]),
        Form::named(&["openat2", "openat", "open"])
            .when(&[how(O_ACCMODE, 0)])
            .judged(&[READ, WRITE])
            .with(&[HOW_FILENAME, HOW_OFLAGS]),
        Form::named(&["openat2", "openat", "open"])
            .judged(&[WRITE])
            .with(&[HOW_FILENAME, HOW_OFLAGS]),
    ),
    // What stat(2) tells.
    forms!(4 "stat":
        Form::named(stat![])
            .judged(&[READ])
            .with(&[path(0, Links::Follow)]),
    ),
    forms!(6 "lstat":
        Form::named(lstat![])
            .judged(&[READ])
            .with(&[path(0, Links::Keep)]),
    ),
    forms!(5 "fstat":
        Form::named(fstat![])
            .with(&[fd(0)]),
    ),
    forms!(262 "newfstatat":
        Form::named(fstat!["newfstatat" "fstatat"])
            .when(&[set(3, AT_EMPTY_PATH), FormTest::EmptyPath(1)])
            .with(&[fd(0)]),
        Form::named(lstat!["newfstatat" "fstatat"])
            .when(&[set(3, AT_SYMLINK_NOFOLLOW)])
            .judged(&[READ])
            .with(&[at(0, Links::Keep)]),
        Form::named(stat!["newfstatat" "fstatat"])
            .judged(&[READ])
            .with(&[at(0, Links::Follow)]),
    ),
    forms!(332 "statx":
        Form::named(fstat!["statx"])
            .when(&[set(2, AT_EMPTY_PATH), FormTest::EmptyPath(1)])
            .with(&[fd(0)]),
        Form::named(lstat!["statx"])
            .when(&[set(2, AT_SYMLINK_NOFOLLOW)])
            .judged(&[READ])
            .with(&[at(0, Links::Keep)]),
        Form::named(stat!["statx"])
            .judged(&[READ])
            .with(&[at(0, Links::Follow)]),
    ),
    forms!(21 "access":
        Form::named(&["access"]).judged(&[READ]).with(&[path(0, Links::Follow)]),
    ),
    // The call 269 has no flags; faccessat2(2) was made for them.
    forms!(269 "faccessat":
        Form::named(&["faccessat", "access"]).judged(&[READ]).with(&[at(0, Links::Follow)]),
    ),
    forms!(439 "faccessat2":
        Form::named(&["faccessat2", "fstat"])
            .when(&[set(3, AT_EMPTY_PATH), FormTest::EmptyPath(1)])
            .with(&[fd(0)]),
        Form::named(&["faccessat2", "faccessat", "access"])
            .judged(&[READ])
            .with(&[at(0, follow_unless(3, AT_SYMLINK_NOFOLLOW))]),
    ),
    forms!(89 "readlink":
        Form::named(&["readlink"]).judged(&[READ]).with(&[path(0, Links::Keep)]),
    ),
    // An empty name reads the link that was opened with O_PATH | O_NOFOLLOW, no flag needed
    // (readlink(2)).
    forms!(267 "readlinkat":
        Form::named(&["readlinkat", "fstat"]).when(&[FormTest::EmptyPath(1)]).with(&[fd(0)]),
        Form::named(&["readlinkat", "readlink"]).judged(&[READ]).with(&[at(0, Links::Keep)]),
    ),
    forms!(137 "statfs":
        Form::named(&["statfs"]).judged(&[READ]).with(&[path(0, Links::Follow)]),
    ),
    forms!(138 "fstatfs": Form::named(&["fstatfs"]).with(&[fd(0)])),
    // Extended attributes and other things to learn by name.
    forms!(191 "getxattr":
        Form::named(&["getxattr", "extattr_get_file"])
            .judged(&[READ])
            .with(&[path(0, Links::Follow)]),
    ),
    forms!(192 "lgetxattr":
        Form::named(&["lgetxattr", "extattr_get_link"])
            .judged(&[READ])
            .with(&[path(0, Links::Keep)]),
    ),
    forms!(193 "fgetxattr": Form::named(&["fgetxattr", "extattr_get_fd"]).with(&[fd(0)])),
    forms!(194 "listxattr":
        Form::named(&["listxattr", "extattr_list_file"])
            .judged(&[READ])
            .with(&[path(0, Links::Follow)]),
    ),
    forms!(195 "llistxattr":
        Form::named(&["llistxattr", "extattr_list_link"])
            .judged(&[READ])
            .with(&[path(0, Links::Keep)]),
    ),
    forms!(196 "flistxattr": Form::named(&["flistxattr", "extattr_list_fd"]).with(&[fd(0)])),
    forms!(464 "getxattrat":
        Form::named(&["getxattrat", "fgetxattr", "extattr_get_fd"])
            .when(&[set(2, AT_EMPTY_PATH), FormTest::EmptyPath(1)])
            .with(&[fd(0)]),
        Form::named(&["getxattrat", "getxattr", "extattr_get_file"])
            .judged(&[READ])
            .with(&[at(0, follow_unless(2, AT_SYMLINK_NOFOLLOW))]),
    ),
    forms!(465 "listxattrat":
        Form::named(&["listxattrat", "flistxattr", "extattr_list_fd"])
            .when(&[set(2, AT_EMPTY_PATH), FormTest::EmptyPath(1)])
            .with(&[fd(0)]),
        Form::named(&["listxattrat", "listxattr", "extattr_list_file"])
            .judged(&[READ])
            .with(&[at(0, follow_unless(2, AT_SYMLINK_NOFOLLOW))]),
    ),
    forms!(468 "file_getattr":
        Form::named(&["file_getattr"])
            .when(&[set(4, AT_EMPTY_PATH), FormTest::EmptyPath(1)])
            .with(&[fd(0)]),
        Form::named(&["file_getattr"])
            .judged(&[READ])
            .with(&[at(0, follow_unless(4, AT_SYMLINK_NOFOLLOW))]),
    ),
    forms!(303 "name_to_handle_at":
        Form::named(&["name_to_handle_at", "getfh"])
            .when(&[set(4, AT_EMPTY_PATH), FormTest::EmptyPath(1)])
            .judged(&[READ])
            .with(&[descriptor(0)]),
        Form::named(&["name_to_handle_at", "getfh"])
            .judged(&[READ])
            .with(&[at(0, keep_unless(4, AT_SYMLINK_FOLLOW))]),
    ),
    forms!(254 "inotify_add_watch":
        Form::named(&["inotify_add_watch"])
            .judged(&[READ])
            .with(&[path(1, follow_unless(2, IN_DONT_FOLLOW))]),
    ),
    forms!(301 "fanotify_mark":
        Form::named(&["fanotify_mark"])
            .when(&[FormTest::EmptyPath(4)])
            .judged(&[READ])
            .with(&[descriptor(3)]),
        Form::named(&["fanotify_mark"])
            .judged(&[READ])
            .with(&[at(3, follow_unless(1, FAN_MARK_DONT_FOLLOW))]),
    ),
];
