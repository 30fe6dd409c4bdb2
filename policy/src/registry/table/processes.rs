//! Processes and threads: making, running, waiting, ending.

use crate::registry::notation::{
    AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, at, bits, descriptor, follow_unless, forms, null, number,
    path, plain, set,
};
use crate::registry::{Call, Form, FormTest, Kind, Links, Parameter, Source};

/// linux/sched.h.
const CLONE_THREAD: u64 = 0x0001_0000;
/// `CLONE_NEWNS`, `NEWCGROUP`, `NEWUTS`, `NEWIPC`, `NEWUSER`, `NEWPID`, `NEWNET`.
const CLONE_NAMESPACES: u64 = 0x7e02_0000;

const fn argv(argument: u8) -> Parameter {
    Parameter { name: "argv", kind: Kind::Argv, source: Source::Vector(argument) }
}

/// On all forms of clone(2).
const CLONE: Parameter = number("flags", Kind::CloneFlags, 0);

pub(super) static CALLS: &[Call] = &[
    // A thread, a process, or either in new namespaces, which is unshare(2) at birth.
    forms!(56 "clone":
        Form::named(&["clone", "__tfork", "compat_o51___tfork", "rfork", "__clone"])
            .when(&[bits(0, CLONE_THREAD | CLONE_NAMESPACES, CLONE_THREAD)])
            .with(&[CLONE]),
        Form::named(&["clone", "fork", "vfork", "rfork", "__clone"])
            .when(&[bits(0, CLONE_NAMESPACES, 0)])
            .with(&[CLONE]),
        Form::named(&["clone", "unshare"]).with(&[CLONE]),
    ),
    plain!(57 "fork"),
    plain!(58 "vfork" "fork"),
    // The flags of clone3(2) are in memory, where no filter sees them and the caller can change
    // them while they are judged. So the names fork and __tfork do not reach it; answered ENOSYS,
    // the C library falls back to clone. So does a supervisor that has judged them.
    forms!(435 "clone3":
        Form::named(&["clone3", "clone"]).with(&[
            Parameter { name: "flags", kind: Kind::CloneFlags, source: Source::CloneArgs(0) },
        ]),
    ),
    forms!(59 "execve":
        Form::named(&["execve"]).with(&[path(0, Links::Follow), argv(1)]),
    ),
    forms!(322 "execveat":
        Form::named(&["execveat", "execve"])
            .when(&[set(4, AT_EMPTY_PATH), FormTest::EmptyPath(1)])
            .with(&[descriptor(0), argv(2)]),
        Form::named(&["execveat", "execve"])
            .with(&[at(0, follow_unless(4, AT_SYMLINK_NOFOLLOW)), argv(2)]),
    ),
    plain!(60 "exit" "__threxit" "threxit"),
    plain!(231 "exit_group" "exit" "linux_exit_group"),
    plain!(61 "wait4" "wait" "waitpid"),
    plain!(247 "waitid" "wait4" "wait" "waitpid"),
    plain!(39 "getpid"),
    plain!(110 "getppid"),
    plain!(186 "gettid" "getthrid"),
    plain!(109 "setpgid"),
    plain!(111 "getpgrp"),
    plain!(121 "getpgid"),
    plain!(112 "setsid"),
    plain!(124 "getsid"),
    plain!(95 "umask"),
    plain!(79 "getcwd" "__getcwd"),
    plain!(97 "getrlimit" "ugetrlimit" "compat_43_ogetdtablesize" "ogetdtablesize"),
    plain!(160 "setrlimit"),
    forms!(302 "prlimit64":
        Form::named(&[
            "prlimit64", "getrlimit", "ugetrlimit", "compat_43_ogetdtablesize", "ogetdtablesize",
        ])
            .when(&[null(2)]),
        Form::named(&["prlimit64", "setrlimit"]),
    ),
    plain!(98 "getrusage"),
    plain!(100 "times"),
    forms!(101 "ptrace":
        Form::named(&["ptrace"]).with(&[number("request", Kind::PtraceRequest, 0)]),
    ),
    forms!(135 "personality":
        Form::named(&["personality"]).with(&[number("persona", Kind::Hex, 0)]),
    ),
    plain!(154 "modify_ldt"),
    forms!(157 "prctl": Form::named(&["prctl"]).with(&[number("option", Kind::PrctlOption, 0)])),
    plain!(158 "arch_prctl" "__get_tcb" "__set_tcb" "set_thread_area" "sysarch"),
    plain!(202 "futex" "__thrsleep" "thrsleep" "__thrwakeup" "thrwakeup"),
    plain!(205 "set_thread_area"),
    plain!(211 "get_thread_area"),
    plain!(218 "set_tid_address"),
    forms!(272 "unshare":
        Form::named(&["unshare"]).with(&[number("flags", Kind::UnshareFlags, 0)]),
    ),
    plain!(273 "set_robust_list"),
    plain!(274 "get_robust_list"),
    forms!(308 "setns":
        Form::named(&["setns"]).with(&[number("flags", Kind::UnshareFlags, 1)]),
    ),
    plain!(309 "getcpu" "ORE_getcpu"),
    plain!(312 "kcmp"),
    plain!(317 "seccomp"),
    plain!(334 "rseq"),
    plain!(434 "pidfd_open"),
    plain!(438 "pidfd_getfd"),
    plain!(444 "landlock_create_ruleset"),
    plain!(445 "landlock_add_rule"),
    plain!(446 "landlock_restrict_self"),
    plain!(449 "futex_waitv" "futex" "__thrsleep" "thrsleep"),
    plain!(454 "futex_wake" "futex" "__thrwakeup" "thrwakeup"),
    plain!(455 "futex_wait" "futex" "__thrsleep" "thrsleep"),
    plain!(456 "futex_requeue" "futex" "__thrsleep" "thrsleep"),
    plain!(471 "rseq_slice_yield"),
];
