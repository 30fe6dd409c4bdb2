//! `seccomp`: a policy as OCI seccomp JSON, for engines without a supervisor.

use std::io::Write;
use std::path::Path;

use clap::Args;
use converter::host::{Host, LinuxVersion};
use converter::plan::{Mechanism, Plan, Target, plan, weakness};
use converter::seccomp::json;

use crate::cli::{Outcome, PolicyFile};

#[derive(Debug, Args)]
pub struct Seccomp {
    /// Let calls through that only a supervisor could judge, if any rule might permit them.
    #[arg(long)]
    best_effort: bool,
    #[command(flatten)]
    policy: PolicyFile,
}

impl Seccomp {
    pub fn run(&self, policy_dir: &Path, out: &mut dyn Write) -> anyhow::Result<Outcome> {
        let Some(loaded) = self.policy.load(policy_dir)? else { return Ok(Outcome::Findings) };
        let target = if self.best_effort { Target::BestEffort } else { Target::Standalone };
        // The format knows no kernel releases, and nothing is carried out by a supervisor.
        let host = Host::of_this_release(LinuxVersion::SUPERVISABLE);
        let plan = match plan(&loaded.set, &host, target) {
            Ok(plan) => plan,
            Err(errors) => {
                errors.iter().for_each(|error| eprintln!("{error}"));
                return Ok(Outcome::Findings);
            }
        };
        if report(&plan, self.best_effort) && !self.best_effort {
            return Ok(Outcome::Findings);
        }
        match json::profile(&plan.filter) {
            Ok(profile) => writeln!(out, "{}", serde_json::to_string_pretty(&profile)?)?,
            Err(error) => {
                eprintln!("{error}");
                return Ok(Outcome::Findings);
            }
        }
        Ok(Outcome::Fine)
    }
}

/// Names every rule of which JSON says something else; whether it cannot say one at all.
fn report(plan: &Plan, best_effort: bool) -> bool {
    let mut beyond = false;
    for rule in &plan.rules {
        let judgement = match rule.mechanism {
            Mechanism::Nobody => weakness(rule),
            Mechanism::Supervisor => "needs the supervisor".to_owned(),
            _ if !rule.exact => "stricter than the rule".to_owned(),
            _ => continue,
        };
        beyond |= matches!(rule.mechanism, Mechanism::Supervisor | Mechanism::Nobody);
        eprintln!("{}:{}: {judgement}: {}\n    {}", rule.file, rule.line, rule.note, rule.text);
    }
    if beyond && !best_effort {
        eprintln!("seccomp JSON cannot say this policy; --best-effort writes a weaker profile");
    }
    beyond
}
