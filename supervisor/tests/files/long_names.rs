//! Below a folder whose name is longer than `PATH_MAX`, which only relative names reach.

use crate::call::{Arg, Call, perform};
use crate::same_as_native::compare;
use crate::{user, victim};
use Arg::{Number, Path};
use std::os::unix::fs::PermissionsExt;

/// So many of them are more than `PATH_MAX`.
const DEPTH: usize = 21;

fn component() -> &'static str {
    Box::leak("l".repeat(200).into_boxed_str())
}

fn down(start: &'static str) -> Vec<Call> {
    let name = component();
    let go = || [("mkdir", vec![Path(name), Number(0o700)]), ("chdir", vec![Path(name)])];
    [("chdir", vec![Path(start)])].into_iter().chain((0..DEPTH).flat_map(|_| go())).collect()
}

fn open(path: &'static str, flags: i32) -> Call {
    ("open", vec![Path(path), Number(flags.into()), Number(0o600)])
}

fn at_the_end(start: &'static str) -> Vec<Call> {
    let mut calls = down(start);
    calls.extend([
        open("file", libc::O_CREAT | libc::O_WRONLY),
        open("file", libc::O_RDONLY),
        open("file", libc::O_CREAT | libc::O_EXCL),
        open("file/", libc::O_RDONLY),
        open("missing", libc::O_RDONLY),
        open(".", libc::O_RDONLY),
        open("..", libc::O_RDONLY),
        ("access", vec![Path("file"), Number(0)]),
        ("chmod", vec![Path("file"), Number(0o640)]),
        ("truncate", vec![Path("file"), Number(7)]),
        ("symlink", vec![Path("file"), Path("link")]),
        open("link", libc::O_RDONLY),
        open("link", libc::O_RDONLY | libc::O_NOFOLLOW),
        ("link", vec![Path("file"), Path("other")]),
        ("rename", vec![Path("other"), Path("third")]),
        ("unlink", vec![Path("third")]),
        ("mkdir", vec![Path("folder"), Number(0o700)]),
        ("rmdir", vec![Path("folder")]),
        ("chdir", vec![Path("../missing")]),
        ("chdir", vec![Path("..")]),
        ("rmdir", vec![Path(component())]),
    ]);
    calls
}

#[test]
fn all_calls_as_root() {
    compare(&at_the_end("/data"), || {});
}

#[test]
fn all_calls_as_a_user() {
    compare(&at_the_end("/tmp"), || {
        let everybody = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions("/tmp", everybody).unwrap();
        user::become_user(1000, 1000, &[]);
    });
}

#[test]
fn rules_see_the_whole_name() {
    let policy = "Policy: /any, Emulation: native\n\
        \tnative-fswrite: filename re \"^/data(/l+)+/secret$\" then deny[enolck]\n\
        \tnative-fswrite: true then permit\n\
        \tnative-fsread: filename re \"^/data(/l+)+/secret$\" then deny[enolck]\n\
        \tnative-fsread: true then permit\n\
        \tnative-chdir: true then permit\n";
    let told = victim::run(Some(policy), || {
        let failed =
            down("/data").iter().map(perform).filter(|told| !told.ends_with("= 0")).count();
        let calls = [
            open("secret", libc::O_CREAT | libc::O_WRONLY),
            ("mkdir", vec![Path("secret"), Number(0o700)]),
            ("mkdir", vec![Path("public"), Number(0o700)]),
            ("rename", vec![Path("public"), Path("secret")]),
            ("symlink", vec![Path("secret"), Path("link")]),
            open("link", libc::O_RDONLY),
        ];
        let told: Vec<_> = calls.iter().map(perform).collect();
        format!("{failed}\n{}", told.join("\n")).into_bytes()
    });
    let told = String::from_utf8(told).unwrap();
    assert!(told.starts_with("0\n"), "{told}");
    let denied = told.lines().filter(|line| line.ends_with("= -37")).count();
    assert_eq!(denied, 4, "{told}");
}
