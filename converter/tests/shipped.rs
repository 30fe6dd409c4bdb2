//! Every rule of every shipped policy has a victim: a call that it decides, and that is decided otherwise if the rule says the
//! opposite, or if the call differs in what the rule compares. The evaluator and the filter are asked, and of connections the
//! socket programs.

use converter::bpf::SeccompData;
use converter::ebpf::{Surroundings, interpret};
use converter::host::Host;
use converter::plan::{Mechanism, Plan, Target, plan};
use converter::seccomp::Action;
use converter::sockets::Hook;
use policy::condition::{Comparison, Condition};
use policy::program::Action as RuleAction;
use policy::registry::{self, FormId, FormTest, Parameter, Source as Origin};
use policy::{Environment, Event, Policy, PolicySet, Rule, RuleId, Subject, Value, Verdict};
use policy::{Source, compile, templates};

/// A policy that is shipped, or a template in the least policy that includes it.
struct Shipped {
    name: String,
    text: String,
}

fn shipped() -> Vec<Shipped> {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
    let talk = std::fs::read_dir(format!("{examples}/talk")).expect("the examples");
    let mut all: Vec<_> = talk
        .map(|entry| entry.expect("an entry").path())
        .map(|path| Shipped {
            name: path.file_name().expect("a name").to_string_lossy().into_owned(),
            text: std::fs::read_to_string(&path).expect("a policy"),
        })
        .collect();
    let cluster = std::fs::read_to_string(format!("{examples}/kubernetes/policies.yaml"));
    all.extend(blocks(&cluster.expect("the cluster's policies")));
    all.extend(templates::names().map(|name| Shipped {
        name: format!("including {name}"),
        text: format!("Policy: /bin/x, Emulation: native\n\tInclude: {name}\n"),
    }));
    all
}

/// The literal blocks `NAME.policy: |` of a ConfigMap.
fn blocks(yaml: &str) -> Vec<Shipped> {
    let mut all: Vec<Shipped> = Vec::new();
    let mut inside = false;
    for line in yaml.lines() {
        if let Some(name) = line.strip_suffix(": |").filter(|name| name.ends_with(".policy")) {
            all.push(Shipped { name: name.trim().to_owned(), text: String::new() });
            inside = true;
        } else if let Some(rest) = line.strip_prefix("    ").filter(|_| inside) {
            let block = all.last_mut().expect("a block");
            block.text.push_str(&format!("{rest}\n"));
        } else {
            inside = false;
        }
    }
    all
}

/// The policies as they are, or with rules that all say the opposite.
fn understood(shipped: &Shipped, opposite: bool) -> PolicySet {
    let text = |text: &str| if opposite { turned(text) } else { text.to_owned() };
    let template = |name: &str| {
        let source = templates::builtin(name)?;
        let whole = std::str::from_utf8(source.text()).expect("text");
        Some(Source::new(name, text(whole)))
    };
    let lowered = compile(&Source::new(&*shipped.name, text(&shipped.text)), &template);
    lowered.unwrap_or_else(|findings| panic!("{}: {findings:?}", shipped.name)).set
}

/// A text whose rules permit what they denied, and deny the rest. In the shipped policies an action ends its line.
fn turned(text: &str) -> String {
    let line = |line: &str| {
        let is_rule = line.starts_with(['\t', ' ']) && !line.trim_start().starts_with('#');
        let action = line.rsplit_once([' ', '\t']).filter(|_| is_rule);
        let other = action.and_then(|(_, action)| match action.split('[').next() {
            Some("permit") => Some("deny"),
            Some("deny" | "ask") => Some("permit"),
            _ => None,
        });
        match (action, other) {
            (Some((before, _)), Some(other)) => format!("{before} {other}\n"),
            _ => format!("{line}\n"),
        }
    };
    text.lines().map(line).collect()
}

/// A container in which the variables mean something.
struct Container;

impl Environment for Container {
    fn variable(&self, name: &str) -> Option<Vec<u8>> {
        (name == "HOME").then(|| b"/home/u".to_vec())
    }
    fn user(&self, _: &str) -> Option<u32> {
        None
    }
    fn group(&self, _: &str) -> Option<u32> {
        None
    }
    fn user_name(&self, _: u32) -> Option<Vec<u8>> {
        None
    }
    fn resolve(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

fn bound(set: &PolicySet) -> Vec<Policy> {
    let bind = |policy: &Policy| policy.bind(&Container).expect("every name has a meaning");
    set.policies.iter().map(bind).collect()
}

fn planned(set: &PolicySet, host: &Host) -> Plan {
    plan(set, host, Target::Supervised).expect("a plan")
}

/// A host whose filter lets nothing through that something else judges, and one with everything.
fn hosts() -> [Host; 2] {
    let newest = Host::of_this_release("6.18".parse().expect("a release"));
    [Host { landlock: None, sockets: false, ..newest.clone() }, newest]
}

/// One call: the registers, and what they point to.
#[derive(Debug, Clone)]
struct Call {
    form: FormId,
    registers: [u64; 6],
    texts: Vec<Vec<u8>>,
}

impl Call {
    fn verdict<'p>(&self, policy: &'p Policy) -> (Verdict, Option<&'p Rule>) {
        let values: Vec<_> = self
            .form
            .form()
            .parameters
            .iter()
            .zip(&self.texts)
            .map(|(parameter, text)| match parameter.source {
                Origin::Register(at) => Value::Number(self.registers[usize::from(at)]),
                _ if parameter.kind.is_number() => Value::Number(0),
                _ => Value::Text(text),
            })
            .collect();
        let event = Event { form: self.form, values: &values, subject: Subject::default() };
        let decision = policy.evaluate(&event);
        (decision.verdict, decision.rule)
    }

    fn answer(&self, plan: &Plan) -> Action {
        plan.filter.decide(&SeccompData::native(self.form.call().number.0, self.registers))
    }
}

/// The calls of a form that differ in what rules on it compare.
fn calls(policy: &Policy, form: FormId) -> Vec<Call> {
    let rules = policy.rules_for(form);
    let ids = rules.own.iter().chain(rules.read).chain(rules.write);
    let mut tests = Vec::new();
    for id in ids {
        policy.rule(*id).condition.any(&mut |test| {
            tests.push(test.clone());
            false
        });
    }
    let parameters = form.form().parameters;
    let blank = Call { form, registers: [0; 6], texts: vec![Vec::new(); parameters.len()] };
    let all = parameters.iter().enumerate().fold(vec![blank], |calls, (at, parameter)| {
        let with = |call: &Call, value: &Candidate| {
            let mut call = call.clone();
            match (value, parameter.source) {
                (Candidate::Number(number), Origin::Register(register)) => {
                    call.registers[usize::from(register)] = *number;
                }
                (Candidate::Text(text), _) => call.texts[at].clone_from(text),
                _ => {}
            }
            call
        };
        let values = candidates(parameter, &tests);
        calls.iter().flat_map(|call| values.iter().map(move |value| with(call, value))).collect()
    });
    all.into_iter().filter_map(of_its_form).collect()
}

/// The registers by which forms are told apart, set as the form wants them.
fn of_its_form(mut call: Call) -> Option<Call> {
    for test in call.form.form().when {
        if let FormTest::Register { argument, mask, equals } = test {
            let register = &mut call.registers[usize::from(*argument)];
            *register = *register & !mask | equals;
        }
    }
    let memory = |test: &FormTest| call.form.form().when.contains(test);
    let select = |test: &FormTest| test.on_registers(&call.registers).unwrap_or(memory(test));
    (call.form.call().select(select) == call.form).then_some(call)
}

enum Candidate {
    Number(u64),
    Text(Vec<u8>),
}

/// What the comparisons speak of, and what they do not.
fn candidates(parameter: &Parameter, tests: &[Comparison]) -> Vec<Candidate> {
    let tests = tests.iter().filter(|test| test.argument().eq_ignore_ascii_case(parameter.name));
    let texts = tests.flat_map(|test| test.texts());
    if parameter.kind.is_number() {
        let numbers = texts.filter_map(|text| parameter.kind.number_of(text)).map(u64::from);
        return numbers.chain([0, 0x77]).map(Candidate::Number).collect();
    }
    let text = |text: &Vec<u8>| {
        let text = String::from_utf8(text.clone()).expect("text");
        [text.clone(), text.replace('*', "[192.0.2.1]"), format!("{text}/below")]
    };
    let others = ["/elsewhere", "/home/other", "inet-[192.0.2.1]:9"].map(str::to_owned);
    let all = texts.flat_map(text).chain(others);
    all.map(|text| Candidate::Text(text.into_bytes())).collect()
}

/// What stands on the other side of a rule: a denial of a permission.
fn is_opposite(action: RuleAction, verdict: Verdict) -> bool {
    match action {
        RuleAction::Permit(_) => matches!(verdict, Verdict::Deny(_) | Verdict::Uncovered),
        RuleAction::Deny(_) => matches!(verdict, Verdict::Permit(_)),
        RuleAction::Ask => !matches!(verdict, Verdict::Ask),
    }
}

/// The filter says the same or leaves the call to the supervisor; on a host without anything else, it says it exactly.
fn agrees(verdict: Verdict, answer: Action, carried: bool) -> bool {
    match answer {
        Action::Notify => true,
        Action::Allow => carried || matches!(verdict, Verdict::Permit(_)),
        Action::Errno(errno) => {
            verdict == Verdict::Deny(policy::Errno::new(errno).expect("an errno"))
        }
        _ => false,
    }
}

/// A policy of a shipped file beside its opposite, and what becomes of both on every host.
struct Pair<'a> {
    policy: &'a Policy,
    plans: &'a [Plan],
    turned: &'a Policy,
    turned_plans: &'a [Plan],
}

impl Pair<'_> {
    /// Finds a rule's victims and holds everybody to them.
    fn test(&self, id: RuleId) {
        let rule = self.policy.rule(id);
        let mut victims = 0;
        let mut perturbed = !rule.condition.any(&mut |_| true);
        for form in registry::forms().filter(|form| judges(self.policy, *form, id)) {
            for call in calls(self.policy, form) {
                let (verdict, by) = call.verdict(self.policy);
                held(&call, verdict, self.plans);
                if !by.is_some_and(|by| std::ptr::eq(by, rule)) {
                    perturbed |= is_opposite(rule.action, verdict);
                    continue;
                }
                victims += 1;
                let (other, _) = call.verdict(self.turned);
                // Of two aliases the other one may say no.
                let turns = form.form().aliases.len() > 1 || is_opposite(rule.action, other);
                assert!(turns, "{} {other:?} {call:?}", rule.origin);
                held(&call, other, self.turned_plans);
            }
        }
        assert!(victims > 0, "no call is decided by {}", rule.origin);
        assert!(perturbed, "every call comes to the same as under {}", rule.origin);
    }
}

/// Holds the filters, and the programs for sockets, to a verdict. The first host has no programs.
fn held(call: &Call, verdict: Verdict, plans: &[Plan]) {
    for (at, plan) in plans.iter().enumerate() {
        let answer = call.answer(plan);
        let carried = at > 0 && is_carried(call.form, plan);
        assert!(agrees(verdict, answer, carried), "{answer:?} for {verdict:?}: {call:?}");
        if carried && answer == Action::Allow && call.form.call().name == "connect" {
            connects(call, verdict, plan);
        }
    }
}

/// Landlock (whose rules `shim/tests/fence` plays) or a program judges the form.
fn is_carried(form: FormId, plan: &Plan) -> bool {
    let writes = form.form().aliases.iter().any(|usage| usage.alias == registry::Alias::Write);
    writes && plan.carried.landlock.is_some()
        || ["connect", "bind"].contains(&form.call().name) && !plan.carried.sockets.is_empty()
}

/// The program for IPv4 addresses says so too.
fn connects(call: &Call, verdict: Verdict, plan: &Plan) {
    let text = call.texts.iter().find_map(|text| std::str::from_utf8(text).ok());
    let parts = text.and_then(|text| text.strip_prefix("inet-[")?.split_once("]:"));
    let Some((address, port)) = parts else { return };
    let (Ok(address), Ok(port)) = (address.parse::<std::net::Ipv4Addr>(), port.parse::<u16>())
    else {
        return;
    };
    let mut context = vec![0; 64];
    context[0] = libc::AF_INET as u8;
    context[4..8].copy_from_slice(&address.octets());
    context[24..26].copy_from_slice(&port.to_be_bytes());
    let program = plan.carried.sockets.iter().find(|program| program.hook == Hook::Connect4);
    let program = &program.expect("a program for IPv4").program;
    let mut around = Surroundings { context, ..Surroundings::default() };
    let passes = interpret(program, &mut around).expect("a sound program").returned == 1;
    assert_eq!(passes, matches!(verdict, Verdict::Permit(_)), "{call:?}");
}

/// The rule is among those that judge the form.
fn judges(policy: &Policy, form: FormId, id: RuleId) -> bool {
    let rules = policy.rules_for(form);
    [rules.own, rules.read, rules.write].iter().any(|ids| ids.contains(&id))
}

/// A rule before it decides all of its calls: one that says the same (`read` means `readv` too), or one of a text that comes
/// first (`internet-sockets` above `docker-default`).
fn is_said_before(policy: &Policy, id: RuleId) {
    let rule = policy.rule(id);
    for form in registry::forms().filter(|form| judges(policy, *form, id)) {
        let own = policy.rules_for(form).own.iter().map(|id| policy.rule(*id));
        let mut before = own.take_while(|before| !std::ptr::eq(*before, rule));
        let decides = before.find(|before| matches!(before.condition, Condition::True));
        let right = decides.is_some_and(|decides| {
            decides.action == rule.action || decides.origin.file != rule.origin.file
        });
        assert!(right, "{} never decides", rule.origin);
    }
}

#[test]
fn every_shipped_rule_has_a_victim() {
    let mut rules = 0;
    for shipped in shipped() {
        let [set, turned] = [false, true].map(|opposite| understood(&shipped, opposite));
        let hosts = hosts();
        let [plans, turned_plans] = [&set, &turned]
            .map(|set| hosts.iter().map(|host| planned(set, host)).collect::<Vec<_>>());
        let mut reports = plans[0].rules.iter();
        for (policy, turned) in bound(&set).iter().zip(&bound(&turned)) {
            let pair = Pair { policy, plans: &plans, turned, turned_plans: &turned_plans };
            for (number, report) in (0..).zip(reports.by_ref().take(policy.rules().len())) {
                match report.mechanism {
                    Mechanism::Unreachable => is_said_before(policy, RuleId(number)),
                    _ => pair.test(RuleId(number)),
                }
                rules += 1;
            }
        }
    }
    assert!(rules > 500, "{rules}");
}
