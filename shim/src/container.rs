//! Containers that exist: their state on disk, loaded and checked.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use libcontainer::container::{Container, ContainerStatus};
use libcontainer::error::LibcontainerError;

use crate::birth::Birth;
use crate::identifier::ContainerId;

/// The state directory. A container has two folders in it: `ID`, which libcontainer writes, and `@ID`,
/// which is ours. `@` cannot start a name, so the two kinds never meet.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// A container cannot be used as asked. Engines match on the first two texts.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("container {0} does not exist")]
    Missing(ContainerId),
    #[error("container not running")]
    NotRunning,
    #[error("cannot exec in a paused container (use --ignore-paused to override)")]
    Paused,
    #[error("cannot start a container that has stopped")]
    Ended,
    #[error("cannot exec in a stopped container")]
    Gone,
    #[error("container not paused")]
    NotPaused,
    #[error("container {0} is {1}, not {2}")]
    Unfit(ContainerId, &'static str, &'static str),
    #[error("container with id {0} already exists")]
    Exists(ContainerId),
    #[error("cannot read the state directory {path}")]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("cannot read the state of container {id}")]
    Load { id: ContainerId, source: Box<LibcontainerError> },
}

impl Store {
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder that is ours: private bundle and supervisor.
    pub fn own_folder(&self, id: &ContainerId) -> PathBuf {
        self.root.join(format!("@{id}"))
    }

    /// Refuses a name that is in use.
    pub fn ensure_free(&self, id: &ContainerId) -> Result<(), StateError> {
        let taken = self.root.join(id.as_str()).exists() || self.own_folder(id).exists();
        if taken { Err(StateError::Exists(id.clone())) } else { Ok(()) }
    }

    /// Loads a container and finds out whether it still runs.
    pub fn load(&self, id: &ContainerId) -> Result<Container, StateError> {
        let folder = self.root.join(id.as_str());
        if !folder.join("state.json").exists() {
            return Err(StateError::Missing(id.clone()));
        }
        let mut container = Container::load(folder)
            .map_err(|source| StateError::Load { id: id.clone(), source: Box::new(source) })?;
        if !self.is_first_process(id, &container) {
            container.state.pid = None;
            container.set_status(ContainerStatus::Stopped);
        }
        Ok(container)
    }

    /// Whether the pid of the state still belongs to the process that was started. libcontainer looks at
    /// the number only, and a signal to a number that was given out again would hit a stranger.
    fn is_first_process(&self, id: &ContainerId, container: &Container) -> bool {
        let started = Birth::load(&self.own_folder(id));
        let alive = container.pid().and_then(|pid| Birth::of(pid.as_raw()));
        started.is_some() && started == alive
    }

    /// Loads a container whose processes must be alive.
    pub fn load_alive(&self, id: &ContainerId) -> Result<Container, StateError> {
        let container = self.load(id)?;
        match container.status() {
            ContainerStatus::Running | ContainerStatus::Paused | ContainerStatus::Created => {
                Ok(container)
            }
            ContainerStatus::Stopped | ContainerStatus::Creating => Err(StateError::NotRunning),
        }
    }

    /// Every container of this state directory, by name. One that disappears meanwhile is left out.
    pub fn list(&self) -> Result<Vec<Container>, StateError> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(StateError::Folder { path: self.root.clone(), source }),
        };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut ids: Vec<ContainerId> = names.filter_map(|name| name.parse().ok()).collect();
        ids.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        Ok(ids.iter().filter_map(|id| self.load(id).ok()).collect())
    }
}

/// The word that the runtime specification uses.
pub fn status_name(status: ContainerStatus) -> &'static str {
    match status {
        ContainerStatus::Creating => "creating",
        ContainerStatus::Created => "created",
        ContainerStatus::Running => "running",
        ContainerStatus::Stopped => "stopped",
        ContainerStatus::Paused => "paused",
    }
}

/// Refuses a container in any other status than the wanted one.
pub fn ensure_status(container: &Container, wanted: ContainerStatus) -> Result<(), StateError> {
    let status = container.status();
    if status == wanted {
        return Ok(());
    }
    match (status, container.id().parse()) {
        (ContainerStatus::Stopped, _) | (_, Err(_)) => Err(StateError::NotRunning),
        (_, Ok(id)) => Err(StateError::Unfit(id, status_name(status), status_name(wanted))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_container_does_not_exist() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let error = store.load(&"ghost".parse().unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "container ghost does not exist");
    }

    #[test]
    fn our_own_folders_are_no_containers() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let id = "web".parse().unwrap();
        fs::create_dir(store.own_folder(&id)).unwrap();
        assert!(store.list().unwrap().is_empty());
        assert!(matches!(store.ensure_free(&id), Err(StateError::Exists(_))));
    }

    #[test]
    fn a_missing_state_directory_is_an_empty_list() {
        assert!(Store::new(Path::new("/nonexistent/state")).list().unwrap().is_empty());
    }
}
