//! Reads policy files, and the templates that they include. The only module of this crate that
//! opens files.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};

use policy::diagnostic::{Paint, render};
use policy::{Diagnostic, PolicySet, Source, compile, templates};

/// A policy file that is right.
#[derive(Debug)]
pub struct Loaded {
    /// What it means.
    pub set: PolicySet,
    /// Its text.
    pub source: Source,
    /// The templates that it includes, in the order in which they are met.
    pub templates: Vec<Source>,
    /// What is remarkable about it.
    pub warnings: Vec<Diagnostic>,
}

/// A policy file that cannot be used: nothing of it is.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is wrong.
    #[error("{}", policy::diagnostic::summary(text, findings))]
    Wrong {
        /// Its text.
        text: Source,
        /// All errors and warnings.
        findings: Vec<Diagnostic>,
    },
}

/// Reads a policy file. Its templates are searched in `templates/` of the policy directory, then
/// among the built-in ones.
///
/// # Errors
/// It cannot be read, or is wrong.
pub fn load(path: &Path, policy_dir: &Path) -> Result<Loaded, LoadError> {
    understand(read(path)?, policy_dir)
}

/// Reads a text.
///
/// # Errors
/// It cannot be read.
pub fn read(path: &Path) -> Result<Source, LoadError> {
    let text =
        std::fs::read(path).map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
    Ok(Source::new(path.display().to_string(), text))
}

/// Gives a policy's text its meaning.
///
/// # Errors
/// It is wrong.
pub fn understand(text: Source, policy_dir: &Path) -> Result<Loaded, LoadError> {
    let folder = policy_dir.join("templates");
    let met = RefCell::new(Vec::new());
    let lookup = |name: &str| {
        let found = template(&folder, name);
        met.borrow_mut().extend(found.clone());
        found
    };
    match compile(&text, &lookup) {
        Ok(lowered) => {
            let (set, warnings) = (lowered.set, lowered.warnings);
            Ok(Loaded { set, source: text, templates: met.into_inner(), warnings })
        }
        Err(findings) => Err(LoadError::Wrong { text, findings }),
    }
}

/// Everything that is to be said about a policy or a template.
#[must_use]
pub fn check(text: &Source, policy_dir: &Path) -> Vec<Diagnostic> {
    let folder = policy_dir.join("templates");
    policy::check(text, &|name| template(&folder, name))
}

/// A template of the folder, else a built-in one. One that is there and cannot be read is not
/// replaced by another.
fn template(folder: &Path, name: &str) -> Option<Source> {
    let plain = !name.contains('/') && !name.starts_with('.');
    match read(&folder.join(name)) {
        Ok(source) if plain => Some(source),
        Err(LoadError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            templates::builtin(name)
        }
        _ => None,
    }
}

/// All findings about a text, with the lines that they speak of.
#[must_use]
pub fn shown(text: &Source, findings: &[Diagnostic], paint: Paint) -> String {
    findings.iter().map(|finding| render(text, finding, paint)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn included(policy_dir: &Path, name: &str) -> Result<Loaded, LoadError> {
        let text = format!("Policy: /bin/x, Emulation: native\nInclude: {name}\n");
        understand(Source::new("x.policy", text), policy_dir)
    }

    #[test]
    fn templates_of_the_policy_directory_come_first() {
        let folder = std::env::temp_dir().join(format!("systrace-load-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("templates")).expect("a folder for the test");
        let template =
            "Template: linux-base, Emulation: native, Description: mine\n\tnative-read: permit\n";
        std::fs::write(folder.join("templates/linux-base"), template).expect("a file for the test");
        let rules = |policy_dir: &Path, name: &str| {
            included(policy_dir, name).map(|loaded| loaded.set.policies[0].rules().len())
        };
        let mine = rules(&folder, "linux-base");
        let built_in = rules(&folder.join("nowhere"), "linux-base");
        let outside = rules(&folder, "../templates/linux-base");
        std::fs::remove_dir_all(&folder).expect("the folder goes");
        assert_eq!(mine.ok(), Some(1));
        assert!(built_in.is_ok_and(|rules| rules > 1));
        assert!(outside.is_err());
    }

    #[test]
    fn a_broken_policy_is_summed_up_in_one_line() {
        let text =
            Source::new("x.policy", "Policy: /bin/x, Emulation: native\nnative-read: allow\n");
        let error = understand(text, Path::new("/nowhere")).expect_err("wrong");
        let line = error.to_string();
        assert!(line.starts_with("x.policy:2:") && !line.contains('\n'), "{line}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = load(Path::new("/nowhere/x.policy"), Path::new("/")).expect_err("missing");
        assert_eq!(error.to_string(), "cannot read /nowhere/x.policy");
    }
}
