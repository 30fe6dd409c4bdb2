//! System calls with arguments that no safe wrapper would pass: memory that another thread changes meanwhile.
#![allow(unsafe_code)]

use nix::errno::Errno;
use std::ffi::{CStr, CString};
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Memory that is one text or another, changed without a break while the calls run.
pub struct Flipping {
    bytes: *mut u8,
    one: Vec<u8>,
    other: Vec<u8>,
}

// SAFETY: the bytes are only ever accessed volatile or by the kernel; that they are torn is the point.
unsafe impl Send for Flipping {}
// SAFETY: as above.
unsafe impl Sync for Flipping {}

impl Flipping {
    /// Both texts must have the same length.
    pub fn new(one: &[u8], other: &[u8]) -> Self {
        assert_eq!(one.len(), other.len());
        let bytes = Box::leak(one.to_vec().into_boxed_slice()).as_mut_ptr();
        Self { bytes, one: one.to_vec(), other: other.to_vec() }
    }

    /// Where the memory is.
    pub fn pointer(&self) -> *const u8 {
        self.bytes
    }

    /// How long it is.
    pub fn len(&self) -> usize {
        self.one.len()
    }

    /// Changes the memory until `over`.
    pub fn flip(&self, over: &AtomicBool) {
        while !over.load(Ordering::Relaxed) {
            for text in [&self.other, &self.one] {
                for (at, byte) in
                    text.iter().enumerate().filter(|(at, _)| self.one[*at] != self.other[*at])
                {
                    // SAFETY: `at` is within the leaked allocation.
                    unsafe { self.bytes.add(at).write_volatile(*byte) };
                }
                (0..50).for_each(|_| std::hint::spin_loop());
            }
        }
    }
}

/// connect(2) with an address in memory that may change.
pub fn connect(socket: i32, address: &Flipping) -> Result<(), Errno> {
    // SAFETY: connect(2) reads `len` bytes of the allocation.
    let result = unsafe {
        libc::connect(socket, address.pointer().cast(), address.len() as libc::socklen_t)
    };
    Errno::result(result).map(drop)
}

/// Starts a program with its name or an argument in memory that may change; gives its wait status. The child shares our
/// memory (`CLONE_VM`), so that the memory goes on changing while it waits for its execve.
pub fn run_raced(words: &[*const u8]) -> i32 {
    extern "C" fn child(vector: *mut libc::c_void) -> libc::c_int {
        let vector: *const *const libc::c_char = vector.cast();
        let none = [std::ptr::null()];
        // SAFETY: the vectors end with a null pointer, the texts with a NUL.
        unsafe { libc::execve(*vector, vector, none.as_ptr()) };
        41
    }
    let mut vector = words.to_vec();
    vector.push(std::ptr::null());
    let mut stack = vec![0_u8; 64 * 1024];
    let mut status = 0;
    // SAFETY: the child runs on the top of a stack of its own, which outlives it, as the vector does: we wait for it.
    unsafe {
        let top = stack.as_mut_ptr().add(stack.len()).cast();
        let flags = libc::CLONE_VM | libc::SIGCHLD;
        let pid = libc::clone(child, top, flags, vector.as_mut_ptr().cast());
        assert!(pid > 0);
        assert_eq!(libc::waitpid(pid, &mut status, 0), pid);
    }
    status
}

/// Starts the program behind a descriptor that may change; gives its wait status. The child shares our descriptors (`CLONE_FILES`).
pub fn run_raced_descriptor(descriptor: i32) -> i32 {
    extern "C" fn child(descriptor: *mut libc::c_void) -> libc::c_int {
        let arguments = [c"program".as_ptr(), std::ptr::null()];
        let none = [std::ptr::null::<libc::c_char>()];
        let (arguments, none) = (arguments.as_ptr(), none.as_ptr());
        let (descriptor, name) = (descriptor as usize, c"".as_ptr());
        // SAFETY: the vectors end with a null pointer, the texts with a NUL.
        unsafe {
            libc::syscall(
                libc::SYS_execveat,
                descriptor,
                name,
                arguments,
                none,
                libc::AT_EMPTY_PATH,
            )
        };
        41
    }
    let mut stack = vec![0_u128; 4096];
    let mut status = 0;
    // SAFETY: the child runs on the top of a stack of its own, which outlives it: we wait for it. Its argument is a number.
    unsafe {
        let top = stack.as_mut_ptr().add(stack.len()).cast();
        let flags = libc::CLONE_VM | libc::CLONE_FILES | libc::SIGCHLD;
        let pid = libc::clone(child, top, flags, descriptor as usize as *mut libc::c_void);
        assert!(pid > 0);
        assert_eq!(libc::waitpid(pid, &mut status, 0), pid);
    }
    status
}

/// A file without a name (memfd_create(2)).
pub fn memory_file() -> OwnedFd {
    // SAFETY: memfd_create(2) reads a text that ends with NUL.
    let fd = Errno::result(unsafe { libc::memfd_create(c"program".as_ptr(), 0) }).unwrap();
    // SAFETY: it is new and nobody else's.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// dup2(2).
pub fn put_in_place(of: i32, descriptor: i32) {
    // SAFETY: dup2(2) takes numbers; the tests own both descriptors.
    Errno::result(unsafe { libc::dup2(descriptor, of) }).unwrap();
}

/// execveat(2); returns only if it failed.
pub fn execveat(folder: i32, path: &CStr, arguments: &[CString], flags: i32) -> Errno {
    let mut pointers: Vec<*const libc::c_char> = arguments.iter().map(|a| a.as_ptr()).collect();
    pointers.push(std::ptr::null());
    let none = [std::ptr::null::<libc::c_char>()];
    // SAFETY: the vectors end with a null pointer, the texts with a NUL.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            folder,
            path.as_ptr(),
            pointers.as_ptr(),
            none.as_ptr(),
            flags,
        )
    };
    Errno::last()
}

/// How often SIGPIPE came since [`count_pipe_signals`].
pub static PIPE_SIGNALS: AtomicU32 = AtomicU32::new(0);

/// Counts SIGPIPE from now on.
pub fn count_pipe_signals() {
    extern "C" fn count(_: libc::c_int) {
        PIPE_SIGNALS.fetch_add(1, Ordering::Relaxed);
    }
    // SAFETY: the handler only adds to an atomic number.
    unsafe { libc::signal(libc::SIGPIPE, count as *const () as usize) };
}

/// Has a handler that does nothing for SIGALRM, and raises it after a while.
pub fn alarm(restart: bool, milliseconds: i64) {
    extern "C" fn nothing(_: libc::c_int) {}
    let flags = if restart { libc::SA_RESTART } else { 0 };
    // SAFETY: an all-zero sigaction is valid; the handler does nothing.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = nothing as *const () as usize;
        action.sa_flags = flags;
        assert_eq!(libc::sigaction(libc::SIGALRM, &action, std::ptr::null_mut()), 0);
        let value = libc::timeval { tv_sec: 0, tv_usec: milliseconds * 1000 };
        let zero = libc::timeval { tv_sec: 0, tv_usec: 0 };
        let timer = libc::itimerval { it_interval: zero, it_value: value };
        assert_eq!(libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut()), 0);
    }
}

/// Installs a filter as runc 1.1 does: with a listener, and without `WAIT_KILLABLE_RECV`. Gives the listener's number.
pub fn install_gate(program: &[libc::sock_filter]) -> Result<i32, Errno> {
    let length = program.len() as u16;
    let program = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut() };
    // SAFETY: seccomp(2) reads the program behind the pointer, which outlives the call.
    let listener = Errno::result(unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            std::ptr::from_ref(&program),
        )
    })?;
    Ok(listener as i32)
}

/// Raises SIGALRM each time so many microseconds have passed, for a handler that does nothing; 0 ends it.
pub fn storm(microseconds: i64) {
    alarm(true, 0);
    let every = libc::timeval { tv_sec: 0, tv_usec: microseconds };
    let timer = libc::itimerval { it_interval: every, it_value: every };
    // SAFETY: setitimer(2) reads the timer.
    assert_eq!(unsafe { libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut()) }, 0);
}
