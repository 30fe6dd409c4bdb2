//! `plan`: which mechanism enforces each rule.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use clap::{Args, ValueEnum};
use converter::host::{Host, LinuxVersion};
use converter::plan::{Plan, RulePlan, Target, plan};
use converter::seccomp::{Action, assemble};
use policy::registry::{self, Call};
use serde::Serialize;

use crate::cli::{Outcome, PolicyFile};

#[derive(Debug, Args)]
pub struct PlanCommand {
    /// The host, `linux=RELEASE`.
    #[arg(long = "for", value_name = "HOST", default_value = "linux=6.1", value_parser = host)]
    host: LinuxVersion,
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

fn host(text: &str) -> Result<LinuxVersion, String> {
    let release = text.strip_prefix("linux=").ok_or("a host is written linux=RELEASE")?;
    release.parse().map_err(|error: converter::host::LinuxVersionError| error.to_string())
}

impl PlanCommand {
    pub fn run(&self, policy_dir: &Path, out: &mut dyn Write) -> anyhow::Result<Outcome> {
        let Some(loaded) = self.policy.load(policy_dir)? else { return Ok(Outcome::Findings) };
        let plan = match plan(&loaded.set, &Host::of_this_release(self.host), Target::Supervised) {
            Ok(plan) => plan,
            Err(errors) => {
                errors.iter().for_each(|error| eprintln!("{error}"));
                return Ok(Outcome::Findings);
            }
        };
        let report = Report::new(self.host, &plan)?;
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
    linux: String,
    /// The length of the BPF program.
    instructions: usize,
    /// What happens with each call: `permit`, `deny`, `uncovered`, `supervisor`, or `arguments`
    /// where its registers decide.
    calls: BTreeMap<&'static str, &'static str>,
    rules: &'p [RulePlan],
}

impl<'p> Report<'p> {
    fn new(linux: LinuxVersion, plan: &'p Plan) -> anyhow::Result<Self> {
        let program = assemble(&plan.filter).context("the policy is too large for the kernel")?;
        Ok(Self {
            format_version: 1,
            linux: linux.to_string(),
            instructions: program.instructions().len(),
            calls: calls(plan),
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
        format!(
            "{} calls permitted, {} denied, {} denied and logged because no rule judges them, \
             {} judged by their arguments, {} by the supervisor; {} BPF instructions, Linux {}\n",
            count("permit"),
            count("deny"),
            count("uncovered"),
            count("arguments"),
            count("supervisor"),
            self.instructions,
            self.linux,
        )
    }
}

fn row(rule: &RulePlan, place: &str, width: usize) -> String {
    let mut row =
        format!("  {place:width$}  {:11}  {:8}  {}", rule.mechanism, rule.cost, rule.text);
    if !rule.note.is_empty() {
        row.push_str(&format!("\n  {:width$}  {:11}  {:8}  ({})", "", "", "", rule.note));
    }
    row.push('\n');
    row
}

fn calls(plan: &Plan) -> BTreeMap<&'static str, &'static str> {
    let fate = |call: &&'static Call| {
        let clauses = plan.filter.calls.get(&call.number).map(Vec::as_slice).unwrap_or_default();
        match clauses {
            _ if plan.uncovered.iter().any(|other| other.number == call.number) => "uncovered",
            [] => name(plan.filter.default),
            [only] => name(only.action),
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
