//! The figures as a page.

use crate::calls::{CALLS, Clients, Cost, FLOOR};
use crate::memory::Memory;
use crate::start::{ROUNDS, Start};
use crate::workloads::Work;
use anyhow::Result;
use std::fmt::Write as _;
use std::fs;
use tests::command::finish;

pub fn write(start: &[Start], calls: &[Cost], memory: &Memory) -> Result<String> {
    let mut page = String::from(
        "# Benchmarks\n\nWritten by `make bench`; every figure and its peers come from one run.\n\n",
    );
    machine(&mut page)?;
    starts(&mut page, start)?;
    for (call, _, clients) in CALLS {
        for clients in clients {
            costs(&mut page, (call, *clients), calls)?;
        }
    }
    writeln!(page, "## Memory of a supervisor and its holder\n")?;
    let Memory { resident, proportional } = memory;
    writeln!(
        page,
        "After 5000 supervised calls, its container asleep: {resident} kB resident; {proportional} kB"
    )?;
    writeln!(page, "with every shared page divided by the number of its users.")?;
    Ok(page)
}

/// The figures of real programs as a page.
pub fn workloads(works: &[Work]) -> Result<String> {
    let mut page = String::from(
        "# Benchmarks: workloads\n\nWritten by `make bench-workloads`; every figure and its peers come from one run, in alternating rounds.\n\n",
    );
    machine(&mut page)?;
    writeln!(page, "| workload | runtime | median, ms | of runc |\n|---|---|---|---|")?;
    for Work { workload, runtime, median } in works {
        let runc = works.iter().find(|work| work.workload == *workload && work.runtime == "runc");
        let runc = runc.map_or(f64::NAN, |work| work.median);
        writeln!(page, "| {workload} | {runtime} | {median:.1} | {:.3} |", median / runc)?;
    }
    Ok(page)
}

fn machine(page: &mut String) -> Result<()> {
    let said = |command: &str| -> Result<String> {
        let mut words = command.split(' ');
        let mut command = std::process::Command::new(words.next().unwrap_or_default());
        finish(command.args(words), b"")?.success()
    };
    let processor = fs::read_to_string("/proc/cpuinfo")?;
    let model =
        processor.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    writeln!(page, "| | |\n|---|---|")?;
    writeln!(page, "| date | {} |", said("date --utc +%Y-%m-%d")?)?;
    writeln!(
        page,
        "| processor | {} × {} |",
        said("nproc")?,
        model.trim_start_matches(['\t', ':', ' '])
    )?;
    writeln!(page, "| kernel | {} |", said("uname -r")?)?;
    let load = fs::read_to_string("/proc/loadavg")?;
    writeln!(page, "| load, last minute | {} |", load.split(' ').next().unwrap_or_default())?;
    for runtime in ["runc", "crun"] {
        writeln!(
            page,
            "| {runtime} | {} |",
            said(&format!("{runtime} --version"))?.lines().next().unwrap_or_default()
        )?;
    }
    let syd = said("syd --version").unwrap_or_default();
    let version = syd.lines().next().unwrap_or("not installed: `cargo install syd --features oci`");
    writeln!(page, "| syd | {version} |")?;
    writeln!(page)?;
    Ok(())
}

fn starts(page: &mut String, starts: &[Start]) -> Result<()> {
    let runc =
        starts.iter().find(|start| start.name == "runc").map_or(f64::NAN, |start| start.median);
    writeln!(page, "## Start of a container\n")?;
    writeln!(
        page,
        "`RUNTIME run` of /bin/true on one bundle, {ROUNDS} alternating rounds, milliseconds.\n"
    )?;
    writeln!(page, "| runtime | median | least | most | of runc |\n|---|---|---|---|---|")?;
    for Start { name, median, least, most } in starts {
        writeln!(page, "| {name} | {median:.1} | {least:.1} | {most:.1} | {:.2} |", median / runc)?;
    }
    writeln!(page)?;
    Ok(())
}

fn costs(page: &mut String, (call, clients): (&str, Clients), costs: &[Cost]) -> Result<()> {
    let title = match call {
        "open" => "open and close",
        "exec" => "vfork, execve of /bin/true, wait",
        other => other,
    };
    match clients {
        Clients::One => writeln!(page, "## {title}\n\nMicroseconds a call,")?,
        Clients::Four => writeln!(
            page,
            "## {title}, four processes at a time\n\nMicroseconds from the first to the last call, divided by the number of all calls,"
        )?,
    }
    writeln!(page, "and of the bare C loop (of runc where nothing is supervised).\n")?;
    writeln!(
        page,
        "| judge | one processor | of floor | two processors | of floor |\n|---|---|---|---|---|"
    )?;
    let here: Vec<_> =
        costs.iter().filter(|cost| (cost.call, cost.clients) == (call, clients)).collect();
    let of = |judge: &str, pinned| {
        here.iter()
            .find(|cost| cost.judge == judge && cost.pinned == pinned)
            .map(|cost| cost.median)
    };
    for cost in here.iter().filter(|cost| cost.pinned) {
        let floor = |pinned| of(FLOOR, pinned).or(of("runc", pinned)).unwrap_or(f64::NAN);
        let loose = of(cost.judge, false).unwrap_or(f64::NAN);
        writeln!(
            page,
            "| {} | {:.2} | {:.2} | {:.2} | {:.2} |",
            cost.judge,
            cost.median / 1e3,
            cost.median / floor(true),
            loose / 1e3,
            loose / floor(false),
        )?;
    }
    writeln!(page)?;
    Ok(())
}
