//! A caller that becomes another between two of its calls is never taken for who it was.

#[path = "sys.rs"]
mod numbered;

use crate::{guard, sys, user, victim};
use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::PeerCredentials;
use std::fmt::Write as _;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use supervisor::sys::credentials::{Capabilities, set_capabilities};

const MODE_0000: &std::ffi::CStr = c"/data/none";
const OF_GROUP_50: &std::ffi::CStr = c"/data/group";

/// The same story with and without supervision.
fn assert_same(body: fn() -> String) {
    let policy = format!(
        "{}\tnative-execve: true then permit[inherit]\n\tnative-bind: true then permit\n\tnative-connect: sockaddr neq \"/nowhere\" then permit\n",
        rooted()
    );
    let tell = |policy| victim::run(policy, || body().into_bytes());
    let native = String::from_utf8(tell(None)).unwrap();
    assert_eq!(String::from_utf8(tell(Some(&policy))).unwrap(), native);
    // Both outcomes were seen, so the caller did change.
    assert!(native.contains("yes") && native.contains("no"), "{native}");
}

/// Nobody may move a root, so it is remembered too.
fn rooted() -> String {
    guard::PERMIT
        .lines()
        .filter(|line| !line.contains("chroot"))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// Whether the calling thread may read a file. Asked again and again, so that somebody remembers it.
fn reads(name: &std::ffi::CStr) -> &'static str {
    let mut answers: Vec<_> = (0..5).map(|_| open(name)).collect();
    answers.dedup();
    match answers[..] {
        [true] => "yes ",
        [false] => "no ",
        _ => "sometimes ",
    }
}

fn open(name: &std::ffi::CStr) -> bool {
    let fd = sys::call(libc::SYS_open, [name.as_ptr() as u64, 0, 0, 0, 0, 0]);
    if fd >= 0 {
        drop(sys::take(fd));
    }
    fd >= 0
}

fn numbers(call: i64, numbers: [i64; 3]) {
    let [a, b, c] = numbers.map(|number| number as u64);
    assert!(sys::call(call, [a, b, c, 0, 0, 0]) >= 0);
}

fn groups(groups: &[u32]) {
    let arguments = [groups.len() as u64, groups.as_ptr() as u64, 0, 0, 0, 0];
    assert_eq!(sys::call(libc::SYS_setgroups, arguments), 0);
}

/// Everything stays permitted, and only this is effective.
fn capset(effective: u64) {
    let present = supervisor::sys::credentials::capabilities().unwrap();
    let effective = effective & present.permitted;
    set_capabilities(Capabilities { effective, ..present }).unwrap();
}

#[test]
fn by_capabilities() {
    assert_same(|| {
        let mut told = reads(MODE_0000).to_owned();
        for effective in [0, u64::MAX, 1 << 5, 1 << 1] {
            capset(effective);
            told += reads(MODE_0000);
        }
        told
    });
}

#[test]
fn by_each_of_its_users() {
    assert_same(|| {
        let mut told = reads(MODE_0000).to_owned();
        for (call, there, back) in [
            (libc::SYS_setfsuid, [1000, 0, 0], [0, 0, 0]),
            (libc::SYS_setresuid, [-1, 1000, -1], [-1, 0, -1]),
            (libc::SYS_setreuid, [-1, 1000, 0], [-1, 0, 0]),
        ] {
            numbers(call, there);
            told += reads(MODE_0000);
            numbers(call, back);
            told += reads(MODE_0000);
        }
        numbers(libc::SYS_setuid, [1000, 0, 0]);
        told + reads(MODE_0000)
    });
}

/// What a connection is allowed, and the user whom its other side is shown (`SO_PEERCRED`).
#[test]
fn by_its_user_when_it_connects() {
    assert_same(|| {
        let name = "/data/socket";
        // The story is told twice.
        drop(std::fs::remove_file(name));
        let listener = UnixListener::bind(name).unwrap();
        std::fs::set_permissions(name, Permissions::from_mode(0o600)).unwrap();
        let connects = || {
            let mut answers: Vec<_> = (0..5)
                .map(|_| UnixStream::connect(name).is_ok().then(|| shown(&listener)))
                .collect();
            answers.dedup();
            match answers[..] {
                [Some(user)] => format!("yes, as {user} "),
                [None] => "no ".to_owned(),
                _ => "sometimes ".to_owned(),
            }
        };
        let mut told = connects();
        numbers(libc::SYS_setresuid, [-1, 1000, -1]);
        told += &connects();
        numbers(libc::SYS_setresuid, [-1, 0, -1]);
        told += &connects();
        std::fs::set_permissions(name, Permissions::from_mode(0o666)).unwrap();
        numbers(libc::SYS_setresuid, [-1, 1000, -1]);
        told += &connects();
        capset(0);
        told + &connects()
    });
}

fn shown(listener: &UnixListener) -> u32 {
    let (accepted, _) = listener.accept().unwrap();
    getsockopt(&accepted, PeerCredentials).unwrap().uid()
}

#[test]
fn by_its_groups() {
    assert_same(|| {
        let mut told = String::new();
        for list in [&[][..], &[50], &[7, 8, 50], &[7]] {
            groups(list);
            numbers(libc::SYS_setresuid, [-1, 1000, -1]);
            told += reads(OF_GROUP_50);
            numbers(libc::SYS_setresuid, [-1, 0, -1]);
        }
        for (call, gid) in [(libc::SYS_setfsgid, 50), (libc::SYS_setgid, 50), (libc::SYS_setgid, 0)]
        {
            numbers(libc::SYS_setresuid, [-1, 1000, -1]);
            told += reads(OF_GROUP_50);
            numbers(libc::SYS_setresuid, [-1, 0, -1]);
            numbers(call, [gid, 0, 0]);
        }
        told
    });
}

/// Credentials belong to one thread; the C library only makes it look otherwise.
#[test]
fn by_being_another_thread() {
    assert_same(|| {
        let (ask, asked): (Sender<()>, Receiver<()>) = channel();
        let (tell, told) = channel();
        let other = std::thread::spawn(move || {
            user::become_user(1000, 1000, &[]);
            for () in asked {
                tell.send(reads(MODE_0000)).unwrap();
            }
        });
        let mut text = String::new();
        for _ in 0..20 {
            ask.send(()).unwrap();
            write!(text, "{}{}", told.recv().unwrap(), reads(MODE_0000)).unwrap();
        }
        drop(ask);
        other.join().unwrap();
        text
    });
}

/// The umask is the process's: any thread changes it for all.
#[test]
fn by_the_umask_of_a_sibling() {
    let modes = || {
        let made = |mask| {
            std::thread::spawn(move || numbers(libc::SYS_umask, [mask, 0, 0])).join().unwrap();
            let name = std::format!("/tmp/made-{mask:o}");
            std::fs::write(&name, "").unwrap();
            let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(name).unwrap());
            format!("{mode:o} ")
        };
        [0o022, 0o077, 0, 0o027].into_iter().map(made).collect::<String>().into_bytes()
    };
    let told = victim::run(Some(guard::PERMIT), modes);
    assert_eq!(String::from_utf8(told).unwrap(), "100644 100600 100666 100640 ");
}

/// After an execve(2) by another thread the leader's number is that thread's. The leader calls until it dies, so that somebody
/// remembers its groups in the last moment.
#[test]
fn by_an_exec_of_a_thread_that_does_not_lead() {
    let story = || {
        user_of_the_host();
        let codes = (0..20).map(|_| {
            let child = sys::in_child(|| {
                groups(&[50]);
                let other = std::thread::spawn(|| {
                    user::become_user(1000, 1000, &[]);
                    std::thread::sleep(std::time::Duration::from_millis(3));
                    execute("cat /data/group 2>/dev/null && exit 1; exit 0");
                });
                numbers(libc::SYS_setresgid, [1000, 1000, 1000]);
                numbers(libc::SYS_setresuid, [1000, 1000, 1000]);
                while !other.is_finished() {
                    assert_eq!(reads(OF_GROUP_50), "yes ");
                }
                9
            });
            match nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(child), None) {
                Ok(nix::sys::wait::WaitStatus::Exited(_, code)) => code.to_string(),
                other => format!("{other:?}"),
            }
        });
        codes.collect::<String>().into_bytes()
    };
    let policy = format!("{}\tnative-execve: true then permit[inherit]\n", guard::PERMIT);
    let told = String::from_utf8(victim::run(Some(&policy), story)).unwrap();
    assert_eq!(told, "0".repeat(20));
}

fn user_of_the_host() {
    for folder in ["bin", "lib", "lib64"] {
        let _ = std::os::unix::fs::symlink(format!("host/usr/{folder}"), format!("/{folder}"));
    }
}

/// In place of the whole process, whichever thread calls.
fn execute(script: &str) -> ! {
    use std::ffi::CString;
    let text = |text: &str| CString::new(text).unwrap();
    let arguments = [text("sh"), text("-c"), text(script)];
    let environment = [text("PATH=/host/usr/bin")];
    let Err(errno) = nix::unistd::execve(c"/host/usr/bin/dash", &arguments, &environment);
    panic!("{errno}");
}

/// The number of a dead thread is given to another one, with the same users and less capabilities, and no call tells of that.
#[test]
fn by_being_born_with_a_dead_threads_number() {
    assert_same(|| {
        let (ask, asked) = channel();
        let (tell, told) = channel();
        let other = std::thread::spawn(move || {
            capset(!(1 << 1 | 1 << 2)); // CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            tell.send(String::new()).unwrap();
            for number in asked {
                tell.send(born_with(number)).unwrap();
            }
        });
        told.recv().unwrap();
        let number = numbered::free_number();
        let mut text = String::new();
        for _ in 0..3 {
            text += &born_with(number);
            ask.send(number).unwrap();
            text += &told.recv().unwrap();
        }
        drop(ask);
        other.join().unwrap();
        text
    });
}

/// What a child reads that has this number on the host, by which the supervisor knows it.
fn born_with(number: i32) -> String {
    let child = numbered::in_child_numbered(number, || i32::from(reads(MODE_0000) == "yes "));
    let status = nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(child), None).unwrap();
    match status {
        nix::sys::wait::WaitStatus::Exited(_, 1) => "yes ".to_owned(),
        nix::sys::wait::WaitStatus::Exited(_, 0) => "no ".to_owned(),
        other => format!("{other:?} "),
    }
}

#[test]
fn by_entering_a_user_namespace() {
    let told = victim::run(Some(guard::PERMIT), || {
        let before = reads(MODE_0000).to_owned();
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWUSER).unwrap();
        (before + reads(MODE_0000)).into_bytes()
    });
    assert_eq!(String::from_utf8(told).unwrap(), "yes no ");
}
