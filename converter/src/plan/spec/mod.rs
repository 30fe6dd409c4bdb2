//! What a container's configuration grants and no permitted call needs.

mod mounts;

use policy::ast::PermitFlag;
use policy::condition::Comparison;
use policy::program::{Action as RuleAction, Policy, RuleId};
use policy::registry::{self, Alias, FormId, Parameter};
use policy::{PolicySet, Rule};

use crate::host::{Engine, Host};
use crate::plan::condition::{Match, lower};
use crate::plan::form::{of_alias, of_form};
use crate::plan::{Difference, Direction, Mechanism};
use crate::seccomp::{RegisterTest, Relation};
use crate::spec::capabilities::{Asking, Bits, Capability, HANDING, TABLE, UNSEEN};
use crate::spec::{Approximation, Because, Change, Edit};

/// The edits that the policies of a container allow.
pub(super) fn edits(set: &PolicySet, host: &Host) -> Vec<Edit> {
    let anything = set.policies.iter().any(releases) || permits_any(set, UNSEEN);
    if anything || host.lacks(Mechanism::Spec).is_some() {
        return Vec::new();
    }
    let mut edits = capabilities(set, host);
    if host.approximate.contains(&Approximation::Mounts) {
        edits.extend(mounts::edits(set));
    }
    edits
}

fn capabilities(set: &PolicySet, host: &Host) -> Vec<Edit> {
    // Processes that `exec` adds under other runtimes keep their capabilities, and so differ from the first.
    let exact = host.engine == Engine::SystraceShim && !permits_any(set, HANDING);
    if !exact && !host.approximate.contains(&Approximation::Capabilities) {
        return Vec::new();
    }
    let unused = |one: &&Capability| !one.asking.iter().any(|asking| passes(set, asking));
    TABLE.iter().filter(unused).map(|one| without(one, set, host, exact)).collect()
}

fn without(unused: &Capability, set: &PolicySet, host: &Host, exact: bool) -> Edit {
    let denied = |asking: &Asking| Because { call: asking.call, rules: denials(set, asking) };
    let mut because: Vec<_> = unused.asking.iter().map(denied).collect();
    because.dedup();
    Edit {
        change: Change::DropCapability {
            capability: unused.name.to_owned(),
            number: unused.number,
            exact,
        },
        because,
        difference: (!exact).then(|| Difference {
            direction: Direction::Stricter,
            what: difference(host.engine).to_owned(),
        }),
    }
}

fn difference(engine: Engine) -> &'static str {
    match engine {
        Engine::SystraceShim => {
            "programs whose files ask for the capability do not start, nor can capset(2) keep it"
        }
        Engine::Runc | Engine::Crun => {
            "programs whose files ask for the capability do not start, nor can capset(2) keep it; processes that `exec` \
             adds have it, and the others may not look into them"
        }
    }
}

fn releases(policy: &Policy) -> bool {
    let detach = |rule: &Rule| rule.action == RuleAction::Permit(PermitFlag::Detach);
    policy.is_detached() || policy.rules().iter().any(detach)
}

fn permits_any(set: &PolicySet, calls: &[&'static str]) -> bool {
    calls.iter().any(|call| passes(set, &Asking { call, only: None }))
}

/// Where the rules are that deny such calls, in their order.
fn denials(set: &PolicySet, asking: &Asking) -> Vec<String> {
    let mut origins = Vec::new();
    for (policy, form) in
        set.policies.iter().flat_map(|policy| forms(asking.call).map(move |form| (policy, form)))
    {
        for rule in judging(policy, form).map(|id| policy.rule(id)) {
            let matches = lower(&rule.condition, true, &|test| of_form(form.form(), test));
            let denies = matches!(rule.action, RuleAction::Deny(_));
            let origin = rule.origin.to_string();
            if denies && is_possible(&matches, asking.only) && !origins.contains(&origin) {
                origins.push(origin);
            }
        }
    }
    origins
}

fn forms(call: &str) -> impl Iterator<Item = FormId> {
    registry::call_named(call).into_iter().flat_map(registry::Call::form_ids)
}

fn judging(policy: &Policy, form: FormId) -> impl Iterator<Item = RuleId> {
    let rules = policy.rules_for(form);
    [rules.own, rules.read, rules.write].into_iter().flatten().copied()
}

/// Under some policy such a call may be let through.
fn passes(set: &PolicySet, asking: &Asking) -> bool {
    set.policies.iter().any(|policy| forms(asking.call).any(|form| may(policy, form, asking.only)))
}

/// Rules on the call's own name decide before those on aliases, all of which must permit.
fn may(policy: &Policy, form: FormId, only: Option<Bits>) -> bool {
    let shape = form.form();
    let rules = policy.rules_for(form);
    match verdict(policy, rules.own, only, &|test| of_form(shape, test)) {
        Verdict::Permitted => return true,
        Verdict::Denied => return false,
        Verdict::Open => {}
    }
    let permits = |usage: &policy::registry::AliasUse| {
        let ids = match usage.alias {
            Alias::Read => rules.read,
            Alias::Write => rules.write,
        };
        verdict(policy, ids, only, &|test| of_alias(shape, *usage, test)) == Verdict::Permitted
    };
    !shape.aliases.is_empty() && shape.aliases.iter().all(permits)
}

/// What rules say, looked at from the safe side.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Some may let a call through.
    Permitted,
    /// None can.
    Denied,
    /// None can, but the call may be left to others.
    Open,
}

fn verdict(
    policy: &Policy,
    ids: &[RuleId],
    only: Option<Bits>,
    parameter: &dyn Fn(&Comparison) -> Option<&'static Parameter>,
) -> Verdict {
    for rule in ids.iter().map(|id| policy.rule(*id)) {
        let matches = lower(&rule.condition, true, parameter);
        if !is_possible(&matches, only) {
            continue;
        }
        match rule.action {
            RuleAction::Permit(_) | RuleAction::Ask => return Verdict::Permitted,
            RuleAction::Deny(_) if rule.predicate.is_none() && is_certain(&matches, only) => {
                return Verdict::Denied;
            }
            RuleAction::Deny(_) => {}
        }
    }
    Verdict::Open
}

/// Some call with these bits may match.
fn is_possible(matches: &Match, only: Option<Bits>) -> bool {
    match (matches, only) {
        (Match::Opaque(_), _) => true,
        (Match::Tests(lists), None) => !lists.is_empty(),
        (Match::Tests(lists), Some(bits)) => {
            lists.iter().any(|tests| !tests.iter().any(|test| excludes(test, bits)))
        }
    }
}

/// Every call with these bits matches.
fn is_certain(matches: &Match, only: Option<Bits>) -> bool {
    let Match::Tests(lists) = matches else { return false };
    let follows = |test: &RegisterTest| only.is_some_and(|bits| truth(test, bits) == Some(true));
    lists.iter().any(|tests| tests.iter().all(follows))
}

/// No register with these bits passes the test.
fn excludes(test: &RegisterTest, bits: Bits) -> bool {
    let common = test.mask() & bits.mask;
    let differs = test.argument() == bits.argument && test.value() & common != bits.value & common;
    truth(test, bits) == Some(false) || differs && test.relation() == Relation::Equal
}

/// What the test says, if the bits tell.
fn truth(test: &RegisterTest, bits: Bits) -> Option<bool> {
    let told = test.argument() == bits.argument && test.mask() & !bits.mask == 0;
    told.then(|| {
        let mut registers = [0; 6];
        registers[usize::from(bits.argument)] = bits.value;
        test.holds(&registers)
    })
}
