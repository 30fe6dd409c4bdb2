//! `bench workloads`: real programs of the host in a container, under runc, under policies, and under syd.
//!
//! The container sees the host's programs and this project's sources, read-only, and has a `/tmp` of its own. Each script prints
//! the nanoseconds that its work took, so the start of the container does not count.

use crate::runner::{Runners, installed};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::bundle::Bundle;
use tests::command::finish;
use tests::place;

const ROUNDS: usize = 3;

/// What is done, the programs that it needs, and the script.
type Workload = (&'static str, &'static [&'static str], &'static str);

const WORKLOADS: [Workload; 6] = [
    ("find /usr/lib -xdev", &["find"], "find /usr/lib -xdev >/dev/null"),
    ("tar of /usr/include", &["tar"], "tar -C /usr -cf - include | cat >/dev/null"),
    (
        "git status, 10 times",
        &["git"],
        "for i in 1 2 3 4 5 6 7 8 9 10; do git -c safe.directory=* -C /src --no-optional-locks status >/dev/null; done",
    ),
    (
        "gcc -O2 of four programs",
        &["gcc"],
        "for p in floor calls exec_race path_race; do \
         gcc -O2 -pthread -D_GNU_SOURCE -o /tmp/$p /src/tests/programs/$p.c || exit 1; done",
    ),
    (
        "nginx, 10000 requests of wrk",
        &["nginx", "wrk"],
        "echo 'events {} http { access_log off; server { listen 127.0.0.1:18080; root /src; } }' >/tmp/conf; \
         nginx -p /tmp -e /tmp/log -g 'pid /tmp/pid;' -c /tmp/conf || exit 1; sleep 0.3; \
         rate=$(wrk -t1 -c8 -d3s http://127.0.0.1:18080/README.md | sed -n 's,^Requests/sec: *,,p'); \
         kill $(cat /tmp/pid); awk \"BEGIN { printf \\\"%.0f\\\", 1e13 / $rate }\"; exit",
    ),
    (
        "redis, 50000 GET of redis-benchmark",
        &["redis-server", "redis-benchmark"],
        "redis-server --port 0 --unixsocket /tmp/redis --save '' --dir /tmp --daemonize yes >/dev/null; sleep 0.5; \
         rate=$(redis-benchmark -s /tmp/redis -t get -n 50000 --csv | sed -n 's,^\"GET\"\\,\"\\([0-9.]*\\)\".*,\\1,p'); \
         redis-cli -s /tmp/redis shutdown nosave; awk \"BEGIN { printf \\\"%.0f\\\", 5e13 / $rate }\"; exit",
    ),
];

/// One workload under one runtime.
#[derive(Debug)]
pub struct Work {
    pub workload: &'static str,
    pub runtime: &'static str,
    /// Milliseconds.
    pub median: f64,
}

pub fn measure(runners: &Runners) -> Result<Vec<Work>> {
    let mut bundle = runners.bundle("workloads")?;
    bundle.change(show_host)?;
    let mut works = Vec::new();
    for (workload, needed, script) in WORKLOADS {
        if let Some(missing) = needed.iter().find(|program| installed(program).is_none()) {
            println!("{workload}: left out, {missing} is not installed");
            continue;
        }
        println!("{workload}, {ROUNDS} rounds …");
        let timed = format!("s=$(date +%s%N); {script}; e=$(date +%s%N); echo $((e - s))");
        bundle.command(&["/bin/sh", "-c", &timed])?;
        works.extend(compare(runners, &bundle, workload)?);
    }
    Ok(works)
}

/// The folders of the host's programs; `/tmp` is writable, and the network is the host's, of which only the loop is used.
fn show_host(config: &mut Value) {
    let workspace = place::workspace().display().to_string();
    let shown =
        ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc"].map(|path| (path.to_owned(), path));
    let bind = |(host, inside): (String, &str)| json!({ "type": "bind", "source": host, "destination": inside, "options": ["rbind", "ro"] });
    let binds = shown.into_iter().chain([(workspace, "/src")]).map(bind);
    let tmp = json!({ "type": "tmpfs", "source": "tmpfs", "destination": "/tmp", "options": ["mode=1777"] });
    if let Some(mounts) = config["mounts"].as_array_mut() {
        mounts.extend(binds.chain([tmp]));
    }
    if let Some(namespaces) = config["linux"]["namespaces"].as_array_mut() {
        namespaces.retain(|namespace| namespace["type"] != "network");
    }
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    config["process"]["env"] = json!([path, "HOME=/tmp"]);
}

fn compare(runners: &Runners, bundle: &Bundle, workload: &'static str) -> Result<Vec<Work>> {
    let syd = installed("syd-oci").map(|path| ("syd-oci", vec![path.display().to_string()]));
    let ours = [&runners.runc, &runners.ladder, &runners.supervised];
    let compared: Vec<_> =
        ours.iter().map(|runner| (runner.name, runner.words.clone())).chain(syd).collect();
    let mut times: Vec<Vec<f64>> = compared.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for ((name, words), times) in compared.iter().zip(&mut times) {
            match once(bundle, words) {
                Ok(time) => times.push(time),
                // A peer that cannot do it is left out, and that is said.
                Err(error) if *name == "syd-oci" => println!("{workload}: {name}: {error:#}"),
                Err(error) => return Err(error.context(format!("{workload} under {name}"))),
            }
        }
    }
    let measured = compared.iter().zip(times).filter(|(_, times)| !times.is_empty());
    Ok(measured
        .map(|((runtime, _), times)| Work { workload, runtime, median: median(times) })
        .collect())
}

/// Milliseconds.
fn once(bundle: &Bundle, words: &[String]) -> Result<f64> {
    let text = finish(&mut bundle.run(words, "bench-workload"), b"")?.success()?;
    let last = text.lines().last().unwrap_or_default();
    let time: f64 = last.parse().with_context(|| format!("no number of nanoseconds: {text:?}"))?;
    Ok(time / 1e6)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
