//! `make bench`: measures systrace-shim against its peers in one run, and writes `docs/benchmarks.md`.
//!
//! crun 1.8 refuses hybrid control groups, so everything runs in a mount namespace without the folder of their second
//! version; all runtimes get the same.
#![forbid(unsafe_code)]

mod calls;
mod gaps;
mod memory;
mod report;
mod runner;
mod start;
mod workloads;

use anyhow::{Context, Result};
use gaps::Gaps;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use runner::Runners;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use tests::place;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    hide_second_cgroups()?;
    let folder = place::workspace().join("target/bench");
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder)?;
    let runners = Runners::new(&folder)?;
    let mut gaps = Gaps::new();
    if std::env::args().nth(1).as_deref() == Some("workloads") {
        let works = workloads::measure(&runners, &mut gaps)?;
        write("benchmarks-workloads.md", &report::workloads(&works, &gaps)?)?;
    } else {
        println!("container start, {} rounds …", start::ROUNDS);
        let start = gaps.part("start of a container", || start::measure(&runners));
        println!("memory of a supervisor …");
        let memory = gaps.part("memory of a supervisor", || memory::measure(&runners));
        println!("supervised calls …");
        let calls = calls::measure(&runners, &mut gaps)?;
        let text = report::write(&start.unwrap_or_default(), &calls, (memory.as_ref(), &gaps))?;
        write("benchmarks.md", &text)?;
    }
    drop(fs::remove_dir_all(&folder));
    Ok(())
}

fn write(name: &str, text: &str) -> Result<()> {
    let file = place::workspace().join("docs").join(name);
    fs::write(&file, text)?;
    println!("\n{text}\nwritten to {}", file.display());
    Ok(())
}

fn hide_second_cgroups() -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNS).context("cannot leave the mount namespace: are you root?")?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
    let unified = Path::new("/sys/fs/cgroup/unified");
    if unified.exists() {
        umount2(unified, MntFlags::MNT_DETACH).context("cannot hide the second control groups")?;
    }
    Ok(())
}
