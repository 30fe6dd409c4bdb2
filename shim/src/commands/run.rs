//! `run`: `create`, `start`, and, unless detached, wait and `delete`.

use std::process::ExitCode;

use anyhow::Context;
use nix::unistd::Pid;

use crate::commands::delete::delete;
use crate::config::Settings;
use crate::container::Store;
use crate::foreground::Relay;
use crate::launch::{self, CreateOptions, Created};
use crate::terminal::Session;

/// Create and start a container, and wait for it
#[derive(Debug, clap::Args)]
pub struct Run {
    /// Return when the container has started
    #[arg(short, long)]
    detach: bool,
    /// Do not delete the container when it has ended
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    options: CreateOptions,
}

impl Run {
    pub fn run(self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let Created { mut container, terminal } =
            launch::create(settings, &self.options, self.detach)?;
        let pid = container.pid().context("the container has no process")?;
        let pid = Pid::from_raw(pid.as_raw());
        if self.detach {
            return match container.start().context("cannot start container") {
                Ok(()) => Ok(ExitCode::SUCCESS),
                Err(error) => {
                    // Nobody knows of the container yet who would remove it.
                    let _ = delete(&Store::new(&settings.config.root), container, true);
                    Err(error)
                }
            };
        }
        let relay = Relay::begin().context("cannot hold signals back")?;
        let session =
            terminal.map(Session::begin).transpose().context("cannot use the terminal")?;
        let status = container.start().context("cannot start container").and_then(|()| {
            relay.wait(pid, session.as_ref()).context("cannot wait for the container")
        });
        drop(session);
        if self.keep && status.is_ok() {
            return Ok(ExitCode::from(status?));
        }
        delete(&Store::new(&settings.config.root), container, true)?;
        Ok(ExitCode::from(status?))
    }
}
