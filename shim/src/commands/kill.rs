//! `kill`: sends a signal to a container.

use std::process::ExitCode;

use anyhow::Context;
use libcontainer::container::{Container, ContainerStatus};
use nix::errno::Errno;

use crate::cgroup::Cgroup;
use crate::config::Settings;
use crate::container::Store;
use crate::identifier::ContainerId;
use crate::signal::SignalNumber;

/// Send a signal to the first process of a container
#[derive(Debug, clap::Args)]
pub struct Kill {
    /// Send it to all processes of the container
    #[arg(short, long)]
    all: bool,
    id: ContainerId,
    /// Name or number of the signal
    #[arg(default_value = "TERM")]
    signal: SignalNumber,
}

impl Kill {
    pub fn run(self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let store = Store::new(&settings.config.root);
        if self.all {
            // With a shared pid namespace processes outlive the first one: a stopped container is fine.
            Cgroup::of(&store.load(&self.id)?)?.signal(self.signal)?;
        } else {
            send(&store.load_alive(&self.id)?, self.signal)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Signals the first process. SIGKILL waits in a frozen process of cgroup v1 until it is thawed.
fn send(container: &Container, signal: SignalNumber) -> anyhow::Result<()> {
    let pid = container.pid().context("container not running")?;
    match signal.send(pid.as_raw()) {
        Ok(()) => {}
        Err(Errno::ESRCH) => anyhow::bail!("os: process already finished"),
        Err(errno) => return Err(errno).context("cannot signal container"),
    }
    if container.status() == ContainerStatus::Paused && signal == SignalNumber::KILL {
        Cgroup::of(container)?.thaw()?;
    }
    Ok(())
}
