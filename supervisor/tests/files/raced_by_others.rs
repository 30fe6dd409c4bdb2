//! What another process or thread can change while a name is judged: memory that it shares or writes to, the descriptor or the
//! folder that a name starts from, the folders on its way.

use crate::{sys, twin, victim};
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

const POLICY: &str = r#"Policy: /victim, Emulation: native
	native-fsread: filename eq "/etc/shadow" then deny
	native-fsread: true then permit
	native-fswrite: true then permit
	native-fstat: permit
"#;

/// What was read, and how often.
#[derive(Debug, Default)]
struct Outcomes {
    secret: u32,
    public: u32,
    denied: u32,
}

impl Outcomes {
    fn of(told: &[u8]) -> Self {
        let text = std::str::from_utf8(told).unwrap();
        let counts: Vec<u32> = text.split(' ').map(|count| count.parse().unwrap()).collect();
        Self { secret: counts[0], public: counts[1], denied: counts[2] }
    }

    fn tries(&self) -> u32 {
        self.secret + self.public + self.denied
    }
}

/// When a race has lasted long enough.
type Enough<'e> = &'e dyn Fn(&Outcomes) -> bool;

/// Opens a name until that is enough.
fn race_with(enough: Enough<'_>, open: impl Fn() -> i64) -> Outcomes {
    let mut outcomes = Outcomes::default();
    while !enough(&outcomes) {
        match open() {
            fd @ 0.. => match std::io::read_to_string(File::from(sys::take(fd))).as_deref() {
                Ok("secret\n") => outcomes.secret += 1,
                _ => outcomes.public += 1,
            },
            _ => outcomes.denied += 1,
        }
    }
    outcomes
}

fn open_at(folder: i32, name: u64) -> i64 {
    sys::call(libc::SYS_openat, [folder as u64, name, 0, 0, 0, 0])
}

/// The race is won without us and never against us.
fn assert_only_native(body: fn(Enough<'_>) -> Outcomes) {
    let run = |policy| {
        let start = Instant::now();
        let told = victim::run(policy, || {
            // On a busy machine the other side may rest for long.
            let enough = |counts: &Outcomes| {
                let both = counts.public > 0
                    && if policy.is_some() { counts.denied > 0 } else { counts.secret > 0 };
                counts.tries() >= 500 && both || start.elapsed() > Duration::from_secs(10)
            };
            let Outcomes { secret, public, denied } = body(&enough);
            format!("{secret} {public} {denied}").into_bytes()
        });
        Outcomes::of(&told)
    };
    let native = run(None);
    assert!(native.secret > 0 && native.public > 0, "no race without supervision: {native:?}");
    let supervised = run(Some(POLICY));
    assert_eq!(supervised.secret, 0, "the race was won: {supervised:?}");
    assert!(supervised.public > 0 && supervised.denied > 0, "no race took place: {supervised:?}");
}

fn word(bytes: &[u8; 8]) -> u64 {
    u64::from_ne_bytes(*bytes)
}

/// Runs something again and again in another process until it is killed.
fn meanwhile<T>(change: impl Fn(bool), act: impl FnOnce() -> T) -> T {
    let child = sys::in_child(|| {
        let (start, mut side) = (Instant::now(), false);
        while start.elapsed() < Duration::from_secs(60) {
            change(side);
            side = !side;
        }
        0
    });
    let result = act();
    let child = nix::unistd::Pid::from_raw(child);
    nix::sys::signal::kill(child, nix::sys::signal::Signal::SIGKILL).unwrap();
    nix::sys::wait::waitpid(child, None).unwrap();
    result
}

#[test]
fn memory_that_another_process_shares() {
    assert_only_native(|enough| {
        let kind = (libc::MAP_SHARED | libc::MAP_ANONYMOUS) as u64;
        let at = sys::call(libc::SYS_mmap, [0, 4096, 3, kind, u64::MAX, 0]) as u64;
        let name = twin::words_at(at);
        name[0].store(word(b"/etc////"), Relaxed);
        name[1].store(word(b"passwd\0\0"), Relaxed);
        let change =
            |side| name[1].store(word(if side { b"passwd\0\0" } else { b"shadow\0\0" }), Relaxed);
        meanwhile(change, || race_with(enough, || open_at(libc::AT_FDCWD, at)))
    });
}

#[test]
fn memory_that_another_process_writes_to() {
    assert_only_native(|enough| {
        let name = [AtomicU64::new(word(b"/etc////")), AtomicU64::new(word(b"passwd\0\0"))];
        let victim = nix::unistd::getpid();
        let change = |side| {
            let text: &[u8; 6] = if side { b"passwd" } else { b"shadow" };
            let remote = [nix::sys::uio::RemoteIoVec { base: name[1].as_ptr() as usize, len: 6 }];
            nix::sys::uio::process_vm_writev(victim, &[std::io::IoSlice::new(text)], &remote)
                .unwrap();
        };
        let at = name.as_ptr() as u64;
        meanwhile(change, || race_with(enough, || open_at(libc::AT_FDCWD, at)))
    });
}

/// Changes something in another thread while a name is opened.
fn threaded(enough: Enough<'_>, open: impl Fn() -> i64, change: impl Fn(bool) + Sync) -> Outcomes {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut side = false;
            while !over.load(Relaxed) {
                change(side);
                side = !side;
            }
        });
        let outcomes = race_with(enough, open);
        over.store(true, Relaxed);
        outcomes
    })
}

/// Two folders, each with a file of the same name; only one of them is secret.
fn two_folders() -> [File; 2] {
    fs::create_dir("/tmp/open").unwrap();
    fs::write("/tmp/open/shadow", "harmless\n").unwrap();
    ["/tmp/open", "/etc"].map(|folder| File::open(folder).unwrap())
}

#[test]
fn the_descriptor_of_a_folder() {
    assert_only_native(|enough| {
        let folders = two_folders();
        let fd = folders[0].try_clone().unwrap();
        let exchange = |side| {
            let [from, to] = [folders[usize::from(side)].as_raw_fd(), fd.as_raw_fd()];
            sys::call(libc::SYS_dup2, [from as u64, to as u64, 0, 0, 0, 0]);
        };
        threaded(enough, || open_at(fd.as_raw_fd(), c"shadow".as_ptr() as u64), exchange)
    });
}

#[test]
fn the_working_folder() {
    assert_only_native(|enough| {
        let folders = two_folders();
        let go = |side| {
            sys::call(
                libc::SYS_fchdir,
                [folders[usize::from(side)].as_raw_fd() as u64, 0, 0, 0, 0, 0],
            );
        };
        threaded(enough, || open_at(libc::AT_FDCWD, c"shadow".as_ptr() as u64), go)
    });
}

/// `..` of a folder that moves leads elsewhere.
#[test]
fn the_folder_above() {
    assert_only_native(|enough| {
        for folder in ["/tmp/a", "/tmp/a/etc", "/tmp/a/deep", "/etc/deep", "/tmp/a/deep/moving"] {
            fs::create_dir(folder).unwrap();
        }
        fs::write("/tmp/a/shadow", "harmless\n").unwrap();
        let move_it = |side| {
            let names = ["/tmp/a/deep/moving", "/etc/deep/moving"];
            let _ =
                if side { fs::rename(names[0], names[1]) } else { fs::rename(names[1], names[0]) };
        };
        let folder = File::open("/tmp/a/deep/moving").unwrap();
        threaded(enough, || open_at(folder.as_raw_fd(), c"../../shadow".as_ptr() as u64), move_it)
    });
}

/// A mount comes and goes over the folder.
#[test]
fn a_mount_on_the_way() {
    use nix::mount::{MntFlags, MsFlags, mount, umount2};
    assert_only_native(|enough| {
        drop(two_folders());
        let swap = |side| {
            let none = None::<&str>;
            let _ = if side {
                mount(Some("/tmp/open"), "/etc", none, MsFlags::MS_BIND, none)
            } else {
                umount2("/etc", MntFlags::MNT_DETACH)
            };
        };
        threaded(enough, || open_at(libc::AT_FDCWD, c"/etc/shadow".as_ptr() as u64), swap)
    });
}
