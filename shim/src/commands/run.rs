//! `run`: `create`, `start`, and, unless detached, wait and `delete`.

use std::process::ExitCode;

use anyhow::Context;
use nix::unistd::Pid;

use crate::commands::delete::delete;
use crate::config::Settings;
use crate::container::Store;
use crate::foreground::Relay;
use crate::launch::{self, CreateOptions};

/// Create and start a container, and wait for it
#[derive(Debug, clap::Args)]
pub struct Run {
    /// Return when the container has started
    #[arg(short, long)]
    detach: bool,
    #[command(flatten)]
    options: CreateOptions,
}

impl Run {
    pub fn run(self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let mut container = launch::create(settings, &self.options, self.detach)?;
        let pid = container.pid().context("the container has no process")?;
        let pid = Pid::from_raw(pid.as_raw());
        if self.detach {
            container.start().context("cannot start container")?;
            return Ok(ExitCode::SUCCESS);
        }
        let relay = Relay::begin().context("cannot hold signals back")?;
        let status = container
            .start()
            .context("cannot start container")
            .and_then(|()| relay.wait(pid).context("cannot wait for the container"));
        delete(&Store::new(&settings.config.root), container, true)?;
        Ok(ExitCode::from(status?))
    }
}
