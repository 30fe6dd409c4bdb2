//! `bench workloads`: real programs of the host in a container, under runc, under policies, and under syd.
//!
//! The container sees the host's programs and this project's sources, read-only, and has a `/tmp` of its own. Each script prints
//! the nanoseconds that its work took, so neither the start of the container counts nor what is made ready for the work.

use crate::gaps::Gaps;
use crate::runner::{INSIDE, Runners, in_container, installed};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::bundle::Bundle;
use tests::command::finish;
use tests::place;

const ROUNDS: usize = 3;

/// What real programs do.
struct Workload {
    name: &'static str,
    /// The programs that it needs.
    needed: &'static [&'static str],
    /// What is done before, and does not count.
    ready: &'static str,
    /// What is done.
    work: &'static str,
    /// What the work took, in nanoseconds, as an arithmetic expression for awk(1).
    took: &'static str,
    /// What is done at last.
    end: &'static str,
}

/// The time from the beginning of the work to its end.
const ELAPSED: &str = "e - s";

const WORKLOADS: [Workload; 6] = [
    Workload {
        name: "find /usr/lib -xdev",
        needed: &["find"],
        ready: "",
        work: "find /usr/lib -xdev >/dev/null",
        took: ELAPSED,
        end: "",
    },
    Workload {
        name: "tar of /usr/include",
        needed: &["tar"],
        ready: "",
        work: "tar -C /usr -cf - include | cat >/dev/null",
        took: ELAPSED,
        end: "",
    },
    Workload {
        name: "git status, 40 times",
        needed: &["git"],
        ready: "mkdir /tmp/r && cd /tmp/r && cp -r /src/policy /src/supervisor /src/converter . && \
                git init -q && git add -A",
        work: "for i in $(seq 40); do git status --short >/dev/null || exit 1; done",
        took: ELAPSED,
        end: "",
    },
    Workload {
        name: "gcc -O2 of four programs",
        needed: &["gcc"],
        ready: "",
        work: "for p in floor calls exec_race path_race; do \
               gcc -O2 -pthread -D_GNU_SOURCE -o /tmp/$p /src/tests/programs/$p.c || exit 1; done",
        took: ELAPSED,
        end: "",
    },
    Workload {
        name: "nginx, 10000 requests of wrk",
        needed: &["nginx", "wrk"],
        // Its workers stay root: this container gives nobody the right to become another user.
        ready: "for t in client_body proxy fastcgi uwsgi scgi; do temp=\"$temp ${t}_temp_path /tmp/$t;\"; done; \
                echo \"user root; events {} http { $temp access_log off; server { listen 127.0.0.1:18080; root /src; } }\" >/tmp/conf; \
                nginx -p /tmp -e /tmp/log -g 'pid /tmp/pid;' -c /tmp/conf || exit 1; \
                until wrk -t1 -c1 -d1s http://127.0.0.1:18080/README.md >/dev/null; do sleep 0.1; done",
        work: "r=$(wrk -t1 -c8 -d3s http://127.0.0.1:18080/README.md | sed -n 's,^Requests/sec: *,,p')",
        took: "1e13 / r",
        end: "kill $(cat /tmp/pid)",
    },
    Workload {
        name: "redis, 50000 GET of redis-benchmark",
        needed: &["redis-server", "redis-benchmark", "redis-cli"],
        ready: "redis-server --port 0 --unixsocket /tmp/redis --save '' --dir /tmp --daemonize yes >/dev/null; \
                until redis-cli -s /tmp/redis ping >/dev/null 2>&1; do sleep 0.1; done",
        work: "r=$(redis-benchmark -s /tmp/redis -t get -n 50000 --csv | sed -n 's,^\"GET\"\\,\"\\([0-9.]*\\)\".*,\\1,p')",
        took: "5e13 / r",
        end: "redis-cli -s /tmp/redis shutdown nosave >/dev/null",
    },
];

impl Workload {
    /// The shell's script.
    fn script(&self) -> String {
        let Self { ready, work, took, end, .. } = self;
        let ready = if ready.is_empty() { ":" } else { ready };
        let end = if end.is_empty() { ":" } else { end };
        format!(
            "{{ {ready}; }} >&2 || exit 1; s=$(date +%s%N); {{ {work}; }} || exit 1; e=$(date +%s%N); {end}; \
             awk -v s=$s -v e=$e -v r=\"$r\" 'BEGIN {{ printf \"%.0f\", {took} }}'"
        )
    }
}

/// One workload under one runtime.
#[derive(Debug)]
pub struct Work {
    pub workload: &'static str,
    pub runtime: &'static str,
    /// Milliseconds.
    pub median: f64,
}

pub fn measure(runners: &Runners, gaps: &mut Gaps) -> Result<Vec<Work>> {
    let mut bundle = runners.bundle("workloads")?;
    bundle.change(show_host)?;
    if installed("syd-oci").is_none() {
        gaps.note("syd-oci: not installed (`cargo install syd --features oci`)".to_owned());
    }
    let mut works = Vec::new();
    for workload in &WORKLOADS {
        if let Some(missing) = workload.needed.iter().find(|program| installed(program).is_none()) {
            gaps.note(format!("{}: {missing} is not installed", workload.name));
            continue;
        }
        println!("{}, {ROUNDS} rounds …", workload.name);
        bundle.command(&["timeout", INSIDE, "/bin/sh", "-c", &workload.script()])?;
        works.extend(compare(runners, &bundle, (workload.name, gaps)));
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

/// A runtime that cannot do it is left out from then on, and that is noted.
fn compare(
    runners: &Runners,
    bundle: &Bundle,
    (workload, gaps): (&'static str, &mut Gaps),
) -> Vec<Work> {
    let syd = installed("syd-oci").map(|path| ("syd-oci", vec![path.display().to_string()]));
    let ours = [&runners.runc, &runners.ladder, &runners.supervised];
    let ours = ours.iter().map(|runner| (runner.name, runner.words.clone()));
    let mut compared: Vec<_> =
        ours.chain(syd).map(|(name, words)| (name, words, Vec::new())).collect();
    for _ in 0..ROUNDS {
        compared.retain_mut(|(name, words, times)| {
            let time = gaps.part(&format!("{workload} under {name}"), || once(bundle, words));
            times.extend(time);
            time.is_some()
        });
    }
    let work = |(runtime, _, times)| Work { workload, runtime, median: median(times) };
    compared.into_iter().map(work).collect()
}

/// Milliseconds.
fn once(bundle: &Bundle, words: &[String]) -> Result<f64> {
    let run = |mut command| finish(&mut command, b"")?.success();
    let text = in_container(bundle, words, run)?;
    let last = text.lines().last().unwrap_or_default();
    let time: f64 = last.parse().with_context(|| format!("no number of nanoseconds: {text:?}"))?;
    Ok(time / 1e6)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
