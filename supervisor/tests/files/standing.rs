//! chdir(2) and chroot(2): to what was judged, and names mean the same wherever a program stands.

use crate::call::{Arg, Call, perform};
use crate::guard::PERMIT;
use crate::same_as_native::{NAMES, compare_under};
use crate::{sys, twin, user, victim};
use Arg::{Buffer, Number, Path};
use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

fn there_and_back() -> Vec<Call> {
    let go = |name| {
        [
            ("chdir", vec![Path(name)]),
            ("getcwd", vec![Buffer(64), Number(64)]),
            ("chdir", vec![Path("/data")]),
        ]
    };
    let mut calls: Vec<Call> = NAMES.iter().flat_map(|name| go(*name)).collect();
    calls.extend([("chdir", vec![Number(0)]), ("chdir", vec![Number(1)])]);
    calls.extend([("chroot", vec![Path("file")]), ("chroot", vec![Path("missing")])]);
    calls.extend([("chroot", vec![Number(1)]), ("chroot", vec![Path("to-folder")])]);
    calls.push(("lstat", vec![Path("/inside"), Buffer(144)]));
    calls
}

/// A container whose policy permits chroot(2) knows of no root that stays.
fn compare(calls: &[Call], prepare: fn()) {
    let chroot = "\tnative-chroot: filename neq \"/nowhere\" then permit\n";
    compare_under(&format!("{PERMIT}{chroot}"), calls, prepare);
}

#[test]
fn going_as_root() {
    compare(&there_and_back(), || {});
}

#[test]
fn going_as_a_user() {
    compare(&there_and_back(), || user::become_user(1000, 1000, &[]));
}

/// A folder that was removed has no name any more.
#[test]
fn in_a_removed_folder() {
    let stand = [
        ("mkdir", vec![Path("gone"), Number(0o755)]),
        ("chdir", vec![Path("gone")]),
        ("rmdir", vec![Path("../gone")]),
    ];
    let names = [".", "./", "./.", "..", "../file", "./../file", "x", "./x", "", "/data/file"];
    let calls = names.iter().flat_map(|name| {
        [
            ("access", vec![Path(name), Number(0)]),
            ("open", vec![Path(name), Number(0)]),
            (
                "open",
                vec![Path(name), Number((libc::O_CREAT | libc::O_EXCL).into()), Number(0o600)],
            ),
            ("mkdir", vec![Path(name), Number(0o700)]),
            ("chmod", vec![Path(name), Number(0o755)]),
        ]
    });
    let go = [".", "./.", ".."].map(|name| ("chdir", vec![Path(name)]));
    compare(&stand.into_iter().chain(calls).chain(go).collect::<Vec<_>>(), || {});
}

/// In a chroot every name is another one for the program, and the same one for the policy.
#[test]
fn in_a_chroot() {
    let calls: Vec<Call> = NAMES
        .iter()
        .flat_map(|name| {
            [
                ("stat", vec![Path(name), Buffer(144)]),
                ("open", vec![Path(name), Number(0)]),
                ("open", vec![Path(name), Number(libc::O_CREAT.into()), Number(0o600)]),
                ("readlink", vec![Path(name), Buffer(99), Number(99)]),
            ]
        })
        .collect();
    compare(&calls, || {
        for (call, path) in [(libc::SYS_chdir, c"/data"), (libc::SYS_chroot, c"/data")] {
            assert_eq!(go(call, path), 0);
        }
        std::fs::create_dir("/data").unwrap();
    });
}

const POLICY: &str = r#"Policy: /victim, Emulation: native
	native-chdir: filename match "/locked" then deny[enolck]
	native-chdir: true then permit
	native-chroot: filename match "/locked" then deny[enolck]
	native-chroot: true then permit
	native-fsread: filename match "/etc/shadow" then deny[enolck]
	native-fsread: filename match "/home" then deny[enolck]
	native-fsread: true then permit
	native-fswrite: filename match "/home" then deny[enolck]
	native-fswrite: true then permit
"#;

const DENIED: i64 = -(libc::ENOLCK as i64);

fn go(call: i64, path: &CStr) -> i64 {
    sys::call(call, [path.as_ptr() as u64, 0, 0, 0, 0, 0])
}

#[test]
fn what_is_denied() {
    let told = victim::run(Some(POLICY), || {
        let denied = [c"/locked", c"/data/../locked/.", c"/proc/self/root/locked", c"/locked/x"]
            .map(|path| [libc::SYS_chdir, libc::SYS_chroot].map(|call| go(call, path)));
        assert_eq!(denied, [[DENIED; 2]; 4]);
        b"denied".to_vec()
    });
    assert_eq!(told, b"denied");
}

#[test]
fn a_chroot_hides_no_name() {
    let told = victim::run(Some(POLICY), || {
        let root = std::fs::File::open("/").unwrap();
        assert_eq!(go(libc::SYS_chroot, c"/etc"), 0);
        assert_eq!(go(libc::SYS_chdir, c"/"), 0);
        let calls: [Call; 6] = [
            ("open", vec![Path("/shadow"), Number(0)]),
            ("open", vec![Path("shadow"), Number(0)]),
            ("open", vec![Path("../shadow"), Number(0)]),
            ("stat", vec![Path("/shadow"), Buffer(144)]),
            ("openat", vec![fd(&root), Path("etc/shadow"), Number(0)]),
            ("openat", vec![fd(&root), Path("home/new"), Number(libc::O_CREAT.into())]),
        ];
        let mut told: Vec<_> = calls.iter().map(perform).collect();
        std::fs::File::open("/passwd").unwrap();
        told.push(perform(&("mkdirat", vec![fd(&root), Path("home/new"), Number(0o700)])));
        told.join("\n").into_bytes()
    });
    let told = String::from_utf8(told).unwrap();
    assert!(told.lines().all(|line| line.contains(" = -37")), "{told}");
    assert_eq!(told.lines().count(), 7);
}

fn fd(file: &std::fs::File) -> Arg {
    Number(std::os::fd::AsRawFd::as_raw_fd(file).into())
}

const TRIES: u32 = 400;

/// A child goes where the name in shared memory says, again and again, until it has been killed; tells where it was seen.
fn race(call: i64, supervised: bool) -> Vec<u8> {
    let word = |bytes: &[u8; 8]| u64::from_ne_bytes(*bytes);
    let name = [AtomicU64::new(word(b"////data")), AtomicU64::new(0)];
    let over = AtomicBool::new(false);
    let (mut wrong, mut right, mut killed) = (0, 0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Relaxed) {
                name[0].store(word(b"//locked"), Relaxed);
                (0..200).for_each(|_| std::hint::spin_loop());
                name[0].store(word(b"////data"), Relaxed);
                (0..200).for_each(|_| std::hint::spin_loop());
            }
        });
        let start = std::time::Instant::now();
        // On a busy machine the other thread may rest for long.
        let goes_on = |round: u32, missing: bool| {
            round < TRIES || !supervised && missing && start.elapsed().as_secs() < 10
        };
        let mut round = 0;
        while goes_on(round, wrong == 0 || right == 0) {
            round += 1;
            match twin::run(|| {
                i32::from(
                    sys::call(call, [name.as_ptr() as u64, 0, 0, 0, 0, 0]) == 0 && is_locked(call),
                )
            }) {
                Some(0) => right += 1,
                Some(_) => wrong += 1,
                None => killed += 1,
            }
        }
        over.store(true, Relaxed);
    });
    format!("{wrong} {right} {killed}").into_bytes()
}

/// Whether the child stands in the folder that it may not go to.
fn is_locked(call: i64) -> bool {
    let here = if call == libc::SYS_chroot { c"/inside" } else { c"inside" };
    sys::call(libc::SYS_faccessat, [libc::AT_FDCWD as u64, here.as_ptr() as u64, 0, 0, 0, 0]) == 0
}

fn counts(policy: Option<&str>, call: i64) -> [u32; 3] {
    let told = String::from_utf8(victim::run(policy, || race(call, policy.is_some()))).unwrap();
    let counts: Vec<u32> = told.split(' ').map(|count| count.parse().unwrap()).collect();
    counts.try_into().unwrap()
}

#[test]
fn a_raced_name_leads_nowhere_else() {
    for call in [libc::SYS_chdir, libc::SYS_chroot] {
        let [wrong, right, _] = counts(None, call);
        assert!(wrong > 0 && right > 0, "no race without supervision: {wrong} {right}");
        let [wrong, right, killed] = counts(Some(POLICY), call);
        assert_eq!(wrong, 0, "the race was won");
        assert!(right > 0 && killed + right <= TRIES, "{right} {killed}");
    }
}
