//! Why the kernel may perform a call after we looked at it.
//!
//! "Continue" means that the kernel reads the caller's memory again, after our judgement (`seccomp_unotify(2)`, NOTES). It is
//! sound only with an argument, and the argument is this type: each variant holds a proof that only the module
//! which establishes the fact can make.

use crate::listener::StartUp;
use crate::signals::Own;
use crate::sockets::programs::Admitted;
use crate::watch::Watched;

/// The argument for letting the kernel continue.
#[derive(Debug)]
pub enum ContinueReason {
    /// Nothing behind a pointer took part in the decision; registers are the kernel's own copy.
    NothingInMemoryJudged(NumbersOnly),
    /// The caller is still the runtime's own start-up code: the workload does not run yet.
    StartUp(StartUp),
    /// A program on the caller's sockets compares the address that the kernel has read with the one that was judged, and
    /// denies any other. Which socket the call is for does not matter: the plan makes sure that there is none without the
    /// program (`converter::sockets::kinds`).
    HeldByProgram(Admitted),
    /// A signal goes to the caller's own process or group, or to everybody: no other process can become that while the caller
    /// waits, so who is named by the number does not change.
    ToItself(Own),
    /// We trace the caller: what its call has done is compared with what was judged before it runs one instruction more.
    Watched(Watched),
}

/// Proof that a decision rests on registers alone.
#[derive(Debug)]
pub struct NumbersOnly(());

impl NumbersOnly {
    /// The proof, if the decision looked at no memory.
    #[must_use]
    pub fn of(judged_memory: bool) -> Option<Self> {
        (!judged_memory).then_some(Self(()))
    }
}
