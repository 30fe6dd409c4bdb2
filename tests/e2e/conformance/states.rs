//! The life of a container, call by call, and what the runtime tells of it.

use super::Scenario;
use super::oci::Oci;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::fs;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "every-state",
        play: every_state,
        shows: &["created", "running", "paused", "stopped", "gone"],
    },
    Scenario { name: "state-fields", play: state_fields, shows: &["\"bundle\"", "\"rootfs\""] },
    Scenario { name: "exit-status", play: exit_status, shows: &["7 255"] },
    Scenario { name: "exec-status", play: exec_status, shows: &["42", "255"] },
    Scenario { name: "signals", play: signals, shows: &["usr1\nterm\nhup\n"] },
    Scenario { name: "kill-all", play: kill_all, shows: &["status 0", "stopped"] },
    Scenario { name: "pid-files", play: pid_files, shows: &["true true"] },
    Scenario { name: "preserve-fds", play: preserve_fds, shows: &["from the engine"] },
    Scenario { name: "processes", play: processes, shows: &["2 pids", "PID"] },
    Scenario { name: "update", play: update, shows: &["77", "256", "33554432"] },
    Scenario { name: "statistics", play: statistics, shows: &["\"stats\"", "memory"] },
    Scenario {
        name: "list",
        play: list,
        shows: &["ID PID STATUS BUNDLE CREATED OWNER", "running"],
    },
    Scenario { name: "example", play: example, shows: &["\"terminal\":true", "CAP_KILL"] },
    Scenario { name: "loopback", play: loopback, shows: &["0x9"] },
    Scenario { name: "read-only", play: read_only, shows: &["Read-only file system", "ro,"] },
    Scenario {
        name: "joined-before-start",
        play: joined_before_start,
        shows: &["joined", "created"],
    },
    Scenario { name: "joined-without-bundle", play: joined_without_bundle, shows: &["joined"] },
    Scenario { name: "sub-groups", play: sub_groups, shows: &["/inner", "gone"] },
];

/// A container that sleeps, started.
fn sleeping(oci: &mut Oci) -> Result<()> {
    oci.script("exec sleep 1000")?;
    oci.must("create --bundle . ID")?;
    oci.must("start ID").map(drop)
}

fn every_state(oci: &mut Oci) -> Result<String> {
    let mut seen = vec![oci.status()?];
    oci.script("exec sleep 1000")?;
    for line in ["create --bundle . ID", "start ID", "pause ID", "resume ID"] {
        oci.must(line)?;
        seen.push(oci.status()?);
    }
    oci.must("kill ID KILL")?;
    oci.await_status("stopped")?;
    seen.push(oci.status()?);
    oci.must("delete ID")?;
    seen.push(oci.status()?);
    Ok(seen.join(" "))
}

/// Names and kinds of the fields, and those values that are the same for all.
fn state_fields(oci: &mut Oci) -> Result<String> {
    oci.configure(|config| config["annotations"] = json!({ "com.example.key": "value" }))?;
    sleeping(oci)?;
    let running: Value = serde_json::from_str(&oci.must("state ID")?)?;
    oci.must("kill ID KILL")?;
    oci.await_status("stopped")?;
    let stopped: Value = serde_json::from_str(&oci.must("state ID")?)?;
    let told = |state: &Value| -> Result<String> {
        let mut state = state.as_object().context("no object")?.clone();
        let pid = state["pid"].as_i64().context("no pid")?;
        state.insert("pid".to_owned(), json!(pid > 0));
        for place in ["bundle", "rootfs"] {
            let path = state[place].as_str().context("no path")?;
            let inside = path.strip_prefix(&*oci.folder().to_string_lossy());
            state.insert(place.to_owned(), json!(inside));
        }
        // Debian's runc finds no name for its user.
        state.remove("owner");
        for different in ["id", "created", "ociVersion"] {
            let text = state[different].as_str().context("no text")?;
            state.insert(different.to_owned(), json!(!text.is_empty()));
        }
        let sorted: std::collections::BTreeMap<_, _> = state.into_iter().collect();
        Ok(serde_json::to_string(&sorted)?)
    };
    Ok(format!("{}\n{}", told(&running)?, told(&stopped)?))
}

fn exit_status(oci: &mut Oci) -> Result<String> {
    let mut seen = Vec::new();
    for script in ["exit 0", "exit 7", "exit 255", "sh -c 'kill -9 $$'"] {
        oci.script(script)?;
        seen.push(oci.run()?.status.to_string());
    }
    Ok(seen.join(" "))
}

fn exec_status(oci: &mut Oci) -> Result<String> {
    sleeping(oci)?;
    let lines = [
        "exec ID true",
        "exec ID false",
        "exec ID no-such-program",
        "exec ID /etc/passwd",
        "exec --cwd /nowhere ID true",
        "exec --user 7:8 --cwd /tmp --env A=b ID env",
    ];
    let mut seen = Vec::new();
    for line in lines {
        seen.push(oci.call(line)?.status.to_string());
    }
    let script = ["exec", oci.id(), "sh", "-c", "echo out; exit 42"].map(str::to_owned);
    let said = oci.bare(&script, b"")?;
    seen.push(said.summary());
    Ok(seen.join(" "))
}

fn signals(oci: &mut Oci) -> Result<String> {
    oci.script(
        "trap 'echo usr1' USR1; trap 'echo term' TERM; trap 'echo hup; exit 3' HUP; \
         echo ready; while :; do sleep 0.05; done",
    )?;
    let words = ["create", "--bundle", ".", oci.id()].map(str::to_owned);
    oci.bare(&words, b"")?.success()?;
    // The container's output is that of `create`.
    let output = oci.folder().join("container");
    fs::rename(oci.folder().join("stdout"), &output)?;
    oci.must("start ID")?;
    for (signal, said) in [("USR1", "usr1"), ("15", "term"), ("SIGHUP", "hup")] {
        await_text(&output, "ready")?;
        oci.must(&format!("kill ID {signal}"))?;
        await_text(&output, said)?;
    }
    oci.await_status("stopped")?;
    Ok(fs::read_to_string(output)?)
}

fn await_text(file: &std::path::Path, text: &str) -> Result<()> {
    for _ in 0..200 {
        if fs::read_to_string(file)?.contains(text) {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    anyhow::bail!("no {text:?} in {}", fs::read_to_string(file)?)
}

fn kill_all(oci: &mut Oci) -> Result<String> {
    sleeping(oci)?;
    oci.must("exec --detach ID sleep 1000")?;
    let first = oci.call("kill --all ID KILL")?;
    oci.await_status("stopped")?;
    let again = oci.call("kill --all ID 9")?;
    Ok(format!("{} {} {}", first.summary(), again.summary(), oci.status()?))
}

fn pid_files(oci: &mut Oci) -> Result<String> {
    oci.script("exec sleep 1000")?;
    oci.must("create --bundle . --pid-file first.pid ID")?;
    oci.must("start ID")?;
    oci.must("exec --detach --pid-file second.pid ID sleep 1000")?;
    let state: Value = serde_json::from_str(&oci.must("state ID")?)?;
    let text = |name: &str| fs::read_to_string(oci.folder().join(name));
    let same = state["pid"].as_i64() == text("first.pid")?.parse().ok();
    let pids: Vec<i32> = serde_json::from_str(&oci.must("ps --format json ID")?)?;
    let nowhere = oci.call("exec --pid-file /nowhere/pid ID true")?.status;
    Ok(format!("{same} {} {nowhere}", pids.contains(&text("second.pid")?.parse()?)))
}

fn preserve_fds(oci: &mut Oci) -> Result<String> {
    oci.script("cat <&3; ls /proc/self/fd | wc -l")?;
    let file = oci.folder().join("given");
    fs::write(&file, "from the engine\n")?;
    // A shell gives the runtime its fourth descriptor.
    let line = oci.command_line("run --preserve-fds 1 --bundle . ID");
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &format!("exec {line} 3<'{}'", file.display())]).current_dir(oci.folder());
    Ok(tests::command::finish(&mut shell, b"")?.summary())
}

fn processes(oci: &mut Oci) -> Result<String> {
    sleeping(oci)?;
    oci.must("exec --detach ID sleep 1000")?;
    let pids: Vec<i32> = serde_json::from_str(&oci.must("ps --format json ID")?)?;
    let table = oci.must("ps ID")?;
    let own = oci.must("ps ID -o pid,comm")?;
    oci.must("kill --all ID KILL")?;
    oci.await_status("stopped")?;
    let late = oci.call("ps ID")?;
    let heads = [&table, &own].map(|text| text.lines().next().unwrap_or_default().to_owned());
    let rows = [&table, &own].map(|text| text.lines().count());
    let late_rows = late.stdout.lines().count();
    Ok(format!("{} pids {heads:?} {rows:?} {} {late_rows}", pids.len(), late.status))
}

fn update(oci: &mut Oci) -> Result<String> {
    sleeping(oci)?;
    let read = |oci: &Oci, file: &str| -> Result<String> {
        let group = oci.config()["linux"]["cgroupsPath"].as_str().context("no path")?;
        let (controller, _) = file.split_once('.').context("no controller")?;
        Ok(fs::read_to_string(format!("/sys/fs/cgroup/{controller}{group}/{file}"))?
            .trim()
            .to_owned())
    };
    let resources = br#"{"pids":{"limit":77},"cpu":{"shares":256},"memory":{"limit":33554432}}"#;
    let mut seen = vec![oci.call_with("update --resources - ID", resources)?.summary()];
    for file in ["pids.max", "cpu.shares", "memory.limit_in_bytes"] {
        seen.push(read(oci, file)?);
    }
    seen.push(oci.call("update --pids-limit 55 --memory 48M --cpu-share 300 ID")?.summary());
    for file in ["pids.max", "cpu.shares", "memory.limit_in_bytes"] {
        seen.push(read(oci, file)?);
    }
    seen.push(oci.call_with("update --resources - ID", b"{")?.status.to_string());
    Ok(seen.join(" "))
}

/// The names of everything that is told; runc's later versions may tell more.
fn statistics(oci: &mut Oci) -> Result<String> {
    sleeping(oci)?;
    let event: Value = serde_json::from_str(&oci.must("events --stats ID")?)?;
    let data = event["data"].as_object().context("no data")?;
    let wanted = ["cpu", "memory", "pids", "blkio"];
    let parts = wanted.map(|name| {
        let keys: Vec<_> =
            data[name].as_object().into_iter().flat_map(|part| part.keys()).collect();
        let told = ["usage", "throttling", "raw", "current"];
        let known: Vec<_> =
            told.iter().filter(|key| keys.iter().any(|name| name == *key)).collect();
        format!("{name} {known:?}")
    });
    ensure!(event["data"]["memory"]["usage"]["usage"].as_u64() > Some(0), "{event}");
    Ok(format!("{} {} {}", event["type"], event["id"] == oci.id(), parts.join(" ")))
}

fn list(oci: &mut Oci) -> Result<String> {
    let empty = oci.must("list --format json")?;
    sleeping(oci)?;
    let table = oci.must("list")?;
    let head: Vec<_> = table.lines().next().unwrap_or_default().split_whitespace().collect();
    let quiet = oci.must("list --quiet")? == oci.id();
    let rows: Value = serde_json::from_str(&oci.must("list --format json")?)?;
    let empty = ["null", "[]"].contains(&empty.as_str());
    Ok(format!("{empty} {} {quiet} {}", head.join(" "), rows[0]["status"]))
}

/// What `spec` writes, but for the host name and the order in sets.
fn example(oci: &mut Oci) -> Result<String> {
    let folder = oci.folder().join("example");
    fs::create_dir(&folder)?;
    oci.must(&format!("spec --bundle {}", folder.display()))?;
    let again = oci.call(&format!("spec --bundle {}", folder.display()))?;
    let mut spec: Value = serde_json::from_str(&fs::read_to_string(folder.join("config.json"))?)?;
    for removed in ["hostname", "ociVersion"] {
        spec.as_object_mut().context("no object")?.remove(removed);
    }
    sort(&mut spec);
    Ok(format!("{} {spec}", again.status))
}

fn sort(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(sort);
            if items.iter().all(|item| item.as_str().is_some_and(|text| text.starts_with("CAP_"))) {
                items.sort_by_key(|item| item.to_string());
            }
        }
        Value::Object(fields) => {
            let sorted: std::collections::BTreeMap<_, _> =
                fields.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
            *fields = sorted.into_iter().collect();
            fields.values_mut().for_each(sort);
        }
        _ => {}
    }
}

/// `IFF_UP` and `IFF_LOOPBACK`.
fn loopback(oci: &mut Oci) -> Result<String> {
    oci.script("cat /sys/class/net/lo/flags")?;
    oci.must("run --bundle . ID")
}

fn read_only(oci: &mut Oci) -> Result<String> {
    oci.script(
        "touch /file; grep ' /dev ' /proc/mounts | cut -d ' ' -f 1-4; echo x > /dev/null; echo $?",
    )?;
    oci.configure(|config| {
        config["root"]["readonly"] = json!(true);
        let mounts = config["mounts"].as_array_mut().into_iter().flatten();
        for mount in mounts.filter(|mount| mount["destination"] == "/dev") {
            mount["options"] = json!(["nosuid", "strictatime", "mode=755", "size=65536k", "ro"]);
        }
    })?;
    Ok(oci.run()?.summary())
}

fn joined_before_start(oci: &mut Oci) -> Result<String> {
    oci.script("exit 0")?;
    oci.must("create --bundle . ID")?;
    let said = oci.call("exec ID echo joined")?.summary();
    let status = oci.status()?;
    oci.must("start ID")?;
    oci.await_status("stopped")?;
    Ok(format!("{said} {status}"))
}

fn joined_without_bundle(oci: &mut Oci) -> Result<String> {
    sleeping(oci)?;
    let mut process = oci.config()["process"].clone();
    process["args"] = json!(["echo", "joined"]);
    fs::write(oci.folder().join("process.json"), process.to_string())?;
    fs::remove_file(oci.folder().join("config.json"))?;
    let said = oci.call("exec --process process.json ID")?.summary();
    oci.must("kill ID KILL")?;
    oci.await_status("stopped")?;
    oci.must("delete ID")?;
    Ok(said)
}

fn sub_groups(oci: &mut Oci) -> Result<String> {
    oci.script("exec sleep 1000")?;
    oci.configure(|config| {
        let mounts = config["mounts"].as_array_mut().into_iter().flatten();
        for mount in mounts.filter(|mount| mount["type"] == "cgroup") {
            mount["options"] = json!(["nosuid", "noexec", "nodev", "relatime"]);
        }
    })?;
    oci.must("create --bundle . ID")?;
    oci.must("start ID")?;
    let script = "mkdir /sys/fs/cgroup/memory/inner && ls -d /sys/fs/cgroup/memory/inner";
    let words = ["exec", oci.id(), "sh", "-c", script].map(str::to_owned);
    let said = oci.bare(&words, b"")?.summary();
    let inner = said.lines().any(|line| line.ends_with("/inner"));
    oci.must("delete --force ID")?;
    Ok(format!("{} {}", if inner { "/inner" } else { &said }, oci.status()?))
}
