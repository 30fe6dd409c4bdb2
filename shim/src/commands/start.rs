//! `start`: lets a created container run its program.

use std::process::ExitCode;

use anyhow::Context;
use libcontainer::container::ContainerStatus;

use crate::config::Settings;
use crate::container::{StateError, Store, ensure_status};
use crate::identifier::ContainerId;

/// Start a created container
#[derive(Debug, clap::Args)]
pub struct Start {
    id: ContainerId,
}

impl Start {
    pub fn run(self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let mut container = Store::new(&settings.config.root).load(&self.id)?;
        if container.status() == ContainerStatus::Stopped {
            return Err(StateError::Ended.into());
        }
        ensure_status(&container, ContainerStatus::Created)?;
        container.start().context("cannot start container")?;
        Ok(ExitCode::SUCCESS)
    }
}
