//! A filter as OCI `linux.seccomp` JSON, for engines and runtimes that know nothing of us.
//!
//! What consumers make of the JSON is libseccomp's: order means nothing, and two conditions on one
//! argument are alternatives. So rules are written that never overlap, with at most one condition
//! for each argument, and every condition is `SCMP_CMP_EQ`, `SCMP_CMP_NE` of a whole register or
//! `SCMP_CMP_MASKED_EQ`: an order of 64-bit numbers says nothing about the 32 bits that the kernel
//! looks at.

use std::collections::BTreeMap;

use oci_spec::OciSpecError;
use oci_spec::runtime::{
    Arch, LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSeccompArgBuilder,
    LinuxSeccompBuilder, LinuxSeccompOperator, LinuxSyscall, LinuxSyscallBuilder,
};
use policy::registry::{self, SyscallNumber};

use crate::seccomp::cube::{Cube, disjoint};
use crate::seccomp::filter::{Action, Clause, Filter};
use crate::seccomp::known::Known;

/// The JSON cannot say what the filter says.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// Only a supervisor can decide it.
    #[error("{call} needs the supervisor")]
    Notify {
        /// The call.
        call: &'static str,
    },
    /// More disjoint rules than any consumer would take.
    #[error("{call} needs more than {LIMIT} rules in which order means nothing")]
    TooManyRules {
        /// The call.
        call: &'static str,
    },
    /// A call that has no name.
    #[error("call number {} has no name", .0.0)]
    Nameless(SyscallNumber),
    /// A field is missing: not with the builders' defaults.
    #[error("the profile cannot be written")]
    Build(#[source] OciSpecError),
}

/// libseccomp makes a chain of comparisons of every rule, and a filter holds 4096 instructions.
const LIMIT: usize = 500;

/// Rules that share action and conditions are one rule with several names.
type Rules = BTreeMap<(i32, u32, Cube), (Action, Vec<&'static str>)>;

/// The profile that decides as the filter does; calls newer than the filter are left to the
/// consumer.
///
/// # Errors
/// The filter cannot be said in JSON.
pub fn profile(filter: &Filter) -> Result<LinuxSeccomp, JsonError> {
    match filter.calls.iter().find(|(_, clauses)| clauses.iter().any(asks)) {
        Some((number, _)) => Err(JsonError::Notify { call: name(*number)? }),
        None => asking(filter),
    }
}

fn asks(clause: &Clause) -> bool {
    clause.action == Action::Notify
}

fn name(number: SyscallNumber) -> Result<&'static str, JsonError> {
    registry::call(number).map(|call| call.name).ok_or(JsonError::Nameless(number))
}

/// The same for a filter that asks a listener, which whoever uses the profile must name in it.
///
/// # Errors
/// The filter cannot be said in JSON.
pub fn asking(filter: &Filter) -> Result<LinuxSeccomp, JsonError> {
    let mut rules = Rules::new();
    for (number, clauses) in &filter.calls {
        let call = name(*number)?;
        let cubes =
            disjoint(clauses, filter.default, LIMIT).ok_or(JsonError::TooManyRules { call })?;
        for (cube, action) in cubes {
            let key = (action.rank(), action.value(), cube);
            rules.entry(key).or_insert_with(|| (action, Vec::new())).1.push(call);
        }
    }
    fence(filter, &mut rules);
    let syscalls =
        rules.into_iter().map(|((.., cube), (action, names))| rule(&cube, action, names));
    build(filter.default, syscalls.collect::<Result<_, _>>()).map_err(JsonError::Build)
}

/// Names the last calls that the filter knows, as what they are by default. runc takes calls above
/// the highest named one for unknown and answers ENOSYS (`findLastSyscalls`, its package patchbpf),
/// which would be milder than a default that kills. Consumers skip a rule that says the default.
fn fence(filter: &Filter, rules: &mut Rules) {
    let named = filter.calls.keys().next_back().map_or(0, |number| number.0);
    let Some(newer) = filter.newer.filter(|_| filter.default.rank() < Filter::FOREIGN.rank())
    else {
        return;
    };
    let last =
        registry::calls().iter().filter(|call| (named..=newer.than.0).contains(&call.number.0));
    let names: Vec<_> = last.map(|call| call.name).collect();
    if !names.is_empty() {
        let key = (filter.default.rank(), filter.default.value(), Cube::ALL);
        rules.insert(key, (filter.default, names));
    }
}

fn build(
    default: Action,
    rules: Result<Vec<LinuxSyscall>, OciSpecError>,
) -> Result<LinuxSeccomp, OciSpecError> {
    let profile = LinuxSeccompBuilder::default()
        .default_action(oci_action(default))
        .architectures([Arch::ScmpArchX86_64])
        .syscalls(rules?);
    match errno_ret(default) {
        Some(number) => profile.default_errno_ret(number).build(),
        None => profile.build(),
    }
}

fn rule(
    cube: &Cube,
    action: Action,
    mut names: Vec<&'static str>,
) -> Result<LinuxSyscall, OciSpecError> {
    names.sort_unstable();
    let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    let mut rule = LinuxSyscallBuilder::default().names(names).action(oci_action(action));
    if let Some(number) = errno_ret(action) {
        rule = rule.errno_ret(number);
    }
    let conditions = cube.conditions().map(condition).collect::<Result<Vec<_>, _>>()?;
    match conditions.is_empty() {
        true => rule.build(),
        false => rule.args(conditions).build(),
    }
}

fn condition((index, known): (usize, Known)) -> Result<LinuxSeccompArg, OciSpecError> {
    let condition = LinuxSeccompArgBuilder::default().index(index);
    match known {
        Known::Bits { mask: u64::MAX, value } => {
            condition.value(value).op(LinuxSeccompOperator::ScmpCmpEq).build()
        }
        Known::Bits { mask, value } => {
            condition.value(mask).value_two(value).op(LinuxSeccompOperator::ScmpCmpMaskedEq).build()
        }
        Known::Not(value) => condition.value(value).op(LinuxSeccompOperator::ScmpCmpNe).build(),
    }
}

fn oci_action(action: Action) -> LinuxSeccompAction {
    match action {
        Action::Allow => LinuxSeccompAction::ScmpActAllow,
        Action::Errno(_) => LinuxSeccompAction::ScmpActErrno,
        Action::Notify => LinuxSeccompAction::ScmpActNotify,
        Action::Trap => LinuxSeccompAction::ScmpActTrap,
        Action::Trace(_) => LinuxSeccompAction::ScmpActTrace,
        Action::Log => LinuxSeccompAction::ScmpActLog,
        Action::KillThread => LinuxSeccompAction::ScmpActKillThread,
        Action::KillProcess => LinuxSeccompAction::ScmpActKillProcess,
    }
}

/// EPERM is what every consumer returns by itself.
fn errno_ret(action: Action) -> Option<u32> {
    match action {
        Action::Errno(number) | Action::Trace(number) => {
            Some(u32::from(number)).filter(|number| *number != libc::EPERM as u32)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bpf::SeccompData;
    use crate::seccomp::engine;
    use crate::seccomp::filter::{Newer, RegisterTest, Relation};

    fn number(call: libc::c_long) -> SyscallNumber {
        SyscallNumber(u32::try_from(call).expect("a call's number"))
    }

    fn int(argument: u8, relation: Relation, value: u64) -> RegisterTest {
        RegisterTest::new(argument, RegisterTest::INT, relation, value)
            .expect("one of six arguments")
    }

    #[test]
    fn rules_are_grouped_sorted_and_disjoint() {
        let mut filter = Filter::new(Action::Errno(1));
        for call in [libc::SYS_write, libc::SYS_read] {
            filter.calls.insert(number(call), vec![Clause::always(Action::Allow)]);
        }
        let clauses = vec![
            Clause { tests: vec![int(1, Relation::Equal, 9)], action: Action::Errno(13) },
            Clause { tests: vec![int(1, Relation::Equal, 15)], action: Action::Allow },
        ];
        filter.calls.insert(number(libc::SYS_kill), clauses);
        let json = serde_json::to_value(profile(&filter).expect("expressible")).expect("JSON");
        let masked = |value: u64| {
            serde_json::json!([{"index": 1, "value": 0xffff_ffff_u32,
            "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}])
        };
        let expected = serde_json::json!({
            "defaultAction": "SCMP_ACT_ERRNO",
            "architectures": ["SCMP_ARCH_X86_64"],
            "syscalls": [
                {"names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13, "args": masked(9)},
                {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"},
                {"names": ["kill"], "action": "SCMP_ACT_ALLOW", "args": masked(15)},
            ]
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn what_needs_the_supervisor_is_refused() {
        let mut filter = Filter::new(Action::Errno(1));
        filter.calls.insert(number(libc::SYS_open), vec![Clause::always(Action::Notify)]);
        let error = profile(&filter).expect_err("refused");
        assert_eq!(error.to_string(), "open needs the supervisor");
    }

    #[test]
    fn the_last_calls_are_named_where_the_default_kills() {
        let mut filter = Filter::new(Action::KillProcess);
        filter.calls.insert(number(libc::SYS_read), vec![Clause::always(Action::Allow)]);
        let than = number(libc::SYS_openat2);
        filter.newer = Some(Newer { than, action: Filter::FOREIGN });
        let json = profile(&filter).expect("expressible");
        assert_eq!(engine::compile(&json).expect("a good profile").filter, filter);
        filter.default = Action::Errno(1);
        let rules = profile(&filter).expect("expressible").syscalls().clone();
        assert_eq!(rules.map(|rules| rules.len()), Some(1));
    }

    fn test() -> impl Strategy<Value = RegisterTest> {
        let relation = prop::sample::select(vec![Relation::Equal, Relation::NotEqual]);
        let mask = prop::sample::select(vec![3, 7, 1 << 40 | 1, u64::MAX]);
        (0..2_u8, mask, relation, 0..4_u64).prop_map(|(argument, mask, relation, value)| {
            RegisterTest::new(argument, mask, relation, value).expect("one of six arguments")
        })
    }

    fn clauses() -> impl Strategy<Value = Vec<Clause>> {
        let action = prop::sample::select(vec![Action::Allow, Action::Errno(1), Action::Errno(13)]);
        let clause = (prop::collection::vec(test(), 0..3), action)
            .prop_map(|(tests, action)| Clause { tests, action });
        prop::collection::vec(clause, 0..3)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// What an engine would make of the JSON decides as the filter did.
        #[test]
        fn the_json_means_what_the_filter_means(
            clauses in clauses(),
            words in prop::collection::vec((0..9_u64, 0..9_u64, 0..2_u64), 16),
        ) {
            let mut filter = Filter::new(Action::Errno(1));
            filter.calls.insert(number(libc::SYS_getppid), clauses);
            // A newer call, so that getppid is not newer than the profile.
            filter.calls.insert(number(libc::SYS_openat2), vec![Clause::always(Action::Allow)]);
            let json = profile(&filter);
            // One case in some thousands negates two masks at once, which is 32 × 32 rules.
            prop_assume!(!matches!(json, Err(JsonError::TooManyRules { .. })));
            let json = json.expect("whole calls and numbers");
            let read = engine::compile(&json).expect("a good profile").filter;
            for (first, second, upper) in words {
                let arguments = [first | upper << 40, second, 0, 0, 0, 0];
                let data = SeccompData::native(number(libc::SYS_getppid).0, arguments);
                prop_assert_eq!(read.decide(&data), filter.decide(&data));
            }
        }
    }
}
