//! `make bench-many`: many containers at once under runc and under systrace-shim, in one run; writes
//! `docs/benchmarks-many.md`.
#![forbid(unsafe_code)]

use anyhow::{Context, Result, ensure};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use tests::command::finish;
use tests::many::Herd;
use tests::{place, sweep};

/// As many as are started at the same moment.
const AT_ONCE: usize = 24;
/// As many as run side by side.
const SIDE_BY_SIDE: usize = 100;
const ROUNDS: usize = 3;

/// A runtime, and what it is called on the page.
struct Runner {
    name: &'static str,
    words: Vec<String>,
}

/// What one runtime needed.
struct Figures {
    name: &'static str,
    burst: Duration,
    all: Duration,
    end: Duration,
    supervisors: Vec<Memory>,
}

/// Kilobytes of one process.
struct Memory {
    resident: u64,
    proportional: u64,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-many: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let folder = place::workspace().join("target/bench-many");
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder)?;
    let figures: Vec<_> =
        runners(&folder)?.iter().map(|runner| measure(&folder, runner)).collect::<Result<_>>()?;
    let text = page(&figures)?;
    fs::write(place::workspace().join("docs/benchmarks-many.md"), &text)?;
    fs::remove_dir_all(&folder)?;
    println!("\n{text}\nwritten to docs/benchmarks-many.md");
    Ok(())
}

fn runners(folder: &Path) -> Result<Vec<Runner>> {
    let config = folder.join("shim.toml");
    fs::write(&config, format!("audit = '{}/audit/<id>.jsonl'\n", folder.display()))?;
    let shim = |name, policy: &str| Runner {
        name,
        words: vec![
            place::shim().display().to_string(),
            format!("--config={}", config.display()),
            format!("--policy={}/{policy}", place::workspace().display()),
        ],
    };
    Ok(vec![
        Runner { name: "runc", words: vec!["runc".to_owned()] },
        shim("systrace-shim, docker-default", "tests/policies/kernel.policy"),
        shim("systrace-shim, supervised files", "tests/policies/supervised.policy"),
    ])
}

fn measure(folder: &Path, runner: &Runner) -> Result<Figures> {
    println!("{} …", runner.name);
    let mut bursts = Vec::new();
    for round in 0..ROUNDS {
        let place = folder.join(format!("{}-{round}", runner.name.replace([' ', ','], "-")));
        let herd = Herd::new(&place, "/systrace-bench-many", &runner.words, AT_ONCE)?;
        bursts.push(herd.start(AT_ONCE)?);
        ensure!(herd.running()? == AT_ONCE, "not all run");
        herd.end(AT_ONCE)?;
        ensure!(herd.left().is_empty(), "left: {:?}", herd.left());
    }
    bursts.sort();
    let place = folder.join(runner.name.replace([' ', ','], "-"));
    let herd = Herd::new(&place, "/systrace-bench-many", &runner.words, SIDE_BY_SIDE)?;
    let all = herd.start(2)?;
    ensure!(herd.running()? == SIDE_BY_SIDE, "not all run");
    let supervisors = supervisors()?;
    let end = herd.end(2)?;
    ensure!(herd.left().is_empty(), "left: {:?}", herd.left());
    Ok(Figures { name: runner.name, burst: bursts[ROUNDS / 2], all, end, supervisors })
}

/// What the supervisors hold, all of them running.
fn supervisors() -> Result<Vec<Memory>> {
    sweep::processes_running(&place::shim()).into_iter().map(memory_of).collect()
}

fn memory_of(pid: i32) -> Result<Memory> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let field = |name: &str| {
        let line = rollup.lines().find_map(|line| line.strip_prefix(name));
        let word = line.and_then(|line| line.split_whitespace().next());
        word.and_then(|word| word.parse().ok()).with_context(|| format!("no {name} in {rollup}"))
    };
    Ok(Memory { resident: field("Rss:")?, proportional: field("Pss:")? })
}

fn page(figures: &[Figures]) -> Result<String> {
    let processors = finish(&mut std::process::Command::new("nproc"), b"")?.success()?;
    let load = fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or_default();
    let mut page = format!(
        "# Many containers at once\n\nWritten by `make bench-many` on {processors} processors, load at the end {load}; \
         every figure and its peers come from one run.\n\nEach container sleeps; `RUNTIME run --detach`, then `kill`, \
         `delete`. Afterwards no process, state or control group was left.\n\n\
         | runtime | {AT_ONCE} started at the same moment, s | a second | {SIDE_BY_SIDE} started two by two, s | \
         a second | {SIDE_BY_SIDE} ended two by two, s |\n|---|---|---|---|---|---|\n",
    );
    for one in figures {
        let (burst, all) = (one.burst.as_secs_f64(), one.all.as_secs_f64());
        writeln!(
            page,
            "| {} | {burst:.2} | {:.0} | {all:.2} | {:.0} | {:.2} |",
            one.name,
            AT_ONCE as f64 / burst,
            SIDE_BY_SIDE as f64 / all,
            one.end.as_secs_f64()
        )?;
    }
    page +=
        "\nWhat confinement holds in memory for one container, beside the container's own, with ";
    writeln!(page, "{SIDE_BY_SIDE} of them running:\n")?;
    writeln!(
        page,
        "| runtime | processes | resident each, kB | with shared pages divided, kB |\n|---|---|---|---|"
    )?;
    for one in figures {
        let mean = |field: fn(&Memory) -> u64| {
            let sum: u64 = one.supervisors.iter().map(field).sum();
            sum / (one.supervisors.len().max(1) as u64)
        };
        let (count, resident) = (one.supervisors.len(), mean(|memory| memory.resident));
        writeln!(
            page,
            "| {} | {count} | {resident} | {} |",
            one.name,
            mean(|memory| memory.proportional)
        )?;
    }
    Ok(page)
}
