//! A folder for each container that the agent has put under a policy: its supervisor's socket, and what it was told.

use std::fs::{self, DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use supervisor::handoff::{Client, HandOffError};

use crate::container::Store;
use crate::identifier::ContainerId;
use crate::supervise::{self, SuperviseError};

/// Beside the containers of our own runtime.
const FOLDER: &str = "agent";
const METADATA: &str = "metadata";

/// How long the supervisor of a container that has just ended may take to end, too: engines restart
/// containers under their old names.
const PATIENCE: Duration = Duration::from_secs(3);

/// As long as it lives nobody else makes, removes or looks into folders.
pub type Lock = Flock<File>;

/// All of them. Attendants and the agent itself change them under one lock.
pub struct Folders {
    store: Store,
    lock: PathBuf,
}

impl Folders {
    pub fn new(root: &Path) -> anyhow::Result<Self> {
        let root = root.join(FOLDER);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&root)
            .with_context(|| format!("cannot make {}", root.display()))?;
        Ok(Self { lock: root.join("lock"), store: Store::new(&root) })
    }

    /// Makes the folder of a new container. One whose supervisor is dead makes place.
    ///
    /// The lock is to be kept until the supervisor has its first connection: it ends with its last one, and who looks whether it is
    /// alive connects too.
    pub fn claim(&self, id: &ContainerId, metadata: &str) -> anyhow::Result<(PathBuf, Lock)> {
        let folder = self.store.own_folder(id);
        let begun = Instant::now();
        loop {
            let lock = self.lock()?;
            match DirBuilder::new().mode(0o700).create(&folder) {
                Ok(()) => {
                    fs::write(folder.join(METADATA), metadata)?;
                    return Ok((folder, lock));
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error).context("cannot make the container's folder"),
            }
            if is_dead(&folder) {
                fs::remove_dir_all(&folder)?;
            } else if begun.elapsed() > PATIENCE {
                bail!("a container of this name is running");
            }
            drop(lock);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Connects to the supervisor of a container that runs, for a process that joins it.
    pub fn find(&self, id: &ContainerId, metadata: &str) -> anyhow::Result<Client> {
        let folder = self.store.own_folder(id);
        let told = fs::read_to_string(folder.join(METADATA))
            .context("the container was not started under this agent")?;
        if told != metadata {
            bail!("the container was started under another policy");
        }
        Ok(supervise::connect(&folder)?)
    }

    /// Waits until the supervisor of a container has ended: then its records are complete.
    pub fn await_end(&self, id: &str) -> anyhow::Result<()> {
        let folder = self.store.own_folder(&id.parse()?);
        let begun = Instant::now();
        while folder.exists() && !self.lock().is_ok_and(|_lock| is_dead(&folder)) {
            if begun.elapsed() > PATIENCE {
                bail!("the container has not ended");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.sweep();
        Ok(())
    }

    /// Removes what dead supervisors left. Whoever holds the lock leaves nothing behind that a later sweep does not find.
    pub fn sweep(&self) {
        let Ok(_lock) = self.lock() else { return };
        let entries = fs::read_dir(self.store.root()).into_iter().flatten().flatten();
        for folder in entries.map(|entry| entry.path()).filter(|path| is_dead(path)) {
            // It is found again by the next sweep.
            let _ = fs::remove_dir_all(folder);
        }
    }

    fn lock(&self) -> anyhow::Result<Lock> {
        let file = File::create(&self.lock).context("cannot open the lock")?;
        Flock::lock(file, FlockArg::LockExclusive)
            .map_err(|(_, errno)| errno)
            .context("cannot lock the folders")
    }
}

/// Whether a container's supervisor has been there and is gone.
fn is_dead(folder: &Path) -> bool {
    let refused =
        |error| matches!(error, SuperviseError::Reach(HandOffError::Connect(Errno::ECONNREFUSED)));
    supervise::connect(folder).is_err_and(refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_dead_container_makes_place_and_a_new_one_does_not() {
        let root = tempfile::tempdir().unwrap();
        let folders = Folders::new(root.path()).unwrap();
        let id = "web".parse().unwrap();
        let (folder, lock) = folders.claim(&id, "m").unwrap();
        drop(lock);
        // Nobody has listened yet: it is just being made.
        folders.sweep();
        assert!(folder.exists());
        drop(UnixListener::bind(folder.join("supervisor.sock")).unwrap());
        drop(folders.claim(&id, "n").unwrap());
        assert!(folders.find(&id, "m").is_err());
        drop(UnixListener::bind(folder.join("supervisor.sock")).unwrap());
        folders.sweep();
        assert!(!folder.exists());
    }
}
