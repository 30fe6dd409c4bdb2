//! Hooks: their order, what they are told, and what happens when one fails.

use super::Scenario;
use super::oci::Oci;
use anyhow::Result;
use serde_json::{Value, json};
use std::fs;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "order-of-hooks",
        play: order,
        shows: &["prestart createRuntime createContainer, poststart startContainer, poststop"],
    },
    Scenario { name: "what-hooks-are-told", play: told, shows: &["prestart creating true"] },
    Scenario { name: "where-hooks-run", play: places, shows: &["createContainer /rootfs"] },
    Scenario { name: "failing-hooks", play: failing, shows: &["prestart: 1", "poststop: 0"] },
    Scenario { name: "slow-hook", play: slow, shows: &["1 gone"] },
    Scenario {
        name: "hook-under-the-profile",
        play: under_the_profile,
        shows: &["filtered", "not made"],
    },
];

/// All but startContainer run on the host's file system.
const KINDS: [&str; 6] =
    ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

/// Each kind of hook runs this shell line; startContainer's sees the container's files only.
fn set(oci: &mut Oci, line: impl Fn(&str) -> String) -> Result<()> {
    let hook = |kind: &str| json!([{ "path": "/bin/sh", "args": ["sh", "-c", line(kind)] }]);
    let hooks: serde_json::Map<String, Value> =
        KINDS.iter().map(|kind| ((*kind).to_owned(), hook(kind))).collect();
    oci.configure(|config| config["hooks"] = Value::Object(hooks))
}

/// Where a hook writes: a folder of the host, which the container sees as /told.
fn told_folder(oci: &mut Oci) -> Result<String> {
    let folder = oci.folder().join("told");
    fs::create_dir_all(&folder)?;
    let path = folder.display().to_string();
    oci.configure(|config| {
        if let Some(mounts) = config["mounts"].as_array_mut() {
            mounts.push(json!({ "destination": "/told", "type": "bind", "source": path, "options": ["bind"] }));
        }
    })?;
    Ok(path)
}

fn folder_of<'f>(kind: &str, host: &'f str) -> &'f str {
    if kind == "startContainer" { "/told" } else { host }
}

fn live(oci: &mut Oci) -> Result<()> {
    oci.script("exit 0")?;
    oci.must("create --bundle . ID")?;
    oci.must("start ID")?;
    oci.await_status("stopped")?;
    oci.must("delete ID").map(drop)
}

fn order(oci: &mut Oci) -> Result<String> {
    let host = told_folder(oci)?;
    set(oci, |kind| format!("echo {kind} >> {}/order", folder_of(kind, &host)))?;
    live(oci)?;
    let text = fs::read_to_string(format!("{host}/order"))?;
    let lines: Vec<_> = text.lines().collect();
    anyhow::ensure!(lines.len() == KINDS.len(), "{text}");
    // The container's own process and the runtime do not wait for each other.
    let mut between = lines[3..5].to_vec();
    between.sort();
    Ok(format!("{}, {}, {}", lines[..3].join(" "), between.join(" "), lines[5]))
}

/// The state on a hook's standard input: status, whether there is a pid, and whether the bundle is the engine's.
fn told(oci: &mut Oci) -> Result<String> {
    let host = told_folder(oci)?;
    set(oci, |kind| format!("cat > {}/{kind}", folder_of(kind, &host)))?;
    live(oci)?;
    let mut seen = String::new();
    for kind in KINDS {
        let state: Value = serde_json::from_str(&fs::read_to_string(format!("{host}/{kind}"))?)?;
        let pid = state["pid"].as_i64().unwrap_or_default() > 0;
        let bundle = state["bundle"] == json!(oci.folder());
        let id = state["id"] == json!(oci.id());
        // runc 1.1 tells startContainer of a container that is still being created, and poststart of one that waits.
        let differs = ["startContainer", "poststart"].contains(&kind);
        let status = if differs { &json!("any") } else { &state["status"] };
        seen += &format!("{kind} {} {pid} {bundle} {id}\n", status.as_str().unwrap_or("none"));
    }
    Ok(seen)
}

fn places(oci: &mut Oci) -> Result<String> {
    let host = told_folder(oci)?;
    set(oci, |kind| format!("pwd > {}/{kind}; echo $A >> {0}/{kind}", folder_of(kind, &host)))?;
    live(oci)?;
    let mut seen = String::new();
    for kind in ["prestart", "createRuntime", "createContainer"] {
        let text = fs::read_to_string(format!("{host}/{kind}"))?;
        let text = text.replace(&*oci.folder().to_string_lossy(), "");
        seen += &format!("{kind} {}\n", text.replace('\n', " "));
    }
    Ok(seen)
}

/// One kind fails at a time: which call tells, and what is left of the container.
fn failing(oci: &mut Oci) -> Result<String> {
    let mut seen = String::new();
    // runc 1.1 runs poststart hooks before the program, and so refuses the container when one fails; the specification
    // has them after it.
    for failing in KINDS.into_iter().filter(|kind| *kind != "poststart") {
        set(oci, |kind| if kind == failing { "exit 5".to_owned() } else { "exit 0".to_owned() })?;
        oci.script("exit 0")?;
        let created = oci.call("create --bundle . ID")?.status;
        let mut told = vec![created.to_string()];
        if created == 0 {
            let started = oci.call("start ID")?.status;
            // Whether `start` waits for its end or not, a container whose hook failed is not running in the end.
            told.push(started.to_string());
            let _ = oci.await_status("stopped");
            told.push(oci.call("delete --force ID")?.status.to_string());
        }
        seen += &format!("{failing}: {} {}\n", told.join(" "), oci.status()?);
    }
    Ok(seen)
}

/// A hook that takes longer than it may is a hook that fails.
fn slow(oci: &mut Oci) -> Result<String> {
    oci.script("exit 0")?;
    oci.configure(|config| {
        let hook = json!({ "path": "/bin/sleep", "args": ["sleep", "30"], "timeout": 1 });
        config["hooks"] = json!({ "createRuntime": [hook] });
    })?;
    let said = oci.call("create --bundle . ID")?;
    Ok(format!("{} {}", said.status, oci.status()?))
}

/// What the engine forbids the container it forbids to hooks that run in it; the container's capabilities are all they have.
fn under_the_profile(oci: &mut Oci) -> Result<String> {
    let host = told_folder(oci)?;
    oci.configure(|config| {
        config["linux"]["seccomp"] = json!({
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1 }],
        });
        let line = "cd /told && grep -E '^(Seccomp|CapEff):' /proc/self/status > hook; mkdir made || echo not made >> hook";
        config["hooks"] = json!({ "startContainer": [{ "path": "/bin/sh", "args": ["sh", "-c", line] }] });
    })?;
    live(oci)?;
    Ok(fs::read_to_string(format!("{host}/hook"))?.replace("Seccomp:\t2", "filtered"))
}
