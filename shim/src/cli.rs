//! The main flow: read the command line, read the configuration, run one command, report one error.

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::commands::{Command, version};
use crate::config::{Config, Settings};
use crate::report::{Format, Reporter};
use crate::sys;

/// Exit status for every failure of a command that does not say otherwise.
const FAILURE: u8 = 1;

/// An OCI runtime that confines containers with Systrace policies.
#[derive(Debug, Parser)]
#[command(name = "systrace-shim", disable_version_flag = true, args_override_self = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    /// Print the version in the form that engines read
    #[arg(short, long)]
    version: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

/// The options before the sub-command. An option given twice keeps its last value, as under runc:
/// engines put the arguments from their configuration first.
#[derive(Debug, clap::Args)]
pub struct Global {
    /// Directory of the containers' state
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// File that receives the error, if there is one
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Form of the error in the log file
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: Format,
    /// Show the causes of an error one by one on standard error
    #[arg(long)]
    pub debug: bool,
    /// Let systemd manage the cgroups
    #[arg(long)]
    pub systemd_cgroup: bool,
    /// Ignore missing privileges; only `auto` and `false` are supported
    #[arg(long, value_enum, default_value_t, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_name = "BOOL")]
    pub rootless: Rootless,
    /// Configuration file [default: /etc/systrace/shim.toml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Policy of the container: a name in the policy directory, or a file if it contains a slash
    #[arg(long, value_name = "NAME|FILE")]
    pub policy: Option<String>,
    /// Directory of the policies
    #[arg(long, value_name = "DIR")]
    pub policy_dir: Option<PathBuf>,
    /// What happens to a call that no rule permits
    #[arg(long, value_enum, default_value_t, value_name = "MODE")]
    pub mode: Mode,
}

/// runc's `--rootless`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Rootless {
    #[default]
    Auto,
    False,
    True,
}

/// The modes of a policy; `enforce` denies and records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    #[default]
    Enforce,
}

/// Runs one command and turns its outcome into an exit status.
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return refuse(&arguments, &error),
    };
    if cli.version {
        print!("{}", version::text());
        return ExitCode::SUCCESS;
    }
    let reporter = Reporter::new(cli.global.log.clone(), cli.global.log_format);
    let Some(command) = cli.command else {
        print!("{}", Cli::command().render_help());
        return ExitCode::SUCCESS;
    };
    let (failure, debug) = (command.failure(), cli.global.debug);
    let own = std::process::id();
    let outcome = catch_unwind(AssertUnwindSafe(|| execute(cli.global, command)))
        .unwrap_or_else(|_| Err(after_panic(own)));
    outcome.unwrap_or_else(|error| {
        if debug {
            eprintln!("{error:?}");
        }
        reporter.error(&format!("{error:#}"));
        ExitCode::from(failure)
    })
}

/// A panic, too, is one error for the engine; its details are on standard error already. In a child that
/// libcontainer has cloned it is not for that child to report.
fn after_panic(own: u32) -> anyhow::Error {
    if std::process::id() != own {
        sys::exit_now(i32::from(FAILURE));
    }
    anyhow::Error::msg("internal error of systrace-shim")
}

fn execute(global: Global, command: Command) -> anyhow::Result<ExitCode> {
    if global.rootless == Rootless::True {
        anyhow::bail!("rootless containers are not supported");
    }
    let config = Config::load(global.config.as_deref())?;
    command.run(&Settings::merge(global, config))
}

/// Reports a wrong command line. Help is not an error and goes to standard output.
fn refuse(arguments: &[OsString], error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        print!("{error}");
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    Reporter::from_arguments(arguments).error(&first);
    let exec = arguments.iter().any(|argument| argument == "exec");
    ExitCode::from(if exec { crate::commands::exec::FAILURE } else { FAILURE })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_declaration_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn both_spellings_of_a_value_are_read() {
        let spaced = parse("s --root /a --log-format json state x").unwrap();
        let joined = parse("s --root=/a --log-format=json state x").unwrap();
        assert_eq!(spaced.global.root, joined.global.root);
        assert_eq!(spaced.global.log_format, Format::Json);
    }

    #[test]
    fn the_last_of_two_values_counts() {
        let cli = parse("s --root /from-runtime-args --root /from-engine state x").unwrap();
        assert_eq!(cli.global.root, Some(PathBuf::from("/from-engine")));
    }

    #[test]
    fn containerd_and_conmon_lines_are_read() {
        for line in [
            "s --root /r --log /l --log-format json create --bundle /b --pid-file /p x",
            "s --root /r --log /l --log-format json --systemd-cgroup exec --process /p --console-socket /c --detach --pid-file /q x",
            "s --log-format=json --log /l create --bundle /b --pid-file /p --no-pivot --no-new-keyring --preserve-fds 2 x",
            "s --root /r kill --all x 9",
            "s --root=/r kill -a x KILL",
            "s --rootless=false delete --force x",
            "s ps --format table x -o pid,cmd",
            "s update --resources=- x",
            "s events --interval=5s x",
            "s features",
        ] {
            assert!(parse(line).is_ok(), "{line}: {}", parse(line).unwrap_err());
        }
    }

    #[test]
    fn an_unknown_mode_is_refused() {
        assert!(parse("s --mode permissive state x").is_err());
    }
}
