//! `poststop`: the OCI hook after a container has been deleted.

use clap::Args;
use converter::bundle::{AGENT, Metadata};
use std::path::PathBuf;
use supervisor::agent;

use crate::state::{State, StateError};

/// OCI hook poststop: returns when the container's audit file is complete.
///
/// The agent cleans up by itself when a container ends; an agent that does not run does so when it
/// starts again, and this hook says so and does not fail.
#[derive(Debug, Args)]
pub struct Poststop {
    /// The socket of the agent, if the bundle is gone already.
    #[arg(long, value_name = "SOCKET", default_value = AGENT)]
    agent: PathBuf,
}

impl Poststop {
    /// Tells the agent.
    pub fn tell(&self, state: &[u8]) -> Result<(), StateError> {
        let state = State::parse(state)?;
        let named = state.config().ok().map(|config| config.agent()).transpose()?;
        let socket = match named {
            // The bundle names no agent, or none of ours.
            Some(None) => return Ok(()),
            Some(Some((_, text))) if Metadata::parse(&text).is_err() => return Ok(()),
            Some(Some((socket, _))) => socket,
            None => self.agent.clone(),
        };
        if let Err(error) = agent::tell_end(&socket, &state.id) {
            eprintln!("systrace-hook: {error}");
        }
        Ok(())
    }
}
