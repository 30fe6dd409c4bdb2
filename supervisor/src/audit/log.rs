//! The file that audit records are appended to.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long records may go to a file that has been renamed or removed, as log rotation does.
const LOOK: Duration = Duration::from_secs(1);

/// A log file by its path. Whoever rotates or removes it gets a new one.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
    looked: Instant,
}

impl Log {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// What open(2) lists; ENXIO for a FIFO that nobody reads.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: open(path)?, looked: Instant::now() })
    }

    /// The same file for another writer.
    ///
    /// # Errors
    /// EMFILE.
    pub fn again(&self) -> std::io::Result<Self> {
        Ok(Self { path: self.path.clone(), file: self.file.try_clone()?, looked: self.looked })
    }

    /// The open file.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Changes to the file that has the name now. While there is none and none can be made, the old one serves.
    fn follow(&mut self) {
        self.looked = Instant::now();
        let identity = |data: std::fs::Metadata| (data.dev(), data.ino());
        let named = std::fs::metadata(&self.path).map(identity).ok();
        if (named.is_none() || named != self.file.metadata().map(identity).ok())
            && let Ok(file) = open(&self.path)
        {
            self.file = file;
        }
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.looked.elapsed() > LOOK {
            self.follow();
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// `O_NONBLOCK` means nothing to files, and keeps a FIFO's reader that sleeps from stopping us.
fn open(path: &Path) -> std::io::Result<File> {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(flags).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotated_or_removed_file_is_followed() {
        let folder = std::env::temp_dir().join(format!("log-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("audit");
        let mut log = Log::open(&path).unwrap();
        log.write_all(b"one\n").unwrap();
        std::fs::rename(&path, folder.join("audit.1")).unwrap();
        log.follow();
        log.write_all(b"two\n").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two\n");
        std::fs::remove_dir_all(&folder).unwrap();
        log.follow();
        log.write_all(b"nowhere\n").unwrap();
        std::fs::create_dir(&folder).unwrap();
        log.follow();
        log.write_all(b"three\n").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"three\n");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
