//! The figures as a page.

use crate::calls::{self, CALLS, Clients, Cost, FLOOR};
use crate::gaps::Gaps;
use crate::memory::Memory;
use crate::start::{ROUNDS, Start};
use crate::workloads::Work;
use anyhow::Result;
use std::fmt::Write as _;
use std::fs;
use tests::command::finish;

pub fn write(
    start: &[Start],
    calls: &[Cost],
    (memory, gaps): (Option<&Memory>, &Gaps),
) -> Result<String> {
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
    if let Some(Memory { resident, proportional }) = memory {
        writeln!(
            page,
            "## Memory of a supervisor and its holder\n\n\
             After 5000 supervised calls, its container asleep: {resident} kB resident; {proportional} kB\n\
             with every shared page divided by the number of its users."
        )?;
    }
    missing(&mut page, gaps)?;
    Ok(page)
}

/// What the page does not have.
fn missing(page: &mut String, gaps: &Gaps) -> Result<()> {
    if !gaps.list().is_empty() {
        writeln!(page, "\n## Not measured\n")?;
    }
    for gap in gaps.list() {
        writeln!(page, "- {}", gap.split_whitespace().collect::<Vec<_>>().join(" "))?;
    }
    Ok(())
}

/// What the bare loop does for a call, and what it does not.
fn bare_loop(call: &str) -> Option<&'static str> {
    Some(match call {
        "open" => {
            "The bare C loop (tests/programs/floor.c) takes the supervisor's steps and no others: it receives the call, copies the name,\n\
             asks whether the call still waits and for the caller's ids, takes the caller's capabilities, opens the name with `O_PATH`, asks\n\
             for its resolved name and its type, opens it for use, takes its own capabilities back, hands the descriptor over, closes both\n\
             and answers: 14 system calls. It knows no policy, one caller and absolute names only. The descriptor is handed over before\n\
             the answer, in two steps: in one (`SECCOMP_ADDFD_FLAG_SEND`) the caller would get 0 and no descriptor if the supervisor\n\
             were killed in between."
        }
        "stat" => {
            "The bare C loop as for open; the status is written to the caller's memory: 12 system calls."
        }
        "connect" => {
            "A datagram socket, to the loop. The bare C loop copies the address and the socket (pidfd_getfd(2)), asks whether the call still\n\
             waits, connects with the caller's capabilities, closes and answers: 10 system calls. Between calls of one caller it could\n\
             keep these capabilities, as we do. It does not ask whether the socket may block, as it must before it connects one of a stream."
        }
        "exec" => {
            "The program is static and does nothing. The bare C loop takes the minimum that is safe without a program in the kernel: it reads\n\
             the new process's credentials, copies name and arguments, opens the file and looks whether it is a script, traces the caller, lets\n\
             the call through, waits for the stop behind it, compares the program and its arguments with what was judged, and detaches:\n\
             some thirty system calls and two more changes of the process that runs."
        }
        _ => return None,
    })
}

/// The figures of real programs as a page.
pub fn workloads(works: &[Work], gaps: &Gaps) -> Result<String> {
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
    missing(&mut page, gaps)?;
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
            said(&format!("{runtime} --version"))
                .unwrap_or_default()
                .lines()
                .next()
                .unwrap_or_default()
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
        "exec" => "vfork, execve, wait",
        other => other,
    };
    match clients {
        Clients::One => writeln!(page, "## {title}\n\nMicroseconds a call,")?,
        Clients::Four => writeln!(
            page,
            "## {title}, four processes at a time\n\nMicroseconds from the first to the last call, divided by the number of all calls,"
        )?,
        Clients::Flood => writeln!(
            page,
            "## {title}, a flood from 64 processes\n\nMicroseconds from the first to the last call, divided by the number of all calls,\nwhich are {} a judge: 100 microseconds are 10 000 calls a second,",
            calls::FLOOD
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
    if let Some(text) = bare_loop(call).filter(|_| clients == Clients::One) {
        writeln!(page, "{text}\n")?;
    }
    Ok(())
}
