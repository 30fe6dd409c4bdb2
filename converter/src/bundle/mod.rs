//! A container's `config.json`, edited so that a runtime which we did not write puts the container under a policy.

mod config;
mod metadata;
mod name;
mod standalone;

use std::path::{Path, PathBuf};

pub use config::{Config, ConfigError};
pub use metadata::{Metadata, MetadataError};
pub use name::{PolicyName, PolicyNameError};
pub use standalone::StandaloneError;

use crate::host::{Engine, Host, LinuxVersion};
use crate::load::Loaded;
use crate::plan::{Mechanism, Plan, PlanError, Target, plan, weakness};
use crate::seccomp::gate::{self, GateError};
use crate::spec::Allowed;

/// Where the agent `systrace-shim supervise` listens unless it is told otherwise.
pub const AGENT: &str = "/run/systrace-shim/agent.sock";

/// Who enforces what the kernel alone cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enforcer {
    /// The agent that listens on this socket: the whole language.
    Agent(PathBuf),
    /// Nobody: whole calls and numbers only.
    Nobody,
}

/// How a policy is put into a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Who enforces it.
    pub enforcer: Enforcer,
    /// Edits that are made although some permitted calls can tell.
    pub approximate: Allowed,
    /// Without an agent: rules that the kernel cannot decide by itself let through what they might let through.
    pub best_effort: bool,
}

impl Terms {
    /// The host whose runtime takes the configuration. An agent plans for its own kernel.
    fn host(&self) -> Host {
        let mut host = Host::of_this_release(LinuxVersion::SUPERVISABLE);
        host.engine = Engine::Runc;
        host.approximate.clone_from(&self.approximate);
        host
    }
}

impl Enforcer {
    /// As command lines say it.
    #[must_use]
    pub fn of(agent: &Path, standalone: bool) -> Self {
        if standalone { Self::Nobody } else { Self::Agent(agent.to_owned()) }
    }
}

/// The policy cannot be put into the configuration.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The configuration makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The policy needs somebody who decides.
    #[error(transparent)]
    Standalone(#[from] StandaloneError),
    /// The policy cannot be enforced.
    #[error("{}", one_line(.0))]
    Plan(Vec<PlanError>),
    /// The engine's profile leaves no room for it.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// Its name cannot be written down.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
}

/// Puts a policy into a configuration: the engine's seccomp profile stays in force, and the policy with it.
///
/// Gives what is not enforced exactly, one rule or edit each.
///
/// # Errors
/// [`BundleError`]; the configuration is useless then.
pub fn confine(
    config: &mut Config,
    name: &PolicyName,
    policy: &Loaded,
    terms: &Terms,
) -> Result<Vec<String>, BundleError> {
    let engine = config.engine_profile()?;
    let host = terms.host();
    let Enforcer::Agent(socket) = &terms.enforcer else {
        let target = if terms.best_effort { Target::BestEffort } else { Target::Standalone };
        let (profile, plan) = standalone::stack(policy, engine.as_ref(), (&host, target))?;
        config.edit(&plan.edits);
        config.set_profile(&profile)?;
        return Ok(inexact(&plan));
    };
    // A policy that no kernel can enforce is refused here, where its author sees why.
    let plan = plan(&policy.set, &host, Target::Supervised).map_err(BundleError::Plan)?;
    config.edit(&plan.edits);
    let mut profile = gate::profile(engine.as_ref())?;
    profile.set_listener_path(Some(socket.clone()));
    profile.set_listener_metadata(Some(Metadata::of(name, policy).to_text()?));
    config.set_profile(&profile)?;
    Ok(inexact(&plan))
}

/// Rules that nobody judges by, and edits that some permitted call can tell.
fn inexact(plan: &Plan) -> Vec<String> {
    let unjudged = plan.rules.iter().filter(|rule| rule.mechanism == Mechanism::Nobody);
    let rules = unjudged
        .map(|rule| format!("{}:{}: {}: {}", rule.file, rule.line, rule.text, weakness(rule)));
    let edits = plan.edits.iter().filter_map(|edit| {
        Some(format!("{}: stricter, {}", edit.change, edit.difference.as_ref()?.what))
    });
    rules.chain(edits).collect()
}

/// Errors reach the user through the engine, which shows one line.
fn one_line(findings: &[impl ToString]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
