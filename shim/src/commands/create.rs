//! `create`: makes a container that waits for `start`.

use std::process::ExitCode;

use crate::config::Settings;
use crate::launch::{self, CreateOptions};

/// Create a container
#[derive(Debug, clap::Args)]
pub struct Create {
    #[command(flatten)]
    options: CreateOptions,
}

impl Create {
    pub fn run(self, settings: &Settings) -> anyhow::Result<ExitCode> {
        launch::create(settings, &self.options, true)?;
        Ok(ExitCode::SUCCESS)
    }
}
