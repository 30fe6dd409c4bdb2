//! Calls that must fail: status, and the words that engines look for.

use super::Scenario;
use super::oci::Oci;
use anyhow::Result;
use serde_json::{Value, json};
use std::fs;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "unknown-container",
        play: unknown_container,
        shows: &[
            "state ID: 1 does not exist",
            "delete --force ID: 0",
            "kill ID 9: 1 does not exist",
        ],
    },
    Scenario {
        name: "wrong-state",
        play: wrong_state,
        shows: &["exec ID true: 255", "kill ID 9: 1"],
    },
    Scenario { name: "name-in-use", play: name_in_use, shows: &["create --bundle . ID: 1"] },
    Scenario { name: "bad-configuration", play: bad_configuration, shows: &["empty: 1"] },
    Scenario {
        name: "frozen-group",
        play: frozen_group,
        shows: &["create --bundle . ID: 1 container's cgroup"],
    },
    Scenario { name: "bad-command-line", play: bad_command_line, shows: &["1"] },
];

/// Words by which engines tell one failure from another.
const WORDS: [&str; 11] = [
    "does not exist",
    "container not running",
    "process already finished",
    "executable file not found",
    "no such file or directory",
    "permission denied",
    "container's cgroup unexpectedly frozen",
    "cannot start a container that has stopped",
    "container not paused",
    "cannot exec in a paused container",
    "cannot exec in a stopped container",
];

fn told(oci: &Oci, line: &str) -> Result<String> {
    let said = oci.call(line)?;
    let words: Vec<_> = WORDS.into_iter().filter(|word| said.stderr.contains(word)).collect();
    Ok(format!("{line}: {} {}\n", said.status, words.join(", ")))
}

fn each(oci: &Oci, lines: &[&str]) -> Result<String> {
    lines.iter().map(|line| told(oci, line)).collect()
}

fn unknown_container(oci: &mut Oci) -> Result<String> {
    each(
        oci,
        &[
            "state ID",
            "start ID",
            "kill ID 9",
            "delete ID",
            "delete --force ID",
            "exec ID true",
            "pause ID",
            "resume ID",
            "ps ID",
            "events --stats ID",
            "update --pids-limit 5 ID",
        ],
    )
}

fn wrong_state(oci: &mut Oci) -> Result<String> {
    oci.script("exec sleep 1000")?;
    oci.must("create --bundle . ID")?;
    let mut seen = each(oci, &["resume ID"])?;
    oci.must("start ID")?;
    seen += &each(oci, &["start ID", "resume ID", "delete ID"])?;
    oci.must("pause ID")?;
    seen += &each(oci, &["exec ID true", "start ID", "delete ID"])?;
    oci.must("resume ID")?;
    oci.must("kill ID KILL")?;
    oci.await_status("stopped")?;
    let late = ["start ID", "exec ID true", "kill ID 9", "pause ID", "resume ID"];
    Ok(seen + &each(oci, &late)?)
}

/// The first container is not harmed.
fn name_in_use(oci: &mut Oci) -> Result<String> {
    oci.script("exec sleep 1000")?;
    oci.must("create --bundle . ID")?;
    let created = told(oci, "create --bundle . ID")?;
    oci.must("start ID")?;
    let running = told(oci, "create --bundle . ID")?;
    Ok(format!("{created}{running}{}", oci.status()?))
}

/// Each way in which a config.json can be wrong, one at a time. (A version of the specification that is unknown, and a
/// file that says `null`, are in `bad_input`: runc 1.1 takes the one and panics at the other.)
fn bad_configuration(oci: &mut Oci) -> Result<String> {
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 15] = [
        ("version is a number", |config| config["ociVersion"] = json!(1)),
        ("no root", |config| config["root"] = Value::Null),
        ("root is not there", |config| config["root"]["path"] = json!("nowhere")),
        ("no process", |config| config["process"] = Value::Null),
        ("no arguments", |config| config["process"]["args"] = json!([])),
        ("relative working directory", |config| config["process"]["cwd"] = json!("tmp")),
        ("unknown namespace", |config| {
            config["linux"]["namespaces"] = json!([{ "type": "mount" }, { "type": "coffee" }]);
        }),
        ("namespace twice", |config| {
            config["linux"]["namespaces"] =
                json!([{ "type": "mount" }, { "type": "pid" }, { "type": "pid" }]);
        }),
        ("namespace is not there", |config| {
            config["linux"]["namespaces"] =
                json!([{ "type": "mount" }, { "type": "network", "path": "/nowhere" }]);
        }),
        ("mount of nothing", |config| {
            config["mounts"][0] = json!({ "destination": "/x", "type": "bind", "source": "/nowhere", "options": ["bind"] });
        }),
        ("unknown file system", |config| {
            config["mounts"][0] =
                json!({ "destination": "/x", "type": "coffee", "source": "coffee" });
        }),
        ("user is text", |config| config["process"]["user"] = json!("root")),
        ("a list for an object", |config| config["linux"] = json!([])),
        ("unknown limit", |config| {
            config["process"]["rlimits"] =
                json!([{ "type": "RLIMIT_COFFEE", "hard": 1, "soft": 1 }]);
        }),
        ("hostname without its namespace", |config| {
            config["linux"]["namespaces"] = json!([{ "type": "mount" }, { "type": "pid" }]);
        }),
    ];
    let good = oci.config().clone();
    let mut seen = String::new();
    for (name, change) in changes {
        oci.configure(|config| {
            *config = good.clone();
            change(config);
        })?;
        seen += &outcome(oci, name)?;
    }
    for (name, text) in [("empty", ""), ("half", "{\"ociVersion\": "), ("a list", "[]")] {
        fs::write(oci.folder().join("config.json"), text)?;
        seen += &outcome(oci, name)?;
    }
    Ok(seen)
}

/// Refused, or not; nothing is left in either case.
fn outcome(oci: &Oci, name: &str) -> Result<String> {
    let said = oci.call("create --bundle . ID")?;
    let mut text = format!("{name}: {}\n", said.status);
    if said.status == 0 {
        oci.must("delete --force ID")?;
    }
    let left: Vec<_> = fs::read_dir(oci.state()).into_iter().flatten().flatten().collect();
    if !left.is_empty() {
        text += &format!("left: {left:?}\n");
    }
    Ok(text)
}

/// A group that is frozen already would hold the container's process, and whoever waits for it, for ever.
fn frozen_group(oci: &mut Oci) -> Result<String> {
    let group = oci.config()["linux"]["cgroupsPath"].as_str().unwrap_or_default().to_owned();
    let folder = format!("/sys/fs/cgroup/freezer{group}");
    fs::create_dir_all(&folder)?;
    fs::write(format!("{folder}/freezer.state"), "FROZEN")?;
    let said = told(oci, "create --bundle . ID");
    fs::write(format!("{folder}/freezer.state"), "THAWED")?;
    // Not runc's, and not ours to remove either: it was there before.
    let _ = fs::remove_dir(&folder);
    said
}

fn bad_command_line(oci: &mut Oci) -> Result<String> {
    let lines = [
        "state",
        "create",
        "start ../x",
        "kill",
        "--coffee state ID",
        "create --coffee ID",
        "delete",
    ];
    lines.iter().map(|line| Ok(format!("{line}: {}\n", oci.call(line)?.status))).collect()
}
