//! Engines that die, calls that meet, state that is garbage: nothing half done stays, and nothing else is harmed.

use super::oci::{Oci, Runtime};
use crate::Test;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::time::Duration;
use tests::command::{finish, limited};
use tests::{Engine, sweep};

type Play = fn(&mut Oci) -> Result<()>;

pub fn tests() -> Vec<Test> {
    let all: [(&str, Play); 6] = [
        ("killed-between-create-and-start", killed_between_create_and_start),
        ("killed-while-creating", killed_while_creating),
        ("one-name-for-many", one_name_for_many),
        ("garbage-in-the-state-directory", garbage),
        ("no-room-for-the-state", no_room),
        ("deleted-while-joined", deleted_while_joined),
    ];
    let test = |(name, play): (&'static str, Play)| {
        Test::new(format!("conformance::broken::{name}"), move |engine: &Engine| {
            let mut oci = Oci::new(engine, name, Runtime::Supervised)?;
            play(&mut oci)?;
            nothing_left(&oci)
        })
    };
    all.into_iter().map(test).collect()
}

/// No state, no group, no process.
fn nothing_left(oci: &Oci) -> Result<()> {
    let state: Vec<_> = fs::read_dir(oci.state()).into_iter().flatten().flatten().collect();
    ensure!(state.is_empty(), "state is left: {state:?}");
    let group = oci.config()["linux"]["cgroupsPath"].as_str().context("no path")?;
    let groups = sweep::cgroups_named(group);
    ensure!(groups.is_empty(), "groups are left: {groups:?}");
    for _ in 0..100 {
        if oci.processes().is_empty() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    anyhow::bail!("processes are left: {:?}", oci.processes())
}

fn killed_between_create_and_start(oci: &mut Oci) -> Result<()> {
    oci.script("exit 0")?;
    oci.must("create --bundle . ID")?;
    // Who comes after the engine finds a container that can be started or deleted.
    ensure!(oci.status()? == "created", "{}", oci.status()?);
    oci.must("delete --force ID").map(drop)
}

/// Killed at any moment, `create` leaves nothing that `delete --force` does not remove; the name is free again.
fn killed_while_creating(oci: &mut Oci) -> Result<()> {
    oci.script("exit 0")?;
    for step in 0..15 {
        oci.killed_after("create --bundle . ID", Duration::from_millis(step * 3))?;
        oci.must("delete --force ID").with_context(|| format!("killed after {} ms", step * 3))?;
        nothing_left(oci).with_context(|| format!("killed after {} ms", step * 3))?;
    }
    oci.must("create --bundle . ID")?;
    oci.must("delete --force ID").map(drop)
}

/// One of them gets the name, the others are told, and the winner's container is whole.
fn one_name_for_many(oci: &mut Oci) -> Result<()> {
    oci.script("exit 0")?;
    for _ in 0..3 {
        let line = oci.command_line("create --bundle . ID");
        let folder = oci.folder();
        let calls: Vec<_> = (0..8)
            .map(|number| {
                let said = fs::File::create(folder.join(format!("said-{number}")))?;
                let mut shell = std::process::Command::new("sh");
                shell.args(["-c", &format!("exec {line}")]).current_dir(folder);
                shell.stdin(std::process::Stdio::null()).stdout(said.try_clone()?).stderr(said);
                Ok(shell.spawn()?)
            })
            .collect::<Result<_>>()?;
        let mut won = 0;
        for (number, mut call) in calls.into_iter().enumerate() {
            let status = call.wait()?;
            let said = fs::read_to_string(folder.join(format!("said-{number}")))?;
            won += i32::from(status.success());
            ensure!(status.success() || said.contains("already exists"), "{said}");
        }
        ensure!(won == 1, "{won} got the name");
        oci.must("start ID")?;
        oci.await_status("stopped")?;
        oci.must("delete ID")?;
    }
    Ok(())
}

fn garbage(oci: &mut Oci) -> Result<()> {
    oci.script("exec sleep 1000")?;
    oci.must("create --bundle . ID")?;
    oci.must("start ID")?;
    let state = oci.state();
    fs::write(state.join("file"), "garbage")?;
    for (name, text) in [("empty", None), ("half", Some("{\"id\": ")), ("list", Some("[]"))] {
        fs::create_dir(state.join(name))?;
        if let Some(text) = text {
            fs::write(state.join(name).join("state.json"), text)?;
        }
    }
    ensure!(oci.must("list --quiet")? == oci.id(), "{}", oci.must("list --quiet")?);
    for name in ["file", "empty", "half", "list"] {
        let said = oci.call(&format!("state {name}"))?;
        ensure!(said.status == 1 && said.stderr.contains(name), "{}", said.summary());
        oci.must(&format!("delete --force {name}"))?;
    }
    fs::remove_file(state.join("file"))?;
    ensure!(oci.status()? == "running", "{}", oci.status()?);
    oci.must("delete --force ID").map(drop)
}

/// However far `create` comes on a full disk, it says so and leaves nothing. The disk is gone with the mount namespace.
fn no_room(oci: &mut Oci) -> Result<()> {
    oci.script("exit 0")?;
    let state = oci.state();
    fs::create_dir_all(&state)?;
    let line = oci.command_line("run --bundle . ID");
    let mut refused = 0;
    for room in (4..=256).step_by(4) {
        let script = format!(
            "mount -t tmpfs -o size={room}k tmpfs '{0}' && {line} </dev/null; status=$?; ls '{0}'; exit $status",
            state.display()
        );
        let mut shell = limited("unshare");
        shell.args(["--mount", "sh", "-c", &script]).current_dir(oci.folder());
        let said = finish(&mut shell, b"")?;
        ensure!(said.stdout.is_empty(), "{room} KiB: left: {}", said.summary());
        if said.status == 0 {
            break;
        }
        refused += 1;
        ensure!(said.status == 1 && !said.stderr.is_empty(), "{room} KiB: {}", said.summary());
    }
    ensure!((1..64).contains(&refused), "{refused} refused");
    fs::remove_dir(&state).context("the state directory is in use")
}

fn deleted_while_joined(oci: &mut Oci) -> Result<()> {
    oci.script("exec sleep 1000")?;
    oci.must("create --bundle . ID")?;
    oci.must("start ID")?;
    let line = oci.command_line("exec ID sh -c");
    let script = format!("{line} 'echo joined; sleep 1000'");
    let output = oci.folder().join("joined");
    let mut joined = std::process::Command::new("sh")
        .args(["-c", &format!("exec {script}")])
        .stdin(std::process::Stdio::null())
        .stdout(fs::File::create(&output)?)
        .spawn()?;
    while !fs::read_to_string(&output)?.contains("joined") {
        ensure!(joined.try_wait()?.is_none(), "it ended early");
        std::thread::sleep(Duration::from_millis(20));
    }
    oci.must("delete --force ID")?;
    let status = joined.wait()?;
    ensure!(status.code() == Some(137), "{status}");
    Ok(())
}
