//! The forms of one call, told apart in the kernel as far as registers tell them apart.

use policy::program::Policy;
use policy::registry::{Call, FormId, FormTest};

use crate::host::Host;
use crate::plan::decisions::Decisions;
use crate::plan::lowered::Lowered;
use crate::plan::{Reason, Target, form};
use crate::seccomp::{Action, RegisterTest, Relation};

/// One call under one policy.
pub(super) struct CallPlan {
    pub(super) call: &'static Call,
    pub(super) decisions: Decisions,
    pub(super) forms: Vec<(FormId, Lowered)>,
}

impl CallPlan {
    /// The forms, each by itself; what happens with the call is chosen later.
    pub(super) fn new(call: &'static Call, policy: &Policy, host: &Host, target: Target) -> Self {
        let lowered = |id: FormId| (id, form::plan(policy, id, host, target));
        let forms: Vec<_> = call.form_ids().map(lowered).collect();
        Self { call, decisions: Decisions::always(target.uncovered()), forms }
    }

    /// Puts the decisions for the forms together.
    pub(super) fn choose(&mut self, target: Target) {
        self.decisions = choose(&mut self.forms, target);
    }

    /// Some rule may let the call through.
    pub(super) fn permits(&self) -> bool {
        self.forms.iter().any(|(_, lowered)| lowered.permits)
    }

    /// Some rule judges the call, or the program is released.
    pub(super) fn is_judged(&self) -> bool {
        let released = self.decisions.constant() == Some(Action::Allow);
        released || self.forms.iter().any(|(_, lowered)| !lowered.fates.is_empty())
    }

    /// Leaves all of the call to the supervisor.
    pub(super) fn supervise(&mut self, reason: Reason, target: Target) {
        for (_, lowered) in &mut self.forms {
            lowered.supervise(reason, target);
        }
        self.decisions = Decisions::always(target.undecided(self.permits()));
    }
}

/// The decisions of the first form whose tests hold. A filter that stands alone lets a call through
/// if it may pass under every form that it can be of.
fn choose(forms: &mut [(FormId, Lowered)], target: Target) -> Decisions {
    let Some(((id, first), rest)) = forms.split_first_mut() else {
        return Decisions::always(target.uncovered());
    };
    if rest.is_empty() {
        return first.decisions.clone();
    }
    let otherwise = choose(rest, target);
    if first.decisions == otherwise {
        return otherwise;
    }
    let when = id.form().when;
    let tests: Vec<_> = when.iter().filter_map(register_test).collect();
    if tests.len() == when.len() {
        return first.decisions.clone().where_passed(&tests, otherwise);
    }
    // The rest of the tests is in the caller's memory: these calls may be of this form or of a
    // later one.
    if target == Target::Standalone
        && let Some(both) = first.decisions.clone().both(otherwise.clone())
    {
        first.tighten();
        return both.where_passed(&tests, otherwise);
    }
    first.permits |= rest.iter().any(|(_, later)| later.permits);
    first.tell_by_memory(target);
    if tests.is_empty() {
        rest.iter_mut().for_each(|(_, later)| later.tell_by_memory(target));
    }
    first.decisions.clone().where_passed(&tests, otherwise)
}

fn register_test(test: &FormTest) -> Option<RegisterTest> {
    match *test {
        FormTest::Register { argument, mask, equals } => {
            RegisterTest::new(argument, mask, Relation::Equal, equals)
        }
        FormTest::EmptyPath(_) | FormTest::OpenHow { .. } => None,
    }
}
