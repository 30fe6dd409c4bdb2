//! Mounts as config.json has them (OCI runtime specification, "Mounts").

use std::path::Path;

use serde_json::{Map, Value, json};

/// The root becomes read-only, if everything that may be written lies in mounts of its own.
pub(super) fn read_only_root(config: &mut Map<String, Value>, writable: &[String]) {
    let own =
        |name: &String| destinations(config).iter().any(|mount| Path::new(name).starts_with(mount));
    if !writable.iter().all(own) {
        return;
    }
    if let Some(root) = config.get_mut("root").and_then(Value::as_object_mut) {
        root.insert("readonly".to_owned(), json!(true));
    }
}

/// Where something is mounted, but for the root.
fn destinations(config: &Map<String, Value>) -> Vec<String> {
    let mounts = config.get("mounts").and_then(Value::as_array).into_iter().flatten();
    let places = mounts.filter_map(|mount| mount["destination"].as_str());
    places.filter(|place| *place != "/").map(str::to_owned).collect()
}

/// Nothing can be executed on mounts of files that have nothing executable in or around them.
pub(super) fn no_exec(config: &mut Map<String, Value>, executable: &[String]) {
    let Some(programs) = programs(config) else { return };
    let used: Vec<_> = executable.iter().chain(&programs).cloned().collect();
    let mounts = config.get_mut("mounts").and_then(Value::as_array_mut).into_iter().flatten();
    for mount in mounts.filter(|mount| has_files(mount)) {
        let place = mount["destination"].as_str().unwrap_or("/").to_owned();
        let meets = |name: &String| {
            let (name, place) = (Path::new(name), Path::new(&place));
            name.starts_with(place) || place.starts_with(name)
        };
        if used.iter().any(meets) {
            continue;
        }
        let Some(options) = mount.as_object_mut().map(|mount| mount.entry("options")) else {
            continue;
        };
        if let Some(options) = options.or_insert_with(|| json!([])).as_array_mut() {
            options.retain(|option| option != "exec" && option != "noexec");
            options.push(json!("noexec"));
        }
    }
}

/// Memory, or a folder or file from elsewhere.
fn has_files(mount: &Value) -> bool {
    let mut options = mount["options"].as_array().into_iter().flatten();
    mount["type"] == "tmpfs"
        || mount["type"] == "bind"
        || options.any(|option| option == "bind" || option == "rbind")
}

/// Where the first program may be; none: anywhere.
fn programs(config: &Map<String, Value>) -> Option<Vec<String>> {
    let process = config.get("process")?;
    let name = process["args"][0].as_str()?;
    if name.starts_with('/') {
        return Some(vec![name.to_owned()]);
    }
    let variables = process["env"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let path = variables.filter_map(|one| one.strip_prefix("PATH=")).next_back()?;
    let absolute = !name.contains('/') && path.split(':').all(|folder| folder.starts_with('/'));
    absolute.then(|| path.split(':').map(str::to_owned).collect())
}

/// The path is hidden, as the engine hides others.
pub(super) fn mask(config: &mut Map<String, Value>, path: &str) {
    let Some(linux) = config.get_mut("linux").and_then(Value::as_object_mut) else { return };
    let masked = linux.entry("maskedPaths");
    if let Some(masked) = masked.or_insert_with(|| json!([])).as_array_mut()
        && !masked.iter().any(|one| one == path)
    {
        masked.push(json!(path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Map<String, Value> {
        let config = json!({
            "root": {"path": "r"},
            "process": {"args": ["sh"], "env": ["PATH=/opt/bin:/bin"]},
            "linux": {"maskedPaths": ["/proc/kcore"]},
            "mounts": [
                {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "exec"]},
                {"destination": "/opt", "type": "bind", "source": "/s", "options": ["rbind"]},
                {"destination": "/srv", "source": "/s", "options": ["rbind"]},
                {"destination": "/proc", "type": "proc", "source": "proc"},
            ],
        });
        config.as_object().cloned().expect("an object")
    }

    #[test]
    fn the_root_is_read_only_where_all_that_is_written_is_mounted() {
        let with = |names: &[&str]| {
            let mut config = config();
            read_only_root(
                &mut config,
                &names.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>(),
            );
            config["root"]["readonly"] == true
        };
        assert!(with(&[]) && with(&["/tmp", "/tmp/x", "/proc/self/comm"]));
        assert!(!with(&["/tmp", "/etc"]) && !with(&["/"]) && !with(&["/tmpx"]));
    }

    #[test]
    fn mounts_around_programs_stay_executable() {
        let with = |names: &[&str]| {
            let mut config = config();
            no_exec(&mut config, &names.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
            let options = |at: usize| config["mounts"][at]["options"].clone();
            let on = |at: usize| {
                options(at).as_array().is_some_and(|all| all.contains(&json!("noexec")))
            };
            assert!(!on(3));
            [on(0), on(1), on(2)]
        };
        assert_eq!(with(&[]), [true, false, true]);
        assert_eq!(with(&["/tmp/x"]), [false, false, true]);
        assert_eq!(with(&["/"]), [false; 3]);
        let mut config = config();
        config["process"]["args"] = json!(["./here"]);
        let before = config.clone();
        no_exec(&mut config, &[]);
        assert_eq!(config, before);
    }

    #[test]
    fn paths_are_masked_beside_the_engines() {
        let mut config = config();
        mask(&mut config, "/home/x");
        mask(&mut config, "/home/x");
        assert_eq!(config["linux"]["maskedPaths"], json!(["/proc/kcore", "/home/x"]));
    }
}
