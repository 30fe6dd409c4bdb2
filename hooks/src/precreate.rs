//! `precreate`: the hook that Podman runs before it hands a container to the runtime. It gets the
//! proposed `config.json` and gives back the one that is used (oci-hooks(5)); its failure is the
//! container's.

use std::path::PathBuf;

use clap::Args;
use converter::bundle::{self, BundleError, Config, ConfigError, Enforcer, PolicyName, Terms};
use converter::bundle::{AGENT, PolicyNameError};
use converter::load::{self, LoadError};
use converter::spec::Approximation;
use supervisor::agent::{self, TrustError};

/// Names the policy of a container. Who registers the hook lets users choose.
pub const POLICY_ANNOTATION: &str = "systrace-shim.io/policy";

/// Podman's hook of that name: reads config.json and writes it with a policy in it.
///
/// The policy that the container's annotation systrace-shim.io/policy names is put beside the
/// engine's own seccomp profile: a call passes if both let it through. NAME means NAME.policy in the
/// policy directory. A container without the annotation is left as it is.
///
/// The agent `systrace-shim supervise` enforces the policy; it must run, and find the same policy
/// under the same name. Calls of 32-bit programs do not pass.
#[derive(Debug, Args)]
pub struct Precreate {
    /// Where policies are looked up, and templates in `templates/`.
    #[arg(long, value_name = "DIR", default_value = "/etc/systrace")]
    policy_dir: PathBuf,
    /// The socket of the agent.
    #[arg(long, value_name = "SOCKET", default_value = AGENT)]
    agent: PathBuf,
    /// Do without an agent. A policy with rules that the kernel cannot decide by itself is refused,
    /// and it must permit what the runtime does between loading the profile and starting the
    /// program, as `Include: docker-default` does.
    #[arg(long, conflicts_with = "agent")]
    standalone: bool,
    /// Make edits that some permitted calls can tell: `capabilities` drops those that no permitted call needs, although programs whose
    /// files ask for them do not start then; `mounts` makes the root read-only, mounts noexec and denied folders empty where the policy
    /// has no other use for them. May be given more than once.
    #[arg(long, value_name = "EDITS")]
    approximate: Vec<Approximation>,
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
    /// The container's listener could go to somebody else than the agent.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The policy cannot be enforced in this way.
    #[error("policy {}", path.display())]
    Bundle {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: BundleError,
    },
}

impl Precreate {
    /// The configuration that is used instead of the proposed one.
    pub fn alter(&self, proposed: Vec<u8>) -> Result<Vec<u8>, PrecreateError> {
        let mut config = Config::parse(&proposed)?;
        let Some(name) = config.annotation(POLICY_ANNOTATION)? else { return Ok(proposed) };
        let name: PolicyName = name.parse()?;
        let path = name.file(&self.policy_dir);
        let policy = load::load(&path, &self.policy_dir)?;
        let terms = Terms {
            enforcer: Enforcer::of(&self.agent, self.standalone),
            approximate: self.approximate.iter().copied().collect(),
            best_effort: false,
        };
        self.ensure_trusted()?;
        bundle::confine(&mut config, &name, &policy, &terms)
            .map_err(|source| PrecreateError::Bundle { path, source })?;
        Ok(config.into_text()?)
    }

    /// An agent that is not there yet is left to `create-runtime`, whose error the engine's user sees; and to the runtime, which makes
    /// no container without it.
    fn ensure_trusted(&self) -> Result<(), TrustError> {
        match agent::ensure_trusted(&self.agent) {
            Err(TrustError::Missing { .. }) => Ok(()),
            _ if self.standalone => Ok(()),
            outcome => outcome,
        }
    }
}
