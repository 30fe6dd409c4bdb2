//! `checkpoint` and `restore`: refused. A seccomp listener cannot be saved to a file.

use std::process::ExitCode;

/// Save a running container (refused: confined containers cannot be checkpointed)
#[derive(Debug, clap::Args)]
pub struct Checkpoint {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _arguments: Vec<String>,
}

/// Bring back a saved container (refused: confined containers cannot be checkpointed)
#[derive(Debug, clap::Args)]
pub struct Restore {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _arguments: Vec<String>,
}

impl Checkpoint {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        anyhow::bail!("checkpoint is not supported: a seccomp listener cannot be saved")
    }
}

impl Restore {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        anyhow::bail!("restore is not supported: a seccomp listener cannot be saved")
    }
}
