//! Golden files, to be read as prose: a policy, the JSON and the plan that become of it.
//!
//! `UPDATE=1 cargo test -p converter --test golden` writes them anew.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn convert(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_systrace-convert"));
    command.args(words).current_dir(folder()).output().expect("systrace-convert runs")
}

/// Compares what the command prints with a golden file.
fn holds(words: &[&str], golden: &str) {
    let output = convert(words);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    let path = folder().join(golden);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &output.stdout).expect("the golden file is written");
    }
    let expected = std::fs::read(&path).unwrap_or_default();
    let [shown, expected] =
        [output.stdout, expected].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(shown == expected, "{words:?} is not {golden} any more:\n{shown}");
}

#[test]
fn numbers_as_json() {
    holds(&["seccomp", "numbers.policy"], "numbers.json");
}

#[test]
fn numbers_as_plan() {
    holds(&["plan", "numbers.policy"], "numbers.plan");
}

#[test]
fn mixed_rules_as_plan() {
    holds(&["plan", "mixed.policy"], "mixed.plan");
}

/// Landlock and the supervisor share the rules; the host is the newest.
#[test]
fn folders_as_plan() {
    holds(&["plan", "--for", "linux=6.18", "folders.policy"], "folders.plan");
}

/// What Landlock would carry falls to the supervisor.
#[test]
fn folders_without_landlock() {
    holds(
        &["plan", "--for", "linux=6.18", "--without", "landlock", "folders.policy"],
        "folders-supervised.plan",
    );
}

/// A page for reviewers: read `folders.html` in a browser when it changes.
#[test]
fn folders_as_page() {
    holds(&["plan", "--for", "linux=6.1,landlock=1", "--html", "folders.policy"], "folders.html");
}

/// What would move a rule up is the same in all formats.
#[test]
fn mixed_rules_as_json() {
    holds(&["plan", "--format", "json", "mixed.policy"], "mixed-plan.json");
}

/// A kernel without supervision: what a filter alone does is shown only to who asks for it.
#[test]
fn mixed_rules_on_an_old_kernel() {
    let refused = convert(&["plan", "--for", "linux=5.4", "mixed.policy"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stdout.is_empty() && !refused.stderr.is_empty());
    holds(&["plan", "--for", "linux=5.4", "--best-effort", "mixed.policy"], "mixed-old.plan");
}

#[test]
fn mixed_rules_as_best_effort() {
    holds(&["seccomp", "--best-effort", "mixed.policy"], "mixed.json");
}
