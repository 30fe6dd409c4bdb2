//! `plan`: which mechanism enforces each rule.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use clap::{Args, ValueEnum};
use converter::host::Host;
use converter::plan::{Direction, Mechanism, Part, Plan, RulePlan, Target, plan};
use converter::seccomp::{Action, assemble};
use policy::registry::{self, Call};
use serde::Serialize;

use crate::cli::{Outcome, PolicyFile};

#[derive(Debug, Args)]
pub struct PlanCommand {
    /// The host: `linux=RELEASE`, and `landlock=1…7|no`, `seccomp=filter|notify|killable`, `sockets=yes|no`,
    /// `engine=systrace-shim|runc|crun` where they do not follow from it. `systrace-shim doctor` prints that of a machine.
    #[arg(long = "for", value_name = "HOST", default_value = "linux=6.1")]
    host: Host,
    /// Do not use this mechanism, landlock or sockets; may be given more than once.
    #[arg(long, value_name = "MECHANISM")]
    without: Vec<Mechanism>,
    /// A table for people, or JSON for programs.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    policy: PolicyFile,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl PlanCommand {
    pub fn run(&self, policy_dir: &Path, out: &mut dyn Write) -> anyhow::Result<Outcome> {
        let Some(loaded) = self.policy.load(policy_dir)? else { return Ok(Outcome::Findings) };
        let mut host = self.host.clone();
        host.without.extend(&self.without);
        let plan = match plan(&loaded.set, &host, Target::Supervised) {
            Ok(plan) => plan,
            Err(errors) => {
                errors.iter().for_each(|error| eprintln!("{error}"));
                return Ok(Outcome::Findings);
            }
        };
        let report = Report::new(&host, &plan)?;
        match self.format {
            Format::Text => write!(out, "{}", report.table())?,
            Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?,
        }
        Ok(Outcome::Fine)
    }
}

/// What is shown of a plan.
#[derive(Debug, Serialize)]
struct Report<'p> {
    format_version: u32,
    host: String,
    /// The length of the BPF program.
    instructions: usize,
    /// What happens with each call: `permit`, `deny`, `uncovered`, `landlock`, `sockets`,
    /// `supervisor`, or `arguments` where its registers decide.
    calls: BTreeMap<&'static str, &'static str>,
    /// The Landlock ruleset, if there is one.
    landlock: Option<Landlock>,
    rules: &'p [RulePlan],
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
    fn new(host: &Host, plan: &'p Plan) -> anyhow::Result<Self> {
        let program = assemble(&plan.filter).context("the policy is too large for the kernel")?;
        Ok(Self {
            format_version: 1,
            host: host.to_string(),
            instructions: program.instructions().len(),
            calls: calls(plan),
            landlock: plan.carried.landlock.as_ref().map(|ruleset| Landlock {
                handled: ruleset.handled.names().collect(),
                granted: ruleset.granted.names().collect(),
                bind_ports: ruleset.ports.bind.clone(),
                connect_ports: ruleset.ports.connect.clone(),
            }),
            rules: &plan.rules,
        })
    }

    fn table(&self) -> String {
        let places: Vec<_> =
            self.rules.iter().map(|rule| format!("{}:{}", rule.file, rule.line)).collect();
        let width = places.iter().map(|place| place.chars().count()).max().unwrap_or_default();
        let mut table = String::new();
        let mut program = "";
        for (rule, place) in self.rules.iter().zip(places) {
            if rule.program != program {
                program = &rule.program;
                table.push_str(&format!("{program}\n"));
            }
            table.push_str(&row(rule, &place, width));
        }
        table + &self.summary()
    }

    fn summary(&self) -> String {
        let count = |fate: &str| self.calls.values().filter(|each| **each == fate).count();
        let carried: String = [("landlock", "Landlock"), ("sockets", "socket programs")]
            .into_iter()
            .filter(|(fate, _)| count(fate) > 0)
            .map(|(fate, name)| format!("{} by {name}, ", count(fate)))
            .collect();
        let summary = format!(
            "{} calls permitted, {} denied, {} denied and logged because no rule judges them, \
             {} judged by their arguments, {carried}{} by the supervisor; {} BPF instructions, {}\n",
            count("permit"),
            count("deny"),
            count("uncovered"),
            count("arguments"),
            count("supervisor"),
            self.instructions,
            self.host,
        );
        let fenced = self.rules.iter().any(|rule| part(rule, Mechanism::Landlock).is_some());
        summary + if fenced { UNRECORDED } else { "" }
    }
}

fn row(rule: &RulePlan, place: &str, width: usize) -> String {
    let mut row =
        format!("  {place:width$}  {:11}  {:8}  {}", rule.mechanism, rule.cost, rule.text);
    let mut remarks = Vec::new();
    if rule.parts.len() > 1 {
        let cheaper = rule.parts.iter().filter(|part| part.mechanism != rule.mechanism);
        remarks.extend(cheaper.map(|part| format!("{}: {}", part.mechanism, some(&part.calls))));
    }
    remarks.extend((!rule.note.is_empty()).then(|| rule.note.clone()));
    let direction = |direction| match direction {
        Direction::Stricter => "stricter than the rule",
        Direction::Weaker => "WEAKER than the rule",
    };
    let differences = rule.differences.iter();
    remarks.extend(differences.map(|one| format!("{}: {}", direction(one.direction), one.what)));
    for remark in remarks {
        row.push_str(&format!("\n  {:width$}  {:11}  {:8}  ({remark})", "", "", ""));
    }
    row.push('\n');
    row
}

const UNRECORDED: &str = "Landlock denies with EACCES and writes nothing down; where a last rule says \
     `true then deny[eperm] log`, the supervisor judges instead, and records.\n";

fn part(rule: &RulePlan, mechanism: Mechanism) -> Option<&Part> {
    rule.parts.iter().find(|part| part.mechanism == mechanism)
}

/// The first few calls by name.
fn some(calls: &[&str]) -> String {
    const SHOWN: usize = 6;
    let shown = calls[..calls.len().min(SHOWN)].join(" ");
    match calls.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} +{more}"),
    }
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
