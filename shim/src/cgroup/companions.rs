//! The hierarchies of a version 1 host that libcgroups leaves alone: systemd's own, and the unified one of a
//! hybrid host. Under runc a container is in both.

use std::fs;
use std::io::{Error, ErrorKind};
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

/// This process is among the container's while the value lives, so that children begin there.
#[derive(Debug)]
pub struct Visit(Vec<PathBuf>);

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
        let named = self.folders.iter().find(|(_, label)| *label == HIERARCHIES[0].1)?;
        Some(&named.0)
    }

    /// Moves this process in.
    pub fn visit(&self) -> Result<Visit, Error> {
        let own = fs::read_to_string("/proc/self/cgroup")?;
        let homes = self.folders.iter().filter_map(|(folder, label)| home(folder, label, &own));
        let visit = Visit(homes.collect());
        self.add(std::process::id() as i32)?;
        Ok(visit)
    }

    /// Removes the folders. A process that was killed just now may still be counted.
    pub fn remove(&self) -> Result<(), Error> {
        self.folders.iter().try_for_each(|(folder, _)| remove(folder))
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        for home in &self.0 {
            // Staying is harmless: this process ends soon, and the folder can be removed then.
            let _ = enter(home, std::process::id() as i32);
        }
    }
}

fn enter(folder: &Path, pid: i32) -> Result<(), Error> {
    fs::write(folder.join(PROCS), pid.to_string())
}

/// The folder of this process in the hierarchy that `folder` is in.
fn home(folder: &Path, label: &str, own: &str) -> Option<PathBuf> {
    let hierarchy = folder.strip_prefix(ROOT).ok()?.components().next()?;
    let path = own.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        rest.split_once(':').filter(|(controllers, _)| *controllers == label)
    });
    Some(Path::new(ROOT).join(hierarchy).join(path?.1.trim_start_matches('/')))
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
    fn a_process_finds_its_way_home() {
        let own = "9:name=systemd:/user.slice/a\n3:cpu:/x\n0::/system.slice/b\n";
        let systemd = home(Path::new("/sys/fs/cgroup/systemd/docker/1"), "name=systemd", own);
        assert_eq!(systemd, Some("/sys/fs/cgroup/systemd/user.slice/a".into()));
        let unified = home(Path::new("/sys/fs/cgroup/unified/docker/1"), "", own);
        assert_eq!(unified, Some("/sys/fs/cgroup/unified/system.slice/b".into()));
    }

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
