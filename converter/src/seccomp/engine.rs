//! The engine's own profile, `linux.seccomp` of config.json, as a filter that means what runc makes
//! of it.
//!
//! runc hands the profile to libseccomp, where order means nothing. What that comes to, and what is
//! kept here:
//! * a name that this machine does not know is skipped, and so is a rule that says the same as the
//!   default;
//! * the conditions of a rule are joined by *and*, but if two of them look at the same argument,
//!   every condition is a rule of its own, so they are joined by *or*;
//! * calls newer than the newest one that the profile names do not exist (ENOSYS), unless the
//!   default lets calls through: programs try new calls and fall back, and EPERM would not tell
//!   them to.
//!
//! Two things are stricter: where rules of different actions match, the strictest wins, and calls
//! by the 32-bit conventions fail with ENOSYS even if the profile lists their architectures.

use std::path::PathBuf;

use oci_spec::runtime::{
    LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSeccompFilterFlag,
    LinuxSeccompOperator, LinuxSyscall,
};
use policy::registry::{self, SyscallNumber};

use crate::seccomp::filter::{Action, Clause, Filter, Newer, RegisterTest, Relation};

/// A profile that can be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// What it decides.
    pub filter: Filter,
    /// `SECCOMP_FILTER_FLAG_LOG` and `_SPEC_ALLOW` as the profile asks for them, for seccomp(2).
    pub flags: libc::c_ulong,
}

/// The profile cannot be kept in force.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// It wants notifications: a process can have one listener only, and it is ours (seccomp(2),
    /// EBUSY).
    #[error(
        "the engine's seccomp profile uses SCMP_ACT_NOTIFY{0}; \
         the one listener that a container can have serves its policy",
        subject(.call)
    )]
    Notify {
        /// For which call; none: by default.
        call: Option<String>,
    },
    /// It names a listener.
    #[error(
        "the engine's seccomp profile has listenerPath {}; \
         the one listener that a container can have serves its policy",
        .0.display()
    )]
    Listener(PathBuf),
    /// A call has six arguments.
    #[error("the engine's seccomp profile tests argument {index} of {call}; a call has 0 to 5")]
    Argument {
        /// The call.
        call: String,
        /// The index.
        index: usize,
    },
    /// No such error number.
    #[error("the engine's seccomp profile returns error {0}, which is not an error number")]
    Errno(u32),
}

fn subject(call: &Option<String>) -> String {
    call.as_ref().map_or_else(|| " by default".to_owned(), |call| format!(" for {call}"))
}

/// What the profile means.
///
/// # Errors
/// It wants a listener, or makes no sense.
pub fn compile(profile: &LinuxSeccomp) -> Result<Profile, ProfileError> {
    if let Some(path) = profile.listener_path() {
        return Err(ProfileError::Listener(path.clone()));
    }
    let default = action(profile.default_action(), profile.default_errno_ret(), None)?;
    let mut filter = Filter::new(default);
    let rules = profile.syscalls().as_deref().unwrap_or_default();
    for rule in rules {
        add(&mut filter, rule)?;
    }
    for clauses in filter.calls.values_mut() {
        clauses.sort_by_key(|clause| clause.action.rank());
    }
    filter.newer = newest(rules)
        .filter(|_| !lets_through(default))
        .map(|than| Newer { than, action: Filter::FOREIGN });
    let flags = profile.flags().iter().flatten().fold(0, |bits, flag| bits | flag_bit(*flag));
    Ok(Profile { filter, flags })
}

fn add(filter: &mut Filter, rule: &LinuxSyscall) -> Result<(), ProfileError> {
    for name in rule.names() {
        let action = action(rule.action(), rule.errno_ret(), Some(name))?;
        if action == filter.default {
            continue;
        }
        let clauses = clauses(name, rule.args().as_deref().unwrap_or_default(), action)?;
        if let Some(call) = registry::call_named(name) {
            filter.calls.entry(call.number).or_default().extend(clauses);
        }
    }
    Ok(())
}

fn clauses(
    call: &str,
    conditions: &[LinuxSeccompArg],
    action: Action,
) -> Result<Vec<Clause>, ProfileError> {
    let tests =
        conditions.iter().map(|each| test(call, each)).collect::<Result<Vec<_>, ProfileError>>()?;
    let repeated = (1..tests.len())
        .any(|at| tests[..at].iter().any(|test| test.argument() == tests[at].argument()));
    Ok(match repeated {
        true => tests.into_iter().map(|test| Clause { tests: vec![test], action }).collect(),
        false => vec![Clause { tests, action }],
    })
}

fn test(call: &str, condition: &LinuxSeccompArg) -> Result<RegisterTest, ProfileError> {
    let (mask, relation, value) = match condition.op() {
        LinuxSeccompOperator::ScmpCmpNe => (u64::MAX, Relation::NotEqual, condition.value()),
        LinuxSeccompOperator::ScmpCmpLt => (u64::MAX, Relation::Less, condition.value()),
        LinuxSeccompOperator::ScmpCmpLe => (u64::MAX, Relation::LessOrEqual, condition.value()),
        LinuxSeccompOperator::ScmpCmpEq => (u64::MAX, Relation::Equal, condition.value()),
        LinuxSeccompOperator::ScmpCmpGe => (u64::MAX, Relation::GreaterOrEqual, condition.value()),
        LinuxSeccompOperator::ScmpCmpGt => (u64::MAX, Relation::Greater, condition.value()),
        LinuxSeccompOperator::ScmpCmpMaskedEq => {
            (condition.value(), Relation::Equal, condition.value_two().unwrap_or_default())
        }
    };
    let index = condition.index();
    u8::try_from(index)
        .ok()
        .and_then(|argument| RegisterTest::new(argument, mask, relation, value))
        .ok_or_else(|| ProfileError::Argument { call: call.to_owned(), index })
}

fn action(
    action: LinuxSeccompAction,
    number: Option<u32>,
    call: Option<&str>,
) -> Result<Action, ProfileError> {
    Ok(match action {
        LinuxSeccompAction::ScmpActKill | LinuxSeccompAction::ScmpActKillThread => {
            Action::KillThread
        }
        LinuxSeccompAction::ScmpActKillProcess => Action::KillProcess,
        LinuxSeccompAction::ScmpActTrap => Action::Trap,
        LinuxSeccompAction::ScmpActErrno => Action::Errno(errno(number)?),
        LinuxSeccompAction::ScmpActTrace => Action::Trace(errno(number)?),
        LinuxSeccompAction::ScmpActLog => Action::Log,
        LinuxSeccompAction::ScmpActAllow => Action::Allow,
        LinuxSeccompAction::ScmpActNotify => {
            return Err(ProfileError::Notify { call: call.map(str::to_owned) });
        }
    })
}

/// `errnoRet`, EPERM if it is missing; the kernel knows errors up to 4095 (`MAX_ERRNO`,
/// linux/err.h).
fn errno(number: Option<u32>) -> Result<u16, ProfileError> {
    let number = number.unwrap_or(libc::EPERM as u32);
    u16::try_from(number).ok().filter(|number| *number <= 4095).ok_or(ProfileError::Errno(number))
}

fn newest(rules: &[LinuxSyscall]) -> Option<SyscallNumber> {
    let names = rules.iter().flat_map(LinuxSyscall::names);
    names.filter_map(|name| registry::call_named(name)).map(|call| call.number).max()
}

fn lets_through(action: Action) -> bool {
    matches!(action, Action::Allow | Action::Log | Action::Trace(_)) || action == Filter::FOREIGN
}

/// The bit for seccomp(2). TSYNC is dropped as runc drops it: execve ends the other threads.
/// WAIT_KILLABLE_RECV means nothing without a listener.
fn flag_bit(flag: LinuxSeccompFilterFlag) -> libc::c_ulong {
    match flag {
        LinuxSeccompFilterFlag::SeccompFilterFlagLog => libc::SECCOMP_FILTER_FLAG_LOG,
        LinuxSeccompFilterFlag::SeccompFilterFlagSpecAllow => libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW,
        LinuxSeccompFilterFlag::SeccompFilterFlagTsync
        | LinuxSeccompFilterFlag::SeccompFilterFlagWaitKillableRecv => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bpf::SeccompData;

    fn compiled(json: &str) -> Result<Profile, ProfileError> {
        compile(&serde_json::from_str(json).expect("a profile"))
    }

    fn decide(json: &str, number: libc::c_long, first: u64) -> Action {
        let number = u32::try_from(number).expect("a call's number");
        let data = SeccompData::native(number, [first, 0, 0, 0, 0, 0]);
        compiled(json).expect("a good profile").filter.decide(&data)
    }

    #[test]
    fn two_conditions_on_one_argument_are_alternatives() {
        let json = r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["socket"],
            "action":"SCMP_ACT_ALLOW","args":[
                {"index":0,"value":38,"op":"SCMP_CMP_NE"},{"index":0,"value":40,"op":"SCMP_CMP_NE"}]}]}"#;
        assert_eq!(decide(json, libc::SYS_socket, 38), Action::Allow);
        let json = json.replacen("\"index\":0,\"value\":40", "\"index\":1,\"value\":40", 1);
        assert_eq!(decide(&json, libc::SYS_socket, 38), Action::Errno(1));
        assert_eq!(decide(&json, libc::SYS_socket, 39), Action::Allow);
    }

    #[test]
    fn the_strictest_matching_rule_wins() {
        let json = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
            {"names":["getppid"],"action":"SCMP_ACT_LOG"},
            {"names":["getppid"],"action":"SCMP_ACT_ERRNO","errnoRet":13,
             "args":[{"index":0,"value":7,"op":"SCMP_CMP_GE"}]}]}"#;
        assert_eq!(decide(json, libc::SYS_getppid, 7), Action::Errno(13));
        assert_eq!(decide(json, libc::SYS_getppid, 6), Action::Log);
    }

    #[test]
    fn a_rule_like_the_default_is_skipped() {
        let json = r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[
            {"names":["getppid"],"action":"SCMP_ACT_ERRNO","errnoRet":1},
            {"names":["getppid","no_such_call"],"action":"SCMP_ACT_ALLOW"}]}"#;
        assert_eq!(decide(json, libc::SYS_getppid, 0), Action::Allow);
    }

    #[test]
    fn calls_newer_than_the_profile_do_not_exist() {
        let json = r#"{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":13,
            "syscalls":[{"names":["openat2"],"action":"SCMP_ACT_ALLOW"}]}"#;
        assert_eq!(decide(json, libc::SYS_openat2, 0), Action::Allow);
        assert_eq!(decide(json, libc::SYS_pidfd_getfd, 0), Action::Errno(38));
        assert_eq!(decide(json, libc::SYS_read, 0), Action::Errno(13));
        let open = json.replace("\"SCMP_ACT_ERRNO\"", "\"SCMP_ACT_LOG\"");
        assert_eq!(decide(&open, libc::SYS_pidfd_getfd, 0), Action::Log);
    }

    #[test]
    fn masked_equality_takes_the_mask_first() {
        let json = r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["clone"],
            "action":"SCMP_ACT_ALLOW","args":[
                {"index":0,"value":2114060288,"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"}]}]}"#;
        assert_eq!(decide(json, libc::SYS_clone, 0x11), Action::Allow);
        assert_eq!(decide(json, libc::SYS_clone, 0x1000_0000), Action::Errno(1));
    }

    #[test]
    fn flags_are_reported() {
        let json = r#"{"defaultAction":"SCMP_ACT_ALLOW","flags":["SECCOMP_FILTER_FLAG_LOG",
            "SECCOMP_FILTER_FLAG_TSYNC","SECCOMP_FILTER_FLAG_SPEC_ALLOW"]}"#;
        assert_eq!(compiled(json).map(|profile| profile.flags), Ok(2 | 4));
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        let error = |json| compiled(json).expect_err("refused").to_string();
        let notify = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
            {"names":["mount"],"action":"SCMP_ACT_NOTIFY"}]}"#;
        assert!(error(notify).contains("SCMP_ACT_NOTIFY for mount"));
        assert!(error(r#"{"defaultAction":"SCMP_ACT_NOTIFY"}"#).contains("by default"));
        let listener = r#"{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/run/agent.sock"}"#;
        assert!(error(listener).contains("/run/agent.sock"));
        let errno = r#"{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":4096}"#;
        assert_eq!(compiled(errno), Err(ProfileError::Errno(4096)));
        let index = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],
            "action":"SCMP_ACT_ERRNO","args":[{"index":6,"value":0,"op":"SCMP_CMP_EQ"}]}]}"#;
        assert!(error(index).contains("argument 6 of read"));
    }
}
