//! Which mechanism enforces each rule: a [`Plan`] is a filter for the kernel, and for every rule
//! who decides by it and why.
//!
//! **Invariant:** the filter lets no call through that `Policy::evaluate` would deny. Whatever it
//! cannot decide exactly is left to the supervisor.

mod call;
mod condition;
mod decisions;
mod form;
mod images;
mod lowered;
mod mechanism;
mod report;
mod rungs;
mod spec;
mod startup;
mod target;
mod watch;

use policy::ast::PermitFlag;
use policy::program::{Action as RuleAction, Policy, RuleId};
use policy::registry::{self, Call, FormId};
use policy::{PolicySet, Rule};

pub use mechanism::{Mechanism, MechanismError};
pub use report::{Cost, Part, RulePlan, weakness};
pub use rungs::{Carried, Difference, Direction};
pub use target::{Reason, Target};
pub use watch::Constancy;

use crate::host::{Engine, Host, LinuxVersion};
use crate::seccomp::{Action, Filter, Newer, gate};
use crate::spec::Edit;
use call::CallPlan;
use lowered::Fate;

/// How a set of policies is enforced.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What the kernel decides.
    pub filter: Filter,
    /// What the supervisor may rely on between two calls of a thread.
    pub constancy: Constancy,
    /// What other mechanisms of the kernel are put in place for.
    pub carried: Carried,
    /// What is taken out of the container's configuration.
    pub edits: Vec<Edit>,
    /// The calls that no rule judges, in the order of their numbers. They are denied.
    pub uncovered: Vec<&'static Call>,
    /// Every rule of every policy, once, in the order of the policies.
    pub rules: Vec<RulePlan>,
}

/// A rule cannot be enforced on this host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The kernel is too old for a supervisor.
    #[error(
        "Linux {0} cannot hold a call for the supervisor, {needed} and newer can",
        needed = LinuxVersion::SUPERVISABLE
    )]
    Kernel(LinuxVersion),
    /// The supervisor would have to carry out a call that it cannot carry out.
    #[error(
        "{origin}: {call} cannot be permitted by text in the program's memory, \
         because the supervisor cannot carry it out on what it checked"
    )]
    Unperformed {
        /// `file:line`.
        origin: String,
        /// The call.
        call: &'static str,
    },
    /// A rule names other ids for a call that nobody can make for its caller.
    #[error("{origin}: {call} cannot be made `as` another user: the supervisor does not make it")]
    Identity {
        /// `file:line`.
        origin: String,
        /// The call.
        call: &'static str,
    },
    /// A rule asks which program a signal goes to.
    #[error("{origin}: `pidname` cannot be tested before Linux {}", LinuxVersion::PROCESS_NUMBERS)]
    ProcessName {
        /// `file:line`.
        origin: String,
    },
}

/// Plans how the policies are enforced on the host.
///
/// # Errors
/// The host cannot enforce them; every rule that it cannot enforce is named.
pub fn plan(set: &PolicySet, host: &Host, target: Target) -> Result<Plan, Vec<PlanError>> {
    let mut policies: Vec<PolicyPlan> =
        set.policies.iter().map(|policy| PolicyPlan::new(policy, host, target)).collect();
    let mut carried = match target {
        Target::Supervised => rungs::climb(&mut policies, host),
        Target::Standalone | Target::BestEffort => Carried::default(),
    };
    policies.iter_mut().for_each(|policy| policy.choose(target));
    check(&policies, host, target)?;
    if target == Target::Supervised && policies.iter().any(PolicyPlan::acts) {
        policies.iter_mut().for_each(PolicyPlan::watch);
    }
    let mut filter = Filter::new(target.uncovered());
    for (at, call) in registry::calls().iter().enumerate() {
        agree(&mut policies, at, target);
        let decisions = policies.first().map(|first| first.calls[at].decisions.clone());
        filter.calls.extend(decisions.map(|all| (call.number, all.into_clauses())));
        filter.newer = Some(Newer { than: call.number, action: Filter::FOREIGN });
    }
    if target == Target::Supervised && processes_differ(set) {
        images::keep(&mut filter);
    }
    if target == Target::Supervised && host.engine != Engine::SystraceShim {
        filter = gate::behind(filter);
    }
    let mut held = false;
    if target == Target::Supervised {
        let admitting = rungs::sockets::admit(set, &filter, host);
        held = !admitting.is_empty();
        carried.sockets.extend(admitting);
    }
    let whole = report::Whole { filter: &filter, target, held };
    let rules = policies.iter().flat_map(|policy| policy.report(&whole)).collect();
    let judged = |at: usize| policies.iter().any(|policy| policy.calls[at].is_judged());
    let uncovered = registry::calls().iter().enumerate().filter(|(at, _)| !judged(*at));
    let uncovered = uncovered.map(|(_, call)| *call).collect();
    let constancy = Constancy::of(&filter, &policies);
    Ok(Plan { filter, constancy, carried, edits: spec::edits(set, host), uncovered, rules })
}

/// The supervisor must tell which of several policies governs a process.
fn processes_differ(set: &PolicySet) -> bool {
    let mut rules = set.policies.iter().flat_map(Policy::rules);
    set.policies.len() > 1
        || rules.any(|rule| rule.action == RuleAction::Permit(PermitFlag::Detach))
}

/// One policy, call by call.
struct PolicyPlan<'p> {
    policy: &'p Policy,
    calls: Vec<CallPlan>,
}

impl<'p> PolicyPlan<'p> {
    fn new(policy: &'p Policy, host: &Host, target: Target) -> Self {
        let calls = registry::calls().iter().map(|call| CallPlan::new(call, policy, host, target));
        Self { policy, calls: calls.collect() }
    }

    /// Decides what happens with each call.
    fn choose(&mut self, target: Target) {
        self.calls.iter_mut().for_each(|call| call.choose(target));
        if target == Target::Supervised {
            self.keep_startup();
        }
    }

    /// A denial of a call that our own code needs before the program begins is left to the
    /// supervisor.
    fn keep_startup(&mut self) {
        let policy = self.policy;
        let denies = |id: &RuleId| matches!(policy.rule(*id).action, RuleAction::Deny(_));
        for call in self.calls.iter_mut().filter(|plan| startup::needs(plan.call.number)) {
            let fates = call.forms.iter_mut().flat_map(|(_, lowered)| &mut lowered.fates);
            for (_, fate) in fates.filter(|(id, fate)| denies(id) && *fate == Fate::Kernel) {
                *fate = Fate::Supervisor(Reason::Startup);
            }
            let ask = |action| if let Action::Errno(_) = action { Action::Notify } else { action };
            call.decisions = call.decisions.clone().map(ask);
        }
    }

    /// What becomes of each rule on each form that it judges.
    fn bearings(&self) -> Vec<Vec<report::Bearing<'_>>> {
        let mut bearings = vec![Vec::new(); self.policy.rules().len()];
        for (form, lowered) in self.calls.iter().flat_map(|call| &call.forms) {
            for (id, fate) in &lowered.fates {
                let bearing = report::Bearing { form: *form, fate: *fate, lowered };
                bearings[id.0 as usize].push(bearing);
            }
        }
        bearings
    }

    /// The forms of aliases that a rule would let through but the supervisor cannot carry out: they
    /// are denied.
    fn denied(&self, id: RuleId) -> impl Iterator<Item = FormId> {
        let forms = self.calls.iter().flat_map(|call| &call.forms);
        forms
            .filter(move |(_, lowered)| lowered.unperformed == Some((id, false)))
            .map(|(form, _)| *form)
    }

    fn report(&self, whole: &report::Whole<'_>) -> Vec<RulePlan> {
        let bearings = self.bearings();
        let report = |(at, rule): (usize, &Rule)| {
            let id = RuleId(u32::try_from(at).expect("rule ids are 32-bit numbers"));
            let denied: Vec<_> = self.denied(id).collect();
            report::rule(self.policy.program(), rule, &bearings[at], &denied, whole)
        };
        self.policy.rules().iter().enumerate().map(report).collect()
    }
}

/// One filter serves all programs: where their policies differ, the supervisor decides by the
/// program that calls.
fn agree(policies: &mut [PolicyPlan], at: usize, target: Target) {
    let same =
        policies.windows(2).all(|two| two[0].calls[at].decisions == two[1].calls[at].decisions);
    if same {
        return;
    }
    let permits = policies.iter().any(|policy| policy.calls[at].permits());
    for policy in policies {
        policy.calls[at].supervise(Reason::Policies, target);
        policy.calls[at].decisions = decisions::Decisions::always(target.undecided(permits));
    }
}

fn check(policies: &[PolicyPlan], host: &Host, target: Target) -> Result<(), Vec<PlanError>> {
    if target != Target::Supervised {
        return Ok(());
    }
    let mut errors = Vec::new();
    if host.lacks(Mechanism::Supervisor).is_some() {
        errors.push(PlanError::Kernel(host.linux));
    }
    for policy in policies {
        let names = |rule: &&Rule| rule.condition.any(&mut |test| test.argument() == "pidname");
        let named = policy.policy.rules().iter().filter(|_| !host.names_processes).filter(names);
        errors.extend(named.map(|r| PlanError::ProcessName { origin: r.origin.to_string() }));
        errors.extend(unassumed(policy.policy, host));
        for call in &policy.calls {
            let unperformed = call.forms.iter().filter_map(|(_, lowered)| lowered.unperformed);
            errors.extend(unperformed.filter(|(_, own)| *own).map(|(id, _)| {
                PlanError::Unperformed {
                    origin: policy.policy.rule(id).origin.to_string(),
                    call: call.call.name,
                }
            }));
        }
    }
    errors.dedup();
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// The rules by which a call would be made with other ids though the supervisor does not make it, or though it changes its caller.
fn unassumed(policy: &Policy, host: &Host) -> Vec<PlanError> {
    const OF_THE_CALLER: &[&str] = &["chdir", "chroot", "execve", "execveat"];
    let kept =
        |form: &FormId| !host.performed.contains(form) || OF_THE_CALLER.contains(&form.call().name);
    let named = registry::forms().filter(kept).flat_map(|form| {
        let own = policy.rules_for(form).own.iter().map(|id| policy.rule(*id));
        own.map(move |rule| (form, rule))
    });
    let permits = |rule: &Rule| matches!(rule.action, RuleAction::Permit(_));
    let named = named.filter(|(_, rule)| rule.identity.is_some() && permits(rule));
    named
        .map(|(form, rule)| PlanError::Identity {
            origin: rule.origin.to_string(),
            call: form.call().name,
        })
        .collect()
}
