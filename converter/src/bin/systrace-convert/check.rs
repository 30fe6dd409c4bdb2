//! `check`: everything that is wrong with policies and templates.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use converter::load::{self, LoadError};
use policy::{Diagnostic, Source, parse_template};

use crate::cli::{Outcome, paint};
use crate::fmt::is_template;

#[derive(Debug, Args)]
pub struct Check {
    /// Treat warnings as findings.
    #[arg(long)]
    strict: bool,
    /// The policy or template files.
    #[arg(value_name = "POLICY", required = true)]
    paths: Vec<PathBuf>,
}

impl Check {
    pub fn run(&self, policy_dir: &Path, out: &mut dyn Write) -> anyhow::Result<Outcome> {
        let paint = paint(std::io::stdout().is_terminal());
        let mut outcome = Outcome::Fine;
        for path in &self.paths {
            let (source, findings) = check(path, policy_dir)?;
            write!(out, "{}", load::shown(&source, &findings, paint))?;
            if findings.iter().any(|finding| self.strict || finding.is_error()) {
                outcome = Outcome::Findings;
            }
        }
        Ok(outcome)
    }
}

fn check(path: &Path, policy_dir: &Path) -> Result<(Source, Vec<Diagnostic>), LoadError> {
    let source = load::read(path)?;
    if is_template(&source) {
        let findings = parse_template(&source).map_or_else(|all| all, |parsed| parsed.warnings);
        return Ok((source, findings));
    }
    match load::understand(source, policy_dir) {
        Ok(loaded) => Ok((loaded.source, loaded.warnings)),
        Err(LoadError::Wrong { text, findings }) => Ok((text, findings)),
        Err(error) => Err(error),
    }
}
