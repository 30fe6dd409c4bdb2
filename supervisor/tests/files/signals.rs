//! Signals that are judged by the program of whoever gets them.

use crate::world::Walls;
use crate::{sys, user, victim};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use std::os::fd::{AsFd, AsRawFd};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use supervisor::sys::process::{Numbers, ids, open_process, translate};

const POLICY: &str = r#"Policy: /victim, Emulation: native
	native-kill: pidname eq "/tmp/protected" then deny[enolck]
	native-kill: pidname eq "pg:/tmp/protected" then deny[enolck]
	native-kill: pidname eq "/tmp/worker" then permit
	native-kill: pidname eq "pg:/tmp/worker" then permit
	native-kill: pidname eq "<own process group>" then permit
	native-kill: pidname eq "<every process: -1>" then deny[enolck]
	native-kill: pidname eq "<unknown>" then deny[enomsg]
	native-kill: pidname eq "pg:unknown" then deny[enomsg]
	native-kill: true then permit
	native-fsread: permit
	native-fswrite: permit
	native-fstat: permit
	native-execve: true then permit[inherit]
"#;

const DENIED: i64 = -(libc::ENOLCK as i64);
const UNKNOWN: i64 = -(libc::ENOMSG as i64);

fn number(value: i32) -> u64 {
    i64::from(value).cast_unsigned()
}

/// A program under one of two names that waits.
fn start(name: &str) -> Child {
    for folder in ["lib", "lib64"] {
        let _ = std::os::unix::fs::symlink(format!("host/usr/{folder}"), format!("/{folder}"));
    }
    let path = format!("/tmp/{name}");
    if !std::path::Path::new(&path).exists() {
        std::fs::copy("/host/usr/bin/cat", &path).unwrap();
    }
    let mut command = Command::new(path);
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
}

/// A signal for a process, in every way: what each call gives.
fn ways(process: i32, signal: i32) -> Vec<i64> {
    let descriptor = open_process(process).unwrap();
    // SI_QUEUE of asm-generic/siginfo.h, which anybody may send.
    let mut info = [0_i32; 32];
    (info[0], info[2]) = (signal, -1);
    let [target, signal] = [process, signal].map(number);
    let (at, fd) = (info.as_ptr() as u64, number(descriptor.as_raw_fd()));
    vec![
        sys::call(libc::SYS_kill, [target, signal, 0, 0, 0, 0]),
        sys::call(libc::SYS_tkill, [target, signal, 0, 0, 0, 0]),
        sys::call(libc::SYS_tgkill, [target, target, signal, 0, 0, 0]),
        sys::call(libc::SYS_rt_sigqueueinfo, [target, signal, at, 0, 0, 0]),
        sys::call(libc::SYS_rt_tgsigqueueinfo, [target, target, signal, at, 0, 0]),
        sys::call(libc::SYS_pidfd_send_signal, [fd, signal, 0, 0, 0, 0]),
        sys::call(libc::SYS_pidfd_send_signal, [fd, signal, at, 0, 0, 0]),
        sys::call(libc::SYS_kill, [number(-process), signal, 0, 0, 0, 0]),
    ]
}

fn run(body: impl FnOnce() -> String) {
    run_under(POLICY, body);
}

fn run_under(policy: &str, body: impl FnOnce() -> String) {
    run_behind(Walls::Pids, policy, body);
}

/// Whether this kernel tells what such rules ask (Linux 6.13).
pub fn are_told() -> bool {
    let own = std::process::id() as i32;
    let namespace = std::fs::File::open("/proc/self/ns/pid").unwrap();
    let numbers = translate(namespace.as_fd(), own, Numbers::Process);
    numbers.is_ok() && ids(open_process(own).unwrap().as_fd()).is_ok()
}

fn run_behind(walls: Walls, policy: &str, body: impl FnOnce() -> String) {
    if !are_told() {
        return eprintln!("not tried: this kernel does not tell who gets a signal");
    }
    let told = victim::run_behind(walls, Some(policy), || body().into_bytes());
    assert_eq!(String::from_utf8(told).unwrap(), "ok");
}

#[test]
fn every_way_to_a_process() {
    run(reach_both);
}

#[test]
fn and_in_a_user_namespace() {
    run_behind(Walls::Users, POLICY, reach_both);
}

fn reach_both() -> String {
    let (mut worker, mut protected) = (start("worker"), start("protected"));
    assert_eq!(ways(worker.id() as i32, 0), [0; 8]);
    assert_eq!(ways(protected.id() as i32, libc::SIGKILL), [DENIED; 8]);
    assert_eq!(protected.try_wait().unwrap(), None);
    assert_eq!(ways(worker.id() as i32, libc::SIGCONT), [0; 8]);
    // A program that was removed is no other one.
    std::fs::remove_file("/tmp/protected").unwrap();
    assert_eq!(ways(protected.id() as i32, libc::SIGKILL), [DENIED; 8]);
    assert_eq!(protected.try_wait().unwrap(), None);
    worker.kill().unwrap();
    assert!(!worker.wait().unwrap().success());
    // Nobody has the number any more.
    assert_eq!(sys::call(libc::SYS_kill, [worker.id().into(), 9, 0, 0, 0, 0]), UNKNOWN);
    drop(protected.stdin.take());
    protected.wait().unwrap();
    "ok".into()
}

#[test]
fn groups_and_everybody() {
    run(|| {
        let [own, all] = [0, -1].map(|to| sys::call(libc::SYS_kill, [number(to), 0, 0, 0, 0, 0]));
        assert_eq!([own, all], [0, DENIED]);
        assert_eq!(sys::call(libc::SYS_kill, [number(i32::MIN), 0, 0, 0, 0, 0]), UNKNOWN);
        "ok".into()
    });
}

/// A descriptor that stands for a group is judged as the group is.
#[test]
fn a_group_by_a_descriptor() {
    // PIDFD_SIGNAL_PROCESS_GROUP of linux/pidfd.h.
    const GROUP: u64 = 1 << 2;
    let policy =
        POLICY.replace("pg:/tmp/worker\" then permit", "pg:/tmp/worker\" then deny[enolck]");
    assert_ne!(policy, POLICY);
    run_under(&policy, || {
        let mut worker = start("worker");
        let descriptor = open_process(worker.id() as i32).unwrap();
        let send = |flags| {
            let fd = number(descriptor.as_raw_fd());
            sys::call(libc::SYS_pidfd_send_signal, [fd, 0, 0, flags, 0, 0])
        };
        assert_eq!([send(0), send(GROUP)], [0, DENIED]);
        worker.kill().unwrap();
        worker.wait().unwrap();
        "ok".into()
    });
}

/// pid_namespaces(7): nobody inside can kill or stop the first process.
#[test]
fn the_first_process_is_spared() {
    run(|| {
        let child = sys::in_child(|| {
            let told = [libc::SIGKILL, libc::SIGSTOP]
                .map(|signal| sys::call(libc::SYS_kill, [1, number(signal), 0, 0, 0, 0]));
            let mine = open_process(1).unwrap();
            let by_descriptor = sys::call(
                libc::SYS_pidfd_send_signal,
                [number(mine.as_raw_fd()), number(libc::SIGKILL), 0, 0, 0, 0],
            );
            i32::from(told != [0, 0] || by_descriptor != 0)
        });
        let status = waitpid(Pid::from_raw(child), None).unwrap();
        assert_eq!(status, nix::sys::wait::WaitStatus::Exited(Pid::from_raw(child), 0));
        "ok".into()
    });
}

/// The kernel asks for the caller's users and capabilities, and so do we.
#[test]
fn with_the_rights_of_the_caller() {
    run(|| {
        let mut worker = start("worker");
        let id = worker.id() as i32;
        let child = sys::in_child(|| {
            user::become_user(1000, 1000, &[]);
            let eperm = -i64::from(libc::EPERM);
            i32::from(ways(id, libc::SIGKILL)[..3] != [eperm; 3])
        });
        let status = waitpid(Pid::from_raw(child), None).unwrap();
        assert_eq!(status, nix::sys::wait::WaitStatus::Exited(Pid::from_raw(child), 0));
        assert_eq!(worker.try_wait().unwrap(), None);
        worker.kill().unwrap();
        worker.wait().unwrap();
        "ok".into()
    });
}

/// The receiver sees who sent it, but for the process.
#[test]
fn with_the_name_of_the_caller() {
    run(|| {
        SigSet::from(Signal::SIGUSR1).thread_block().unwrap();
        let parent = std::process::id() as i32;
        let child = sys::in_child(|| {
            i32::from(sys::call(libc::SYS_kill, [number(parent), 10, 0, 0, 0, 0]) != 0)
        });
        let (mut info, mask) = ([0_i32; 32], 1_u64 << 9);
        let arguments = [&raw const mask as u64, info.as_mut_ptr() as u64, 0, 8, 0, 0];
        assert_eq!(sys::call(libc::SYS_rt_sigtimedwait, arguments), 10);
        // Code, process and user.
        assert_eq!([info[2], info[3], info[4]], [0, 0, 0]);
        waitpid(Pid::from_raw(child), None).unwrap();
        "ok".into()
    });
}

/// A permitted process dies and another one gets its number: that never gets the signal.
#[test]
fn a_number_that_is_used_again() {
    // Before its execve a child is what its parent is.
    let strict = POLICY.replace("native-kill: true then permit", "native-kill: true then deny");
    run_under(&strict, || {
        let mut protected: Vec<Child> = Vec::new();
        for _ in 0..40 {
            let mut worker = start("worker");
            let id = worker.id() as i32;
            let over = AtomicBool::new(false);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        let _ = sys::call(libc::SYS_kill, [number(id), 9, 0, 0, 0, 0]);
                    }
                });
                worker.wait().unwrap();
                // Without it (`CONFIG_CHECKPOINT_RESTORE`) another number has to do.
                let _ = std::fs::write("/proc/sys/kernel/ns_last_pid", (id - 1).to_string());
                protected.push(start("protected"));
                std::thread::sleep(std::time::Duration::from_millis(5));
                over.store(true, Ordering::Relaxed);
            });
            assert_eq!(protected.last_mut().unwrap().try_wait().unwrap(), None);
        }
        for mut child in protected {
            drop(child.stdin.take());
            assert!(child.wait().unwrap().success());
        }
        "ok".into()
    });
}
