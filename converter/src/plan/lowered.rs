//! A list of rules on its way into the kernel.

use policy::program::RuleId;

use crate::plan::condition::Match;
use crate::plan::decisions::Decisions;
use crate::plan::rungs::{Difference, Obstacle, Offer};
use crate::plan::{Mechanism, Reason, Target};
use crate::seccomp::Action;

/// What becomes of a rule on one form; of several, the greatest is what the rule as a whole needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    /// It decides nothing.
    Unreachable,
    /// The kernel decides by it alone.
    Kernel,
    /// The kernel denies some calls that the rule permits.
    Stricter,
    /// Another mechanism of the kernel decides by it.
    Carried(Mechanism),
    /// The supervisor decides by it.
    Supervisor(Reason),
}

/// A rule as it bears on one form.
pub(super) struct Bearing {
    pub(super) id: RuleId,
    pub(super) matches: Match,
    /// What the kernel can do for it.
    pub(super) action: Result<Action, Reason>,
    /// It may let a call through.
    pub(super) permits: bool,
    /// It names the call, not an alias.
    pub(super) own: bool,
}

impl Bearing {
    fn asks(&self) -> bool {
        self.action == Err(Reason::Ask)
    }
}

/// The decisions for one form, and what became of its rules.
#[derive(Debug, Clone)]
pub(super) struct Lowered {
    pub(super) decisions: Decisions,
    /// Last rule first. A rule that judges several names of the form stands here more than once.
    pub(super) fates: Vec<(RuleId, Fate)>,
    /// None of the first so many fates is the kernel's any more: a long list is not walked through
    /// for each of its rules.
    settled: usize,
    /// Some rule may let a call through.
    pub(super) permits: bool,
    /// The supervisor can carry the call out.
    pub(super) performed: bool,
    /// A rule by which a call might have to be let through on account of what stands in the
    /// caller's memory, though the supervisor cannot carry the call out; and whether the rule names
    /// the call.
    pub(super) unperformed: Option<(RuleId, bool)>,
    /// Where the mechanism that carries the form differs from its rules.
    pub(super) difference: Option<Difference>,
    /// Why rungs do not carry it.
    pub(super) obstacles: Vec<(Mechanism, Obstacle)>,
    /// What `unperformed` is if the form is not carried after all.
    uncarried: Option<(RuleId, bool)>,
}

impl Lowered {
    /// No rule.
    pub(super) fn uncovered(performed: bool, target: Target) -> Self {
        let decisions = Decisions::always(target.uncovered());
        Self {
            decisions,
            fates: Vec::new(),
            settled: 0,
            permits: false,
            performed,
            unperformed: None,
            difference: None,
            obstacles: Vec::new(),
            uncarried: None,
        }
    }

    /// A `detached` program may do everything.
    pub(super) fn released() -> Self {
        let mut released = Self::uncovered(true, Target::Supervised);
        released.decisions = Decisions::always(Action::Allow);
        released.permits = true;
        released
    }

    /// These rules with another one before them.
    pub(super) fn after(mut self, rule: Bearing, target: Target) -> Self {
        let fate = match &rule.matches {
            never if never.is_never() => Fate::Unreachable,
            Match::Tests(tests) => {
                match rule.matches.is_always() {
                    // A call that asks goes on to the aliases, which may answer.
                    true if rule.own && rule.asks() => self.supervise(Reason::Earlier, target),
                    true => self = self.overruled(),
                    false => {}
                }
                let permits = rule.permits || rule.asks() && self.permits;
                let action = rule.action.unwrap_or_else(|_| target.undecided(permits));
                self.decisions = self.decisions.after(tests, action);
                self.permits |= rule.permits;
                rule.action.map_or_else(Fate::Supervisor, |_| Fate::Kernel)
            }
            // Whether it matches or not comes to the same.
            Match::Opaque(_)
                if rule.action.ok().is_some_and(|a| self.decisions.constant() == Some(a)) =>
            {
                Fate::Kernel
            }
            Match::Opaque(reason) => {
                self.permits |= rule.permits;
                if *reason == Reason::Memory && self.permits && !self.performed {
                    self.unperformed = Some((rule.id, rule.own));
                }
                self.supervise(Reason::Earlier, target);
                Fate::Supervisor(*reason)
            }
        };
        self.fates.push((rule.id, fate));
        self
    }

    /// Both lists must let a call through.
    pub(super) fn both(mut self, mut other: Self, target: Target) -> Self {
        let permits = self.permits && other.permits;
        match self.decisions.clone().both(other.decisions.clone()) {
            Some(decisions) => self.decisions = decisions,
            None => {
                self.supervise(Reason::Both, target);
                other.supervise(Reason::Both, target);
                self.decisions = Decisions::always(target.undecided(permits));
            }
        }
        self.fates.append(&mut other.fates);
        let unperformed = self.unperformed.or(other.unperformed);
        Self { permits, unperformed, settled: 0, ..self }
    }

    /// The supervisor decides by some rule because of what stands in the caller's memory: another mechanism of the kernel might
    /// do it.
    pub(super) fn looks_at_memory(&self) -> bool {
        let memory = |(_, fate): &(_, Fate)| *fate == Fate::Supervisor(Reason::Memory);
        self.fates.iter().any(memory)
    }

    /// Another mechanism decides instead of the supervisor.
    pub(super) fn carry(&mut self, mechanism: Mechanism, offer: &Offer) {
        for (_, fate) in self.fates.iter_mut().filter(|(_, fate)| *fate != Fate::Unreachable) {
            *fate = Fate::Carried(mechanism);
        }
        self.settled = 0;
        self.decisions = offer.decisions.clone();
        self.difference = offer.difference.clone();
        self.uncarried = self.unperformed.take();
    }

    /// All that the kernel would have decided is left to the supervisor.
    pub(super) fn supervise(&mut self, reason: Reason, target: Target) {
        self.difference = None;
        self.unperformed = self.unperformed.or(self.uncarried.take());
        for (_, fate) in &mut self.fates[self.settled..] {
            if matches!(fate, Fate::Kernel | Fate::Stricter | Fate::Carried(_)) {
                *fate = Fate::Supervisor(reason);
            }
        }
        self.settled = self.fates.len();
        self.decisions = Decisions::always(target.undecided(self.permits));
    }

    /// Whether a call is of this form is told by the caller's memory.
    pub(super) fn tell_by_memory(&mut self, target: Target) {
        let kernel = |fate: &Fate| matches!(fate, Fate::Kernel | Fate::Carried(_));
        let decided = self.fates.iter().rfind(|(_, fate)| kernel(fate));
        let unperformed = decided.filter(|_| self.permits && !self.performed);
        self.unperformed = self.unperformed.or(unperformed.map(|(id, _)| (*id, false)));
        self.supervise(Reason::Form, target);
    }

    /// Only those calls pass that would pass as calls of another form too.
    pub(super) fn tighten(&mut self) {
        for (_, fate) in self.fates.iter_mut().filter(|(_, fate)| *fate == Fate::Kernel) {
            *fate = Fate::Stricter;
        }
    }

    /// A rule before these matches every call.
    fn overruled(mut self) -> Self {
        self.fates.iter_mut().for_each(|(_, fate)| *fate = Fate::Unreachable);
        Self { permits: false, unperformed: None, ..self }
    }
}
