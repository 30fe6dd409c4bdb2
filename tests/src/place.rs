//! Where things lie in the workspace and in its `target` folder.

use std::path::{Path, PathBuf};

/// The workspace's folder.
#[must_use]
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests lie in a folder of the workspace")
}

/// The runtime under test, as `make` built it.
#[must_use]
pub fn shim() -> PathBuf {
    workspace().join("target/release/systrace-shim")
}

/// The converter, as `make` built it.
#[must_use]
pub fn convert() -> PathBuf {
    workspace().join("target/release/systrace-convert")
}

/// Podman's hook, as `make` built it.
#[must_use]
pub fn hook() -> PathBuf {
    workspace().join("target/release/systrace-hook")
}

/// The compiled C programs.
#[must_use]
pub fn programs() -> PathBuf {
    workspace().join("target/programs")
}

/// Files that containers read.
#[must_use]
pub fn fixtures() -> PathBuf {
    workspace().join("tests/fixtures")
}

/// An image's archive as the set-up made it.
#[must_use]
pub fn image(name: &str) -> PathBuf {
    workspace().join(format!("target/images/{name}.tar"))
}

/// The files and sockets of a private engine.
#[derive(Debug, Clone)]
pub struct Home(PathBuf);

impl Home {
    /// The engine of this workspace.
    #[must_use]
    pub fn of_workspace() -> Self {
        Self(workspace().join("target/engine"))
    }

    /// The node of a cluster that is none: containerd alone.
    #[must_use]
    pub fn of_node() -> Self {
        Self(workspace().join("target/node"))
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What outlives a run: the imported images.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    /// What a run leaves behind only if it was killed: sockets, pid files, mounts.
    #[must_use]
    pub fn run(&self) -> PathBuf {
        self.0.join("run")
    }

    /// The engine's socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.run().join("docker.sock")
    }

    /// containerd's socket.
    #[must_use]
    pub fn containerd_socket(&self) -> PathBuf {
        self.run().join("containerd.sock")
    }

    /// The engine's exec root, below which it keeps the state of each runtime.
    #[must_use]
    pub fn exec_root(&self) -> PathBuf {
        self.run().join("exec")
    }

    /// The pid file of `daemon`.
    #[must_use]
    pub fn pid_file(&self, daemon: &str) -> PathBuf {
        self.run().join(format!("{daemon}.pid"))
    }

    /// The log of `daemon`, kept after the run.
    #[must_use]
    pub fn log(&self, daemon: &str) -> PathBuf {
        self.0.join(format!("{daemon}.log"))
    }

    /// Where the supervisors write their audit records.
    #[must_use]
    pub fn audit(&self) -> PathBuf {
        self.run().join("audit")
    }

    /// The control group above all containers of this engine, as in `--cgroup-parent`.
    #[must_use]
    pub fn cgroup(&self) -> String {
        // The path makes it this workspace's own: two checkouts may run side by side.
        let name: String = self
            .0
            .to_string_lossy()
            .chars()
            .map(|c| if c.is_alphanumeric() { c } else { '-' })
            .collect();
        format!("/systrace{name}")
    }
}
