//! The rungs between the BPF program and the supervisor: mechanisms of the kernel that take forms of calls over from the
//! supervisor, cheapest first.
//!
//! A rung is one file: it says what it can do for one form by itself ([`Rung::answer`]), and which of those forms can be
//! carried together ([`Rung::settle`]). [`RUNGS`] is the order in which they are asked.

mod hooks;
mod landlock;
mod ports;
pub(in crate::plan) mod sockets;

use std::collections::BTreeMap;

use policy::Rule;
use policy::program::{Policy, RuleId};
use policy::registry::{Alias, FormId};

use crate::host::Host;
use crate::plan::decisions::Decisions;
use crate::plan::lowered::Lowered;
use crate::plan::{Mechanism, PolicyPlan};
use crate::sockets::SocketProgram;

/// All rungs, in the order in which they are asked.
static RUNGS: &[&dyn Rung] = &[&sockets::Sockets, &landlock::Landlock];

/// A mechanism that may take forms over from the supervisor.
pub(in crate::plan) trait Rung: Sync {
    /// Its name.
    fn mechanism(&self) -> Mechanism;

    /// What it can do for one form under one policy, looked at by itself. The form has a rule that looks at the caller's memory.
    fn answer(&self, case: &Case<'_>) -> Answer;

    /// Keeps of the forms that all policies agree on those that can be carried together, and writes down what the mechanism needs
    /// for them. Forms that go are left to the next rung; the scene tells what became of all other calls.
    fn settle(&self, scene: &Scene<'_>, offers: Offers, carried: &mut Carried) -> Settled;
}

/// The rules that judge one form under one policy.
#[derive(Debug, Clone, Copy)]
pub(in crate::plan) struct Case<'p> {
    pub(in crate::plan) policy: &'p Policy,
    pub(in crate::plan) form: FormId,
    pub(in crate::plan) host: &'p Host,
}

impl<'p> Case<'p> {
    /// Rules on the call's own names, which come first, in the order in which they are tried.
    pub(in crate::plan) fn own(&self) -> impl Iterator<Item = (RuleId, &'p Rule)> {
        self.rules(self.policy.rules_for(self.form).own)
    }

    /// Rules on an alias that judges the form.
    pub(in crate::plan) fn alias(&self, alias: Alias) -> impl Iterator<Item = (RuleId, &'p Rule)> {
        let rules = self.policy.rules_for(self.form);
        self.rules(match alias {
            Alias::Read => rules.read,
            Alias::Write => rules.write,
        })
    }

    fn rules(&self, ids: &'p [RuleId]) -> impl Iterator<Item = (RuleId, &'p Rule)> {
        let policy = self.policy;
        ids.iter().map(move |id| (*id, policy.rule(*id)))
    }
}

/// What a rung says about a form: an offer, or why it can do nothing.
pub(in crate::plan) type Answer = Result<Offer, Obstacle>;

/// The forms that a rung would carry.
pub(in crate::plan) type Offers = BTreeMap<FormId, Offer>;

/// Why a rung does not carry a form, as half a sentence.
pub(in crate::plan) type Obstacle = String;

/// Of the forms that were offered, those that are carried, and why others are not.
#[derive(Debug, Default)]
pub(in crate::plan) struct Settled {
    pub(in crate::plan) kept: Offers,
    pub(in crate::plan) dropped: BTreeMap<FormId, Obstacle>,
}

impl Settled {
    /// All are dropped for the same reason.
    pub(in crate::plan) fn nothing(offers: Offers, why: &str) -> Self {
        let dropped = offers.into_keys().map(|form| (form, why.to_owned())).collect();
        Self { kept: Offers::new(), dropped }
    }

    /// A form is not carried.
    pub(in crate::plan) fn drop(&mut self, form: FormId, why: Obstacle) {
        self.dropped.insert(form, why);
    }
}

/// What a rung does for a form.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::plan) struct Offer {
    /// What the filter does with the form's calls: it lets those through that the mechanism judges.
    pub(in crate::plan) decisions: Decisions,
    /// What the mechanism is told about the form.
    pub(in crate::plan) load: Load,
    /// Where the mechanism differs from the rules.
    pub(in crate::plan) difference: Option<Difference>,
}

/// What a mechanism is told about one form; of interest to its own rung only.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::plan) enum Load {
    /// What is asked of Landlock, and the names that are permitted.
    Landlock(hooks::Needs, landlock::Permitted),
    /// The ports of TCP that the call may name.
    Ports(Vec<u16>),
    /// The programs of its hooks.
    Sockets(Vec<SocketProgram>),
}

/// A difference between a mechanism and the rules.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// In which direction.
    pub direction: Direction,
    /// For which calls, as a sentence without a full stop.
    pub what: String,
}

/// How a mechanism differs from the rules that it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// It denies calls that the rules permit.
    Stricter,
    /// It permits calls that the rules deny.
    Weaker,
}

/// What the rungs need to be put in place for what they carry.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Carried {
    /// The Landlock ruleset.
    pub landlock: Option<crate::landlock::Ruleset>,
    /// Programs for the sockets of the container's control group.
    pub sockets: Vec<SocketProgram>,
}

/// What a rung may look at when it settles: what became of every form under every policy so far.
pub(in crate::plan) struct Scene<'s> {
    pub(in crate::plan) policies: &'s [PolicyPlan<'s>],
    pub(in crate::plan) host: &'s Host,
}

impl Scene<'_> {
    /// Some policy has a rule that may let calls of this name through, or is for a released program.
    pub(in crate::plan) fn permits(&self, call: &str) -> bool {
        let calls = self.policies.iter().flat_map(|policy| &policy.calls);
        calls.filter(|plan| plan.call.name == call).any(|plan| plan.permits())
    }

    /// What became of every form under every policy.
    pub(in crate::plan) fn forms(&self) -> impl Iterator<Item = (FormId, &Lowered)> {
        let calls = self.policies.iter().flat_map(|policy| &policy.calls);
        calls.flat_map(|call| &call.forms).map(|(form, lowered)| (*form, lowered))
    }
}

/// Lets every rung take over what it can.
pub(in crate::plan) fn climb(policies: &mut [PolicyPlan<'_>], host: &Host) -> Carried {
    let mut carried = Carried::default();
    for rung in RUNGS {
        let offers = offers(*rung, policies, host);
        let settled = rung.settle(&Scene { policies, host }, offers, &mut carried);
        let calls = policies.iter_mut().flat_map(|policy| &mut policy.calls);
        for (form, lowered) in calls.flat_map(|call| &mut call.forms) {
            if let Some(offer) = settled.kept.get(form) {
                lowered.carry(rung.mechanism(), offer);
            } else if let Some(why) = settled.dropped.get(form) {
                lowered.obstacles.push((rung.mechanism(), why.clone()));
            }
        }
    }
    carried
}

/// The forms for which the rung offers the same under all policies. Why it does not is noted down.
fn offers(rung: &dyn Rung, policies: &mut [PolicyPlan<'_>], host: &Host) -> Offers {
    let mut answers: BTreeMap<FormId, Vec<Answer>> = BTreeMap::new();
    for plan in policies.iter() {
        let policy = plan.policy;
        for (form, lowered) in plan.calls.iter().flat_map(|call| &call.forms) {
            let answer = match host.lacks(rung.mechanism()) {
                _ if !lowered.looks_at_memory() => Err(Obstacle::new()),
                Some(lack) => Err(lack.to_owned()),
                None => rung.answer(&Case { policy, form: *form, host }),
            };
            answers.entry(*form).or_default().push(answer);
        }
    }
    for (at, policy) in policies.iter_mut().enumerate() {
        for (form, lowered) in policy.calls.iter_mut().flat_map(|call| &mut call.forms) {
            if let Some(Err(why)) = answers.get(form).and_then(|all| all.get(at))
                && !why.is_empty()
            {
                lowered.obstacles.push((rung.mechanism(), why.clone()));
            }
        }
    }
    let agreed = |answers: Vec<Answer>| {
        let mut offers = answers.into_iter();
        let first = offers.next()?.ok()?;
        offers.all(|other| other.as_ref() == Ok(&first)).then_some(first)
    };
    answers.into_iter().filter_map(|(form, all)| Some((form, agreed(all)?))).collect()
}
