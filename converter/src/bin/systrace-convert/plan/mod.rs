//! `plan`: which mechanism enforces each rule.

mod html;
mod picture;
mod remarks;
mod text;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use clap::{Args, ValueEnum};
use converter::advice::{Advice, advise};
use converter::bpf;
use converter::host::Host;
use converter::plan::{Mechanism, Part, Plan, PlanError, RulePlan, Target, plan};
use converter::seccomp::{Action, assemble};
use converter::spec::{Approximation, Edit};
use policy::registry::{self, Call};
use policy::{PolicySet, Source};
use serde::Serialize;

use crate::cli::{Outcome, PolicyFile};

#[derive(Debug, Args)]
pub struct PlanCommand {
    /// The host: `linux=RELEASE`, and `landlock=1…7|no`, `seccomp=filter|notify|killable`, `sockets=yes|no`,
    /// `engine=systrace-shim|runc|crun` where they do not follow from it. `systrace-shim doctor` prints that of a machine.
    #[arg(long = "for", value_name = "HOST", default_value = "linux=6.1")]
    host: Host,
    /// Do not use this mechanism, spec, landlock or sockets; may be given more than once.
    #[arg(long, value_name = "MECHANISM")]
    without: Vec<Mechanism>,
    /// Allow edits of the container's configuration that some permitted calls can tell: `capabilities`, `mounts`; may be given more than once.
    #[arg(long, value_name = "EDITS")]
    approximate: Vec<Approximation>,
    /// If the host cannot enforce the policy exactly, show what a filter alone would enforce, and what is weaker then.
    #[arg(long)]
    best_effort: bool,
    /// A table for people, JSON for programs, or a page for a browser.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The same as `--format html`: one page that needs nothing else.
    #[arg(long, conflicts_with = "format")]
    html: bool,
    #[command(flatten)]
    policy: PolicyFile,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Html,
}

impl PlanCommand {
    pub fn run(&self, policy_dir: &Path, out: &mut dyn Write) -> anyhow::Result<Outcome> {
        let Some(loaded) = self.policy.load(policy_dir)? else { return Ok(Outcome::Findings) };
        let mut host = self.host.clone();
        host.without.extend(&self.without);
        host.approximate.extend(&self.approximate);
        let planned = match self.plan(&loaded.set, &host) {
            Ok(planned) => planned,
            Err(errors) => {
                errors.iter().for_each(|error| eprintln!("{error}"));
                return Ok(Outcome::Findings);
            }
        };
        let advice = match planned.enforced {
            true => advise(&loaded, policy_dir, &host, &planned.plan),
            false => Vec::new(),
        };
        let report = Report::new(&loaded.source, &host, &planned, advice)?;
        match self.format {
            _ if self.html => write!(out, "{}", report.page())?,
            Format::Html => write!(out, "{}", report.page())?,
            Format::Text => write!(out, "{}", report.table())?,
            Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?,
        }
        Ok(Outcome::Fine)
    }

    fn plan(&self, set: &PolicySet, host: &Host) -> Result<Planned, Vec<PlanError>> {
        let exact = plan(set, host, Target::Supervised);
        let unenforced = exact.as_ref().err().cloned().unwrap_or_default();
        match exact {
            Ok(plan) => Ok(Planned { plan, enforced: true, unenforced }),
            Err(errors) if !self.best_effort => Err(errors),
            Err(_) => Ok(Planned {
                plan: plan(set, host, Target::BestEffort)?,
                enforced: false,
                unenforced,
            }),
        }
    }
}

/// A plan, and why it is not the one that was wanted.
struct Planned {
    plan: Plan,
    /// By a supervisor, where it needs one.
    enforced: bool,
    unenforced: Vec<PlanError>,
}

/// What is shown of a plan.
#[derive(Debug, Serialize)]
struct Report<'p> {
    format_version: u32,
    policy: String,
    host: String,
    /// Why the policy cannot be enforced there, if the plan is the best that can be done.
    unenforced: Vec<String>,
    /// The length of the BPF program.
    instructions: usize,
    /// The most instructions that one call can cost.
    depth: usize,
    /// What happens with each call: `permit`, `deny`, `uncovered`, `landlock`, `sockets`,
    /// `supervisor`, or `arguments` where its registers decide.
    calls: BTreeMap<&'static str, &'static str>,
    /// The Landlock ruleset, if there is one.
    landlock: Option<Landlock>,
    /// What is taken out of the container's configuration.
    edits: &'p [Edit],
    rules: Vec<Row<'p>>,
}

/// A rule, and what would move it to a cheaper mechanism.
#[derive(Debug, Serialize)]
struct Row<'p> {
    #[serde(flatten)]
    rule: &'p RulePlan,
    moves_up: Vec<Advice>,
}

impl Row<'_> {
    fn place(&self) -> String {
        format!("{}:{}", self.rule.file, self.rule.line)
    }
}

/// Rights by their names in linux/landlock.h.
#[derive(Debug, Serialize)]
struct Landlock {
    /// Denied wherever they are not granted.
    handled: Vec<&'static str>,
    /// Granted on what the carried rules name, and below it.
    granted: Vec<&'static str>,
    /// The ports of TCP that bind(2) may take, if Landlock judges it.
    bind_ports: Option<Vec<u16>>,
    /// The ports of TCP that connect(2) may reach, if Landlock judges it.
    connect_ports: Option<Vec<u16>>,
}

impl<'p> Report<'p> {
    fn new(
        source: &Source,
        host: &Host,
        planned: &'p Planned,
        advice: Vec<Vec<Advice>>,
    ) -> anyhow::Result<Self> {
        let plan = &planned.plan;
        let program = assemble(&plan.filter).context("the policy is too large for the kernel")?;
        Ok(Self {
            format_version: 1,
            policy: source.name().to_string(),
            host: host.to_string(),
            unenforced: planned.unenforced.iter().map(ToString::to_string).collect(),
            depth: bpf::depth(&program),
            instructions: program.instructions().len(),
            calls: calls(plan),
            landlock: plan.carried.landlock.as_ref().map(|ruleset| Landlock {
                handled: ruleset.handled.names().collect(),
                granted: ruleset.granted.names().collect(),
                bind_ports: ruleset.ports.bind.clone(),
                connect_ports: ruleset.ports.connect.clone(),
            }),
            edits: &plan.edits,
            rules: rows(plan, advice),
        })
    }
}

/// Without advice there is none for any rule.
fn rows(plan: &Plan, advice: Vec<Vec<Advice>>) -> Vec<Row<'_>> {
    let advice = advice.into_iter().chain(std::iter::repeat_with(Vec::new));
    plan.rules.iter().zip(advice).map(|(rule, moves_up)| Row { rule, moves_up }).collect()
}

fn part(rule: &RulePlan, mechanism: Mechanism) -> Option<&Part> {
    rule.parts.iter().find(|part| part.mechanism == mechanism)
}

fn calls(plan: &Plan) -> BTreeMap<&'static str, &'static str> {
    let carried = |name: &str| {
        let by = |mechanism| {
            let parts = plan.rules.iter().filter_map(move |rule| part(rule, mechanism));
            parts.flat_map(|part| &part.calls).any(|call| *call == name)
        };
        [Mechanism::Landlock, Mechanism::Sockets].into_iter().find(|mechanism| by(*mechanism))
    };
    let fate = |call: &&'static Call| {
        let clauses = plan.filter.calls.get(&call.number).map(Vec::as_slice).unwrap_or_default();
        match clauses {
            _ if plan.uncovered.iter().any(|other| other.number == call.number) => "uncovered",
            [] => name(plan.filter.default),
            [only] => match carried(call.name).filter(|_| only.action == Action::Allow) {
                Some(mechanism) => mechanism.name(),
                None => name(only.action),
            },
            _ => "arguments",
        }
    };
    registry::calls().iter().map(|call| (call.name, fate(call))).collect()
}

fn name(action: Action) -> &'static str {
    match action {
        Action::Allow | Action::Log => "permit",
        Action::Notify => "supervisor",
        _ => "deny",
    }
}
