//! Whether a socket can only be the agent's. Whoever could put another one in its place would be handed the listeners of
//! containers, and could let everything through.

use nix::unistd::geteuid;
use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Somebody else could be behind the name.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// It is not there.
    #[error("the agent's socket {path} cannot be found; is `systrace-shim supervise` running?")]
    Missing {
        /// The name.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A relative name means different files to the engine, the runtime and us.
    #[error("the agent's socket {0} is not an absolute path")]
    Relative(PathBuf),
    /// It is no socket.
    #[error("{0} is not a socket")]
    Kind(PathBuf),
    /// It belongs to another user.
    #[error(
        "{path} belongs to user {owner}: the agent's socket and the folders above it must be root's"
    )]
    Owner {
        /// What.
        path: PathBuf,
        /// Whose.
        owner: u32,
    },
    /// Others may write it.
    #[error("{path} can be changed by others (mode {mode:o})")]
    Mode {
        /// What.
        path: PathBuf,
        /// How.
        mode: u32,
    },
}

const WRITABLE_BY_OTHERS: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// Refuses a socket that is not ours or root's alone.
///
/// # Errors
/// [`TrustError`].
pub fn ensure_trusted(socket: &Path) -> Result<(), TrustError> {
    let metadata = look(socket)?;
    if !metadata.file_type().is_socket() {
        return Err(TrustError::Kind(socket.to_owned()));
    }
    ensure_owned(socket, &metadata)?;
    ensure_fixed(socket, &metadata, false)?;
    ensure_trusted_folder(socket.parent().unwrap_or(socket))
}

/// Refuses a folder in which others could put a socket of their own, or which they could exchange.
///
/// # Errors
/// [`TrustError`].
pub fn ensure_trusted_folder(folder: &Path) -> Result<(), TrustError> {
    if !folder.is_absolute() {
        return Err(TrustError::Relative(folder.to_owned()));
    }
    let real = folder
        .canonicalize()
        .map_err(|source| TrustError::Missing { path: folder.to_owned(), source })?;
    for (height, folder) in real.ancestors().enumerate() {
        let metadata = look(folder)?;
        ensure_owned(folder, &metadata)?;
        // In a folder with the sticky bit nobody can rename what is root's; but in the last one it may not be there yet.
        ensure_fixed(folder, &metadata, height > 0)?;
    }
    Ok(())
}

fn look(path: &Path) -> Result<Metadata, TrustError> {
    path.symlink_metadata().map_err(|source| TrustError::Missing { path: path.to_owned(), source })
}

fn ensure_owned(path: &Path, metadata: &Metadata) -> Result<(), TrustError> {
    match metadata.uid() {
        0 => Ok(()),
        owner if owner == geteuid().as_raw() => Ok(()),
        owner => Err(TrustError::Owner { path: path.to_owned(), owner }),
    }
}

fn ensure_fixed(path: &Path, metadata: &Metadata, sticky: bool) -> Result<(), TrustError> {
    let mode = metadata.mode() & 0o7777;
    if mode & WRITABLE_BY_OTHERS == 0 || (sticky && mode & STICKY != 0) {
        Ok(())
    } else {
        Err(TrustError::Mode { path: path.to_owned(), mode })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, chown};
    use std::os::unix::net::UnixListener;

    #[test]
    fn only_a_socket_of_ours_in_folders_of_ours() {
        let folder = std::env::temp_dir().join(format!("trust-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("agent.sock");
        let mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode));
        mode(&folder, 0o755).unwrap();
        assert!(matches!(ensure_trusted(&path), Err(TrustError::Missing { .. })));
        fs::write(&path, "").unwrap();
        assert!(matches!(ensure_trusted(&path), Err(TrustError::Kind(_))));
        fs::remove_file(&path).unwrap();
        let _listener = UnixListener::bind(&path).unwrap();
        mode(&path, 0o600).unwrap();
        assert!(ensure_trusted(&path).is_ok());
        mode(&path, 0o666).unwrap();
        assert!(matches!(ensure_trusted(&path), Err(TrustError::Mode { .. })));
        mode(&path, 0o600).unwrap();
        chown(&path, Some(1000), None).unwrap();
        assert!(matches!(ensure_trusted(&path), Err(TrustError::Owner { owner: 1000, .. })));
        chown(&path, Some(0), None).unwrap();
        mode(&folder, 0o1777).unwrap();
        assert!(matches!(ensure_trusted(&path), Err(TrustError::Mode { .. })));
        mode(&folder, 0o755).unwrap();
        chown(&folder, Some(1000), None).unwrap();
        assert!(matches!(ensure_trusted(&path), Err(TrustError::Owner { owner: 1000, .. })));
        fs::remove_dir_all(&folder).unwrap();
        assert!(matches!(ensure_trusted_folder(Path::new("run")), Err(TrustError::Relative(_))));
    }
}
