//! The filter that a runtime which we did not write installs for us, and what ours must ask because of it.
//!
//! A runtime can install one filter with a listener, made from JSON. JSON cannot say most policies: order means nothing
//! in it, `write` and the default cannot ask, and old runtimes know no flags. So the JSON is a *gate* only: the engine's own
//! profile, in which the calls that end every start-up ask. The agent behind the listener takes the first of
//! them as the moment to install the policy's own filter in the process, and closes the gate's listener.
//!
//! **Invariant:** whatever the gate asks about, a filter [`behind`] it asks about too. A question of the gate's own would find no
//! listener any more (ENOSYS); of two filters that ask, the kernel obeys the newer one.

use std::sync::LazyLock;

use oci_spec::runtime::LinuxSeccomp;
use policy::registry::{self, SyscallNumber};

use crate::seccomp::engine::{self, ProfileError};
use crate::seccomp::filter::{Action, Clause, Filter};
use crate::seccomp::{intersect, json};

/// Changes whenever a gate of an earlier release would not fit a filter of this one.
pub const VERSION: u32 = 1;

/// The calls that ask. Every runtime makes one of them when the filter is in force and it still may install another: it changes its
/// ids before it gives capabilities away, or it has set no_new_privs and comes to its execve.
const CALLS: &[&str] = &[
    "setgroups",
    "setgid",
    "setregid",
    "setresgid",
    "setuid",
    "setreuid",
    "setresuid",
    "capset",
    "execve",
    "execveat",
];

/// What runc, crun and youki call between the gate and the execve. A rule that denies one of these is meant for the program, so the
/// supervisor is asked, which knows whether the program has begun.
const START_UP: &[&str] = &[
    "arch_prctl",
    "capget",
    "chdir",
    "clock_gettime",
    "close",
    "close_range",
    "dup",
    "dup2",
    "dup3",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "eventfd2",
    "exit",
    "exit_group",
    "faccessat",
    "faccessat2",
    "fchdir",
    "fcntl",
    "fstat",
    "fstatfs",
    "futex",
    "getcwd",
    "getdents64",
    "getegid",
    "geteuid",
    "getgid",
    "getpid",
    "getppid",
    "getrandom",
    "gettid",
    "getuid",
    "keyctl",
    "lseek",
    "madvise",
    "mmap",
    "mprotect",
    "munmap",
    "nanosleep",
    "newfstatat",
    "open",
    "openat",
    "openat2",
    "pipe2",
    "poll",
    "prctl",
    "pread64",
    "read",
    "readlinkat",
    "recvmsg",
    "restart_syscall",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sched_yield",
    "sendmsg",
    "setsid",
    "sigaltstack",
    "stat",
    "statfs",
    "statx",
    "tgkill",
    "umask",
    "write",
    "writev",
];

/// What the agent makes the start-up call: no profile may deny it.
const ARMING: &[&str] = &["mmap", "seccomp"];

static ASKED: LazyLock<Vec<SyscallNumber>> = LazyLock::new(|| numbers(CALLS));
static NEEDED: LazyLock<Vec<SyscallNumber>> = LazyLock::new(|| numbers(START_UP));

fn numbers(names: &[&str]) -> Vec<SyscallNumber> {
    names.iter().filter_map(|name| registry::call_named(name)).map(|call| call.number).collect()
}

/// The gate cannot be put into the engine's profile.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// The profile is not one that we can keep in force.
    #[error(transparent)]
    Engine(#[from] ProfileError),
    /// The profile denies what puts the policy in force.
    #[error("the engine's seccomp profile denies {0}, which puts the policy in force")]
    Denies(&'static str),
    /// Together they are beyond the format.
    #[error("the engine's seccomp profile is too large to be changed")]
    Json(#[from] json::JsonError),
}

/// The engine's profile, if there is one, with the gate in it. Nothing is loosened: where the profile denies a call
/// it is not asked about.
///
/// # Errors
/// [`GateError`].
pub fn profile(engine: Option<&LinuxSeccomp>) -> Result<LinuxSeccomp, GateError> {
    let mut gate = Filter::new(Action::Allow);
    gate.calls.extend(ASKED.iter().map(|call| (*call, vec![Clause::always(Action::Notify)])));
    let both = match engine {
        Some(profile) => {
            let engine = engine::compile(profile)?.filter;
            if let Some(call) = ARMING.iter().find(|call| denies(&engine, call)) {
                return Err(GateError::Denies(call));
            }
            intersect(&engine, &gate)
        }
        None => gate,
    };
    Ok(json::asking(&both)?)
}

/// Whether some way of calling it is denied.
fn denies(filter: &Filter, call: &str) -> bool {
    let lets = |action: Action| matches!(action, Action::Allow | Action::Log);
    registry::call_named(call).is_none_or(|call| match filter.calls.get(&call.number) {
        Some(clauses) => !clauses.iter().all(|clause| lets(clause.action)),
        None => !lets(filter.default),
    })
}

/// A policy's filter as it must be behind the gate.
#[must_use]
pub fn behind(mut filter: Filter) -> Filter {
    let asks = |action: Action| match action {
        Action::Allow | Action::Log => Action::Notify,
        strict => strict,
    };
    let keeps = |action: Action| match action {
        Action::Errno(_) => Action::Notify,
        other => other,
    };
    for call in ASKED.iter() {
        change(&mut filter, *call, |action| keeps(asks(action)));
    }
    for call in NEEDED.iter() {
        change(&mut filter, *call, keeps);
    }
    filter
}

/// Changes what happens with a call. All that the filter does not list is its default.
fn change(filter: &mut Filter, call: SyscallNumber, into: impl Fn(Action) -> Action) {
    let default = filter.default;
    let clauses = filter.calls.entry(call).or_default();
    if clauses.last().is_none_or(|last| !last.tests.is_empty()) {
        clauses.push(Clause::always(default));
    }
    clauses.iter_mut().for_each(|clause| clause.action = into(clause.action));
    if let [first, others @ ..] = &clauses[..]
        && others.iter().all(|clause| clause.action == first.action)
    {
        *clauses = vec![Clause::always(first.action)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bpf::SeccompData;
    use crate::seccomp::{RegisterTest, Relation};

    fn decide(filter: &Filter, call: &str, first: u64) -> Action {
        let call = registry::call_named(call).expect("a call");
        filter.decide(&SeccompData::native(call.number.0, [first, 0, 0, 0, 0, 0]))
    }

    /// What the consumer of the JSON makes of it, with questions shown as `Trace(0)`, which it reads.
    fn read(json: &LinuxSeccomp) -> Filter {
        let text = serde_json::to_string(json).expect("JSON");
        let text = text.replace("SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE");
        engine::compile(&serde_json::from_str(&text).expect("a profile")).expect("right").filter
    }

    #[test]
    fn every_call_is_known() {
        assert_eq!((ASKED.len(), NEEDED.len()), (CALLS.len(), START_UP.len()));
        assert!(ARMING.iter().all(|call| registry::call_named(call).is_some()));
    }

    #[test]
    fn the_profile_stays_and_asks_where_it_permitted() {
        let engine = serde_json::json!({
            "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
            "syscalls": [
                {"names": ["read", "mmap", "seccomp", "execve", "setuid"], "action": "SCMP_ACT_ALLOW"},
                {"names": ["setgid"], "action": "SCMP_ACT_ALLOW",
                 "args": [{"index": 0, "value": 7, "op": "SCMP_CMP_EQ"}]}]});
        let engine: LinuxSeccomp = serde_json::from_value(engine).expect("a profile");
        let gate = read(&profile(Some(&engine)).expect("a gate"));
        assert_eq!(decide(&gate, "read", 0), Action::Allow);
        assert_eq!(decide(&gate, "write", 0), Action::Errno(38));
        assert_eq!(decide(&gate, "capset", 0), Action::Errno(38));
        assert_eq!(decide(&gate, "setgid", 8), Action::Errno(38));
        for asked in ["execve", "setuid"] {
            assert_eq!(decide(&gate, asked, 0), Action::Trace(1), "{asked}");
        }
        assert_eq!(decide(&gate, "setgid", 7), Action::Trace(1));
    }

    #[test]
    fn without_a_profile_everything_else_passes() {
        let gate = read(&profile(None).expect("a gate"));
        for call in registry::calls() {
            let expected =
                if CALLS.contains(&call.name) { Action::Trace(1) } else { Action::Allow };
            assert_eq!(decide(&gate, call.name, 0), expected, "{}", call.name);
        }
    }

    #[test]
    fn a_profile_that_forbids_filters_is_refused() {
        let engine = serde_json::json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["seccomp"], "action": "SCMP_ACT_ERRNO"}]});
        let engine: LinuxSeccomp = serde_json::from_value(engine).expect("a profile");
        let error = profile(Some(&engine)).expect_err("refused").to_string();
        assert!(error.contains("denies seccomp"), "{error}");
    }

    #[test]
    fn what_is_behind_asks_all_that_the_gate_asks() {
        let test = RegisterTest::new(0, RegisterTest::INT, Relation::Equal, 0).expect("argument 0");
        let number = |name: &str| registry::call_named(name).expect("a call").number;
        let mut filter = Filter::new(Action::Allow);
        let denied = Clause { tests: vec![test], action: Action::Errno(1) };
        filter.calls.insert(number("setuid"), vec![denied.clone()]);
        filter.calls.insert(number("chdir"), vec![Clause::always(Action::Errno(13))]);
        filter.calls.insert(number("mkdir"), vec![denied]);
        let behind = behind(filter);
        for call in CALLS {
            for first in [0, 1] {
                assert_eq!(decide(&behind, call, first), Action::Notify, "{call}");
            }
        }
        assert_eq!(decide(&behind, "chdir", 0), Action::Notify);
        assert_eq!(decide(&behind, "mkdir", 0), Action::Errno(1));
        assert_eq!(decide(&behind, "mkdir", 1), Action::Allow);
        assert_eq!(decide(&behind, "read", 0), Action::Allow);
    }
}
