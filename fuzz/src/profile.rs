//! Any seccomp profile of an engine: the program that is made of it answers as a plain reading of
//! the profile does.

use converter::bpf::{SeccompData, interpret};
use converter::seccomp::engine::{Profile, compile};
use converter::seccomp::{Action, Filter, assemble};
use oci_spec::runtime::{LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSeccompOperator};
use policy::registry::{call_named, calls};
use serde_json::{Value, json};

use crate::choices::Choices;

const ACTIONS: [&str; 8] =
    ["ALLOW", "ERRNO", "LOG", "TRACE", "TRAP", "KILL", "KILL_THREAD", "KILL_PROCESS"];
const OPERATORS: [&str; 7] = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"];
/// Where the halves of a register meet, and what is next to it.
const WORDS: [u64; 10] =
    [0, 1, 2, 0x7fff_ffff, 0xffff_ffff, 1 << 32, (1 << 32) + 1, 7 << 33, u64::MAX - 1, u64::MAX];

/// No such call (errno(3)).
const ENOSYS: u16 = 38;

/// Bytes that begin with `{` are the profile's text; others are choices that make one.
pub fn check(bytes: &[u8]) {
    match bytes.first() {
        Some(b'{') => {
            let Ok(profile) = serde_json::from_slice::<LinuxSeccomp>(bytes) else { return };
            let Ok(compiled) = compile(&profile) else { return };
            compare(&profile, &compiled, &mut Choices::new(&bytes[bytes.len() / 2..]));
        }
        _ => {
            let mut choices = Choices::new(bytes);
            let profile = profile(&mut choices);
            let profile = serde_json::from_value(profile).expect("it has the OCI form");
            let compiled = compile(&profile).expect("it asks for nothing impossible");
            compare(&profile, &compiled, &mut choices);
        }
    }
}

fn profile(choices: &mut Choices) -> Value {
    let syscalls = choices.several(24, |choices| {
        let names: Vec<_> = (0..=choices.below(4)).map(|_| name(choices)).collect();
        let args = choices.several(5, condition);
        let action = action(choices);
        json!({"names": names, "action": action, "errnoRet": choices.below(3), "args": args})
    });
    json!({"defaultAction": action(choices), "defaultErrnoRet": choices.below(40), "syscalls": syscalls})
}

/// Few calls, so that rules meet, and one that no machine knows.
fn name(choices: &mut Choices) -> &'static str {
    let number = choices.below(9) * 40;
    calls().get(number).map_or("no_such_call", |call| call.name)
}

fn action(choices: &mut Choices) -> String {
    format!("SCMP_ACT_{}", choices.of(&ACTIONS))
}

fn condition(choices: &mut Choices) -> Value {
    let operator = format!("SCMP_CMP_{}", choices.of(&OPERATORS));
    let (value, two) = (choices.of(&WORDS), choices.of(&WORDS));
    json!({"index": choices.below(6), "value": value, "valueTwo": two, "op": operator})
}

fn compare(profile: &LinuxSeccomp, compiled: &Profile, choices: &mut Choices) {
    // A filter that does not fit into the kernel is refused, which is safe.
    let Ok(program) = assemble(&compiled.filter) else { return };
    for _ in 0..32 {
        let number = match choices.below(12) {
            10 => Filter::X32 | 1,
            11 => u32::MAX,
            _ => calls()[choices.below(9) * 40 % calls().len()].number.0 + choices.below(2) as u32,
        };
        let mut data = SeccompData::native(number, [0; 6]);
        data.arguments = data.arguments.map(|_| *choices.of(&WORDS));
        if choices.once_in(16) {
            data.architecture = SeccompData::I386;
        }
        let expected = read(profile, compiled.filter.default, &data);
        assert_eq!(compiled.filter.decide(&data), expected, "{data:x?}");
        assert_eq!(interpret(&program, &data), Ok(expected.value()), "{data:x?}");
    }
}

/// What the profile says about a call, read rule by rule.
fn read(profile: &LinuxSeccomp, default: Action, data: &SeccompData) -> Action {
    let no_call = Action::Errno(ENOSYS);
    if data.architecture != SeccompData::X86_64 || data.number >= Filter::X32 {
        return no_call;
    }
    let rules = profile.syscalls().as_deref().unwrap_or_default();
    let numbers = |name: &String| call_named(name).map(|call| call.number.0);
    let newest = rules.iter().flat_map(|rule| rule.names()).filter_map(numbers).max();
    let refuses = !matches!(default, Action::Allow | Action::Log | Action::Trace(_));
    if refuses && newest.is_some_and(|newest| data.number > newest) {
        return no_call;
    }
    let fits = |args: &[LinuxSeccompArg]| {
        let mut seen: Vec<_> = args.iter().map(LinuxSeccompArg::index).collect();
        seen.sort_unstable();
        seen.dedup();
        let mut each = args.iter().map(|one| holds(one, data));
        if seen.len() < args.len() { each.any(|held| held) } else { each.all(|held| held) }
    };
    let named = rules
        .iter()
        .filter(|rule| rule.names().iter().filter_map(numbers).any(|number| number == data.number));
    let fitting = named.filter(|rule| fits(rule.args().as_deref().unwrap_or_default()));
    let actions = fitting.map(|rule| action_of(rule.action(), rule.errno_ret()));
    actions
        .filter(|action| *action != default)
        .min_by_key(|action| action.rank())
        .unwrap_or(default)
}

fn action_of(action: LinuxSeccompAction, number: Option<u32>) -> Action {
    let number = number.map_or(1, |number| u16::try_from(number).expect("it was compiled"));
    match action {
        LinuxSeccompAction::ScmpActKill | LinuxSeccompAction::ScmpActKillThread => {
            Action::KillThread
        }
        LinuxSeccompAction::ScmpActKillProcess => Action::KillProcess,
        LinuxSeccompAction::ScmpActTrap => Action::Trap,
        LinuxSeccompAction::ScmpActErrno => Action::Errno(number),
        LinuxSeccompAction::ScmpActTrace => Action::Trace(number),
        LinuxSeccompAction::ScmpActLog => Action::Log,
        LinuxSeccompAction::ScmpActAllow => Action::Allow,
        LinuxSeccompAction::ScmpActNotify => Action::Notify,
    }
}

fn holds(condition: &LinuxSeccompArg, data: &SeccompData) -> bool {
    let register = data.arguments[condition.index()];
    let value = condition.value();
    match condition.op() {
        LinuxSeccompOperator::ScmpCmpNe => register != value,
        LinuxSeccompOperator::ScmpCmpLt => register < value,
        LinuxSeccompOperator::ScmpCmpLe => register <= value,
        LinuxSeccompOperator::ScmpCmpEq => register == value,
        LinuxSeccompOperator::ScmpCmpGe => register >= value,
        LinuxSeccompOperator::ScmpCmpGt => register > value,
        LinuxSeccompOperator::ScmpCmpMaskedEq => {
            register & value == condition.value_two().unwrap_or_default()
        }
    }
}
