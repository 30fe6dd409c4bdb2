//! How long a decision takes among many rules, and how long a policy takes to be read. Prints the
//! text of `docs/benchmarks-language.md`.

use std::fmt::Write;
use std::hint::black_box;
use std::time::{Duration, Instant};

use policy::registry::{FormId, call_named};
use policy::{Event, Policy, Source, Subject, Value, compile, lower, parse};

/// A kind of rules: rule `n`, and a value that it holds for.
struct Sort {
    name: &'static str,
    call: (&'static str, usize),
    rule: fn(usize) -> String,
    value: fn(usize) -> String,
}

const OPENAT: (&str, usize) = ("openat", 1);

/// Kinds whose cost must not grow.
const LOOKED_UP: [Sort; 4] = [
    Sort {
        name: "`filename eq`",
        call: OPENAT,
        rule: |n| format!("fsread: filename eq \"/srv/data/{n}/file\" then permit"),
        value: |n| format!("/srv/data/{n}/file"),
    },
    Sort {
        name: "`filename match`, a folder",
        call: OPENAT,
        rule: |n| format!("fsread: filename match \"/srv/data/{n}\" then permit"),
        value: |n| format!("/srv/data/{n}/some/file"),
    },
    Sort {
        name: "both in turn, and `oflags eq`",
        call: OPENAT,
        rule: |n| match n % 3 {
            0 => format!("open: oflags eq \"{n}\" then deny"),
            1 => format!("open: filename eq \"/srv/data/{n}/some/file\" then permit"),
            _ => format!("open: filename match \"/srv/data/{n}\" then permit"),
        },
        value: |n| match n % 3 {
            0 => format!("/srv/data/{}/some/file", n.max(2) - 1),
            _ => format!("/srv/data/{n}/some/file"),
        },
    },
    Sort {
        name: "`sockaddr eq`",
        call: ("connect", 0),
        rule: |n| format!("connect: sockaddr eq \"inet-[10.0.0.1]:{n}\" then permit"),
        value: |n| format!("inet-[10.0.0.1]:{n}"),
    },
];

/// Kinds that are tried one by one.
const TRIED: [Sort; 3] = [
    Sort {
        name: "`filename eq` and another test",
        call: OPENAT,
        rule: |n| format!("open: filename eq \"/srv/{n}\" and oflags eq \"ro\" then permit"),
        value: |n| format!("/srv/{n}"),
    },
    Sort {
        name: "`filename match`, a glob",
        call: OPENAT,
        rule: |n| format!("fsread: filename match \"/srv/*/{n}\" then permit"),
        value: |n| format!("/srv/data/{n}/some/file"),
    },
    Sort {
        name: "`filename re`",
        call: OPENAT,
        rule: |n| format!("fsread: filename re \"^/srv/[a-z]+/{n}(/|$)\" then permit"),
        value: |n| format!("/srv/data/{n}/some/file"),
    },
];

fn main() {
    let mut out = String::from(HEAD);
    decisions(&mut out, &LOOKED_UP, &[10, 100, 1000, 10_000]);
    out.push_str(TRIED_HEAD);
    decisions(&mut out, &TRIED, &[10, 100, 1000]);
    out.push_str(COMPILE_HEAD);
    compilations(&mut out);
    out.push_str(LINES_HEAD);
    lines(&mut out);
    print!("{out}");
}

const HEAD: &str = "# Speed of the language

Made by `make bench-language`; times are the fastest of many rounds on the machine it ran on.

## Decisions

Rules whose only test compares an argument with a name (`eq`, or `match` without wildcards) are
looked up. The events go through the values of all rules in a scattered order, and each is permitted
by its own rule. Allowed growth from 10 to 10 000 rules: 1.5.

";
const TRIED_HEAD: &str = "
Other rules are tried one by one up to the first that holds: half of them here, so the time grows with
their number. Each pattern is compiled once: a glob to tokens that are run over the value without
backtracking beyond the last `*`, a regular expression to the automata of the `regex` crate.

";
const COMPILE_HEAD: &str = "
## Reading 1 000 rules

From text to a policy that decides. Allowed for names: 5 ms.

";
const LINES_HEAD: &str = "
## Reading long files

The whole way, for files of `filename eq` rules; the time for a line must stay the same.

";

fn text(sort: &Sort, rules: usize) -> String {
    let rule = |n| format!("native-{}\n", (sort.rule)(n));
    format!("Policy: /p, Emulation: native\n{}", (0..rules).map(rule).collect::<String>())
}

fn read(source: &Source) -> Policy {
    compile(source, &|_| None).expect("the rules are sound").set.policies.remove(0)
}

/// The shortest of some runs: noise only ever adds. What a run makes is dropped after its time.
fn fastest<T>(runs: usize, mut run: impl FnMut() -> T) -> Duration {
    let time = |_| {
        let start = Instant::now();
        let made = black_box(run());
        let time = start.elapsed();
        drop(made);
        time
    };
    (0..runs).map(time).min().unwrap_or_default()
}

/// One decision among this many rules, in nanoseconds.
fn decision(sort: &Sort, rules: usize) -> f64 {
    const EVENTS: usize = 10_000;
    // A stride without a common divisor with any number of rules scatters the events.
    const STRIDE: usize = 7919;
    let policy = read(&Source::new("p", text(sort, rules)));
    let form = form(sort);
    let values: Vec<_> = (0..EVENTS).map(|n| (sort.value)(n * STRIDE % rules)).collect();
    let time = fastest(20, || {
        for value in &values {
            let values = [Value::Text(value.as_bytes()), Value::Number(0)];
            let values = &values[..form.form().parameters.len().min(2)];
            let event = Event { form, values, subject: Subject::default() };
            assert!(black_box(&policy).evaluate(&event).rule.is_some(), "{value}");
        }
    });
    time.as_secs_f64() * 1e9 / EVENTS as f64
}

fn form(sort: &Sort) -> FormId {
    let (call, at) = sort.call;
    call_named(call).and_then(|call| call.form_ids().nth(at)).expect("the registry has it")
}

fn decisions(out: &mut String, sorts: &[Sort], sizes: &[usize]) {
    let heads: String = sizes.iter().map(|size| format!(" {size} rules |")).collect();
    let _ = writeln!(out, "| rules |{heads} growth |");
    let _ = writeln!(out, "| --- |{} ---: |", " ---: |".repeat(sizes.len()));
    for sort in sorts {
        let times: Vec<_> = sizes.iter().map(|size| decision(sort, *size)).collect();
        let growth = times[times.len() - 1] / times[0];
        let times: String = times.iter().map(|time| format!(" {time:.0} ns |")).collect();
        let _ = writeln!(out, "| {} |{times} {growth:.2} |", sort.name);
    }
}

fn compilations(out: &mut String) {
    let _ = writeln!(out, "| rules | parse | lower and compile | together |");
    let _ = writeln!(out, "| --- | ---: | ---: | ---: |");
    for sort in LOOKED_UP.iter().chain(&TRIED) {
        let source = Source::new("p", text(sort, 1000));
        let parsing = fastest(20, || parse(&source));
        let tree = parse(&source).expect("the rules are sound").tree;
        let lowering = fastest(20, || lower(&source, &tree, &|_| None));
        let [parsing, lowering] = [parsing, lowering].map(|time| time.as_secs_f64() * 1e3);
        let together = parsing + lowering;
        let name = sort.name;
        let _ = writeln!(out, "| {name} | {parsing:.2} ms | {lowering:.2} ms | {together:.2} ms |");
    }
}

fn lines(out: &mut String) {
    let _ = writeln!(out, "| lines | time | for a line |");
    let _ = writeln!(out, "| ---: | ---: | ---: |");
    for size in [1000, 10_000, 100_000] {
        let source = text(&LOOKED_UP[0], size);
        let time = fastest(8, || read(&Source::new("p", source.as_str())));
        let (whole, each) = (time.as_secs_f64() * 1e3, time.as_secs_f64() * 1e6 / size as f64);
        let _ = writeln!(out, "| {size} | {whole:.1} ms | {each:.2} µs |");
    }
}
