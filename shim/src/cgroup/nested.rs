//! Groups that a container made inside its own. The kernel removes none that has others in it, and libcgroups removes
//! the container's own only.

use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::ROOT;

/// Ends what runs in them and removes them, in every hierarchy. What cannot be removed shows when the container's own
/// group is.
pub fn remove(cgroup: &Path) {
    for folder in everywhere(cgroup).iter().flat_map(|folder| folders(folder)) {
        remove_tree(&folder);
    }
}

/// The same with the container's own group.
pub fn remove_with_own(cgroup: &Path) {
    everywhere(cgroup).iter().for_each(|folder| remove_tree(folder));
}

/// A group's folder in every hierarchy. Without a path it would be everybody's: then there is none.
fn everywhere(cgroup: &Path) -> Vec<PathBuf> {
    let path = normal(cgroup);
    if path.as_os_str().is_empty() {
        return Vec::new();
    }
    let hierarchies = folders(Path::new(ROOT)).into_iter().chain([PathBuf::from(ROOT)]);
    hierarchies.map(|hierarchy| hierarchy.join(&path)).filter(|folder| folder.is_dir()).collect()
}

/// A path that cannot lead out of a hierarchy.
fn normal(path: &Path) -> PathBuf {
    path.components().filter(|part| matches!(part, Component::Normal(_))).collect()
}

/// Whether there is a group of this name below the container's, in any hierarchy; `/` is the container's own.
pub fn exists(cgroup: &Path, name: &Path) -> bool {
    everywhere(cgroup).iter().any(|folder| folder.join(normal(name)).is_dir())
}

/// Whether the group is there already and frozen: a process that enters it would wait for ever.
pub fn is_frozen(cgroup: &Path) -> bool {
    let says = |folder: &Path, file: &str, words: &[&str]| {
        let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
        words.contains(&text.trim())
    };
    // cgroup v1 freezer-subsystem.rst, and cgroup-v2.rst.
    everywhere(cgroup).iter().any(|folder| {
        says(folder, "freezer.state", &["FROZEN", "FREEZING"])
            || says(folder, "cgroup.freeze", &["1"])
    })
}

fn remove_tree(folder: &Path) {
    const ATTEMPTS: u32 = 50;
    folders(folder).iter().for_each(|inner| remove_tree(inner));
    for _ in 0..ATTEMPTS {
        end_all(folder);
        match fs::remove_dir(folder) {
            // A killed process is counted until it is gone.
            Err(error) if error.kind() == ErrorKind::ResourceBusy => {
                thread::sleep(Duration::from_millis(2));
            }
            _ => return,
        }
    }
}

fn end_all(folder: &Path) {
    let members = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    for pid in members.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid > 0) {
        // Gone already is what we want.
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}

/// Folders, but not the links by which `cpu` is another name of `cpu,cpuacct`.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_to_everything_removes_nothing() {
        for path in ["", "/", "..", "/../."] {
            remove_with_own(Path::new(path));
            remove(Path::new(path));
        }
        assert!(Path::new(ROOT).exists());
    }
}
