//! The one oracle: no program that a plan gives may let a call through which the evaluator denies.
//!
//! Policies are drawn from pieces that meet each other; calls are drawn from the values that the
//! policy's own comparisons find interesting, their neighbours, the flags by which forms are told
//! apart, and garbage where the kernel looks at an `int` only.

mod draw;

use converter::bpf::{Program, SeccompData, interpret};
use converter::host::{Host, LinuxVersion};
use converter::plan::{Mechanism, PlanError, Target, plan};
use converter::seccomp::{Action, assemble};
use converter::spec::capabilities::{Capability, HANDING, TABLE, UNSEEN};
use converter::spec::{Approximation, Change};
use draw::{any_rules, asking_rules, number_rules};
use policy::condition::{Comparison, Condition};
use policy::registry::{self, Call, Parameter, Source as Origin};
use policy::{Event, PolicySet, Source, Subject, Value, Verdict, compile};
use proptest::prelude::*;

fn policy_set(rules: &[Vec<String>]) -> PolicySet {
    let mut text = String::new();
    for (at, rules) in rules.iter().enumerate() {
        text.push_str(&format!("Policy: /bin/p{at}, Emulation: native\n"));
        rules.iter().for_each(|rule| text.push_str(&format!("\t{rule}\n")));
    }
    let lowered = compile(&Source::new("generated", text.clone()), &|_| None);
    lowered.unwrap_or_else(|findings| panic!("{findings:?} in\n{text}")).set
}

/// Every form can be carried out: the tests below are about decisions. And they are about decisions of filters: where
/// Landlock or a socket program decides, a filter lets the call through to it.
fn host() -> Host {
    let linux: LinuxVersion = "6.1".parse().expect("a release");
    let performed = registry::forms().collect();
    let bare = Host { landlock: None, sockets: false, ..Host::of_this_release(linux) };
    Host { performed, names_processes: true, ..bare }
}

/// A call before it is judged: registers, and what the memory holds that they point to.
#[derive(Debug, Clone)]
struct Attempt {
    call: usize,
    registers: [usize; 6],
    upper: bool,
    in_memory: bool,
    text: usize,
    subject: Subject,
}

fn attempts() -> impl Strategy<Value = Vec<Attempt>> {
    let registers = prop::array::uniform6(0..1_usize << 20);
    let who = prop::sample::select(vec![(0, 0), (0, 7), (1000, 7)]);
    let attempt =
        (0..1_usize << 20, registers, any::<bool>(), any::<bool>(), 0..1_usize << 20, who)
            .prop_map(|(call, registers, upper, in_memory, text, (uid, gid))| {
                let subject = Subject { uid, gid };
                Attempt { call, registers, upper, in_memory, text, subject }
            });
    prop::collection::vec(attempt, 200)
}

/// What a set of policies finds interesting.
struct Interests {
    calls: Vec<&'static Call>,
    numbers: Vec<u64>,
    texts: Vec<Vec<u8>>,
}

impl Interests {
    fn new(set: &PolicySet) -> Self {
        let flags =
            [0, 1, 2, 3, 0o100, 0o1000, 0x100, 0x200, 0x1000, 0o010_000, 0o644, 0x11, 0x1000_0111];
        let numbers = flags.into_iter().chain([u64::from(u32::MAX), u64::MAX]).collect();
        let mut interests = Self { calls: Vec::new(), numbers, texts: Vec::new() };
        for policy in &set.policies {
            policy.rules().iter().for_each(|rule| interests.condition(&rule.condition));
            let judged = |call: &&&Call| {
                call.form_ids().any(|form| {
                    let rules = policy.rules_for(form);
                    !(rules.own.is_empty() && rules.read.is_empty() && rules.write.is_empty())
                })
            };
            interests.calls.extend(registry::calls().iter().filter(judged));
        }
        interests.calls.extend(registry::call_named("gettid"));
        interests
    }

    fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::True => {}
            Condition::Test(test) => self.comparison(test),
            Condition::Not(inner) => self.condition(inner),
            Condition::And(one, other) | Condition::Or(one, other) => {
                self.condition(one);
                self.condition(other);
            }
        }
    }

    fn comparison(&mut self, test: &Comparison) {
        self.texts.extend([
            test.text().to_vec(),
            [test.text(), b"/x"].concat(),
            b"/other".to_vec(),
        ]);
        let kinds = registry::forms().flat_map(|form| form.form().parameters);
        let named = kinds.filter(|parameter| parameter.name == test.argument());
        let members = |parameter: &Parameter| {
            let number = parameter.kind.number_of(test.text());
            let numbers = parameter.kind.numbers_containing(test.text());
            let listed = numbers.map(|set| [set.members, vec![set.mask]].concat());
            listed.into_iter().flatten().chain(number)
        };
        for member in named.flat_map(members).map(u64::from) {
            self.numbers.extend([member, member ^ 1, member + 1, member.wrapping_sub(1)]);
        }
    }

    fn registers(&self, attempt: &Attempt) -> [u64; 6] {
        let garbage = if attempt.upper { 0xdead_beef << 32 } else { 0 };
        attempt.registers.map(|at| self.numbers[at % self.numbers.len()] | garbage)
    }
}

fn value<'e>(
    parameter: &Parameter,
    registers: &[u64; 6],
    attempt: &Attempt,
    text: &'e [u8],
) -> Value<'e> {
    match parameter.source {
        Origin::Register(at) if parameter.kind.is_number() => {
            Value::Number(registers[usize::from(at)])
        }
        Origin::OpenHow { .. } | Origin::CloneArgs(_) => Value::Number(registers[0]),
        _ if attempt.text.is_multiple_of(7) => Value::Absent,
        _ => Value::Text(text),
    }
}

/// Every verdict that the set has for the attempt: one for each of its policies.
fn verdicts(
    set: &PolicySet,
    interests: &Interests,
    attempt: &Attempt,
) -> (u32, [u64; 6], Vec<(Verdict, bool)>) {
    let call = interests.calls[attempt.call % interests.calls.len()];
    let registers = interests.registers(attempt);
    let form = call.select(|test| test.on_registers(&registers).unwrap_or(attempt.in_memory));
    let fallback = b"/".to_vec();
    let text =
        interests.texts.get(attempt.text % interests.texts.len().max(1)).unwrap_or(&fallback);
    let values: Vec<_> =
        form.form().parameters.iter().map(|p| value(p, &registers, attempt, text)).collect();
    let event = Event { form, values: &values, subject: attempt.subject };
    let judge = |policy: &policy::Policy| {
        let decision = policy.evaluate(&event);
        (decision.verdict, decision.rule.is_some_and(|rule| rule.log || rule.identity.is_some()))
    };
    (call.number.0, registers, set.policies.iter().map(judge).collect())
}

fn answer(program: &Program, number: u32, registers: [u64; 6]) -> u32 {
    interpret(program, &SeccompData::native(number, registers)).expect("every way ends")
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_kernel_never_contradicts_the_evaluator(
        rules in prop::collection::vec(prop::collection::vec(any_rules(), 1..8), 1..3),
        attempts in attempts(),
    ) {
        let set = policy_set(&rules);
        let plan = match plan(&set, &host(), Target::Supervised) {
            Ok(plan) => plan,
            // `as` on a call that its caller must make itself: the whole policy is refused.
            Err(errors) => {
                let refused = |error: &PlanError| matches!(error, PlanError::Identity { .. });
                prop_assert!(errors.iter().all(refused), "everything is performed: {errors:?}");
                return Ok(());
            }
        };
        let program = assemble(&plan.filter).expect("few rules");
        let interests = Interests::new(&set);
        for attempt in attempts {
            let (number, registers, verdicts) = verdicts(&set, &interests, &attempt);
            let answer = answer(&program, number, registers);
            if answer == Action::Notify.value() {
                continue;
            }
            for (verdict, needs_supervisor) in verdicts {
                let expected = match verdict {
                    Verdict::Permit(_) => Action::Allow.value(),
                    Verdict::Deny(errno) => Action::Errno(errno.number()).value(),
                    Verdict::Ask | Verdict::Uncovered => Action::Notify.value(),
                };
                prop_assert_eq!(answer, expected, "{:?} {} {:x?}", &attempt, number, registers);
                prop_assert!(!needs_supervisor);
            }
        }
    }

    /// No call that the evaluator lets through asks for a capability that a plan takes away.
    #[test]
    fn no_dropped_capability_is_needed(
        rules in prop::collection::vec(prop::collection::vec(asking_rules(), 1..6), 1..3),
        approximate in any::<bool>(),
        attempts in attempts(),
    ) {
        let set = policy_set(&rules);
        let mut host = host();
        host.approximate.extend(approximate.then_some(Approximation::Capabilities));
        let Ok(plan) = plan(&set, &host, Target::Supervised) else { return Ok(()) };
        let dropped = |one: &&Capability| plan.edits.iter().any(|edit| {
            matches!(&edit.change, Change::DropCapability { number, .. } if *number == one.number)
        });
        let dropped: Vec<_> = TABLE.iter().filter(dropped).collect();
        let exact = plan.edits.iter().any(|edit| edit.difference.is_none());
        let mut interests = Interests::new(&set);
        interests.numbers.extend([16, 0x4b4e, 1024, 1040, 0x1000_0000, 4]);
        for attempt in attempts {
            let (number, registers, verdicts) = verdicts(&set, &interests, &attempt);
            let passes = |(verdict, _): &(Verdict, bool)| matches!(verdict, Verdict::Permit(_) | Verdict::Ask);
            if !verdicts.iter().any(passes) {
                continue;
            }
            let name = registry::call(registry::SyscallNumber(number)).expect("a call").name;
            prop_assert!(dropped.is_empty() || !UNSEEN.contains(&name));
            prop_assert!(!exact || !HANDING.contains(&name), "{name} hands capabilities around");
            for one in &dropped {
                let asks = one.asking.iter().filter(|asking| asking.call == name).any(|asking| {
                    asking.only.is_none_or(|bits| {
                        registers[usize::from(bits.argument)] & bits.mask == bits.value
                    })
                });
                prop_assert!(!asks, "{name} {registers:x?} asks for {}", one.name);
            }
        }
    }

    #[test]
    fn numbers_are_decided_by_the_kernel_alone(
        rules in prop::collection::vec(number_rules(), 1..8),
        attempts in attempts(),
    ) {
        let set = policy_set(&[rules]);
        let plan = plan(&set, &host(), Target::Supervised).expect("no text");
        prop_assert!(plan.rules.iter().all(|rule| rule.mechanism != Mechanism::Supervisor));
        let program = assemble(&plan.filter).expect("few rules");
        let interests = Interests::new(&set);
        for attempt in attempts {
            let (number, registers, verdicts) = verdicts(&set, &interests, &attempt);
            let notified = answer(&program, number, registers) == Action::Notify.value();
            prop_assert_eq!(notified, verdicts[0].0 == Verdict::Uncovered);
        }
    }

    /// Where memory tells what a call means, a filter that stands alone may be stricter than the
    /// evaluator, and is never weaker.
    #[test]
    fn a_standalone_filter_permits_only_what_is_permitted(
        rules in prop::collection::vec(any_rules(), 1..8),
        attempts in attempts(),
    ) {
        let set = policy_set(&[rules]);
        let plan = plan(&set, &host(), Target::Standalone).expect("nothing is refused");
        let program = assemble(&plan.filter).expect("few rules");
        let interests = Interests::new(&set);
        for attempt in attempts {
            let (number, registers, verdicts) = verdicts(&set, &interests, &attempt);
            if answer(&program, number, registers) == Action::Allow.value() {
                prop_assert!(matches!(verdicts[0], (Verdict::Permit(_), false)));
            }
        }
    }

    /// A filter that stands alone denies what the evaluator denies, and what no rule covers.
    #[test]
    fn a_standalone_filter_decides_numbers_alike(
        rules in prop::collection::vec(number_rules(), 1..8),
        attempts in attempts(),
    ) {
        let set = policy_set(&[rules]);
        let plan = plan(&set, &host(), Target::Standalone).expect("no text");
        let program = assemble(&plan.filter).expect("few rules");
        let interests = Interests::new(&set);
        for attempt in attempts {
            let (number, registers, verdicts) = verdicts(&set, &interests, &attempt);
            let expected = match verdicts[0].0 {
                Verdict::Permit(_) => Action::Allow,
                Verdict::Deny(errno) => Action::Errno(errno.number()),
                Verdict::Ask | Verdict::Uncovered => Action::Errno(1),
            };
            prop_assert_eq!(answer(&program, number, registers), expected.value());
        }
    }
}
