//! `seccomp`: a policy as OCI seccomp JSON, for engines without a supervisor.

use std::path::Path;

use clap::Args;
use converter::host::{Host, LinuxVersion};
use converter::plan::{Mechanism, Plan, Target, plan};
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
    pub fn run(&self, policy_dir: &Path) -> anyhow::Result<Outcome> {
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
        println!("{}", serde_json::to_string_pretty(&json::profile(&plan.filter)?)?);
        Ok(Outcome::Fine)
    }
}

/// Names every rule that JSON cannot say; whether there is one.
fn report(plan: &Plan, best_effort: bool) -> bool {
    let beyond = || plan.rules.iter().filter(|rule| rule.mechanism == Mechanism::Supervisor);
    let judgement = if best_effort { "weaker than the rule" } else { "needs the supervisor" };
    for rule in beyond() {
        eprintln!("{}:{}: {judgement}: {}\n    {}", rule.file, rule.line, rule.note, rule.text);
    }
    let count = beyond().count();
    if count > 0 && !best_effort {
        eprintln!(
            "{count} rules cannot be said in seccomp JSON; --best-effort writes a weaker profile"
        );
    }
    count > 0
}
