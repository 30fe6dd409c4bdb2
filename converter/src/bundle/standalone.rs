//! A policy as a seccomp profile, stacked with the engine's own.

use oci_spec::runtime::LinuxSeccomp;

use crate::bundle::one_line;
use crate::host::Host;
use crate::load::Loaded;
use crate::plan::{Mechanism, Plan, PlanError, RulePlan, Target, plan};
use crate::seccomp::engine::{self, ProfileError};
use crate::seccomp::intersect;
use crate::seccomp::json::{self, JsonError};

/// The policy cannot be put into a profile.
#[derive(Debug, thiserror::Error)]
pub enum StandaloneError {
    /// A rule cannot be enforced at all.
    #[error("{}", one_line(.0))]
    Plan(Vec<PlanError>),
    /// Rules of the policy need a supervisor.
    #[error(
        "a seccomp profile alone cannot say {}; an agent or the runtime systrace-shim enforces such rules",
        one_line(.0)
    )]
    Supervised(Vec<String>),
    /// The engine's own profile is not one that we can keep in force.
    #[error(transparent)]
    Engine(#[from] ProfileError),
    /// The policy and the engine's profile together are beyond the format.
    #[error("the policy and the engine's profile together are beyond a seccomp profile")]
    Json(#[from] JsonError),
}

/// What a policy and the engine's profile, if there is one, both let through, and the plan.
pub fn stack(
    policy: &Loaded,
    engine: Option<&LinuxSeccomp>,
    (host, target): (&Host, Target),
) -> Result<(LinuxSeccomp, Plan), StandaloneError> {
    let plan = standalone(policy, host, target)?;
    let ours = &plan.filter;
    let both = match engine {
        // The engine's comes first: where both refuse a call, it fails with the engine's error, as
        // under systrace-shim, which installs the engine's profile last.
        Some(profile) => intersect(&engine::compile(profile)?.filter, ours),
        None => ours.clone(),
    };
    Ok((json::profile(&both)?, plan))
}

/// The plan that is carried out without help. The format knows no kernel releases, and nothing is carried out by a supervisor.
fn standalone(policy: &Loaded, host: &Host, target: Target) -> Result<Plan, StandaloneError> {
    let plan = plan(&policy.set, host, target).map_err(StandaloneError::Plan)?;
    let supervised = supervised(&plan);
    if supervised.is_empty() { Ok(plan) } else { Err(StandaloneError::Supervised(supervised)) }
}

fn supervised(plan: &Plan) -> Vec<String> {
    let told =
        |rule: &RulePlan| format!("{}:{}: {} ({})", rule.file, rule.line, rule.text, rule.note);
    let rules = plan.rules.iter().filter(|rule| rule.mechanism == Mechanism::Supervisor);
    rules.map(told).collect()
}
