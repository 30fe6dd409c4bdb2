//! The calls that change their caller. A supervisor that acts as the caller must know who that is; if it is told of
//! each change, it need not ask the kernel at each call.

use policy::program::Action as RuleAction;
use policy::registry::{self, CREDENTIAL_CHANGES, SyscallNumber};

use crate::plan::call::CallPlan;
use crate::plan::lowered::Fate;
use crate::plan::{PolicyPlan, Reason};
use crate::seccomp::{Action, Filter};

/// These move the root folder, of other threads too.
const ROOT: &[&str] = &["chroot", "pivot_root"];

/// What the supervisor may rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Constancy {
    /// Each call of [`CREDENTIAL_CHANGES`] is notified or fails.
    pub credentials: bool,
    /// No policy permits to move the root folder.
    pub root: bool,
}

impl Constancy {
    pub(super) fn of(filter: &Filter, policies: &[PolicyPlan]) -> Self {
        let silent = |call: &SyscallNumber| match filter.calls.get(call) {
            Some(clauses) => clauses.iter().any(|clause| !is_told(clause.action)),
            None => !is_told(filter.default),
        };
        let credentials = !numbers(CREDENTIAL_CHANGES).any(|call| silent(&call));
        let root = !numbers(ROOT).any(|call| {
            policies.iter().flat_map(|p| &p.calls).any(|p| p.call.number == call && p.permits())
        });
        Self { credentials, root }
    }
}

/// The supervisor hears of the call, or it fails.
fn is_told(action: Action) -> bool {
    matches!(
        action,
        Action::Notify | Action::Errno(_) | Action::KillThread | Action::KillProcess | Action::Trap
    )
}

fn numbers(calls: &[&str]) -> impl Iterator<Item = SyscallNumber> {
    calls.iter().filter_map(|name| registry::call_named(name)).map(|call| call.number)
}

impl PolicyPlan<'_> {
    /// Whether the supervisor carries calls out for their callers, but for starting programs, which the kernel does.
    pub(super) fn acts(&self) -> bool {
        let starts = |plan: &CallPlan| matches!(plan.call.name, "execve" | "execveat");
        let forms = self.calls.iter().filter(|plan| !starts(plan)).flat_map(|plan| &plan.forms);
        let supervised = |(_, fate): &(_, Fate)| matches!(fate, Fate::Supervisor(_));
        forms.into_iter().any(|(_, form)| form.performed && form.fates.iter().any(supervised))
    }

    /// Leaves what the kernel would let through of the [`CREDENTIAL_CHANGES`] to the supervisor.
    pub(super) fn watch(&mut self) {
        let policy = self.policy;
        for plan in
            self.calls.iter_mut().filter(|plan| CREDENTIAL_CHANGES.contains(&plan.call.name))
        {
            for (id, fate) in plan.forms.iter_mut().flat_map(|(_, form)| &mut form.fates) {
                let permits = matches!(policy.rule(*id).action, RuleAction::Permit(_));
                if permits && *fate == Fate::Kernel {
                    *fate = Fate::Supervisor(Reason::Change);
                }
            }
            let ask = |action| if action == Action::Allow { Action::Notify } else { action };
            plan.decisions = plan.decisions.clone().map(ask);
        }
    }
}
