//! The hierarchies of a version 1 host that libcgroups leaves alone: systemd's own, and the unified one of a
//! hybrid host. Under runc a container is in both.

use std::fs::{self, File, OpenOptions};
use std::io::{Error, ErrorKind, Write};
use std::path::{Component, Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::ROOT;

/// Their folders, and how proc_pid_cgroup(5) names them.
const HIERARCHIES: [(&str, &str); 2] = [("systemd", "name=systemd"), ("unified", "")];
const PROCS: &str = "cgroup.procs";

/// A container's folders in these hierarchies; none on a host that does not have them.
#[derive(Debug)]
pub struct Companions {
    cgroup: PathBuf,
    folders: Vec<(PathBuf, &'static str)>,
}

/// The ways into a container's folders for a process that does not see them any more: the kernel asks whether the one
/// who opened them may use them (`cgroup_procs_write_permission`).
#[derive(Debug)]
pub struct Doors(Vec<File>);

impl Companions {
    /// With `systemd` as manager the path is no path but names of units, and systemd does all of this.
    pub fn of(cgroup: &Path, systemd: bool) -> Self {
        let plain = cgroup.components().filter(|part| matches!(part, Component::Normal(_)));
        let path: PathBuf = plain.collect();
        let folder = |(name, label): (&str, &'static str)| {
            let hierarchy = Path::new(ROOT).join(name);
            hierarchy.join(PROCS).exists().then(|| (hierarchy.join(&path), label))
        };
        let wanted = HIERARCHIES.into_iter().filter(|_| !systemd);
        Self { cgroup: cgroup.to_owned(), folders: wanted.filter_map(folder).collect() }
    }

    /// The container's path in every hierarchy; with systemd, the names of its units.
    pub fn cgroup(&self) -> &Path {
        &self.cgroup
    }

    pub fn make(&self) -> Result<(), Error> {
        self.folders.iter().try_for_each(|(folder, _)| fs::create_dir_all(folder))
    }

    pub fn add(&self, pid: i32) -> Result<(), Error> {
        self.folders.iter().try_for_each(|(folder, _)| enter(folder, pid))
    }

    /// Where the container's folder of systemd's hierarchy is on the host.
    pub fn systemd(&self) -> Option<&Path> {
        self.named(HIERARCHIES[0].1)
    }

    /// Opens the ways in.
    pub fn doors(&self) -> Result<Doors, Error> {
        let open =
            |(folder, _): &(PathBuf, _)| OpenOptions::new().write(true).open(folder.join(PROCS));
        self.folders.iter().map(open).collect::<Result<_, _>>().map(Doors)
    }

    /// The container's folder of the unified hierarchy.
    pub fn unified(&self) -> Option<&Path> {
        self.named(HIERARCHIES[1].1)
    }

    fn named(&self, wanted: &str) -> Option<&Path> {
        let named = self.folders.iter().find(|(_, label)| *label == wanted)?;
        Some(&named.0)
    }

    /// Removes the folders. A process that was killed just now may still be counted.
    pub fn remove(&self) -> Result<(), Error> {
        self.folders.iter().try_for_each(|(folder, _)| remove(folder))
    }
}

impl Doors {
    /// Moves the calling process in. What it has made before, sockets above all, stays where it was.
    pub fn enter(&self) -> Result<(), Error> {
        // 0 stands for the process that writes (cgroups(7)).
        self.0.iter().try_for_each(|mut door| door.write_all(b"0"))
    }
}

fn enter(folder: &Path, pid: i32) -> Result<(), Error> {
    fs::write(folder.join(PROCS), pid.to_string())
}

fn remove(folder: &Path) -> Result<(), Error> {
    const ATTEMPTS: u32 = 50;
    for _ in 0..ATTEMPTS {
        match fs::remove_dir(folder) {
            Err(error) if error.kind() == ErrorKind::ResourceBusy => {
                thread::sleep(Duration::from_millis(2));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            outcome => return outcome,
        }
    }
    fs::remove_dir(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_lead_out_of_a_hierarchy() {
        let companions = Companions::of(Path::new("/../../x/./y"), false);
        for (folder, _) in companions.folders {
            assert!(folder.ends_with("x/y"), "{}", folder.display());
            assert!(folder.starts_with(ROOT));
        }
    }

    #[test]
    fn units_of_systemd_have_no_folders_of_ours() {
        assert!(Companions::of(Path::new("system.slice:docker:1"), true).folders.is_empty());
    }
}
