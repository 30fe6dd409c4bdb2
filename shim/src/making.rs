//! Who is making a container: `create`, and the processes that libcontainer forks from it. When `create` is killed they may still
//! be on their way into the container's groups, and nothing else tells of them.

use std::fs::File;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::fcntl::{Flock, FlockArg};

/// File in our folder of a container.
const FILE: &str = "making";

/// How long processes that have lost their parent may take to notice.
const PATIENCE: Duration = Duration::from_secs(10);

/// A lock (flock(2)) that all of them share, because a fork has the descriptor too. It is given back when the container is made;
/// if that does not come to pass, when the last of them has ended or runs the container's program.
#[derive(Debug)]
#[must_use]
pub struct Making {
    _lock: Flock<File>,
}

impl Making {
    /// The calling process makes the container of this folder.
    pub fn begin(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(FILE);
        let file =
            File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
        let lock = Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| errno);
        Ok(Self { _lock: lock.with_context(|| format!("cannot lock {}", path.display()))? })
    }
}

/// Ends whoever still makes the container of this folder, and whatever was made: `end` is called until nobody is left.
pub fn end(folder: &Path, end: impl Fn()) {
    let until = Instant::now() + PATIENCE;
    while is_made(folder) && Instant::now() < until {
        end();
        sleep(Duration::from_millis(2));
    }
    end();
}

/// Whether somebody has the lock. Without the file, nobody began.
fn is_made(folder: &Path) -> bool {
    let file = File::open(folder.join(FILE));
    file.is_ok_and(|file| Flock::lock(file, FlockArg::LockExclusiveNonblock).is_err())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn what_is_being_made_is_ended_until_nobody_makes_it() {
        let folder = tempfile::tempdir().unwrap();
        let making = Cell::new(Some(Making::begin(folder.path()).unwrap()));
        let ended = Cell::new(0);
        end(folder.path(), || {
            ended.set(ended.get() + 1);
            if ended.get() == 3 {
                making.take();
            }
        });
        assert_eq!(ended.get(), 4);
        end(folder.path(), || ended.set(0));
        assert_eq!(ended.get(), 0);
    }

    #[test]
    fn where_nothing_was_made_what_may_be_there_is_ended_once() {
        let ended = Cell::new(0);
        end(Path::new("/nonexistent"), || ended.set(ended.get() + 1));
        assert_eq!(ended.get(), 1);
    }
}
