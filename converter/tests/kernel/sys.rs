//! System calls that no safe interface makes: arbitrary ones are the point of this test.
#![allow(unsafe_code)]

use std::io;

/// Installs a filter on the calling thread for the rest of its life.
pub fn install(program: &[libc::sock_filter]) -> io::Result<()> {
    let len = u16::try_from(program.len()).map_err(io::Error::other)?;
    let prog = libc::sock_fprog { len, filter: program.as_ptr().cast_mut() };
    // SAFETY: prctl(2) PR_SET_NO_NEW_PRIVS takes numbers only.
    let unprivileged = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    if unprivileged != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: seccomp(2) reads `len` instructions behind `filter` and keeps its own copy; `program`
    // outlives the call.
    let installed = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const prog)
    };
    if installed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// getppid(2) with whatever in its argument registers, which it ignores; `number` may carry the x32
/// bit.
pub fn parent(number: u32, arguments: [u64; 6]) -> Result<i64, i32> {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: getppid has no arguments and touches no memory, and x32 numbers are only ever
    // refused.
    let result = unsafe { libc::syscall(libc::c_long::from(number), a, b, c, d, e, f) };
    match result {
        -1 => Err(io::Error::last_os_error().raw_os_error().unwrap_or_default()),
        _ => Ok(result),
    }
}

/// getppid by the 32-bit convention, `int 0x80`, number 64 of that table; the raw result of the
/// kernel.
pub fn parent_by_int80() -> i32 {
    let result: i32;
    // SAFETY: 32-bit getppid reads and writes no memory; the kernel keeps all registers but eax and
    // r8 to r11 (entry_64_compat.S).
    unsafe {
        std::arch::asm!("int 0x80", inlateout("eax") 64 => result,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _);
    }
    result
}
