//! `permit … as user:group`: one call with other ids, and nothing else.

use crate::call::{Arg, Call, perform};
use crate::{sys, user, victim};
use Arg::{Buffer, Number, Path};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, symlink};

const POLICY: &str = r#"Policy: /victim, Emulation: native
	native-fsread: filename eq "/etc/shadow" then permit as root
	native-fsread: filename match "/locked" then permit as 0:0
	native-fsread: filename match "/home/user/mine" then permit as root
	native-fsread: filename eq "/data/group" then permit as :50
	native-fsread: filename eq "/data/none" then permit as 1000
	native-fsread: filename eq "/forbidden" then deny[enolck]
	native-fsread: true then permit
	native-fswrite: filename match "/tmp/made" then permit as 1000:50
	native-fswrite: filename match "/locked" then permit as root
	native-fswrite: true then permit
	native-bind: sockaddr eq "inet-[127.0.0.1]:81" then permit as root
	native-bind: true then permit
	native-fstat: permit
	native-chdir: filename eq "/locked" then permit as root
	native-chdir: true then permit
	native-execve: true then permit as root
"#;

fn read(path: &str) -> String {
    match std::fs::read_to_string(path) {
        Ok(text) => text.trim().to_owned(),
        Err(error) => format!("{:?}", error.raw_os_error().unwrap_or_default()),
    }
}

fn bind(port: u16) -> String {
    format!("{:?}", TcpListener::bind(("127.0.0.1", port)).map(drop).map_err(|e| e.raw_os_error()))
}

/// What a user may do, with a policy or without.
fn told(policy: Option<&str>, prepare: fn()) -> String {
    let body = || {
        std::fs::create_dir("/home/user/mine").unwrap();
        std::fs::write("/home/user/mine/own", "own\n").unwrap();
        prepare();
        user::become_user(1000, 1000, &[]);
        let mut told: Vec<String> =
            ["/etc/shadow", "/locked/inside", "/locked/missing", "/data/group", "/data/none"]
                .map(read)
                .to_vec();
        told.extend([bind(81), bind(82)]);
        let calls: [Call; 3] = [
            ("access", vec![Path("/locked/inside"), Number(4)]),
            ("lstat", vec![Path("/locked/missing"), Buffer(0)]),
            ("chdir", vec![Path("/locked")]),
        ];
        told.extend(calls.iter().map(perform));
        // Nothing of it stays with the caller.
        told.push(format!("{} {}", read("/data/file").trim(), nix::unistd::geteuid()));
        told.join("\n").into_bytes()
    };
    String::from_utf8(victim::run(policy, body)).unwrap()
}

#[test]
fn a_user_does_one_thing_as_root() {
    let text = told(Some(POLICY), || {});
    let lines: Vec<&str> = text.lines().collect();
    let expected = [
        "secret",
        "",
        "2",
        "for group 50",
        "13",
        "Ok(())",
        "Err(Some(13))",
        r#"access[Path("/locked/inside"), Number(4)] = 0"#,
        r#"lstat[Path("/locked/missing"), Buffer(0)] = -2 "#,
        r#"chdir[Path("/locked")] = -1"#,
        "content 1000",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn root_is_no_more_than_the_engine_lets_it_be() {
    let text = told(Some(POLICY), || {
        // CAP_NET_BIND_SERVICE and CAP_DAC_OVERRIDE leave the bounding set (prctl(2)).
        for capability in [10, 1] {
            let arguments = [libc::PR_CAPBSET_DROP as u64, capability, 0, 0, 0, 0];
            assert_eq!(sys::call(libc::SYS_prctl, arguments), 0);
        }
    });
    assert!(text.starts_with("secret\n"), "the file is root's own: {text}");
    assert!(text.contains("Err(Some(13))\nErr(Some(13))"), "{text}");
}

#[test]
fn root_opens_as_a_user_and_makes_files_for_it() {
    let told = victim::run(Some(POLICY), || {
        let made = std::fs::File::create("/tmp/made").unwrap().metadata().unwrap();
        let other = std::fs::File::create("/tmp/other").unwrap().metadata().unwrap();
        let ids = [made, other].map(|made| format!("{}:{}", made.uid(), made.gid()));
        format!("{} {ids:?} {}", read("/data/none"), bind(82)).into_bytes()
    });
    assert_eq!(String::from_utf8(told).unwrap(), r#"13 ["1000:50", "0:0"] Ok(())"#);
}

/// The user cannot see what its own folder's link leads to; root could, and what it leads to is judged.
#[test]
fn what_the_other_reaches_is_judged() {
    let told = victim::run(Some(POLICY), || {
        std::fs::write("/forbidden", "forbidden\n").unwrap();
        std::fs::create_dir("/home/user/mine").unwrap();
        for (target, link) in [("/forbidden", "out"), ("/etc/passwd", "in"), ("own", "own-link")] {
            symlink(target, format!("/home/user/mine/{link}")).unwrap();
        }
        std::fs::write("/home/user/mine/own", "own\n").unwrap();
        let closed = std::os::unix::fs::PermissionsExt::from_mode(0o000);
        std::fs::set_permissions("/home/user/mine", closed).unwrap();
        user::become_user(1000, 1000, &[]);
        let names =
            ["own", "own-link", "out", "in"].map(|name| read(&format!("/home/user/mine/{name}")));
        format!("{names:?}").into_bytes()
    });
    // What anybody may read is permitted, but not to root for the user: the rules that decide are not the same.
    assert_eq!(String::from_utf8(told).unwrap(), r#"["own", "own", "37", "1"]"#);
}

#[test]
fn a_program_is_not_started_as_another() {
    let told = victim::run(Some(POLICY), || {
        let error = std::process::Command::new("/host/bin/true").status().unwrap_err();
        format!("{:?}", error.raw_os_error()).into_bytes()
    });
    assert_eq!(told, b"Some(1)");
}
