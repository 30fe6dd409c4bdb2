//! The agent as others see it: where its socket may lie, and what is said on it.
//!
//! The runtime speaks as the OCI runtime specification says (config-linux.md, "The Container Process State"): one connection for each
//! listener. Our hooks ask on the same socket, before the runtime does, whether the agent would serve a container: an agent that
//! refuses a listener cannot tell the runtime why.

mod message;
mod trust;

pub use message::{Message, MessageError, Process, State, receive};
pub use trust::{TrustError, ensure_trusted, ensure_trusted_folder};

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::geteuid;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long the other side may take for one step.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What the agent answers if it would serve the container.
const YES: &str = "ok\n";

/// The agent cannot be relied on.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Its socket could be somebody else's.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Nobody listens, or not any more.
    #[error("no agent answers on {path}; is `systrace-shim supervise` running?")]
    Talk {
        /// The socket.
        path: String,
        /// What failed.
        source: std::io::Error,
    },
    /// Who listens is not who should.
    #[error("the agent on {path} runs as user {uid}")]
    Spoofed {
        /// The socket.
        path: String,
        /// Its user.
        uid: u32,
    },
    /// It would not serve the container.
    #[error("the agent refuses: {0}")]
    Refuses(String),
}

/// Asks the agent whether it would serve a container with this `listenerMetadata`.
///
/// # Errors
/// [`AgentError`] if it would not, or if it is not to be trusted.
pub fn ask(socket: &Path, metadata: &str) -> Result<(), AgentError> {
    talk(socket, &message::question(metadata))
}

/// Tells the agent that a container has ended, and waits until its records are written.
///
/// # Errors
/// [`AgentError`] if there is no agent, or the container has not ended.
pub fn tell_end(socket: &Path, container: &str) -> Result<(), AgentError> {
    talk(socket, &message::end(container))
}

fn talk(socket: &Path, text: &str) -> Result<(), AgentError> {
    ensure_trusted(socket)?;
    let path = socket.display().to_string();
    let failed = |source| AgentError::Talk { path: path.clone(), source };
    let mut stream = UnixStream::connect(socket).map_err(failed)?;
    let peer = getsockopt(&stream, PeerCredentials).map_err(|errno| failed(errno.into()))?;
    if peer.uid() != 0 && peer.uid() != geteuid().as_raw() {
        return Err(AgentError::Spoofed { path: path.clone(), uid: peer.uid() });
    }
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
    stream.write_all(text.as_bytes()).map_err(failed)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(failed)?;
    if answer == YES { Ok(()) } else { Err(AgentError::Refuses(answer.trim_end().to_owned())) }
}

/// The agent's answer.
///
/// # Errors
/// Whoever asked is gone.
pub fn answer(mut stream: &UnixStream, outcome: Result<(), String>) -> std::io::Result<()> {
    match outcome {
        Ok(()) => stream.write_all(YES.as_bytes()),
        Err(text) => stream.write_all(format!("{}\n", text.replace('\n', "; ")).as_bytes()),
    }
}
