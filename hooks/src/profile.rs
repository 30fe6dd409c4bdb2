//! A policy as a seccomp profile, stacked with the engine's own.

use converter::host::{Host, LinuxVersion};
use converter::load::Loaded;
use converter::plan::{Mechanism, Plan, PlanError, RulePlan, Target, plan};
use converter::seccomp::engine::{self, ProfileError};
use converter::seccomp::json::{self, JsonError};
use converter::seccomp::{Filter, intersect};
use oci_spec::runtime::LinuxSeccomp;

/// The policy cannot be put into a profile.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// A rule cannot be enforced at all.
    #[error("{}", one_line(.0))]
    Plan(Vec<PlanError>),
    /// Rules of the policy need a supervisor, and no hook can provide one.
    #[error(
        "a seccomp profile cannot say {}; the runtime systrace-shim enforces such rules",
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

/// What a policy and the engine's profile, if there is one, both let through.
pub fn stack(policy: &Loaded, engine: Option<&LinuxSeccomp>) -> Result<LinuxSeccomp, StackError> {
    let ours = standalone(policy)?;
    let both = match engine {
        // The engine's comes first: where both refuse a call, it fails with the engine's error, as
        // under systrace-shim, which installs the engine's profile last.
        Some(profile) => intersect(&engine::compile(profile)?.filter, &ours),
        None => ours,
    };
    Ok(json::profile(&both)?)
}

/// The filter that enforces the policy without help.
fn standalone(policy: &Loaded) -> Result<Filter, StackError> {
    // The format knows no kernel releases, and nothing is carried out by a supervisor.
    let host = Host::of_this_release(LinuxVersion::SUPERVISABLE);
    let plan = plan(&policy.set, &host, Target::Standalone).map_err(StackError::Plan)?;
    let supervised = supervised(&plan);
    if supervised.is_empty() { Ok(plan.filter) } else { Err(StackError::Supervised(supervised)) }
}

fn supervised(plan: &Plan) -> Vec<String> {
    let told =
        |rule: &RulePlan| format!("{}:{}: {} ({})", rule.file, rule.line, rule.text, rule.note);
    let rules = plan.rules.iter().filter(|rule| rule.mechanism == Mechanism::Supervisor);
    rules.map(told).collect()
}

/// Errors reach the user through the engine, which shows one line.
fn one_line(findings: &[impl ToString]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
