//! The command line, and what all subcommands share: where policies are read from and how an
//! outcome becomes an exit status.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use converter::load::{self, LoadError, Loaded};
use policy::diagnostic::Paint;

use crate::{bundle, check, eval, explain, fmt, plan, seccomp};

/// Checks Systrace policies and shows what enforces them.
///
/// Exit status: 0 fine, 1 findings, 2 wrong use or failure.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub struct Arguments {
    /// Where templates are searched, in `templates/`.
    #[arg(long, global = true, value_name = "DIR", default_value = "/etc/systrace")]
    policy_dir: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Report everything that is wrong with policies or templates.
    Check(check::Check),
    /// Rewrite policies in the canonical form.
    Fmt(fmt::Fmt),
    /// Write a policy as OCI seccomp JSON.
    Seccomp(seccomp::Seccomp),
    Bundle(bundle::Bundle),
    /// Show which mechanism enforces each rule, and at what cost.
    Plan(plan::PlanCommand),
    /// Tell what a policy says about one call, and why.
    Eval(eval::Eval),
    /// Explain a diagnostic code.
    Explain(explain::Explain),
}

/// What a subcommand found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    Fine,
    Findings,
}

/// The one policy file that a subcommand is about.
#[derive(Debug, Args)]
pub struct PolicyFile {
    /// The policy file.
    #[arg(value_name = "POLICY")]
    pub path: PathBuf,
}

impl PolicyFile {
    /// The policy; if it is wrong its findings are shown and there is none.
    pub fn load(&self, policy_dir: &Path) -> anyhow::Result<Option<Loaded>> {
        match load::load(&self.path, policy_dir) {
            Ok(loaded) => Ok(Some(loaded)),
            Err(LoadError::Wrong { text, findings }) => {
                eprint!("{}", load::shown(&text, &findings, paint(io::stderr().is_terminal())));
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Colours for a terminal, unless the user wants none (no-color.org).
pub fn paint(terminal: bool) -> Paint {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if terminal && wanted { Paint::ANSI } else { Paint::default() }
}

/// Runs the subcommand and turns its outcome into an exit status.
pub fn run(arguments: Arguments) -> ExitCode {
    let folder = &arguments.policy_dir;
    let out = &mut io::stdout().lock();
    let outcome = match arguments.command {
        Command::Check(check) => check.run(folder, out),
        Command::Fmt(fmt) => fmt.run(out),
        Command::Seccomp(seccomp) => seccomp.run(folder, out),
        Command::Bundle(bundle) => bundle.run(folder, out),
        Command::Plan(plan) => plan.run(folder, out),
        Command::Eval(eval) => eval.run(folder, out),
        Command::Explain(explain) => explain.run(out),
    };
    match outcome.and_then(|outcome| Ok(out.flush().map(|()| outcome)?)) {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        // Whoever reads has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("systrace-convert: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
