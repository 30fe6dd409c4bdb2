//! What a plan is made for, and why a rule needs the supervisor.

use policy::ast::PermitFlag;
use policy::program::{Action as RuleAction, Rule};
use policy::registry::FormId;

use crate::seccomp::Action;

/// What stands behind the filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A supervisor answers the filter's notifications.
    Supervised,
    /// Nothing: the filter is all there is. What it cannot decide is still marked as a
    /// notification.
    Standalone,
    /// Nothing, and what the filter cannot decide is let through if any rule might let it through.
    BestEffort,
}

impl Target {
    /// What happens with a call that no rule covers. The supervisor denies it too, and writes it
    /// down.
    pub(super) fn uncovered(self) -> Action {
        match self {
            Self::Supervised => Action::Notify,
            Self::Standalone | Self::BestEffort => Self::DENIED,
        }
    }

    /// What happens with a call that the kernel cannot decide.
    pub(super) fn undecided(self, permits: bool) -> Action {
        match self {
            Self::Supervised | Self::Standalone => Action::Notify,
            Self::BestEffort if permits => Action::Allow,
            Self::BestEffort => Self::DENIED,
        }
    }

    const DENIED: Action = Action::Errno(libc::EPERM as u16);

    /// What the kernel can do for a rule that matches.
    pub(super) fn action(self, rule: &Rule, form: FormId) -> Result<Action, Reason> {
        if rule.log {
            return Err(Reason::Log);
        }
        if rule.identity.is_some() {
            return Err(Reason::Identity);
        }
        match rule.action {
            RuleAction::Ask => Err(Reason::Ask),
            RuleAction::Deny(errno) => Ok(Action::Errno(errno.number())),
            RuleAction::Permit(flag) if starts_program(form) => self.start(flag),
            RuleAction::Permit(_) => Ok(Action::Allow),
        }
    }

    /// The supervisor must see each start of a program: it ends our own start-up code, and the
    /// program's policy begins. A filter alone is inherited, as `[inherit]` says.
    fn start(self, flag: PermitFlag) -> Result<Action, Reason> {
        match (self, flag) {
            (Self::Standalone | Self::BestEffort, PermitFlag::Inherit) => Ok(Action::Allow),
            _ => Err(Reason::Start),
        }
    }
}

fn starts_program(form: FormId) -> bool {
    matches!(form.call().name, "execve" | "execveat")
}

/// Why the supervisor decides by a rule and not the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// It compares a text in the caller's memory.
    Memory,
    /// It compares a name that stands for a number: a user, a program.
    Lookup,
    /// It compares numbers by a pattern that too many or unknown ones fit.
    Pattern,
    /// It looks at who calls.
    Predicate,
    /// Each decision by it is written down.
    Log,
    /// Somebody is asked.
    Ask,
    /// The call is made with other ids.
    Identity,
    /// It starts a program.
    Start,
    /// Which rules judge the call is told by the caller's memory.
    Form,
    /// A rule before it needs the supervisor.
    Earlier,
    /// The rules of two aliases must both permit.
    Both,
    /// The programs of the container have different rules for the call.
    Policies,
    /// Our own code makes the call before the program begins.
    Startup,
    /// It lets the caller become another, for whom the supervisor acts later.
    Change,
}

impl Reason {
    /// As half a sentence about the rule.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Memory => "compares text in the program's memory",
            Self::Lookup => "compares a name that must be looked up",
            Self::Pattern => "compares numbers by a pattern",
            Self::Predicate => "looks at who calls",
            Self::Log => "is logged",
            Self::Ask => "asks",
            Self::Identity => "changes ids for the call",
            Self::Start => "starts a program",
            Self::Form => "depends on flags in the program's memory",
            Self::Earlier => "comes after a rule that needs the supervisor",
            Self::Both => "must hold together with the rules of another alias",
            Self::Policies => "differs between the container's policies",
            Self::Startup => "denies what the runtime itself needs before the program starts",
            Self::Change => "changes the caller, as whom the supervisor acts",
        }
    }
}
