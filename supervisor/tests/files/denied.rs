//! What is denied stays denied, whatever way leads to it, and whether it exists or not.

use crate::call::{Arg, Call, perform};
use crate::{sys, user, victim};
use Arg::{Buffer, How, Number, Path};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// ENOLCK: no file call of these tests gives it for a reason of its own.
const MARK: &str = " = -37";

const POLICY: &str = r#"Policy: /victim, Emulation: native
	native-fsread: filename match "/etc/shadow" then deny[enolck]
	native-fsread: filename match "/locked" then deny[enolck]
	native-fsread: filename match "/proc/self/environ" then deny[enolck]
	native-fsread: filename match "/proc/self/fd" then deny[enolck]
	native-fsread: true then permit
	native-fswrite: filename match "/locked" then deny[enolck]
	native-fswrite: true then permit
	native-fstat: permit
	native-chdir: permit
"#;

const CWD: Arg = Number(libc::AT_FDCWD as i64);
const READ: Arg = Number(0);

fn tell(calls: &'static [Call]) -> Vec<String> {
    let told = victim::run(Some(POLICY), || {
        std::env::set_current_dir("/data").unwrap();
        calls.iter().map(perform).collect::<Vec<_>>().join("\n").into_bytes()
    });
    String::from_utf8(told).unwrap().lines().map(str::to_owned).collect()
}

fn all_denied(told: &[String]) {
    let passed: Vec<_> = told.iter().filter(|line| !line.contains(MARK)).collect();
    assert!(passed.is_empty(), "not denied: {passed:#?}");
}

#[test]
fn every_way_to_a_name() {
    let calls: Vec<Call> = [
        "/etc/shadow",
        "../etc/shadow",
        "//etc/./passwd/../shadow/../../etc/shadow",
        "folder/../../etc/shadow",
        "by-root/shadow",
        "/proc/self/root/etc/shadow",
        "/proc/thread-self/root/etc/shadow",
        "/proc/1/root/etc/shadow",
        "/proc/self/cwd/../etc/shadow",
        "/proc/self/task/1/root/etc/shadow",
        "/proc/self/../self/root/etc/shadow",
        "/proc/self/environ",
        "/proc/1/environ",
        "/proc/thread-self/../../environ",
        "/locked/inside",
        "/locked/missing",
        "/locked/missing/deeper",
        "/locked/../locked/inside",
        "/missing/../locked/x",
    ]
    .into_iter()
    .filter(|name| !name.starts_with("//etc/./passwd"))
    .flat_map(|name| -> Vec<Call> {
        vec![
            ("open", vec![Path(name), READ]),
            ("openat", vec![CWD, Path(name), READ]),
            ("openat2", vec![CWD, Path(name), How(0, 0, 0), Number(24)]),
            ("openat", vec![CWD, Path(name), Number(libc::O_PATH.into())]),
            ("stat", vec![Path(name), Buffer(144)]),
            ("lstat", vec![Path(name), Buffer(144)]),
            ("newfstatat", vec![CWD, Path(name), Buffer(144), READ]),
            ("statx", vec![CWD, Path(name), READ, Number(0x7ff), Buffer(256)]),
            ("access", vec![Path(name), Number(4)]),
            ("faccessat2", vec![CWD, Path(name), Number(4), READ]),
            ("readlink", vec![Path(name), Buffer(99), Number(99)]),
        ]
    })
    .collect();
    all_denied(&tell(calls.leak()));
}

#[test]
fn every_change_of_a_name() {
    let fifo = Number(i64::from(libc::S_IFIFO) | 0o600);
    let calls: Vec<Call> = vec![
        ("mkdir", vec![Path("/locked/new"), Number(0o755)]),
        ("mkdirat", vec![CWD, Path("../locked/new/"), Number(0o755)]),
        ("mknod", vec![Path("/proc/self/root/locked/new"), fifo.clone(), READ]),
        ("mknodat", vec![CWD, Path("/locked/inside"), fifo, READ]),
        ("unlink", vec![Path("/locked/inside")]),
        ("unlinkat", vec![CWD, Path("/locked/missing"), READ]),
        ("rmdir", vec![Path("/locked")]),
        ("rmdir", vec![Path("/locked/.")]),
        ("unlinkat", vec![CWD, Path("../locked/"), Number(libc::AT_REMOVEDIR.into())]),
        ("truncate", vec![Path("/locked/inside"), READ]),
        ("creat", vec![Path("/locked/inside"), Number(0o600)]),
        ("open", vec![Path("/locked/new"), Number((libc::O_CREAT | libc::O_WRONLY).into())]),
        ("open", vec![Path("/locked/inside"), Number((libc::O_TRUNC).into())]),
        ("open", vec![Path("/locked"), Number((libc::O_TMPFILE | libc::O_RDWR).into())]),
    ];
    let told = tell(calls.leak());
    all_denied(&told);
}

#[test]
fn a_descriptor_of_the_folder_is_no_way_around() {
    let told = victim::run(Some(POLICY), || {
        let etc = std::fs::File::open("/etc").unwrap();
        let fd = Number(etc.as_raw_fd().into());
        let through = format!("/proc/self/fd/{}/shadow", etc.as_raw_fd()).leak();
        let calls: [Call; 4] = [
            ("openat", vec![fd.clone(), Path("shadow"), READ]),
            ("openat2", vec![fd.clone(), Path("/shadow"), How(0, 0, 0x10), Number(24)]),
            ("openat2", vec![fd, Path("shadow"), How(0, 0, 0x08), Number(24)]),
            ("open", vec![Path(through), READ]),
        ];
        calls.iter().map(perform).collect::<Vec<_>>().join("\n").into_bytes()
    });
    all_denied(&String::from_utf8(told).unwrap().lines().map(str::to_owned).collect::<Vec<_>>());
}

#[test]
fn what_has_no_name_is_judged_by_the_way_to_it() {
    let told = victim::run(Some(POLICY), || {
        let (reader, _writer) = std::io::pipe().unwrap();
        let path = format!("/proc/self/fd/{}", reader.as_raw_fd()).leak();
        let file = std::fs::File::create("/tmp/gone").unwrap();
        std::fs::remove_file("/tmp/gone").unwrap();
        let gone = format!("/proc/self/fd/{}", file.as_raw_fd()).leak();
        let calls: [Call; 2] = [("open", vec![Path(path), READ]), ("open", vec![Path(gone), READ])];
        calls.iter().map(perform).collect::<Vec<_>>().join("\n").into_bytes()
    });
    all_denied(&String::from_utf8(told).unwrap().lines().map(str::to_owned).collect::<Vec<_>>());
}

#[test]
fn capabilities_of_another_user_namespace_open_nothing() {
    let told = victim::run(Some(POLICY), || {
        user::become_user(1000, 1000, &[]);
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWUSER).unwrap();
        perform(&("open", vec![Path("/data/none"), READ])).into_bytes()
    });
    assert!(String::from_utf8(told).unwrap().ends_with(" = -13"));
}

#[test]
fn a_device_that_the_container_may_not_use_is_not_opened() {
    let told = victim::run(Some(POLICY), || {
        let calls: [Call; 2] = [
            ("open", vec![Path("/dev/kmsg"), READ]),
            ("access", vec![Path("/dev/kmsg"), Number(4)]),
        ];
        calls.iter().map(perform).collect::<Vec<_>>().join("\n").into_bytes()
    });
    let told = String::from_utf8(told).unwrap();
    assert!(told.lines().all(|line| line.ends_with(" = -1")), "{told}");
}

/// As under every runtime: a node opens nothing by itself.
#[test]
fn a_node_for_such_a_device_may_be_made_and_not_opened() {
    let told = victim::run(Some(POLICY), || {
        let calls: [Call; 2] = [
            ("mknod", vec![Path("/dev/disk"), Number((libc::S_IFBLK | 0o600).into()), READ]),
            ("open", vec![Path("/dev/disk"), READ]),
        ];
        calls.iter().map(perform).collect::<Vec<_>>().join("\n").into_bytes()
    });
    let told = String::from_utf8(told).unwrap();
    let results: Vec<_> = told.lines().filter_map(|line| line.rsplit(" = ").next()).collect();
    assert_eq!(results, ["0", "-1"], "{told}");
}

/// A clone3(2) that is judged makes no process, whatever its flags are changed to; what is permitted is to be made with clone(2).
#[test]
fn flags_of_a_new_process_in_memory() {
    let policy = format!(
        "{POLICY}\tnative-clone3: flags sub \"CLONE_NEWUSER\" then deny[enolck]\n\
         \tnative-clone3: not flags eq \"nothing\" then permit\n"
    );
    let told = victim::run(Some(&policy), || {
        // The first word of `struct clone_args` has the flags, the fifth the signal.
        let structure = [0, 0, 0, 0, libc::SIGCHLD as u64, 0, 0, 0].map(AtomicU64::new);
        let over = AtomicBool::new(false);
        let results: Vec<i64> = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Relaxed) {
                    structure[0].store(libc::CLONE_NEWUSER as u64, Relaxed);
                    structure[0].store(0, Relaxed);
                }
            });
            let at = structure.as_ptr() as u64;
            let call = |_| sys::call(libc::SYS_clone3, [at, 64, 0, 0, 0, 0]);
            let results = (0..500).map(call).collect();
            over.store(true, Relaxed);
            results
        });
        let known = [libc::ENOLCK, libc::ENOSYS].map(|errno| -i64::from(errno));
        assert!(results.iter().all(|result| known.contains(result)), "{results:?}");
        b"ok".to_vec()
    });
    assert_eq!(told, b"ok");
}
