//! One message on the agent's socket: JSON, and with it the listener.

use crate::sys::packet;
use nix::errno::Errno;
use serde::Deserialize;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

/// Longest message. Engines put whatever they like into annotations.
const LIMIT: usize = 1 << 20;

/// What one recvmsg(2) takes.
const CHUNK: usize = 1 << 16;

/// The descriptor's name (`seccompFd`, config-linux.md).
const LISTENER: &str = "seccompFd";

/// What somebody wants of the agent.
#[derive(Debug)]
pub enum Message {
    /// A runtime brings the listener of a process that starts.
    Starts {
        /// Which.
        process: Process,
        /// The listener.
        listener: OwnedFd,
    },
    /// A hook asks for a container's `listenerMetadata`.
    Asks(String),
    /// A hook says that this container has ended.
    Ended(String),
}

/// The container process state.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Process {
    /// What the descriptors are, in their order.
    fds: Vec<String>,
    /// The process that starts.
    #[serde(default)]
    pid: i32,
    /// `listenerMetadata`.
    #[serde(default)]
    pub metadata: String,
    /// The container's state.
    pub state: State,
}

/// The state of a container, as far as the agent needs it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct State {
    /// Its name.
    pub id: String,
    /// `creating` while its first process starts, `running` afterwards.
    status: String,
    /// Its first process.
    #[serde(default)]
    pid: i32,
    /// Its bundle.
    pub bundle: std::path::PathBuf,
}

impl Process {
    /// The process that starts, as the host numbers it; `None` if the runtime does not say, as crun 1.8 at an exec.
    #[must_use]
    pub fn pid(&self) -> Option<i32> {
        Some(self.pid).filter(|pid| *pid > 0)
    }

    /// Whether it joins a container that exists.
    #[must_use]
    pub fn joins(&self) -> bool {
        self.state.status == RUNNING || self.pid != self.state.pid
    }
}

const RUNNING: &str = "running";

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Text {
    Process(Process),
    Question { ask: String },
    End { ended: String },
}

/// No message came.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// The connection failed.
    #[error("the message does not arrive")]
    Receive(#[source] Errno),
    /// The peer had nothing to say: a start that failed before.
    #[error("no message came")]
    Nothing,
    /// It ended too early, or goes on for too long.
    #[error("the message is cut or too long")]
    Size,
    /// It is something else.
    #[error("the message is no container process state")]
    Parse(#[source] serde_json::Error),
    /// No listener, or more descriptors than announced.
    #[error("the message brings no seccomp listener")]
    Listener,
}

/// How a hook asks.
pub(super) fn question(metadata: &str) -> String {
    serde_json::json!({ "ask": metadata }).to_string()
}

/// How a hook says that a container has ended.
pub(super) fn end(container: &str) -> String {
    serde_json::json!({ "ended": container }).to_string()
}

/// Reads one message. crun does not close its end afterwards, so the message ends where its JSON does.
///
/// # Errors
/// [`MessageError`].
pub fn receive(stream: &UnixStream) -> Result<Message, MessageError> {
    let (mut text, mut fds) = (Vec::new(), Vec::new());
    let mut chunk = vec![0; CHUNK];
    while text.len() < LIMIT {
        let got = packet::receive(stream.as_fd(), &mut chunk).map_err(MessageError::Receive)?;
        if got.length == 0 {
            return Err(if text.is_empty() { MessageError::Nothing } else { MessageError::Size });
        }
        text.extend_from_slice(&chunk[..got.length]);
        fds.extend(got.fds);
        match serde_json::from_slice(&text) {
            Ok(whole) => return understand(whole, fds),
            Err(error) if error.is_eof() => {}
            Err(error) => return Err(MessageError::Parse(error)),
        }
    }
    Err(MessageError::Size)
}

fn understand(text: Text, mut fds: Vec<OwnedFd>) -> Result<Message, MessageError> {
    let process = match text {
        Text::Question { ask } => return Ok(Message::Asks(ask)),
        Text::End { ended } => return Ok(Message::Ended(ended)),
        Text::Process(process) => process,
    };
    let at = process.fds.iter().position(|name| name == LISTENER);
    match at.filter(|at| *at < fds.len() && fds.len() == process.fds.len()) {
        Some(at) => Ok(Message::Starts { listener: fds.swap_remove(at), process }),
        None => Err(MessageError::Listener),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
    use std::io::{IoSlice, Write};
    use std::os::fd::AsRawFd;

    /// As runc 1.1.5 sends it.
    const RUNC: &str = r#"{"ociVersion":"1.0.2-dev","fds":["seccompFd"],"pid":7349,"metadata":"m",
        "state":{"ociVersion":"1.0.2-dev","id":"web","status":"creating","pid":7349,"bundle":"/b","annotations":{"a":"b"}}}"#;

    fn pair() -> (UnixStream, UnixStream) {
        UnixStream::pair().unwrap()
    }

    fn send(stream: &UnixStream, text: &str, fds: usize) {
        let fds = vec![stream.as_raw_fd(); fds];
        let rights = [ControlMessage::ScmRights(&fds)];
        let control = if fds.is_empty() { &[][..] } else { &rights[..] };
        let parts = [IoSlice::new(text.as_bytes())];
        sendmsg::<()>(stream.as_raw_fd(), &parts, control, MsgFlags::empty(), None).unwrap();
    }

    #[test]
    fn a_message_ends_where_its_json_ends() {
        let (ours, mut theirs) = pair();
        let (head, tail) = RUNC.split_at(40);
        send(&theirs, head, 1);
        theirs.write_all(tail.as_bytes()).unwrap();
        let Message::Starts { process, .. } = receive(&ours).unwrap() else { panic!() };
        assert_eq!((process.pid(), process.joins()), (Some(7349), false));
        assert_eq!((process.metadata.as_str(), process.state.id.as_str()), ("m", "web"));
    }

    #[test]
    fn a_process_that_joins_is_told_from_the_first() {
        let read = |text: &str| serde_json::from_str::<Process>(text).unwrap();
        let joining = read(&RUNC.replacen("7349", "8000", 1).replace("creating", "running"));
        assert_eq!((joining.pid(), joining.joins()), (Some(8000), true));
        // As crun 1.8.1 says it.
        let crun = read(&RUNC.replace("7349", "0").replace("creating", "running"));
        assert_eq!((crun.pid(), crun.joins()), (None, true));
    }

    #[test]
    fn a_question_has_no_descriptor() {
        let (ours, theirs) = pair();
        send(&theirs, &question("m"), 0);
        assert!(matches!(receive(&ours).unwrap(), Message::Asks(metadata) if metadata == "m"));
    }

    #[test]
    fn rubbish_is_refused() {
        for (text, fds) in [(RUNC, 0), ("{}", 1), ("garbage", 1), ("[", 0), ("", 0)] {
            let (ours, theirs) = pair();
            if !text.is_empty() {
                send(&theirs, text, fds);
            }
            drop(theirs);
            assert!(receive(&ours).is_err(), "{text}");
        }
    }
}
