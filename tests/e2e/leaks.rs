//! After everything else: nothing is left of the containers, and then nothing of the engine.

use anyhow::Result;
use libtest_mimic::Trial;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tests::cri::Node;
use tests::cri::api::{Nothing, Pods};
use tests::place::Home;
use tests::{Engine, place, sweep};

/// How long a supervisor may outlive its container.
const PATIENCE: Duration = Duration::from_secs(20);

/// What was found of each kind; all of it should not be there.
struct Left {
    kind: &'static str,
    found: Vec<String>,
}

/// Looks at the idle engines, takes them down, and looks again.
pub fn trials(docker: Option<Engine>, node: Option<Node>) -> Vec<Trial> {
    let docker = docker.map_or_else(nothing, |engine| look(engine).unwrap_or_else(unseen));
    let node = node.map_or_else(nothing, |node| look_at_node(node).unwrap_or_else(unseen));
    let trials = |engine: &'static str, left: Vec<Left>| {
        left.into_iter().map(move |left| {
            Trial::test(format!("leaks::{engine}::{}", left.kind), move || {
                if left.found.is_empty() { Ok(()) } else { Err(left.found.join("\n").into()) }
            })
        })
    };
    trials("docker", docker).chain(trials("node", node)).collect()
}

const KINDS: [&str; 6] = [
    "no_container",
    "no_state",
    "no_supervisor",
    "no_control_group",
    "no_mount",
    "no_process_of_the_engine",
];

fn nothing() -> Vec<Left> {
    KINDS.map(|kind| Left { kind, found: vec![] }).into()
}

fn unseen(error: anyhow::Error) -> Vec<Left> {
    KINDS.map(|kind| Left { kind, found: vec![format!("cannot look: {error:#}")] }).into()
}

fn look(engine: Engine) -> Result<Vec<Left>> {
    let home = engine.home().clone();
    let containers = engine.docker(["ps", "--all", "--no-trunc"])?.success()?;
    let containers = containers.lines().skip(1).map(str::to_owned).collect();
    let supervisors = supervisors();
    let state = [states(&home), entries(Path::new("/run/systrace-shim"))].concat();
    left(engine, &home, [containers, state, supervisors])
}

fn look_at_node(node: Node) -> Result<Vec<Left>> {
    let home = node.home().clone();
    let pods: Pods = node.client().call("ListPodSandbox", Nothing {})?;
    let mut containers: Vec<_> =
        pods.items.into_iter().map(|pod| format!("pod {}", pod.id)).collect();
    for namespace in ["k8s.io", "default"] {
        let listed = node.ctr_in(namespace, &["containers", "list", "--quiet"])?.success()?;
        containers.extend(listed.lines().map(|id| format!("container {id} in {namespace}")));
    }
    let roots = folders(&home.run().join("runc"));
    let state = roots.iter().flat_map(|path| entries(Path::new(path))).collect();
    left(node, &home, [containers, state, supervisors()])
}

/// What is left while the engine is idle, and when it is gone.
fn left<E>(engine: E, home: &Home, idle: [Vec<String>; 3]) -> Result<Vec<Left>> {
    let groups = sweep::cgroups(home).iter().flat_map(|folder| folders(folder)).collect();
    drop(engine);
    let [containers, state, supervisors] = idle;
    let found = [containers, state, supervisors, groups, mounts(home)?, processes(home)];
    Ok(KINDS.into_iter().zip(found).map(|(kind, found)| Left { kind, found }).collect())
}

/// Processes of our runtime that do not end by themselves.
fn supervisors() -> Vec<String> {
    let started = Instant::now();
    loop {
        let left = sweep::processes_running(&place::shim());
        if left.is_empty() || started.elapsed() > PATIENCE {
            return left.into_iter().map(describe).collect();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn describe(pid: i32) -> String {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    format!("process {pid}: {}", String::from_utf8_lossy(&words).replace('\0', " "))
}

/// What runtimes keep of containers: Docker gives each runtime a folder below its exec root.
fn states(home: &Home) -> Vec<String> {
    folders(&home.exec_root())
        .into_iter()
        .filter(|folder| folder.contains("/runtime-"))
        .flat_map(|folder| entries(&Path::new(&folder).join("moby")))
        .collect()
}

fn entries(folder: &Path) -> Vec<String> {
    paths(folder).map(|path| path.display().to_string()).collect()
}

fn folders(folder: &Path) -> Vec<String> {
    paths(folder).filter(|path| path.is_dir()).map(|path| path.display().to_string()).collect()
}

fn paths(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn mounts(home: &Home) -> Result<Vec<String>> {
    Ok(sweep::mounts_below(home.path())?.iter().map(|path| path.display().to_string()).collect())
}

fn processes(home: &Home) -> Vec<String> {
    sweep::container_processes(home).into_iter().map(describe).chain(supervisors()).collect()
}
