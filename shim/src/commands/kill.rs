//! `kill`: sends a signal to a container.

use std::os::fd::AsFd;
use std::process::ExitCode;

use anyhow::Context;
use libcontainer::container::ContainerStatus;
use nix::errno::Errno;

use crate::cgroup::Cgroup;
use crate::config::Settings;
use crate::container::Store;
use crate::identifier::ContainerId;
use crate::signal::SignalNumber;
use crate::{supervise, sys};

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
            self.send(&store)?;
        }
        if self.signal == SignalNumber::KILL {
            supervise::resume(&store.own_folder(&self.id));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Signals the first process. Its descriptor is opened before it is looked at, so the one that is
    /// signalled is the one that was found to be the container's.
    fn send(&self, store: &Store) -> anyhow::Result<()> {
        let pid = store.load(&self.id)?.pid().context("container not running")?;
        let process = sys::open_process(pid.as_raw()).map_err(finished)?;
        let container = store.load_alive(&self.id)?;
        self.signal.send(process.as_fd()).map_err(finished)?;
        // A frozen process of cgroup v1 dies when it is thawed.
        if container.status() == ContainerStatus::Paused && self.signal == SignalNumber::KILL {
            Cgroup::of(&container)?.thaw()?;
        }
        Ok(())
    }
}

fn finished(errno: Errno) -> anyhow::Error {
    match errno {
        Errno::ESRCH => anyhow::Error::msg("os: process already finished"),
        errno => anyhow::Error::new(errno).context("cannot signal container"),
    }
}
