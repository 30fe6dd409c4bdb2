//! Which policy a container gets: the first of these ways that applies.
//!
//! 1. A pod's sandbox gets the built-in policy, whatever else is set: it is no workload.
//! 2. `--policy`, which the administrator fixed.
//! 3. An annotation, if shim.toml allows it: `systrace-shim.io/policy.NAME` for the container that the cluster
//!    calls NAME, then `systrace-shim.io/policy` for every container of the pod.
//! 4. The file for the entry program.
//! 5. `default-policy` of shim.toml.
//!
//! A way that was asked for and leads nowhere is an error. Falling through to the next one would put the
//! container under another policy than its owner believes.

pub mod entry;
mod pod;

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::config::Settings;
use entry::EntryProgram;

/// Names a policy of the policy directory, if shim.toml lets users choose.
const POLICY_ANNOTATION: &str = "systrace-shim.io/policy";
/// The program of a sandbox waits for a signal, and does nothing else.
pub const SANDBOX_POLICY: &str = include_str!("sandbox.policy");

/// The text of a container's policy, and where it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyText {
    /// The name that diagnostics and audit records show.
    pub origin: String,
    pub text: Vec<u8>,
}

/// No policy, so no container. None of the texts contains the words by which engines tell a missing
/// program from other failures.
#[derive(Debug, thiserror::Error)]
pub enum SelectionError {
    #[error("there is no policy {name}; looked at {}", list(.places))]
    Unknown { name: String, places: Vec<PathBuf> },
    #[error("{0:?} is no policy name")]
    BadName(String),
    #[error(
        "the annotation {0} is not allowed here; set allow-annotation in shim.toml to let users choose"
    )]
    AnnotationForbidden(String),
    #[error("cannot read policy {path}: {message}")]
    Read { path: PathBuf, message: String },
    #[error(
        "no policy for {program}: --policy is not given, the annotation {POLICY_ANNOTATION} is not set, \
         no file at {}, and shim.toml has no default-policy", list(.places)
    )]
    None { program: PathBuf, places: Vec<PathBuf> },
}

/// Chooses and reads the policy.
pub fn select(
    settings: &Settings,
    annotations: &HashMap<String, String>,
    entry: &EntryProgram,
) -> Result<PolicyText, SelectionError> {
    if pod::is_sandbox(annotations) {
        return Ok(PolicyText { origin: "sandbox".to_owned(), text: SANDBOX_POLICY.into() });
    }
    let folder = &settings.config.policy_dir;
    if let Some(policy) = &settings.policy {
        return named_or_file(folder, policy);
    }
    if let Some((key, name)) = annotated(annotations) {
        if !settings.config.allow_annotation {
            return Err(SelectionError::AnnotationForbidden(key));
        }
        return named(folder, name);
    }
    let places = places_for_program(folder, entry);
    if let Some(found) = first_of(&places)? {
        return Ok(found);
    }
    match &settings.config.default_policy {
        Some(policy) => named_or_file(folder, policy),
        None => Err(SelectionError::None { program: entry.named.clone(), places }),
    }
}

/// The annotation that chooses for this container, and its value. The more special one counts.
fn annotated(annotations: &HashMap<String, String>) -> Option<(String, &String)> {
    let own = pod::container_name(annotations).map(|name| format!("{POLICY_ANNOTATION}.{name}"));
    let keys = own.into_iter().chain([POLICY_ANNOTATION.to_owned()]);
    keys.into_iter().find_map(|key| annotations.get(&key).map(|name| (key, name)))
}

/// What an administrator writes: a name, or a file if it contains a slash.
fn named_or_file(folder: &Path, policy: &str) -> Result<PolicyText, SelectionError> {
    if !policy.contains('/') {
        return named(folder, policy);
    }
    let place = PathBuf::from(policy);
    first_of(std::slice::from_ref(&place))?
        .ok_or_else(|| SelectionError::Unknown { name: policy.to_owned(), places: vec![place] })
}

/// A name is one plain file name: it cannot lead out of the policy directory.
fn named(folder: &Path, name: &str) -> Result<PolicyText, SelectionError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-.".contains(&byte);
    if name.is_empty() || name.starts_with('.') || !name.bytes().all(plain) {
        return Err(SelectionError::BadName(name.to_owned()));
    }
    let places = vec![folder.join(format!("{name}.policy")), folder.join(name)];
    first_of(&places)?.ok_or(SelectionError::Unknown { name: name.to_owned(), places })
}

/// The files that would hold the entry program's policy: the name that the original gives the file, for
/// the resolved path and for the path as named, then the program's own name.
fn places_for_program(folder: &Path, entry: &EntryProgram) -> Vec<PathBuf> {
    let mut names = Vec::new();
    for path in [&entry.resolved, &entry.named] {
        let mangled = mangle(path);
        names.extend([mangled.clone(), format!("{mangled}.policy")]);
    }
    let own = entry.named.file_name().and_then(|name| name.to_str());
    names.extend(own.map(|name| format!("{name}.policy")));
    let mut places: Vec<PathBuf> = Vec::new();
    for place in names.iter().filter(|name| !name.is_empty()).map(|name| folder.join(name)) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

/// systrace's name of a policy file: every byte that is no letter or digit becomes `_`, leading ones go.
fn mangle(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    let plain = |byte: &u8| if byte.is_ascii_alphanumeric() { char::from(*byte) } else { '_' };
    bytes.iter().map(plain).collect::<String>().trim_start_matches('_').to_owned()
}

/// Reads the first of these files that exists. One that exists and cannot be read is an error.
fn first_of(places: &[PathBuf]) -> Result<Option<PolicyText>, SelectionError> {
    for path in places {
        match fs::read(path) {
            Ok(text) => return Ok(Some(PolicyText { origin: path.display().to_string(), text })),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                // Not the system's own words: "permission denied" would be taken for the program's.
                let message = format!("{:?}", error.kind());
                return Err(SelectionError::Read { path: path.clone(), message });
            }
        }
    }
    Ok(None)
}

fn list(places: &[PathBuf]) -> String {
    places.iter().map(|place| place.display().to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    struct Setup {
        folder: tempfile::TempDir,
        settings: Settings,
    }

    fn setup(files: &[&str]) -> Setup {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            fs::write(folder.path().join(file), file).unwrap();
        }
        let config = Config { policy_dir: folder.path().to_owned(), ..Config::default() };
        Setup { folder, settings: Settings { config, systemd_cgroup: false, policy: None } }
    }

    fn nginx() -> EntryProgram {
        EntryProgram { named: "/bin/nginx".into(), resolved: "/usr/sbin/nginx".into() }
    }

    fn annotated(key: &str, value: &str) -> HashMap<String, String> {
        HashMap::from([(key.to_owned(), value.to_owned())])
    }

    fn text(setup: &Setup, annotations: &HashMap<String, String>) -> String {
        String::from_utf8(select(&setup.settings, annotations, &nginx()).unwrap().text).unwrap()
    }

    #[test]
    fn each_way_goes_before_the_next() {
        let mut setup = setup(&["web.policy", "usr_sbin_nginx", "nginx.policy", "base"]);
        setup.settings.config.allow_annotation = true;
        setup.settings.config.default_policy = Some("base".into());
        let none = HashMap::new();
        assert_eq!(text(&setup, &none), "usr_sbin_nginx");
        fs::remove_file(setup.folder.path().join("usr_sbin_nginx")).unwrap();
        assert_eq!(text(&setup, &none), "nginx.policy");
        fs::remove_file(setup.folder.path().join("nginx.policy")).unwrap();
        assert_eq!(text(&setup, &none), "base");
        assert_eq!(text(&setup, &annotated(POLICY_ANNOTATION, "web")), "web.policy");
        setup.settings.policy = Some(setup.folder.path().join("base").display().to_string());
        assert_eq!(text(&setup, &annotated(POLICY_ANNOTATION, "web")), "base");
    }

    #[test]
    fn a_wrong_choice_is_an_error_and_not_the_next_way() {
        let mut setup = setup(&["usr_sbin_nginx"]);
        let none = HashMap::new();
        let wish = annotated(POLICY_ANNOTATION, "../../etc/shadow");
        let choose = |setup: &Setup, wish| select(&setup.settings, wish, &nginx()).unwrap_err();
        assert!(matches!(choose(&setup, &wish), SelectionError::AnnotationForbidden(_)));
        setup.settings.config.allow_annotation = true;
        assert!(matches!(choose(&setup, &wish), SelectionError::BadName(_)));
        setup.settings.policy = Some("missing".into());
        assert!(matches!(choose(&setup, &none), SelectionError::Unknown { .. }));
    }

    #[test]
    fn a_refusal_names_every_place() {
        let setup = setup(&[]);
        let error = select(&setup.settings, &HashMap::new(), &nginx()).unwrap_err().to_string();
        for place in [
            "usr_sbin_nginx",
            "bin_nginx",
            "nginx.policy",
            "--policy",
            "default-policy",
            POLICY_ANNOTATION,
        ] {
            assert!(error.contains(place), "{place}: {error}");
        }
        assert!(!error.contains("no such file"), "{error}");
    }

    #[test]
    fn a_sandbox_has_a_policy_of_its_own_whatever_its_pod_says() {
        let mut setup = setup(&["web.policy"]);
        let mut sandbox = annotated("io.kubernetes.cri.container-type", "sandbox");
        assert_eq!(text(&setup, &sandbox), SANDBOX_POLICY);
        sandbox.insert(POLICY_ANNOTATION.to_owned(), "web".to_owned());
        assert_eq!(text(&setup, &sandbox), SANDBOX_POLICY);
        setup.settings.policy = Some("web".to_owned());
        assert_eq!(text(&setup, &sandbox), SANDBOX_POLICY);
    }

    #[test]
    fn a_containers_own_annotation_goes_before_its_pods() {
        let mut setup = setup(&["web.policy", "log.policy", "usr_sbin_nginx"]);
        let mut annotations = annotated("io.kubernetes.cri.container-name", "front");
        annotations.insert(format!("{POLICY_ANNOTATION}.back"), "log".to_owned());
        assert_eq!(text(&setup, &annotations), "usr_sbin_nginx");
        annotations.insert(format!("{POLICY_ANNOTATION}.front"), "web".to_owned());
        let error = select(&setup.settings, &annotations, &nginx()).unwrap_err().to_string();
        assert!(error.contains("systrace-shim.io/policy.front is not allowed"), "{error}");
        setup.settings.config.allow_annotation = true;
        assert_eq!(text(&setup, &annotations), "web.policy");
        annotations.insert(POLICY_ANNOTATION.to_owned(), "log".to_owned());
        assert_eq!(text(&setup, &annotations), "web.policy");
        annotations.insert("io.kubernetes.cri.container-name".to_owned(), "other".to_owned());
        assert_eq!(text(&setup, &annotations), "log.policy");
    }

    #[test]
    fn names_are_mangled_as_in_the_original() {
        assert_eq!(mangle(Path::new("/usr/sbin/nginx")), "usr_sbin_nginx");
        assert_eq!(mangle(Path::new("/opt/a-b/c.d")), "opt_a_b_c_d");
    }
}
