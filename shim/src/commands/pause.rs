//! `pause`: freezes the processes of a container.

use std::process::ExitCode;

use anyhow::Context;
use libcontainer::container::ContainerStatus;

use crate::config::Settings;
use crate::container::{Store, ensure_status};
use crate::identifier::ContainerId;

/// Suspend all processes of a container
#[derive(Debug, clap::Args)]
pub struct Pause {
    id: ContainerId,
}

impl Pause {
    pub fn run(self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let mut container = Store::new(&settings.config.root).load(&self.id)?;
        ensure_status(&container, ContainerStatus::Running)?;
        container.pause().context("cannot pause container")?;
        Ok(ExitCode::SUCCESS)
    }
}
