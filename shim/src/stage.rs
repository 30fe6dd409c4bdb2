//! Where libcontainer finds a container that a process joins: a state directory for this one purpose.
//!
//! Its state names our private bundle, so that nothing depends on what became of the engine's, and says `running`, so
//! that a container that waits for its start can be joined too. The sockets that libcontainer makes go with it.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use libcontainer::container::{Container, ContainerStatus};
use oci_spec::runtime::Process;

/// Removed when the process has started or failed.
pub struct Stage {
    root: PathBuf,
}

impl Stage {
    /// Makes it in our folder of the container, with the process that is to join.
    pub fn set(own: &Path, container: &Container, process: &Process) -> anyhow::Result<Self> {
        let stage = Self { root: own.join(format!("exec-{}", std::process::id())) };
        let folder = stage.root.join(container.id());
        let mut state = container.state.clone();
        state.bundle = own.to_owned();
        state.status = ContainerStatus::Running;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(anyhow::Error::new)
            .and_then(|()| Ok(state.save(&folder)?))
            .and_then(|()| Ok(fs::write(stage.process(), serde_json::to_vec(process)?)?))
            .with_context(|| format!("cannot prepare {}", folder.display()))?;
        Ok(stage)
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The process, as libcontainer reads it.
    pub fn process(&self) -> PathBuf {
        self.root.join("process.json")
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What is left goes with the container; there is nobody to tell about it now.
        let _ = fs::remove_dir_all(&self.root);
    }
}
