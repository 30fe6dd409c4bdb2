//! What the policy of a container takes out of its configuration, in the first process and in each that joins it.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use converter::spec::{self, Change};
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;
use oci_spec::runtime::{Process, Spec};
use serde_json::{Map, Value};

use crate::selection::entry::EntryProgram;
use crate::sys;

/// In a container's folder.
const FILE: &str = "edits.json";

/// The changes of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edits(pub Vec<Change>);

/// The changes cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum EditsError {
    #[error("the container's configuration cannot be edited")]
    Configuration(#[source] serde_json::Error),
    #[error("cannot keep {path}")]
    Keep { path: PathBuf, source: std::io::Error },
}

impl Edits {
    /// The engine's configuration with the changes. `root`: where the program is looked for.
    pub fn apply(&self, engine: &Spec, root: &Path) -> Result<Spec, EditsError> {
        if self.0.is_empty() {
            return Ok(engine.clone());
        }
        let held = engine.process().as_ref().and_then(|process| {
            let program = EntryProgram::locate(root, process);
            file_capabilities(engine, root, &program)
        });
        serde_json::to_value(engine)
            .and_then(serde_json::from_value::<Map<String, Value>>)
            .and_then(|mut config| {
                spec::apply(&self.0, &mut config, held);
                serde_json::from_value(Value::Object(config))
            })
            .map_err(EditsError::Configuration)
    }

    /// A process that joins the container of this configuration.
    pub fn of_joining(
        &self,
        engine: &Spec,
        process: Process,
        root: &Path,
    ) -> Result<Process, EditsError> {
        let mut spec = engine.clone();
        // The file is looked for in the container as it is, with all that is mounted.
        spec.set_process(Some(process)).set_mounts(None);
        let spec = self.apply(&spec, root)?;
        Ok(spec.process().clone().unwrap_or_default())
    }

    /// Writes them down for processes that join.
    pub fn save(&self, folder: &Path) -> Result<(), EditsError> {
        let path = folder.join(FILE);
        let text = serde_json::to_vec(&self.0).map_err(EditsError::Configuration)?;
        fs::write(&path, text).map_err(|source| EditsError::Keep { path, source })
    }

    /// Reads them. A container of a release that had none has no file.
    pub fn load(folder: &Path) -> Result<Self, EditsError> {
        let path = folder.join(FILE);
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map(Self).map_err(EditsError::Configuration),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(EditsError::Keep { path, source }),
        }
    }
}

/// The capabilities that the program's file names; none: nobody knows, since something is mounted over it, or it is a script.
fn file_capabilities(spec: &Spec, root: &Path, program: &EntryProgram) -> Option<u64> {
    let mounts = spec.mounts().as_deref().unwrap_or_default();
    let over = |path: &Path| mounts.iter().any(|mount| path.starts_with(mount.destination()));
    if over(&program.named) || over(&program.resolved) {
        return None;
    }
    let folder = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let root = open(root, folder, Mode::empty()).ok()?;
    let how = OpenHow::new()
        .flags(OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let mut file = File::from(openat2(&root, &program.resolved, how).ok()?);
    let mut start = [0; 2];
    file.metadata().ok().filter(|kind| kind.is_file())?;
    file.read_exact(&mut start).ok()?;
    if &start == b"#!" {
        return None;
    }
    match sys::attribute(&file, c"security.capability") {
        Ok(value) => permitted(&value),
        Err(Errno::ENODATA | Errno::EOPNOTSUPP) => Some(0),
        Err(_) => None,
    }
}

/// `struct vfs_cap_data` (linux/capability.h): a word of flags, then permitted and inheritable words in turn.
fn permitted(value: &[u8]) -> Option<u64> {
    let word = |at: usize| {
        let bytes = value.get(at * 4..at * 4 + 4)?;
        Some(u64::from(u32::from_le_bytes(bytes.try_into().ok()?)))
    };
    Some(word(1)? | word(3).unwrap_or(0) << 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn drop_mknod() -> Edits {
        let capability = "CAP_MKNOD".to_owned();
        Edits(vec![Change::DropCapability { capability, number: 27, exact: true }])
    }

    fn spec(program: &str) -> Spec {
        let value = serde_json::json!({
            "ociVersion": "1.0.2",
            "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": [program],
                "capabilities": {"bounding": ["CAP_MKNOD"], "effective": ["CAP_MKNOD"]}},
            "linux": {"namespaces": [{"type": "pid"}]},
            "mounts": [{"destination": "/mounted", "type": "tmpfs", "source": "tmpfs"}],
        });
        serde_json::from_value(value).unwrap()
    }

    fn is_dropped(spec: &Spec) -> bool {
        let sets = spec.process().as_ref().unwrap().capabilities().clone().unwrap();
        let gone = [sets.bounding(), sets.effective()].map(|set| set.as_ref().unwrap().is_empty());
        assert_eq!(gone[0], gone[1]);
        gone[0]
    }

    #[test]
    fn a_program_whose_file_asks_for_a_capability_keeps_it() {
        let root = tempfile::tempdir().unwrap();
        let place = |name: &str, text: &[u8]| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            path
        };
        place("plain", b"\x7fELF");
        place("script", b"#!/plain");
        place("mounted/plain", b"\x7fELF");
        let mknod = place("mknod", b"\x7fELF");
        let kill = place("kill", b"\x7fELF");
        for (file, number) in [(mknod, 27), (kill, 5)] {
            // VFS_CAP_REVISION_2 with VFS_CAP_FLAGS_EFFECTIVE, and one permitted capability.
            let script = format!(
                "import os,struct;os.setxattr('{}','security.capability',struct.pack('<5I',0x2000001,1<<{number},0,0,0))",
                file.display()
            );
            let set = Command::new("python3").args(["-c", &script]).status().unwrap();
            assert!(set.success());
        }
        let dropped =
            |program| is_dropped(&drop_mknod().apply(&spec(program), root.path()).unwrap());
        assert!(dropped("/plain") && dropped("/kill"));
        for kept in ["/mknod", "/script", "/mounted/plain", "/missing"] {
            assert!(!dropped(kept), "{kept}");
        }
        assert!(!is_dropped(&Edits::default().apply(&spec("/plain"), root.path()).unwrap()));
    }

    #[test]
    fn processes_that_join_are_edited_alike() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("plain"), b"\x7fELF").unwrap();
        drop_mknod().save(root.path()).unwrap();
        let edits = Edits::load(root.path()).unwrap();
        assert_eq!(edits, drop_mknod());
        let spec = spec("/plain");
        let process = spec.process().clone().unwrap();
        let joining = edits.of_joining(&spec, process, root.path()).unwrap();
        assert_eq!(joining.capabilities().clone().unwrap().bounding(), &Some([].into()));
        assert_eq!(Edits::load(Path::new("/nonexistent")).unwrap(), Edits::default());
    }
}
