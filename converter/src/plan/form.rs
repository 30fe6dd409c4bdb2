//! The rules of one form of a call, lowered from the last to the first.

use policy::condition::Comparison;
use policy::program::{Action as RuleAction, FormRules, Policy, RuleId};
use policy::registry::{Alias, AliasUse, Form, FormId, Parameter};

use crate::host::Host;
use crate::plan::condition::{Match, lower};
use crate::plan::lowered::{Bearing, Lowered};
use crate::plan::{Reason, Target};

/// What becomes of the rules that judge a form.
pub(super) fn plan(policy: &Policy, form: FormId, host: &Host, target: Target) -> Lowered {
    let uncovered = Lowered::uncovered(host.performed.contains(&form), target);
    if policy.is_detached() {
        return Lowered::released();
    }
    let rules = policy.rules_for(form);
    let shape = form.form();
    let context = Context { policy, form, target };
    let judged = shape.aliases.iter().map(|usage| {
        let parameter = |test: &Comparison| of_alias(shape, *usage, test);
        context.prepend(alias_rules(&rules, usage.alias), &parameter, false, uncovered.clone())
    });
    let aliases = judged.reduce(|all, next| all.both(next, target)).unwrap_or(uncovered.clone());
    context.prepend(rules.own, &|test| of_form(shape, test), true, aliases)
}

struct Context<'p> {
    policy: &'p Policy,
    form: FormId,
    target: Target,
}

impl Context<'_> {
    fn prepend(
        &self,
        rules: &[RuleId],
        parameter: &dyn Fn(&Comparison) -> Option<&'static Parameter>,
        own: bool,
        rest: Lowered,
    ) -> Lowered {
        rules
            .iter()
            .rev()
            .fold(rest, |rest, id| rest.after(self.bearing(*id, parameter, own), self.target))
    }

    fn bearing(
        &self,
        id: RuleId,
        parameter: &dyn Fn(&Comparison) -> Option<&'static Parameter>,
        own: bool,
    ) -> Bearing {
        let rule = self.policy.rule(id);
        let mut matches = lower(&rule.condition, true, parameter);
        if rule.predicate.is_some() && !matches.is_never() {
            matches = Match::Opaque(Reason::Predicate);
        }
        Bearing {
            id,
            matches,
            action: self.target.action(rule, self.form),
            permits: matches!(rule.action, RuleAction::Permit(_)),
            own,
        }
    }
}

fn alias_rules<'p>(rules: &FormRules<'p>, alias: Alias) -> &'p [RuleId] {
    match alias {
        Alias::Read => rules.read,
        Alias::Write => rules.write,
    }
}

/// The argument that a comparison in a rule on the form's own name means.
pub(super) fn of_form(form: &'static Form, test: &Comparison) -> Option<&'static Parameter> {
    let index = usize::from(test.index().unwrap_or_default());
    form.parameter(test.argument(), index).map(|at| &form.parameters[at])
}

/// The same in a rule on an alias, which knows one name.
pub(super) fn of_alias(
    form: &'static Form,
    usage: AliasUse,
    test: &Comparison,
) -> Option<&'static Parameter> {
    let first = test.index().unwrap_or_default() == 0;
    let judged = &form.parameters[usize::from(usage.parameter)];
    (first && judged.name.eq_ignore_ascii_case(test.argument())).then_some(judged)
}
