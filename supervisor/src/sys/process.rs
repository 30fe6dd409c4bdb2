//! Descriptors of processes and of what they hold: pidfd_open(2), pidfd_getfd(2).

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// `PIDFD_THREAD` of linux/pidfd.h (since Linux 6.9).
const PIDFD_THREAD: libc::c_uint = libc::O_EXCL as libc::c_uint;

/// A descriptor of one thread.
///
/// # Errors
/// ESRCH if there is no such thread, EINVAL on kernels before 6.9.
pub fn open_thread(tid: libc::pid_t) -> Result<OwnedFd, Errno> {
    open(tid, PIDFD_THREAD)
}

/// A descriptor of a process; `pid` must lead its thread group.
///
/// # Errors
/// ESRCH if there is no such process, EINVAL if `pid` does not lead its thread group.
pub fn open_process(pid: libc::pid_t) -> Result<OwnedFd, Errno> {
    open(pid, 0)
}

fn open(pid: libc::pid_t, flags: libc::c_uint) -> Result<OwnedFd, Errno> {
    // SAFETY: pidfd_open(2) takes two numbers.
    let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, flags) })?;
    // SAFETY: the result is a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as libc::c_int) })
}

/// A copy of a descriptor that another process holds: the same open file description.
///
/// # Errors
/// EBADF if it holds no such descriptor, EPERM if we may not trace it, ESRCH if it is gone.
pub fn duplicate(process: BorrowedFd<'_>, fd: libc::c_int) -> Result<OwnedFd, Errno> {
    // SAFETY: pidfd_getfd(2) takes three numbers.
    let copy = Errno::result(unsafe {
        libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), fd, 0 as libc::c_uint)
    })?;
    // SAFETY: the result is a new descriptor (close-on-exec) that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(copy as libc::c_int) })
}

/// What fork(2) gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forked {
    /// We are the new process.
    Child,
    /// We are the old one; this is the new one's number.
    Parent(libc::pid_t),
}

/// fork(2). In the child only the calling thread is left, and locks that other threads held stay locked for ever: the child must
/// use nothing that they may have shared but what a process needs to begin anew.
///
/// # Errors
/// EAGAIN or ENOMEM.
pub fn fork() -> Result<Forked, Errno> {
    // SAFETY: fork(2) itself touches no memory of ours. glibc makes its own locks, those of malloc among them, usable in the
    // child of a process with several threads; our callers use no other lock of the parent's there.
    match Errno::result(unsafe { libc::fork() })? {
        0 => Ok(Forked::Child),
        child => Ok(Forked::Parent(child)),
    }
}

/// Signals a process by its descriptor (pidfd_send_signal(2)).
///
/// # Errors
/// ESRCH if it is gone.
pub fn send_signal(process: BorrowedFd<'_>, signal: Signal) -> Result<(), Errno> {
    let none = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: pidfd_send_signal(2) takes numbers and no information beside the signal.
    Errno::result(unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), signal as i32, none, 0)
    })
    .map(drop)
}

/// Makes a descriptor number stand for another file from now on (dup3(2)).
///
/// # Errors
/// What dup3(2) lists.
pub fn exchange(number: BorrowedFd<'_>, by: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: dup3(2) takes numbers. The number stays open all the time, so whoever owns it still owns an open descriptor.
    Errno::result(unsafe { libc::dup3(by.as_raw_fd(), number.as_raw_fd(), libc::O_CLOEXEC) })
        .map(drop)
}

/// The numbers by which the kernel knows a task, in the order real, effective, saved, file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids {
    /// The thread.
    pub tid: libc::pid_t,
    /// The process.
    pub tgid: libc::pid_t,
    /// Users.
    pub uids: [libc::uid_t; 4],
    /// Groups.
    pub gids: [libc::gid_t; 4],
}

/// `struct pidfd_info` of linux/pidfd.h in its first size, which every kernel that knows the request takes.
#[repr(C)]
#[derive(Default)]
struct Info {
    mask: u64,
    cgroup: u64,
    words: [u32; 12],
}

/// `PIDFD_GET_INFO`, `_IOWR(0xFF, 11, struct pidfd_info)`, and `PIDFD_INFO_CREDS` (linux/pidfd.h, since Linux 6.13).
const GET_INFO: libc::Ioctl =
    (3 << 30) | ((size_of::<Info>() as libc::Ioctl) << 16) | (0xff << 8) | 11;
const CREDENTIALS: u64 = 1 << 1;

/// What task a descriptor of one is bound to, as long as that is not reaped.
///
/// # Errors
/// ESRCH if it is gone; ENOTTY, EINVAL on kernels before 6.13.
pub fn ids(task: BorrowedFd<'_>) -> Result<Ids, Errno> {
    let mut info = Info { mask: CREDENTIALS, ..Info::default() };
    // SAFETY: PIDFD_GET_INFO reads and writes one struct pidfd_info of the size that is part of its number.
    Errno::result(unsafe {
        libc::ioctl(task.as_raw_fd(), GET_INFO, std::ptr::from_mut(&mut info))
    })?;
    if info.mask & CREDENTIALS == 0 {
        return Err(Errno::EINVAL);
    }
    let [pid, tgid, _parent, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid, _] = info.words;
    Ok(Ids {
        tid: pid as libc::pid_t,
        tgid: tgid as libc::pid_t,
        uids: [ruid, euid, suid, fsuid],
        gids: [rgid, egid, sgid, fsgid],
    })
}

/// Which number of a task is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// Its own.
    Thread,
    /// Its process's.
    Process,
}

/// `NS_GET_PID_FROM_PIDNS`, `NS_GET_TGID_FROM_PIDNS` and `NS_GET_PID_IN_PIDNS`, `_IOR(0xb7, 6, int)` and so on (linux/nsfs.h, since
/// Linux 6.11).
const PID_FROM: libc::Ioctl = (2 << 30) | (4 << 16) | (0xb7 << 8) | 6;
const TGID_FROM: libc::Ioctl = (2 << 30) | (4 << 16) | (0xb7 << 8) | 7;
const PID_IN: libc::Ioctl = (2 << 30) | (4 << 16) | (0xb7 << 8) | 8;

/// Our number for the task that has a number in another pid namespace.
///
/// # Errors
/// ESRCH if there is none; ENOTTY on kernels before 6.11.
pub fn translate(
    namespace: BorrowedFd<'_>,
    number: libc::pid_t,
    numbers: Numbers,
) -> Result<libc::pid_t, Errno> {
    let request = match numbers {
        Numbers::Thread => PID_FROM,
        Numbers::Process => TGID_FROM,
    };
    ask_namespace(namespace, request, number)
}

/// The number that a task of ours has in another pid namespace.
///
/// # Errors
/// ESRCH if it is not in there; ENOTTY on kernels before 6.11.
pub fn number_in(namespace: BorrowedFd<'_>, number: libc::pid_t) -> Result<libc::pid_t, Errno> {
    ask_namespace(namespace, PID_IN, number)
}

fn ask_namespace(
    namespace: BorrowedFd<'_>,
    request: libc::Ioctl,
    number: libc::pid_t,
) -> Result<libc::pid_t, Errno> {
    // SAFETY: these requests take a number in place of a pointer and write no memory.
    match Errno::result(unsafe { libc::ioctl(namespace.as_raw_fd(), request, number) })? {
        0 => Err(Errno::ESRCH),
        found => Ok(found),
    }
}

/// Whether two threads share one descriptor table (kcmp(2), `KCMP_FILES`).
#[must_use]
pub fn share_descriptors(one: libc::pid_t, other: libc::pid_t) -> bool {
    const KCMP_FILES: libc::c_int = 2; // linux/kcmp.h
    // SAFETY: kcmp(2) takes numbers.
    unsafe { libc::syscall(libc::SYS_kcmp, one, other, KCMP_FILES, 0, 0) == 0 }
}

/// Whether two threads may share one descriptor table: as [`share_descriptors`], but a kernel that does not tell counts as a yes.
/// What we may not trace has powers that we have not: it is none of a container's processes, to which we gave theirs.
#[must_use]
pub fn may_share_descriptors(one: libc::pid_t, other: libc::pid_t) -> bool {
    const KCMP_FILES: libc::c_int = 2; // linux/kcmp.h
    // SAFETY: kcmp(2) takes numbers.
    let order = unsafe { libc::syscall(libc::SYS_kcmp, one, other, KCMP_FILES, 0, 0) };
    match Errno::result(order) {
        Ok(order) => order == 0,
        Err(errno) => !matches!(errno, Errno::ESRCH | Errno::EPERM),
    }
}

/// How a process [apart] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its function has returned.
    Returned,
    /// A signal, or a panic.
    Killed,
}

/// Stack of a process [apart](apart).
const STACK: usize = 256 * 1024;

/// Runs a function in a process of its own, which shares memory and descriptors with the calling one and nothing else: so it
/// has one thread and may enter a user namespace. The calling thread waits until it has ended, and so it can use the thread's place
/// in the C library and in std meanwhile. Threads that the function starts are that process's, and must have ended when it
/// returns: one that was stopped anywhere would leave locks behind.
///
/// # Errors
/// What clone(2) lists.
pub fn apart<F: FnOnce()>(run: F) -> Result<End, Errno> {
    extern "C" fn begin<F: FnOnce()>(argument: *mut libc::c_void) -> libc::c_int {
        // SAFETY: `apart` passes its own `Option<F>`, keeps it alive and does not touch it while this runs (`CLONE_VFORK`).
        let run = unsafe { &mut *argument.cast::<Option<F>>() }.take();
        let outcome =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run.map(|run| run())));
        // SAFETY: exit_group(2) takes a number; it ends this process with all its threads, whose stacks nobody else uses.
        unsafe { libc::syscall(libc::SYS_exit_group, libc::c_int::from(outcome.is_err())) };
        unreachable!("exit_group does not return")
    }
    let mut stack = vec![0_u128; STACK / size_of::<u128>()];
    let mut run = Some(run);
    let flags = libc::CLONE_VM | libc::CLONE_FILES | libc::CLONE_VFORK;
    // SAFETY: the stack grows down from the end of `stack`, whose elements are aligned to 16 bytes as the ABI wants; it and `run` outlive the
    // child, because the kernel holds this thread back until the child has ended (`CLONE_VFORK`). Until then this thread
    // runs nothing, so the child may use its thread-local storage.
    let child = Errno::result(unsafe {
        let top = stack.as_mut_ptr().add(stack.len());
        libc::clone(begin::<F>, top.cast(), flags, std::ptr::from_mut(&mut run).cast())
    })?;
    loop {
        match waitpid(Pid::from_raw(child), Some(WaitPidFlag::__WALL)) {
            Err(Errno::EINTR) => {}
            Ok(WaitStatus::Exited(_, 0)) => return Ok(End::Returned),
            _ => return Ok(End::Killed),
        }
    }
}

/// The calling process is killed when its parent ends.
///
/// # Errors
/// ESRCH if that has ended already.
pub fn end_with_parent() -> Result<(), Errno> {
    // SAFETY: PR_SET_PDEATHSIG takes a number.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) })?;
    // An orphan has another parent, of the host's first process's kin; ours is in our own pid namespace and is not 1.
    if nix::unistd::getppid().as_raw() <= 1 { Err(Errno::ESRCH) } else { Ok(()) }
}

/// Closes every descriptor of the process but those listed. Their owners must never be used again: this is for a forked
/// child that leaves everything of its parent behind.
///
/// # Errors
/// What close_range(2) says.
pub fn close_all_but(kept: &[RawFd]) -> Result<(), Errno> {
    let mut kept = kept.to_vec();
    kept.sort_unstable();
    let ends = kept.iter().copied().chain([RawFd::MAX]);
    let starts = std::iter::once(0).chain(kept.iter().map(|fd| fd + 1));
    for (first, next) in starts.zip(ends).filter(|(first, next)| first < next) {
        // SAFETY: close_range(2) takes numbers. That no one uses the closed descriptors any more is what this function asks for.
        Errno::result(unsafe {
            libc::syscall(libc::SYS_close_range, first as libc::c_uint, next as libc::c_uint - 1, 0)
        })?;
    }
    Ok(())
}
