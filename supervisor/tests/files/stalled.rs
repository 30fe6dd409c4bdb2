//! Calls that the workload makes its supervisor wait in: the container's other calls go on, and the caller can be killed.

use crate::guard::PERMIT;
use crate::{sys, victim};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::{Signal, kill};
use std::ffi::CStr;
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// More than there are threads that wait for calls.
fn crowd() -> usize {
    2 * std::thread::available_parallelism().map_or(1, usize::from) + 1
}

fn open(name: u64) -> i64 {
    sys::call(libc::SYS_open, [name, 0, 0, 0, 0, 0])
}

/// How long another file's open takes meanwhile.
fn elsewhere() -> Duration {
    std::thread::sleep(Duration::from_millis(50));
    let start = Instant::now();
    drop(File::open("/etc/passwd").unwrap());
    start.elapsed()
}

/// Stalls a crowd until something is dropped; what they get, and how long another call took meanwhile.
fn stall<H>(policy: Option<&str>, name: u64, hold: impl FnOnce() -> H) -> (Vec<i64>, Duration) {
    let told = victim::run(policy, || {
        let held = hold();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..crowd()).map(|_| scope.spawn(move || open(name))).collect();
            let took = elsewhere();
            assert!(threads.iter().all(|thread| !thread.is_finished()), "nobody was stalled");
            drop(held);
            let results = threads.into_iter().map(|thread| thread.join().unwrap().min(0));
            let results: Vec<i64> = [took.as_millis() as i64].into_iter().chain(results).collect();
            results.iter().flat_map(|number| number.to_ne_bytes()).collect()
        })
    });
    let (words, _) = told.as_chunks::<8>();
    let mut numbers = words.iter().map(|word| i64::from_ne_bytes(*word));
    let took = Duration::from_millis(numbers.next().unwrap() as u64);
    (numbers.collect(), took)
}

fn assert_same(name: impl Fn() -> u64, hold: impl Fn() -> OwnedFd) {
    let (native, _) = stall(None, name(), &hold);
    let (supervised, took) = stall(Some(PERMIT), name(), &hold);
    assert_eq!(supervised, native);
    assert!(took < Duration::from_secs(30), "others waited for {took:?}");
}

/// Two pages whose content comes from whoever holds the descriptor (userfaultfd(2)): here never.
struct Faulty {
    at: u64,
}

impl Faulty {
    fn new() -> Self {
        let (access, kind) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let at = sys::call(libc::SYS_mmap, [0, 8192, access as u64, kind as u64, u64::MAX, 0]);
        Self { at: at as u64 }
    }

    fn hold(&self) -> OwnedFd {
        let held =
            sys::take(sys::call(libc::SYS_userfaultfd, [libc::O_CLOEXEC as u64, 0, 0, 0, 0, 0]));
        let (mut api, mut range) = ([0xaa_u64, 0, 0], [self.at, 8192, 1, 0]);
        let ask = |request: u64, structure: *mut u64| {
            let arguments = [held.as_raw_fd() as u64, request, structure as u64, 0, 0, 0];
            assert_eq!(sys::call(libc::SYS_ioctl, arguments), 0);
        };
        // UFFDIO_API and UFFDIO_REGISTER of linux/userfaultfd.h.
        ask(0xc018_aa3f, api.as_mut_ptr());
        ask(0xc020_aa00, range.as_mut_ptr());
        held
    }
}

#[test]
fn by_a_page_that_never_comes() {
    let faulty = Faulty::new();
    assert_same(|| faulty.at, || faulty.hold());
}

/// A file system whose server never answers, not even that it is there (fuse(4)).
struct Unanswered;

impl Unanswered {
    const NAME: &CStr = c"/data/fuse/file";

    /// `device` was opened by somebody who may.
    fn mount(device: &File) -> Self {
        std::fs::create_dir("/data/fuse").unwrap();
        let options =
            format!("fd={},rootmode=40000,user_id=0,group_id=0,allow_other", device.as_raw_fd());
        let none = MsFlags::empty();
        mount(Some("fuse"), "/data/fuse", Some("fuse"), none, Some(&*options)).unwrap();
        Self
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        let _ = umount2("/data/fuse", MntFlags::MNT_FORCE);
    }
}

fn device() -> Option<File> {
    let device = File::options().read(true).write(true).open("/dev/fuse");
    device.inspect_err(|error| eprintln!("not tried: no file systems of others: {error}")).ok()
}

#[test]
fn by_a_file_system_that_never_answers() {
    let (Some(one), Some(other)) = (device(), device()) else { return };
    let name = Unanswered::NAME.as_ptr() as u64;
    let (native, _) = stall(None, name, || Unanswered::mount(&one));
    let (supervised, took) = stall(Some(PERMIT), name, || Unanswered::mount(&other));
    assert_eq!(supervised, native);
    assert!(took < Duration::from_secs(30), "others waited for {took:?}");
}

/// Whoever opens the file has to wait until the lease is given back (fcntl(2), `F_SETLEASE`).
fn leased() -> OwnedFd {
    // The kernel asks for it with this signal.
    nix::sys::signal::SigSet::from(Signal::SIGIO).thread_block().unwrap();
    std::fs::write("/data/leased", "content").unwrap();
    let file = File::options().read(true).write(true).open("/data/leased").unwrap();
    let arguments =
        [file.as_raw_fd() as u64, libc::F_SETLEASE as u64, libc::F_WRLCK as u64, 0, 0, 0];
    assert_eq!(sys::call(libc::SYS_fcntl, arguments), 0);
    file.into()
}

#[test]
fn by_a_lease_that_is_not_given_back() {
    assert_same(|| c"/data/leased".as_ptr() as u64, leased);
}

#[test]
fn and_killed() {
    let faulty = Faulty::new();
    assert_killed(faulty.at, Some(&|| faulty.hold()), || ());
    if let Some(device) = device() {
        assert_killed(Unanswered::NAME.as_ptr() as u64, None, || Unanswered::mount(&device));
    }
    assert_killed(c"/data/leased".as_ptr() as u64, None, leased);
}

/// `own` is what each caller holds itself.
fn assert_killed<H>(name: u64, own: Option<&dyn Fn() -> OwnedFd>, hold: impl Fn() -> H) {
    let told = victim::run(Some(PERMIT), || {
        let _held = hold();
        for _ in 0..crowd() {
            let child = sys::in_child(|| {
                let _own = own.map(|own| own());
                open(name) as i32
            });
            let child = nix::unistd::Pid::from_raw(child);
            std::thread::sleep(Duration::from_millis(10));
            kill(child, Signal::SIGKILL).unwrap();
            let status = nix::sys::wait::waitpid(child, None).unwrap();
            assert!(matches!(status, nix::sys::wait::WaitStatus::Signaled(..)), "{status:?}");
        }
        assert!(elsewhere() < Duration::from_secs(30));
        b"killed".to_vec()
    });
    assert_eq!(told, b"killed");
}
