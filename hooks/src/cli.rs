//! The command line: standard input and output, errors and the exit status.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::Context;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::{Parser, Subcommand};

use crate::create_runtime::CreateRuntime;
use crate::poststop::Poststop;
use crate::precreate::Precreate;

/// Confines containers that other runtimes than systrace-shim start.
///
/// Exit status: 0 fine, 1 the container must not be made, 2 wrong use. The error is one line on
/// standard error.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub struct Arguments {
    /// Append errors to this file too: Podman tells its user a hook's exit status only.
    #[arg(long, global = true, value_name = "FILE")]
    log: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Precreate(Precreate),
    CreateRuntime(CreateRuntime),
    Poststop(Poststop),
}

/// Runs the subcommand and turns its outcome into an exit status.
pub fn run(arguments: &Arguments) -> ExitCode {
    let outcome = filter(|input| match &arguments.command {
        Command::Precreate(precreate) => Ok(precreate.alter(input)?),
        Command::CreateRuntime(create) => Ok(create.check(&input).map(|()| Vec::new())?),
        Command::Poststop(stop) => Ok(stop.tell(&input).map(|()| Vec::new())?),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&format!("systrace-hook: {error:#}"), arguments.log.as_deref());
            ExitCode::FAILURE
        }
    }
}

/// Tells of the error wherever it can be read.
fn report(error: &str, log: Option<&Path>) {
    eprintln!("{error}");
    let Some(path) = log else { return };
    let time = DateTime::<Utc>::from(SystemTime::now());
    let line = format!("{} {error}\n", time.to_rfc3339_opts(SecondsFormat::Secs, true));
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    if let Err(error) = file.and_then(|mut file| file.write_all(line.as_bytes())) {
        eprintln!("systrace-hook: cannot write {}: {error}", path.display());
    }
}

/// Nothing is written unless all went well: half a configuration is none.
fn filter(alter: impl FnOnce(Vec<u8>) -> anyhow::Result<Vec<u8>>) -> anyhow::Result<()> {
    let mut input = Vec::new();
    io::stdin().read_to_end(&mut input).context("cannot read standard input")?;
    let output = alter(input)?;
    let mut out = io::stdout().lock();
    out.write_all(&output).and_then(|()| out.flush()).context("cannot write standard output")
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
