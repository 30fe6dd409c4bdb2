//! `resume`: ends what `pause` began.

use std::process::ExitCode;

use anyhow::Context;
use libcontainer::container::ContainerStatus;

use crate::config::Settings;
use crate::container::{StateError, Store};
use crate::identifier::ContainerId;

/// Resume all processes of a paused container
#[derive(Debug, clap::Args)]
pub struct Resume {
    id: ContainerId,
}

impl Resume {
    pub fn run(self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let mut container = Store::new(&settings.config.root).load(&self.id)?;
        if container.status() != ContainerStatus::Paused {
            return Err(StateError::NotPaused.into());
        }
        container.resume().context("cannot resume container")?;
        Ok(ExitCode::SUCCESS)
    }
}
