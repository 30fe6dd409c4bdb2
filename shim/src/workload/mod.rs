//! The container side: the last steps of our own code before the workload's program.

pub mod search;

use std::convert::Infallible;
use std::ffi::CString;

use libcontainer::error::LibcontainerError;
use libcontainer::workload::{Executor, ExecutorError, ExecutorValidationError};
use nix::errno::Errno;
use nix::unistd::execve;
use oci_spec::runtime::{Process, Spec};

/// What libcontainer runs in the container's first process, and in every process that joins it.
#[derive(Debug, Clone)]
pub struct Workload {
    /// CAP_SYS_ADMIN was lent for the start-up and has to be given back.
    drop_admin: bool,
}

/// The program cannot be run. The texts are those of runc: engines tell from them whether the exit
/// status is 127 (not found) or 126 (not permitted).
#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {
    #[error("the container has no process")]
    NoProcess,
    #[error("the process has no arguments")]
    NoArguments,
    #[error("an argument or variable of the process contains a zero byte")]
    ZeroByte,
    #[error(transparent)]
    Search(#[from] search::SearchError),
    #[error("cannot give back CAP_SYS_ADMIN")]
    DropAdmin(#[source] caps::errors::CapsError),
    #[error("exec {path}: {}", search::reason(*source))]
    Exec { path: String, source: Errno },
}

impl Workload {
    pub fn new(drop_admin: bool) -> Self {
        Self { drop_admin }
    }

    fn start(&self, spec: &Spec) -> Result<Infallible, WorkloadError> {
        // Everything that allocates or looks at files comes first.
        let program = Program::of(spec)?;
        if self.drop_admin {
            give_back_admin().map_err(WorkloadError::DropAdmin)?;
        }
        execve(&program.path, &program.arguments, &program.environment).map_err(|source| {
            let path = program.path.to_string_lossy().into_owned();
            WorkloadError::Exec { path, source }
        })
    }
}

impl Executor for Workload {
    fn validate(&self, spec: &Spec) -> Result<(), ExecutorValidationError> {
        match Program::of(spec) {
            Ok(_) => Ok(()),
            Err(error) => Err(ExecutorValidationError::ArgValidationError(error.to_string())),
        }
    }

    fn exec(&self, spec: &Spec) -> Result<(), ExecutorError> {
        let Err(error) = self.start(spec);
        // For the first process nobody listens any more: the container's own log is the place.
        eprintln!("{error}");
        Err(ExecutorError::Other(error.to_string()))
    }
}

/// A program ready to be executed.
struct Program {
    path: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
}

impl Program {
    fn of(spec: &Spec) -> Result<Self, WorkloadError> {
        let process = spec.process().as_ref().ok_or(WorkloadError::NoProcess)?;
        let arguments = process.args().as_deref().unwrap_or_default();
        let name = arguments.first().ok_or(WorkloadError::NoArguments)?;
        let path = search::find(name, search::path_variable(process))?;
        Ok(Self {
            path: c_string(path.to_string_lossy().as_ref())?,
            arguments: arguments.iter().map(|text| c_string(text)).collect::<Result<_, _>>()?,
            environment: environment(process)?,
        })
    }
}

/// The variables of the spec in their order, the last of two with one name; then those that libcontainer
/// has set beside them (`HOME`, `LISTEN_FDS`).
fn environment(process: &Process) -> Result<Vec<CString>, WorkloadError> {
    let mut variables: Vec<(&str, &str)> = Vec::new();
    for entry in process.env().as_deref().unwrap_or_default() {
        let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
        match variables.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = value,
            None => variables.push((name, value)),
        }
    }
    let added: Vec<_> = ["HOME", "LISTEN_FDS", "LISTEN_PID"]
        .into_iter()
        .filter(|name| variables.iter().all(|(known, _)| known != name))
        .filter_map(|name| Some((name, std::env::var(name).ok()?)))
        .collect();
    let added = added.iter().map(|(name, value)| (*name, value.as_str()));
    variables
        .into_iter()
        .chain(added)
        .map(|(name, value)| c_string(&format!("{name}={value}")))
        .collect()
}

fn c_string(text: &str) -> Result<CString, WorkloadError> {
    CString::new(text).map_err(|_| WorkloadError::ZeroByte)
}

/// CAP_SYS_ADMIN leaves the permitted set last: a set can only shrink to what is permitted.
fn give_back_admin() -> Result<(), caps::errors::CapsError> {
    caps::drop(None, caps::CapSet::Effective, caps::Capability::CAP_SYS_ADMIN)?;
    caps::drop(None, caps::CapSet::Permitted, caps::Capability::CAP_SYS_ADMIN)
}

/// The reason inside a failure of libcontainer. What the container side reports arrives as text that
/// each process on the way has put words before; the engine's user needs the last part only.
pub fn readable(error: &LibcontainerError) -> anyhow::Error {
    const RELAY: &str = "error in executing process : ";
    let text = error.to_string();
    let reason = text.rsplit_once(RELAY).map_or(text.as_str(), |(_, reason)| reason);
    anyhow::Error::msg(reason.trim_end_matches('\0').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(env: &[&str]) -> Process {
        let mut process = Process::default();
        process.set_env(Some(env.iter().map(|text| (*text).to_owned()).collect()));
        process
    }

    #[test]
    fn variables_keep_their_order_and_the_last_value_counts() {
        let text = environment(&process(&["B=1", "A=2", "HOME=/h", "B=3=4"])).unwrap();
        let text: Vec<_> = text.iter().map(|entry| entry.to_str().unwrap()).collect();
        assert_eq!(text[..3], ["B=3=4", "A=2", "HOME=/h"]);
    }

    #[test]
    fn the_words_of_the_way_are_taken_off() {
        let error = LibcontainerError::Other(
            "failed: error in executing process : exec: \"x\": permission denied\0\0".into(),
        );
        assert_eq!(readable(&error).to_string(), "exec: \"x\": permission denied");
    }
}
