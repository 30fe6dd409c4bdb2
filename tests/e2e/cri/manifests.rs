//! `examples/kubernetes`: manifests that Kubernetes takes, and that do on a node what they say.

use crate::{Test, tests_of_node};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tests::command::finish;
use tests::cri::api::Mount;
use tests::cri::{Node, Pod};
use tests::{Finished, place};

pub fn tests() -> Vec<Test> {
    tests_of_node![
        manifests_fit_the_published_schemas,
        the_example_works_on_a_node,
        installed_as_containerd_takes_it,
    ]
}

/// Releases whose schemas are asked: the oldest and the newest that are there, and one between.
const RELEASES: [&str; 3] = ["1.25.0", "1.31.0", "1.37.0"];
const MANIFESTS: [&str; 3] = ["runtime-class.yaml", "policies.yaml", "pod.yaml"];

fn example(name: &str) -> PathBuf {
    place::workspace().join("examples/kubernetes").join(name)
}

fn python() -> Command {
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", place::workspace().join("target/kubernetes-validate"));
    python
}

fn validate(release: &str, file: &Path) -> Result<Finished> {
    let mut python = python();
    python.args(["-m", "kubernetes_validate", "--strict", "--kubernetes-version", release]);
    finish(python.arg(file), b"")
}

fn manifests_fit_the_published_schemas(node: &Node) -> Result<()> {
    for (release, name) in RELEASES.into_iter().flat_map(|one| MANIFESTS.map(|name| (one, name))) {
        validate(release, &example(name))?.success().with_context(|| name.to_owned())?;
    }
    // What does not fit is found out, or all of this would mean nothing.
    let text = fs::read_to_string(example("runtime-class.yaml"))?.replace("podFixed", "podFixd");
    let broken = node.home().run().join("broken.yaml");
    fs::write(&broken, text)?;
    let found = validate(RELEASES[2], &broken)?;
    ensure!(found.status != 0, "a misspelt key passed: {}", found.summary());
    Ok(())
}

/// The documents of a manifest.
fn documents(name: &str) -> Result<Vec<Value>> {
    let script =
        "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))";
    let text = finish(python().args(["-c", script]).arg(example(name)), b"")?.success()?;
    Ok(serde_json::from_str(&text)?)
}

/// The DaemonSet's script brings the ConfigMap's policies to the node, and the pod's containers get them.
fn the_example_works_on_a_node(node: &Node) -> Result<()> {
    let documents_of_policies = documents("policies.yaml")?;
    let data = documents_of_policies[0]["data"].as_object().context("no data")?;
    let (source, target) = (node.home().run().join("config-map"), node.cluster_policies());
    for folder in [&source, &target] {
        fs::create_dir_all(folder)?;
    }
    fs::write(target.join("old.policy"), "")?;
    for (file, text) in data {
        fs::write(source.join(file), text.as_str().context("no text")?)?;
    }
    let script =
        &documents_of_policies[1]["spec"]["template"]["spec"]["containers"][0]["command"][2];
    let daemon = Pod::run(node, "runc", &[])?;
    let copy = daemon.create("copy", script.as_str().context("no script")?, |config| {
        let mount = |from: &Path, to: &str, readonly| Mount {
            container_path: to.to_owned(),
            host_path: from.display().to_string(),
            readonly,
        };
        config.mounts = vec![mount(&source, "/policies", true), mount(&target, "/node", false)];
    })?;
    copy.start()?;
    let started = Instant::now();
    while !target.join("probe.policy").exists() || target.join("old.policy").exists() {
        ensure!(started.elapsed() < Duration::from_secs(15), "the policies do not arrive");
        std::thread::sleep(Duration::from_millis(50));
    }
    play(node, &documents("pod.yaml")?[0])
}

fn play(node: &Node, pod: &Value) -> Result<()> {
    let annotations = pod["metadata"]["annotations"].as_object().context("no annotations")?;
    let annotations: Vec<_> = annotations
        .iter()
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
        .collect();
    let running = Pod::run(node, "systrace-example", &annotations)?;
    let script = |place: usize| pod["spec"]["containers"][place]["command"][2].as_str();
    let web = running.container("web", script(0).context("no command")?)?;
    let watcher = running.container("watcher", script(1).context("no command")?)?;
    watcher.await_log("hello\nalive\n")?;
    let tried = [
        (&web, "wget -q -O - http://127.0.0.1:8080/"),
        (&web, "echo x > /etc/passwd"),
        (&watcher, "echo x > /tmp/file"),
        (&watcher, "wget -q -O - http://127.0.0.1:8081/"),
    ];
    for (container, line) in tried {
        let said = container.exec(&["sh", "-c", line])?;
        // The supervisor says the one, Landlock the other.
        let denied = ["Operation not permitted", "Permission denied"];
        let denied = denied.iter().any(|reason| said.stderr.contains(reason));
        ensure!(said.status != 0 && denied, "{line}: {}", said.summary());
    }
    Ok(())
}

/// What `install` prints for containerd 1, in the node's own file, is taken, and nothing else in the file is lost.
fn installed_as_containerd_takes_it(node: &Node) -> Result<()> {
    let main = node.home().run().join("main.toml");
    let settings = "version = 2\n[plugins.'io.containerd.grpc.v1.cri']\nsandbox_image = 'mine/pause:1'\n\
        [plugins.'io.containerd.grpc.v1.cri'.containerd.runtimes.runc.options]\nSystemdCgroup = true\n";
    fs::write(&main, settings)?;
    let mut shim = Command::new(place::shim());
    shim.args(["install", "--engine=containerd", "--containerd-config"]).arg(&main);
    let refused = finish(&mut shim, b"")?;
    ensure!(refused.status == 1 && refused.stderr.contains("--dry-run"), "{}", refused.summary());
    let section = finish(shim.arg("--dry-run"), b"")?.success()?;
    let by_hand = fs::read_to_string(example("containerd-1.toml"))?;
    let ours =
        section.replace(&place::shim().display().to_string(), "/usr/local/bin/systrace-shim");
    ensure!(by_hand.ends_with(&(ours + "\n")), "the example differs from:\n{section}");
    fs::write(&main, settings.to_owned() + &section)?;
    let mut containerd = Command::new("containerd");
    let dump =
        finish(containerd.arg("--config").arg(&main).args(["config", "dump"]), b"")?.success()?;
    let program = format!("BinaryName = \"{}\"", place::shim().display());
    for words in ["sandbox_image = \"mine/pause:1\"", "runtimes.systrace.options]", &program] {
        ensure!(dump.contains(words), "{words} is not in {dump}");
    }
    Ok(())
}
