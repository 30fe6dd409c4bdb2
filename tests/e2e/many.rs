//! Many at once: starts, joins and ends at the same moment do not get into each other's way, and nothing is left.

use crate::{Test, tests_of};
use anyhow::{Result, ensure};
use std::fs;
use std::time::{Duration, Instant};
use tests::many::Herd;
use tests::{Engine, place, sweep};

const COUNT: usize = 24;

pub fn tests() -> Vec<Test> {
    tests_of![twenty_four_at_the_same_moment]
}

fn twenty_four_at_the_same_moment(engine: &Engine) -> Result<()> {
    let folder = engine.home().run().join("many");
    fs::create_dir_all(&folder)?;
    let config = folder.join("shim.toml");
    fs::write(&config, format!("audit = '{}/audit/<id>.jsonl'\n", folder.display()))?;
    let runtime = [
        place::shim().display().to_string(),
        format!("--config={}", config.display()),
        format!("--policy={}/tests/policies/supervised.policy", place::workspace().display()),
    ];
    let group = format!("{}/many", engine.home().cgroup());
    let herd = Herd::new(&folder, &group, &runtime, COUNT)?;
    herd.start(COUNT)?;
    let running = herd.running()?;
    ensure!(running == COUNT, "{running} run");
    herd.exec(
        COUNT,
        &["sh", "-c", "cat /etc/passwd > /dev/shm/copy && cmp /etc/passwd /dev/shm/copy"],
    )?;
    herd.end(COUNT)?;
    ensure!(herd.left().is_empty(), "left: {:?}", herd.left());
    // A supervisor ends with its container, but for those of tests that run beside this one.
    let started = Instant::now();
    let ours = || {
        let named = |pid: &i32| {
            let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&words).contains(&*folder.to_string_lossy())
        };
        sweep::processes_running(&place::shim()).iter().filter(|pid| named(pid)).count()
    };
    while ours() > 0 {
        ensure!(started.elapsed() < Duration::from_secs(20), "{} supervisors are left", ours());
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
