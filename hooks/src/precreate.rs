//! `precreate`: a proposed `config.json` on standard input, the confined one on standard output.

use std::io::{Read, Write};
use std::path::PathBuf;

use anyhow::Context;
use converter::host::{Host, LinuxVersion};
use converter::load::load;
use converter::plan::{PlanError, Target, plan};
use converter::seccomp::{Action, Filter, engine, json};
use oci_spec::runtime::{LinuxSeccomp, LinuxSyscall};
use policy::registry::{self, SyscallNumber};
use serde_json::Value;

use crate::stack::{is_unconditional, stack};

/// Change a proposed config.json so that the kernel enforces a policy
#[derive(Debug, clap::Args)]
pub struct Precreate {
    /// The policy
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// Directory of the policies; its `templates` are used
    #[arg(long, value_name = "DIR", default_value = "/etc/systrace")]
    policy_dir: PathBuf,
}

impl Precreate {
    pub fn run(&self, mut proposed: impl Read, mut changed: impl Write) -> anyhow::Result<()> {
        let mut text = String::new();
        proposed.read_to_string(&mut text).context("cannot read the proposed config.json")?;
        let mut spec: Value =
            serde_json::from_str(&text).context("the proposed config.json is wrong")?;
        let policy = self.filter()?;
        let linux = spec.get_mut("linux").and_then(Value::as_object_mut);
        let linux = linux.context("the proposed config.json has no linux section")?;
        let profile = confine(linux.get("seccomp"), &policy).with_context(|| {
            format!("policy {} cannot be enforced by the kernel alone", self.policy.display())
        })?;
        linux.insert("seccomp".to_owned(), profile);
        serde_json::to_writer(&mut changed, &spec).context("cannot print the new config.json")
    }

    /// What the policy comes to without a supervisor.
    fn filter(&self) -> anyhow::Result<Filter> {
        let loaded = load(&self.policy, &self.policy_dir)?;
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
        let host = Host::of_this_release(release.trim().parse::<LinuxVersion>()?);
        let plan = plan(&loaded.set, &host, Target::Standalone).map_err(|errors| {
            let reasons: Vec<_> = errors.iter().map(PlanError::to_string).collect();
            anyhow::Error::msg(reasons.join("; "))
        })?;
        Ok(plan.filter)
    }
}

/// The policy's profile, on top of the engine's own if there is one, whose flags stay as they are.
fn confine(engine: Option<&Value>, policy: &Filter) -> anyhow::Result<Value> {
    let Some(engine) = engine.filter(|profile| !profile.is_null()) else {
        return Ok(serde_json::to_value(json::profile(policy)?)?);
    };
    let engine: LinuxSeccomp =
        serde_json::from_value(engine.clone()).context("the engine's profile is wrong")?;
    let compiled = engine::compile(&engine)?.filter;
    let mut both = stack(policy, &compiled);
    both.calls.retain(|call, _| !is_the_engines(*call, policy, &compiled, both.default));
    let mut profile = json::profile(&both)?;
    let mut rules = profile.syscalls().clone().unwrap_or_default();
    rules.extend(engine.syscalls().iter().flatten().filter_map(|rule| rest_of(rule, &both)));
    profile.set_syscalls(Some(rules)).set_flags(engine.flags().clone());
    Ok(serde_json::to_value(profile)?)
}

/// The engine's rules on a call can stay as they are written: the policy adds nothing to them, and what they leave
/// over goes the same way. Conditions of the engine's would become hundreds of rules in which order means nothing.
fn is_the_engines(call: SyscallNumber, policy: &Filter, engine: &Filter, default: Action) -> bool {
    is_unconditional(policy, call) == Some(Action::Allow)
        && is_unconditional(engine, call).is_none()
        && engine.default == default
}

/// The part of an engine's rule that is about calls which are left to it.
fn rest_of(rule: &LinuxSyscall, decided: &Filter) -> Option<LinuxSyscall> {
    let left = |name: &&String| {
        registry::call_named(name).is_some_and(|call| !decided.calls.contains_key(&call.number))
    };
    let names: Vec<_> = rule.names().iter().filter(left).cloned().collect();
    let mut rest = rule.clone();
    rest.set_names(names);
    (!rest.names().is_empty()).then_some(rest)
}
