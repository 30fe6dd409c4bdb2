//! Making, removing, renaming and changing files by name.

use crate::registry::notation::{
    AT_EMPTY_PATH, AT_REMOVEDIR, AT_SYMLINK_FOLLOW, AT_SYMLINK_NOFOLLOW, WRITE, WRITE_SECOND, at,
    bits, descriptor, fd, follow_unless, forms, gid, keep_unless, mode, null, path, set, text, uid,
};
use crate::registry::{Alias, AliasUse, Call, Form, FormTest, Links, Parameter};

/// linux/stat.h.
const S_IFMT: u64 = 0o170_000;
const S_IFIFO: u64 = 0o010_000;

/// A new name for a file lets whoever may use the new name use the file: the old name is judged for
/// both.
const LINKED: &[AliasUse] = &[AliasUse { alias: Alias::Read, parameter: 0 }, WRITE, WRITE_SECOND];
const RENAMED: &[AliasUse] = &[WRITE, WRITE_SECOND];

/// The text of a symbolic link is only text: whoever follows the link is judged by what is reached.
const fn target(argument: u8) -> Parameter {
    text(argument)
}

pub(super) static CALLS: &[Call] = &[
    forms!(76 "truncate":
        Form::named(&["truncate", "truncate64"]).judged(&[WRITE]).with(&[path(0, Links::Follow)]),
    ),
    forms!(83 "mkdir": Form::named(&["mkdir"]).judged(&[WRITE]).with(&[path(0, Links::Keep)])),
    forms!(258 "mkdirat":
        Form::named(&["mkdirat", "mkdir"]).judged(&[WRITE]).with(&[at(0, Links::Keep)]),
    ),
    forms!(84 "rmdir": Form::named(&["rmdir"]).judged(&[WRITE]).with(&[path(0, Links::Keep)])),
    forms!(87 "unlink": Form::named(&["unlink"]).judged(&[WRITE]).with(&[path(0, Links::Keep)])),
    forms!(263 "unlinkat":
        Form::named(&["unlinkat", "rmdir"])
            .when(&[set(2, AT_REMOVEDIR)])
            .judged(&[WRITE])
            .with(&[at(0, Links::Keep)]),
        Form::named(&["unlinkat", "unlink"]).judged(&[WRITE]).with(&[at(0, Links::Keep)]),
    ),
    forms!(133 "mknod":
        Form::named(&["mknod", "mkfifo"])
            .when(&[bits(1, S_IFMT, S_IFIFO)])
            .judged(&[WRITE])
            .with(&[path(0, Links::Keep), mode(1)]),
        Form::named(&["mknod"]).judged(&[WRITE]).with(&[path(0, Links::Keep), mode(1)]),
    ),
    forms!(259 "mknodat":
        Form::named(&["mknodat", "mknod", "mkfifo", "mkfifoat"])
            .when(&[bits(2, S_IFMT, S_IFIFO)])
            .judged(&[WRITE])
            .with(&[at(0, Links::Keep), mode(2)]),
        Form::named(&["mknodat", "mknod"]).judged(&[WRITE]).with(&[at(0, Links::Keep), mode(2)]),
    ),
    // Two names.
    forms!(82 "rename":
        Form::named(&["rename", "__posix_rename"])
            .judged(RENAMED)
            .with(&[path(0, Links::Keep), path(1, Links::Keep)]),
    ),
    forms!(264 "renameat":
        Form::named(&["renameat", "rename", "__posix_rename"])
            .judged(RENAMED)
            .with(&[at(0, Links::Keep), at(2, Links::Keep)]),
    ),
    forms!(316 "renameat2":
        Form::named(&["renameat2", "renameat", "rename", "__posix_rename"])
            .judged(RENAMED)
            .with(&[at(0, Links::Keep), at(2, Links::Keep)]),
    ),
    forms!(86 "link":
        Form::named(&["link"]).judged(LINKED).with(&[path(0, Links::Keep), path(1, Links::Keep)]),
    ),
    forms!(265 "linkat":
        Form::named(&["linkat", "link"])
            .when(&[set(4, AT_EMPTY_PATH), FormTest::EmptyPath(1)])
            .judged(LINKED)
            .with(&[descriptor(0), at(2, Links::Keep)]),
        Form::named(&["linkat", "link"])
            .judged(LINKED)
            .with(&[at(0, keep_unless(4, AT_SYMLINK_FOLLOW)), at(2, Links::Keep)]),
    ),
    forms!(88 "symlink":
        Form::named(&["symlink"])
            .judged(&[WRITE_SECOND])
            .with(&[target(0), path(1, Links::Keep)]),
    ),
    forms!(266 "symlinkat":
        Form::named(&["symlinkat", "symlink"])
            .judged(&[WRITE_SECOND])
            .with(&[target(0), at(1, Links::Keep)]),
    ),
    // Mode and owner.
    forms!(90 "chmod":
        Form::named(&["chmod"]).judged(&[WRITE]).with(&[path(0, Links::Follow), mode(1)]),
    ),
    forms!(91 "fchmod": Form::named(&["fchmod"]).with(&[fd(0), mode(1)])),
    // The call 268 has no flags; fchmodat2(2) was made for them.
    forms!(268 "fchmodat":
        Form::named(&["fchmodat", "chmod"]).judged(&[WRITE]).with(&[at(0, Links::Follow), mode(2)]),
    ),
    forms!(452 "fchmodat2":
        Form::named(&["fchmodat2", "fchmod"])
            .when(&[set(3, AT_EMPTY_PATH), FormTest::EmptyPath(1)])
            .with(&[fd(0), mode(2)]),
        Form::named(&["fchmodat2", "fchmodat", "chmod"])
            .judged(&[WRITE])
            .with(&[at(0, follow_unless(3, AT_SYMLINK_NOFOLLOW)), mode(2)]),
    ),
    forms!(92 "chown":
        Form::named(&["chown", "__posix_chown"])
            .judged(&[WRITE])
            .with(&[path(0, Links::Follow), uid(1), gid(2)]),
    ),
    forms!(93 "fchown":
        Form::named(&["fchown", "__posix_fchown"]).with(&[fd(0), uid(1), gid(2)]),
    ),
    forms!(94 "lchown":
        Form::named(&["lchown", "chown"])
            .judged(&[WRITE])
            .with(&[path(0, Links::Keep), uid(1), gid(2)]),
    ),
    forms!(260 "fchownat":
        Form::named(&["fchownat", "fchown", "__posix_fchown"])
            .when(&[set(4, AT_EMPTY_PATH), FormTest::EmptyPath(1)])
            .with(&[fd(0), uid(2), gid(3)]),
        Form::named(&["fchownat", "lchown", "chown"])
            .when(&[set(4, AT_SYMLINK_NOFOLLOW)])
            .judged(&[WRITE])
            .with(&[at(0, Links::Keep), uid(2), gid(3)]),
        Form::named(&["fchownat", "chown", "__posix_chown"])
            .judged(&[WRITE])
            .with(&[at(0, Links::Follow), uid(2), gid(3)]),
    ),
    // Times.
    forms!(132 "utime":
        Form::named(&["utime", "utimes"]).judged(&[WRITE]).with(&[path(0, Links::Follow)]),
    ),
    forms!(235 "utimes":
        Form::named(&["utimes", "utime"]).judged(&[WRITE]).with(&[path(0, Links::Follow)]),
    ),
    forms!(261 "futimesat":
        Form::named(&["futimesat", "futimens", "futimes"]).when(&[null(1)]).with(&[fd(0)]),
        Form::named(&["futimesat", "utimes", "utime"])
            .judged(&[WRITE])
            .with(&[at(0, Links::Follow)]),
    ),
    forms!(280 "utimensat":
        Form::named(&["utimensat", "futimens", "futimes"]).when(&[null(1)]).with(&[fd(0)]),
        Form::named(&["utimensat", "futimens", "futimes"])
            .when(&[set(3, AT_EMPTY_PATH), FormTest::EmptyPath(1)])
            .with(&[fd(0)]),
        Form::named(&["utimensat", "utimes", "utime"])
            .judged(&[WRITE])
            .with(&[at(0, follow_unless(3, AT_SYMLINK_NOFOLLOW))]),
    ),
    // Extended attributes and inode flags.
    forms!(188 "setxattr":
        Form::named(&["setxattr", "extattr_set_file"])
            .judged(&[WRITE])
            .with(&[path(0, Links::Follow)]),
    ),
    forms!(189 "lsetxattr":
        Form::named(&["lsetxattr", "extattr_set_link"])
            .judged(&[WRITE])
            .with(&[path(0, Links::Keep)]),
    ),
    forms!(190 "fsetxattr": Form::named(&["fsetxattr", "extattr_set_fd"]).with(&[fd(0)])),
    forms!(197 "removexattr":
        Form::named(&["removexattr", "extattr_delete_file"])
            .judged(&[WRITE])
            .with(&[path(0, Links::Follow)]),
    ),
    forms!(198 "lremovexattr":
        Form::named(&["lremovexattr", "extattr_delete_link"])
            .judged(&[WRITE])
            .with(&[path(0, Links::Keep)]),
    ),
    forms!(199 "fremovexattr": Form::named(&["fremovexattr", "extattr_delete_fd"]).with(&[fd(0)])),
    forms!(463 "setxattrat":
        Form::named(&["setxattrat", "fsetxattr", "extattr_set_fd"])
            .when(&[set(2, AT_EMPTY_PATH), FormTest::EmptyPath(1)])
            .with(&[fd(0)]),
        Form::named(&["setxattrat", "setxattr", "extattr_set_file"])
            .judged(&[WRITE])
            .with(&[at(0, follow_unless(2, AT_SYMLINK_NOFOLLOW))]),
    ),
    forms!(466 "removexattrat":
        Form::named(&["removexattrat", "fremovexattr", "extattr_delete_fd"])
            .when(&[set(2, AT_EMPTY_PATH), FormTest::EmptyPath(1)])
            .with(&[fd(0)]),
        Form::named(&["removexattrat", "removexattr", "extattr_delete_file"])
            .judged(&[WRITE])
            .with(&[at(0, follow_unless(2, AT_SYMLINK_NOFOLLOW))]),
    ),
    forms!(469 "file_setattr":
        Form::named(&["file_setattr"])
            .when(&[set(4, AT_EMPTY_PATH), FormTest::EmptyPath(1)])
            .with(&[fd(0)]),
        Form::named(&["file_setattr"])
            .judged(&[WRITE])
            .with(&[at(0, follow_unless(4, AT_SYMLINK_NOFOLLOW))]),
    ),
    // Where a process stands. No data passes, so the original had no alias for these, and neither
    // have we.
    forms!(80 "chdir": Form::named(&["chdir"]).with(&[path(0, Links::Follow)])),
    forms!(81 "fchdir": Form::named(&["fchdir"]).with(&[fd(0)])),
    forms!(161 "chroot": Form::named(&["chroot"]).with(&[path(0, Links::Follow)])),
];
