//! `check`: everything that is to be said about policies and templates.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use converter::load;
use policy::Severity;

use crate::cli::Outcome;
use crate::report::{Checked, Format};

#[derive(Debug, Args)]
pub struct Check {
    /// The least severe finding that makes the exit status 1.
    #[arg(long, value_name = "SEVERITY", default_value = "error")]
    fail_on: FailOn,
    /// How the findings are written.
    #[arg(long, default_value = "text")]
    format: Format,
    /// The policy or template files.
    #[arg(value_name = "POLICY", required = true)]
    paths: Vec<PathBuf>,
}

/// Notes never fail.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum FailOn {
    /// The policy is refused.
    Error,
    /// The policy may mean something else than its author thinks.
    Warning,
}

impl FailOn {
    fn least(self) -> Severity {
        match self {
            Self::Error => Severity::Error,
            Self::Warning => Severity::Warning,
        }
    }
}

impl Check {
    pub fn run(&self, policy_dir: &Path, out: &mut dyn Write) -> anyhow::Result<Outcome> {
        let mut all = Vec::new();
        for path in &self.paths {
            let source = load::read(path)?;
            let findings = load::check(&source, policy_dir);
            all.push(Checked { source, findings });
        }
        self.format.write(&all, out)?;
        let mut findings = all.iter().flat_map(|checked| &checked.findings);
        match findings.any(|finding| finding.severity() >= self.fail_on.least()) {
            true => Ok(Outcome::Findings),
            false => Ok(Outcome::Fine),
        }
    }
}
