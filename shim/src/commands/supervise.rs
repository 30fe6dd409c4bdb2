//! `supervise`: the agent for containers that other runtimes make.

use std::path::PathBuf;
use std::process::ExitCode;

use converter::bundle::AGENT;

use crate::agent;
use crate::config::Settings;

/// Enforce the policies of containers that runc, crun or other runtimes make
///
/// The runtimes hand their seccomp listeners over as their config.json says, which
/// `systrace-convert bundle` or `systrace-hook precreate` wrote. One agent serves all containers of
/// the host. It ends by SIGTERM or SIGINT; containers that run go on, and stay confined.
#[derive(Debug, clap::Args)]
pub struct Supervise {
    /// The socket to listen on
    #[arg(long, value_name = "SOCKET", default_value = AGENT)]
    listen: PathBuf,
}

impl Supervise {
    pub fn run(self, settings: &Settings) -> anyhow::Result<ExitCode> {
        agent::serve(settings, &self.listen)?;
        Ok(ExitCode::SUCCESS)
    }
}
