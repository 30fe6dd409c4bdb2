//! Which file a program's name means, as runc looks for it.

use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::unistd::{AccessFlags, faccessat};
use oci_spec::runtime::Process;

/// Where programs are looked for if the process has no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// There is no such program, or it cannot be executed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SearchError {
    #[error("exec: {0:?}: executable file not found in $PATH")]
    NotInPath(String),
    #[error("exec: {name:?}: stat {name}: {}", reason(*.errno))]
    Unusable { name: String, errno: Errno },
    #[error("exec: {0:?}: permission denied")]
    Denied(String),
}

/// The value of `PATH`.
pub fn path_variable(process: &Process) -> &str {
    let entries = process.env().as_deref().unwrap_or_default();
    entries.iter().rev().find_map(|entry| entry.strip_prefix("PATH=")).unwrap_or(DEFAULT_PATH)
}

/// The file to execute: the name itself if it contains a slash, else the first executable one of that
/// name in the folders of `path`.
pub fn find(name: &str, path: &str) -> Result<PathBuf, SearchError> {
    if name.contains('/') {
        return match executable(Path::new(name)) {
            Ok(()) => Ok(name.into()),
            Err(Errno::EACCES) => Err(SearchError::Denied(name.to_owned())),
            Err(errno) => Err(SearchError::Unusable { name: name.to_owned(), errno }),
        };
    }
    let folders = path.split(':').map(|folder| if folder.is_empty() { "." } else { folder });
    folders
        .map(|folder| Path::new(folder).join(name))
        .find(|file| !name.is_empty() && executable(file).is_ok())
        .ok_or_else(|| SearchError::NotInPath(name.to_owned()))
}

/// Asks the kernel whether this very user may execute the file. Permission bits alone do not tell:
/// a file of mode 0750 is fine for its group.
fn executable(file: &Path) -> Result<(), Errno> {
    faccessat(AT_FDCWD, file, AccessFlags::X_OK, AtFlags::AT_EACCESS)?;
    // A folder may be searchable, but it is no program.
    if file.is_dir() { Err(Errno::EACCES) } else { Ok(()) }
}

/// The words of the C library, in lower case, as engines match them.
pub fn reason(errno: Errno) -> String {
    errno.desc().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn folder_with(name: &str, mode: u32) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        fs::write(&file, "").unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
        folder
    }

    #[test]
    fn a_name_is_looked_for_in_path() {
        let folder = folder_with("prog", 0o750);
        let path = format!("/nonexistent:{}", folder.path().display());
        assert_eq!(find("prog", &path), Ok(folder.path().join("prog")));
        let error = find("frog", &path).unwrap_err();
        assert_eq!(error.to_string(), "exec: \"frog\": executable file not found in $PATH");
    }

    #[test]
    fn a_file_without_execute_permission_is_passed_over_in_path_and_denied_by_name() {
        let folder = folder_with("prog", 0o640);
        let path = folder.path().display().to_string();
        assert!(matches!(find("prog", &path), Err(SearchError::NotInPath(_))));
        let name = format!("{path}/prog");
        let error = find(&name, "").unwrap_err();
        assert_eq!(error.to_string(), format!("exec: {name:?}: permission denied"));
    }

    #[test]
    fn a_missing_file_and_a_folder_have_the_words_of_runc() {
        let error = find("/nonexistent", "").unwrap_err();
        assert_eq!(
            error.to_string(),
            "exec: \"/nonexistent\": stat /nonexistent: no such file or directory"
        );
        assert_eq!(find("/tmp", ""), Err(SearchError::Denied("/tmp".into())));
        assert!(matches!(find("", "/bin"), Err(SearchError::NotInPath(_))));
    }

    #[test]
    fn the_last_path_counts_and_a_missing_one_has_a_default() {
        let mut process = Process::default();
        process.set_env(Some(vec!["PATH=/a".into(), "X=1".into(), "PATH=/b".into()]));
        assert_eq!(path_variable(&process), "/b");
        process.set_env(None);
        assert_eq!(path_variable(&process), DEFAULT_PATH);
    }
}
