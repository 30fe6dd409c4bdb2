//! The command line as engines use it, where no container comes to be.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

/// A state directory, a bundle, a policy directory and a log.
struct Scene {
    folder: tempfile::TempDir,
}

/// How a run ended: exit status, the lines of the log, standard error.
struct Outcome {
    status: i32,
    log: Vec<Value>,
    stderr: String,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["bundle/rootfs/bin", "policies"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("bundle/rootfs/bin/true"), "").unwrap();
        let scene = Self { folder };
        scene.configure(|_| {});
        scene.write("shim.toml", "");
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Writes a config.json for `/bin/true`, changed.
    fn configure(&self, change: impl FnOnce(&mut Value)) {
        let mut spec = json!({
            "ociVersion": "1.0.2",
            "root": { "path": "rootfs" },
            "process": { "cwd": "/", "args": ["/bin/true"], "user": { "uid": 0, "gid": 0 } },
            "linux": { "namespaces": [{ "type": "mount" }, { "type": "pid" }] }
        });
        change(&mut spec);
        self.write("bundle/config.json", &spec.to_string());
    }

    fn command(&self, options: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_systrace-shim"));
        let place = |name| self.path(name).display().to_string();
        command
            .args(["--root", &place("state"), "--log", &place("log.json"), "--log-format", "json"])
            .args(["--config", &place("shim.toml"), "--policy-dir", &place("policies")])
            .args(options);
        command
    }

    /// Runs with a new log.
    fn run(&self, options: &[&str]) -> Outcome {
        let log = self.path("log.json");
        if log.exists() {
            fs::remove_file(&log).unwrap();
        }
        let Output { status, stderr, .. } = self.command(options).output().unwrap();
        let log = fs::read_to_string(log).unwrap_or_default();
        Outcome {
            status: status.code().unwrap(),
            log: log.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
            stderr: String::from_utf8(stderr).unwrap(),
        }
    }

    fn create(&self, options: &[&str]) -> Outcome {
        let bundle = self.path("bundle").display().to_string();
        let options = [options, &["create", "--bundle", &bundle, "web"]].concat();
        self.run(&options)
    }

    fn state_is_empty(&self) -> bool {
        fs::read_dir(self.path("state")).map_or(true, |mut entries| entries.next().is_none())
    }

    /// The run failed with one error that contains the words, and left nothing.
    #[track_caller]
    fn assert_refused(&self, outcome: &Outcome, words: &[&str]) {
        assert_eq!(outcome.status, 1, "{}", outcome.stderr);
        let [error] = &outcome.log[..] else { panic!("not one line: {:?}", outcome.log) };
        let message = error["msg"].as_str().unwrap();
        assert_eq!(error["level"], "error");
        for word in words {
            assert!(message.contains(word), "no {word:?} in {message:?}");
        }
        assert!(outcome.stderr.contains(message), "{:?}", outcome.stderr);
        assert!(self.state_is_empty());
    }
}

#[test]
fn a_missing_bundle_is_refused() {
    let scene = Scene::new();
    fs::remove_dir_all(scene.path("bundle")).unwrap();
    scene.assert_refused(&scene.create(&[]), &["cannot open bundle", "/bundle"]);
}

#[test]
fn a_bad_config_is_refused() {
    let scene = Scene::new();
    scene.write("bundle/config.json", "{ \"ociVersion\": ");
    scene.assert_refused(&scene.create(&[]), &["cannot read", "config.json"]);
}

#[test]
fn a_config_without_process_or_root_is_refused() {
    let scene = Scene::new();
    for part in ["process", "root", "linux"] {
        scene.configure(|spec| drop(spec.as_object_mut().unwrap().remove(part)));
        scene.assert_refused(&scene.create(&[]), &["has no", part]);
    }
}

#[test]
fn a_container_without_a_policy_is_refused_with_every_place() {
    let scene = Scene::new();
    let words = ["no policy for /bin/true", "policies/bin_true", "true.policy", "default-policy"];
    scene.assert_refused(&scene.create(&[]), &words);
}

#[test]
fn an_unknown_policy_is_refused() {
    let scene = Scene::new();
    let outcome = scene.create(&["--policy", "nosuch"]);
    scene.assert_refused(&outcome, &["there is no policy nosuch", "policies/nosuch.policy"]);
}

#[test]
fn a_broken_policy_is_refused_with_the_place() {
    let scene = Scene::new();
    let text =
        "Policy: /bin/true, Emulation: native\n\tnative-close: permit\n\tnative-open: perhaps\n";
    scene.write("policies/bin_true", text);
    let place = scene.path("policies/bin_true").display().to_string();
    scene.assert_refused(&scene.create(&[]), &[&format!("{place}:3:")]);
}

#[test]
fn several_errors_of_a_policy_are_one_line() {
    let scene = Scene::new();
    let text =
        "Policy: /bin/true, Emulation: native\n\tnative-nosuch: permit\n\tnative-neither: permit\n";
    scene.write("policies/bin_true", text);
    scene.assert_refused(&scene.create(&[]), &["bin_true:2:", "nosuch", "one more error"]);
}

#[test]
fn a_file_for_other_programs_is_refused() {
    let scene = Scene::new();
    let other = |name| format!("Policy: /bin/{name}, Emulation: native\n\tnative-close: permit\n");
    scene.write("policies/base", &(other("one") + &other("two")));
    let outcome = scene.create(&["--policy=base"]);
    scene.assert_refused(&outcome, &["/bin/one, /bin/two", "not for /bin/true"]);
}

#[test]
fn an_engine_profile_with_a_listener_is_refused() {
    let scene = Scene::new();
    scene.write(
        "policies/bin_true",
        "Policy: /bin/true, Emulation: native\n\tnative-close: permit\n",
    );
    scene.configure(|spec| {
        spec["linux"]["seccomp"] =
            json!({ "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/a" });
    });
    scene.assert_refused(&scene.create(&[]), &["listenerPath"]);
}

#[test]
fn a_misspelt_configuration_key_is_refused() {
    let scene = Scene::new();
    scene.write("shim.toml", "default_policy = \"web\"\n");
    scene.assert_refused(&scene.create(&[]), &["shim.toml", "default_policy"]);
}

#[test]
fn a_wrong_command_line_is_one_error_too() {
    let scene = Scene::new();
    scene.assert_refused(&scene.run(&["--mode", "perhaps", "state", "web"]), &["perhaps"]);
    scene.assert_refused(&scene.run(&["state", "../web"]), &["../web"]);
}

#[test]
fn an_unknown_container_does_not_exist() {
    let scene = Scene::new();
    for command in ["state", "start", "kill", "delete", "pause", "resume", "ps"] {
        scene.assert_refused(&scene.run(&[command, "ghost"]), &["container ghost does not exist"]);
    }
}

#[test]
fn a_failing_exec_keeps_255_for_itself() {
    let scene = Scene::new();
    for options in [&["exec", "ghost", "true"][..], &["exec", "--pid-file"]] {
        assert_eq!(scene.run(options).status, 255, "{options:?}");
    }
}

#[test]
fn a_forced_delete_of_an_unknown_container_is_fine() {
    let outcome = Scene::new().run(&["delete", "--force", "ghost"]);
    assert_eq!((outcome.status, outcome.log.len()), (0, 0));
}

#[test]
fn checkpoints_are_refused() {
    let scene = Scene::new();
    for command in ["checkpoint", "restore"] {
        scene.assert_refused(
            &scene.run(&[command, "--image-path", "/x", "web"]),
            &["not supported"],
        );
    }
}

#[test]
fn an_empty_list_is_json() {
    let output = Scene::new().command(&["list", "--format", "json"]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "[]\n");
}

#[test]
fn spec_writes_a_config_once() {
    let scene = Scene::new();
    fs::create_dir(scene.path("new")).unwrap();
    let bundle = scene.path("new").display().to_string();
    assert_eq!(scene.run(&["spec", "--bundle", &bundle]).status, 0);
    let text = fs::read_to_string(Path::new(&bundle).join("config.json")).unwrap();
    assert!(serde_json::from_str::<Value>(&text).unwrap()["process"]["args"].is_array());
    scene.assert_refused(&scene.run(&["spec", "--bundle", &bundle]), &["exists"]);
}

#[test]
fn install_prints_and_writes_the_same() {
    let scene = Scene::new();
    scene.write("daemon.json", "{\"bip\": \"10.0.0.1/24\"}");
    let file = scene.path("daemon.json").display().to_string();
    let options = ["install", "--daemon-json", &file, "--argument=--policy=web"];
    let dry = scene.command(&[&options[..], &["--dry-run"]].concat()).output().unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "{\"bip\": \"10.0.0.1/24\"}");
    assert_eq!(scene.run(&options).status, 0);
    assert_eq!(fs::read(&file).unwrap(), dry.stdout);
}

/// What CRI-O reads of the example, and what it would stumble over.
#[test]
fn the_example_for_crio_names_the_runtime() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/crio/50-systrace.conf");
    let text = fs::read_to_string(file).unwrap();
    let runtime = &text.parse::<toml::Table>().unwrap()["crio"]["runtime"]["runtimes"]["systrace"];
    let runtime = runtime.as_table().unwrap();
    let keys: Vec<_> = runtime.keys().map(String::as_str).collect();
    assert_eq!(keys, ["runtime_path", "runtime_root", "runtime_type"]);
    assert_eq!(runtime["runtime_type"].as_str(), Some("oci"));
    assert!(runtime["runtime_path"].as_str().unwrap().ends_with("/systrace-shim"));
}

/// systemd itself reads the example, with this program in the place of the installed one.
#[test]
fn the_example_for_systemd_is_a_unit() {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/systemd/systrace-agent.service");
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains("ExecStart=/usr/local/bin/systrace-shim supervise\n"), "{text}");
    let scene = Scene::new();
    let program = env!("CARGO_BIN_EXE_systrace-shim");
    scene.write("systrace-agent.service", &text.replace("/usr/local/bin/systrace-shim", program));
    let unit = scene.path("systrace-agent.service");
    let mut analyze = std::process::Command::new("systemd-analyze");
    match analyze.args(["verify", "--man=no"]).arg(unit).output() {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        Err(error) => eprintln!("no systemd on this machine reads the unit: {error}"),
    }
    assert_eq!(scene.run(&["supervise", "--listen", "relative.sock"]).status, 1);
}
