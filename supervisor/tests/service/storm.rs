//! Workloads that go on while their supervisor is killed, and count what the calls came to.

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::{Mode, mkdirat, stat};
use nix::unistd::{Pid, chdir};
use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What each kind of call came to, and how often: `open:ok=17 read:EPERM=4 …`.
#[derive(Default)]
struct Tally(Mutex<BTreeMap<String, u32>>);

impl Tally {
    fn count<T>(&self, what: &str, result: Result<T, Errno>) {
        let outcome = result.map_or_else(|errno| format!("{errno:?}"), |_| "ok".into());
        *self.0.lock().unwrap().entry(format!("{what}:{outcome}")).or_default() += 1;
    }

    fn text(&self) -> String {
        let all = self.0.lock().unwrap();
        all.iter().map(|(what, times)| format!("{what}={times}")).collect::<Vec<_>>().join(" ")
    }
}

/// Opens a permitted and a forbidden file, looks at one, and makes folders below `folder`, from several threads.
pub fn storm(threads: usize, milliseconds: u64, folder: &str) -> String {
    let (tally, end) = (Tally::default(), Instant::now() + Duration::from_millis(milliseconds));
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let tally = &tally;
            scope.spawn(move || {
                for round in 0.. {
                    if Instant::now() > end {
                        break;
                    }
                    let read = |path| open(path, OFlag::O_RDONLY, Mode::empty());
                    tally.count("open", read("/etc/passwd"));
                    tally.count("forbidden", read("/etc/hostname"));
                    tally.count("stat", stat("/etc/passwd"));
                    let path = format!("{folder}/{thread}-{round}");
                    tally.count(
                        "mkdir",
                        mkdirat(nix::fcntl::AT_FDCWD, path.as_str(), Mode::S_IRWXU),
                    );
                }
            });
        }
    });
    tally.text()
}

/// Opens a file until the time is over or nobody answers any more; gives what came last. A call that was with a supervisor when it
/// was killed may be interrupted, and is refused when two of them died with it.
pub fn until_it_fails(milliseconds: u64) -> String {
    let end = Instant::now() + Duration::from_millis(milliseconds);
    while Instant::now() < end {
        match open("/etc/passwd", OFlag::O_RDONLY, Mode::empty()) {
            // What came may be no descriptor: see "When a supervisor dies" in ARCHITECTURE.md.
            Ok(fd) => drop(nix::unistd::close(fd)),
            Err(Errno::EINTR | Errno::EPERM) => {}
            Err(errno) => return format!("{errno:?}"),
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    "ok".into()
}

/// Opens a FIFO for reading, which waits for a writer.
pub fn fifo(path: &str) -> Result<String, Errno> {
    open(path, OFlag::O_RDONLY, Mode::empty()).map(|_| "opened".into())
}

/// Starts a shell that execs another program, so many times in each thread. `stop` stops and continues it meanwhile, `kill` kills it.
/// Tells how many ended as they should.
pub fn execs(threads: usize, times: usize, what: &str) -> String {
    let good = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let good = &good;
            scope.spawn(move || {
                let ended = (0..times).filter(|round| one_exec(what, thread + round)).count();
                good.fetch_add(ended, Ordering::Relaxed);
            });
        }
    });
    format!("{} of {}", good.into_inner(), threads * times)
}

fn one_exec(what: &str, delay: usize) -> bool {
    let mut child = Command::new("/bin/dash").args(["-c", "exec /bin/true"]).spawn().unwrap();
    let send = |signal| kill(Pid::from_raw(child.id() as i32), signal);
    std::thread::sleep(Duration::from_micros(100 * (delay % 20) as u64));
    match what {
        "stop" => {
            let _ = send(Signal::SIGSTOP);
            std::thread::sleep(Duration::from_millis(1));
            let _ = send(Signal::SIGCONT);
        }
        "kill" => drop(send(Signal::SIGKILL)),
        _ => {}
    }
    let status = child.wait().unwrap();
    status.success() || (what == "kill" && status.signal() == Some(libc::SIGKILL))
}

/// Goes to a forbidden folder so many times; tells how often that failed with EPERM.
pub fn denied(times: usize) -> String {
    let failed = (0..times).filter(|_| chdir("/") == Err(Errno::EPERM)).count();
    format!("{failed} EPERM")
}

/// Calls that are denied and recorded, without a pause; tells how many there were.
pub fn flood(threads: usize, milliseconds: u64) -> String {
    let (calls, end) = (AtomicUsize::new(0), Instant::now() + Duration::from_millis(milliseconds));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while Instant::now() < end {
                    assert_eq!(chdir("/"), Err(Errno::EPERM));
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    calls.into_inner().to_string()
}
