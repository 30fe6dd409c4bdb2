//! `precreate`: the hook that Podman runs before it hands a container to the runtime. It gets the
//! proposed `config.json` and gives back the one that is used (oci-hooks(5)); its failure is the
//! container's.

use std::path::PathBuf;

use clap::Args;
use converter::load::{self, LoadError};

use crate::config::{Config, ConfigError};
use crate::policy_name::{PolicyName, PolicyNameError};
use crate::profile::{StackError, stack};

/// Names the policy of a container. Who registers the hook lets users choose.
const POLICY_ANNOTATION: &str = "systrace-shim.io/policy";

/// Podman's hook of that name: reads config.json and writes it with a policy in it.
///
/// The policy that the container's annotation systrace-shim.io/policy names is stacked with the
/// engine's own seccomp profile: a call passes if both let it through. NAME means NAME.policy in the
/// policy directory. A container without the annotation is left as it is.
///
/// Nothing supervises the container. A policy with rules that the kernel cannot decide by itself is
/// refused, and it must permit what the runtime does between loading the profile and starting the
/// program, as `Include: docker-default` does. Calls of 32-bit programs do not pass.
#[derive(Debug, Args)]
pub struct Precreate {
    /// Where policies are looked up, and templates in `templates/`.
    #[arg(long, value_name = "DIR", default_value = "/etc/systrace")]
    policy_dir: PathBuf,
}

/// The container must not be made.
#[derive(Debug, thiserror::Error)]
pub enum PrecreateError {
    /// The proposal makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The annotation names no policy.
    #[error("annotation {POLICY_ANNOTATION}")]
    Name(#[from] PolicyNameError),
    /// The policy cannot be used.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The policy cannot be enforced in this way.
    #[error("policy {}", path.display())]
    Stack {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: StackError,
    },
}

impl Precreate {
    /// The configuration that is used instead of the proposed one.
    pub fn alter(&self, proposed: Vec<u8>) -> Result<Vec<u8>, PrecreateError> {
        let mut config = Config::parse(&proposed)?;
        let Some(name) = config.annotation(POLICY_ANNOTATION)? else { return Ok(proposed) };
        let path = name.parse::<PolicyName>()?.file(&self.policy_dir);
        let policy = load::load(&path, &self.policy_dir)?;
        let profile = stack(&policy, config.engine_profile()?.as_ref())
            .map_err(|source| PrecreateError::Stack { path, source })?;
        config.set_profile(&profile)?;
        Ok(config.into_text()?)
    }
}
