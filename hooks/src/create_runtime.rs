//! `create-runtime`: the OCI hook before a container's first process starts. A runtime cannot tell its user why an agent
//! refused a listener; this hook asks the agent before, and its failure is shown.

use clap::Args;
use converter::bundle::{Metadata, MetadataError};
use supervisor::agent::{self, AgentError};

use crate::precreate::POLICY_ANNOTATION;
use crate::state::{State, StateError};

/// OCI hook createRuntime: refuses a container whose policy nobody would enforce.
///
/// A container with the annotation systrace-shim.io/policy must have that policy in its
/// config.json, as `precreate` writes it, and the agent named there must run, be root's, and know the
/// same policy. Containers without the annotation whose config.json names no agent of ours pass.
#[derive(Debug, Args)]
pub struct CreateRuntime {}

/// The container must not be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateRuntimeError {
    /// There is no container.
    #[error(transparent)]
    State(#[from] StateError),
    /// The annotation is only a wish.
    #[error(
        "the annotation {POLICY_ANNOTATION} asks for policy {wanted}, and config.json names no agent for it"
    )]
    Unconfined {
        /// The policy.
        wanted: String,
    },
    /// The annotation and the configuration differ.
    #[error(
        "the annotation {POLICY_ANNOTATION} asks for policy {wanted}, and config.json has {found}"
    )]
    Other {
        /// The annotation's.
        wanted: String,
        /// The configuration's.
        found: String,
    },
    /// It does not say which policy is meant.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The agent will not serve it.
    #[error(transparent)]
    Agent(#[from] AgentError),
}

impl CreateRuntime {
    /// Looks at the bundle and asks the agent.
    pub fn check(&self, state: &[u8]) -> Result<(), CreateRuntimeError> {
        let config = State::parse(state)?.config()?;
        let wanted = config.annotation(POLICY_ANNOTATION).map_err(StateError::from)?;
        let Some((socket, text)) = config.agent().map_err(StateError::from)? else {
            return match wanted {
                Some(wanted) => Err(CreateRuntimeError::Unconfined { wanted: wanted.to_owned() }),
                None => Ok(()),
            };
        };
        let Some(wanted) = wanted else {
            // Somebody else's agent is somebody else's business.
            return if Metadata::parse(&text).is_ok() {
                Ok(agent::ask(&socket, &text)?)
            } else {
                Ok(())
            };
        };
        let found = Metadata::parse(&text)?.name()?.to_string();
        if found != wanted {
            return Err(CreateRuntimeError::Other { wanted: wanted.to_owned(), found });
        }
        Ok(agent::ask(&socket, &text)?)
    }
}
