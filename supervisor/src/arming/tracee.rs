//! One stopped thread that is made to make system calls.
//!
//! Its registers point behind the `syscall` instruction of the call that stopped it. Set back by that instruction's two bytes and
//! filled with another call's numbers, they make it: no code is written into the process.

use super::ArmError;
use crate::filter::Filter;
use crate::notification::Tid;
use crate::sys::{signal, tracing};
use libc::user_regs_struct;
use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::uio::{RemoteIoVec, process_vm_writev};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use policy::registry::SyscallNumber;
use std::io::IoSlice;

/// `syscall`, as the two bytes lie in memory.
const SYSCALL: [u8; 2] = [0x0f, 0x05];

/// `__USER_CS` of asm/segment.h: the thread runs 64-bit code.
const USER_CS: u64 = 0x33;

/// How often it may be stopped by others on its way to a call.
const STOPS: usize = 1000;

/// No call: the kernel restarts nothing (`orig_ax`, arch/x86/kernel/signal.c).
const NO_CALL: u64 = u64::MAX;

/// A traced thread. Dropped, it is killed; so it is by the kernel if we die (`PTRACE_O_EXITKILL`).
#[derive(Debug)]
pub struct Tracee {
    pid: Pid,
    /// As it was stopped.
    registers: Option<user_regs_struct>,
    blocked: u64,
    /// Signals that came meanwhile.
    held: Vec<Signal>,
    released: bool,
}

fn failed(step: &'static str) -> impl Fn(Errno) -> ArmError {
    move |source| ArmError::Trace { step, source }
}

impl Tracee {
    /// Begins to trace; the thread goes on.
    pub fn seize(tid: Tid) -> Result<Self, ArmError> {
        let pid = Pid::from_raw(tid.0);
        let options = Options::PTRACE_O_EXITKILL | Options::PTRACE_O_TRACESYSGOOD;
        ptrace::seize(pid, options).map_err(failed("attach"))?;
        Ok(Self { pid, registers: None, blocked: 0, held: Vec::new(), released: false })
    }

    /// Stops it; a wait for an answer ends with that.
    pub fn interrupt(mut self) -> Result<Self, ArmError> {
        ptrace::interrupt(self.pid).map_err(failed("interrupt"))?;
        while !matches!(
            self.wait()?,
            WaitStatus::PtraceEvent(_, Signal::SIGTRAP, libc::PTRACE_EVENT_STOP)
        ) {
            ptrace::cont(self.pid, None).map_err(failed("continue"))?;
        }
        self.registers = Some(ptrace::getregs(self.pid).map_err(failed("read registers"))?);
        self.blocked =
            tracing::blocked_signals(self.pid).map_err(failed("read the signal mask"))?;
        // No handler of the process may run between the calls that it is made to make.
        tracing::block_signals(self.pid, u64::MAX).map_err(failed("block signals"))?;
        Ok(self)
    }

    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Whether it came to a stop in this call, made by 64-bit code with a `syscall` instruction.
    pub fn stopped_in(&self, call: SyscallNumber) -> bool {
        let Some(registers) = self.registers else { return false };
        let place = registers.rip.wrapping_sub(SYSCALL.len() as u64);
        let code = ptrace::read(self.pid, place as ptrace::AddressType);
        registers.cs == USER_CS
            && registers.orig_rax == u64::from(call.0)
            && code.is_ok_and(|word| word.to_ne_bytes().starts_with(&SYSCALL))
    }

    /// Makes a call in it.
    pub fn call(
        &mut self,
        name: &'static str,
        number: libc::c_long,
        arguments: [u64; 6],
    ) -> Result<u64, ArmError> {
        let mut registers = self.repeating(number as u64)?;
        [registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8, registers.r9] =
            arguments;
        ptrace::setregs(self.pid, registers).map_err(failed("write registers"))?;
        self.run_to_syscall_stop()?;
        self.run_to_syscall_stop()?;
        let result = ptrace::getregs(self.pid).map_err(failed("read registers"))?.rax;
        match i32::try_from(result.cast_signed()) {
            // The kernel's errors are small negative numbers (`IS_ERR_VALUE`); addresses do not fit an int at all.
            Ok(error @ -4095..0) => {
                Err(ArmError::Call { call: name, source: Errno::from_raw(-error) })
            }
            _ => Ok(result),
        }
    }

    /// Gives it memory with a `struct sock_fprog` and the program behind it; the memory goes with its execve.
    pub fn place(&mut self, filter: &Filter) -> Result<u64, ArmError> {
        const HEAD: usize = 16;
        let program = filter.to_bytes();
        let protection = (libc::PROT_READ | libc::PROT_WRITE) as u64;
        let kind = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as u64;
        let size = (HEAD + program.len()) as u64;
        let address =
            self.call("mmap", libc::SYS_mmap, [0, size, protection, kind, u64::MAX, 0])?;
        let length = filter.instructions().len() as u64;
        let behind = address + HEAD as u64;
        let bytes = [&length.to_ne_bytes()[..], &behind.to_ne_bytes(), &program].concat();
        let there = [RemoteIoVec { base: address as usize, len: bytes.len() }];
        match process_vm_writev(self.pid, &[IoSlice::new(&bytes)], &there) {
            Ok(written) if written == bytes.len() => Ok(address),
            Ok(_) => Err(failed("write the filter")(Errno::EFAULT)),
            Err(errno) => Err(failed("write the filter")(errno)),
        }
    }

    /// Lets it make the call again that it was stopped in, with what it asked for.
    pub fn release(self) -> Result<(), ArmError> {
        let call = self.registers.ok_or(ArmError::Running)?.orig_rax;
        let registers = self.repeating(call)?;
        ptrace::setregs(self.pid, registers).map_err(failed("write registers"))?;
        self.go_on()
    }

    /// Lets it go on as if nothing had been: the kernel restarts what it was stopped in.
    pub fn let_go(self) -> Result<(), ArmError> {
        self.go_on()
    }

    fn go_on(mut self) -> Result<(), ArmError> {
        tracing::block_signals(self.pid, self.blocked).map_err(failed("unblock signals"))?;
        for held in &self.held {
            let (pid, number) = (self.pid.as_raw(), *held as libc::c_int);
            signal::signal_thread(pid, pid, number).map_err(failed("signal"))?;
        }
        ptrace::detach(self.pid, None).map_err(failed("detach"))?;
        self.released = true;
        Ok(())
    }

    /// The registers at its stop, about to make a call.
    fn repeating(&self, call: u64) -> Result<user_regs_struct, ArmError> {
        let mut registers = self.registers.ok_or(ArmError::Running)?;
        registers.rip = registers.rip.wrapping_sub(SYSCALL.len() as u64);
        registers.rax = call;
        registers.orig_rax = NO_CALL;
        Ok(registers)
    }

    fn run_to_syscall_stop(&mut self) -> Result<(), ArmError> {
        // SIGSTOP cannot be blocked, and a container may send it to what joins it.
        for _ in 0..STOPS {
            ptrace::syscall(self.pid, None).map_err(failed("continue"))?;
            if let WaitStatus::PtraceSyscall(_) = self.wait()? {
                return Ok(());
            }
        }
        Err(failed("reach a call")(Errno::ELOOP))
    }

    /// Waits for its next stop. A signal is held until it is released.
    fn wait(&mut self) -> Result<WaitStatus, ArmError> {
        loop {
            match waitpid(self.pid, Some(WaitPidFlag::__WALL)) {
                Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) => {
                    self.released = true;
                    return Err(ArmError::Silent);
                }
                Ok(stop) => {
                    if let WaitStatus::Stopped(_, signal) = stop
                        && !self.held.contains(&signal)
                    {
                        self.held.push(signal);
                    }
                    return Ok(stop);
                }
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(failed("wait")(errno)),
            }
        }
    }
}

impl Drop for Tracee {
    /// It has no filter of ours, or nobody serves it: it must not run. Its parent hears of its death only after we have.
    fn drop(&mut self) {
        if self.released {
            return;
        }
        let _ = kill(self.pid, Signal::SIGKILL);
        while !matches!(
            waitpid(self.pid, Some(WaitPidFlag::__WALL)),
            Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) | Err(Errno::ECHILD)
        ) {}
    }
}
