//! What `check` finds: golden texts, read as prose, and files that must have no finding.

use std::path::{Path, PathBuf};

use policy::diagnostic::{Paint, render};
use policy::{Code, Diagnostic, Severity, Source, check, is_template, templates};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The files of a folder, in order of their names.
fn files(name: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder(name)).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{name}");
    paths
}

fn source(path: &Path) -> Source {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let mut text = std::fs::read(path).unwrap();
    if name == "bsd-ports-systrace.filter" {
        text.splice(0..0, *b"Policy: /usr/bin/make, Emulation: native\n");
    }
    Source::new(name, text)
}

fn findings(source: &Source) -> Vec<Diagnostic> {
    check(source, &templates::builtin)
}

fn golden(path: &Path, text: &str) {
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, text).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(text, expected, "{} (BLESS=1 rewrites it)", path.display());
}

#[test]
fn findings_read_well() {
    let policies = files("tests/fixtures/lint");
    for path in policies.iter().filter(|path| path.extension().is_some_and(|e| e == "policy")) {
        let source = source(path);
        let shown = findings(&source).into_iter().map(|f| render(&source, &f, Paint::default()));
        golden(&path.with_extension("expected"), &shown.collect::<Vec<_>>().join("\n"));
    }
}

#[test]
fn every_finding_of_the_passes_has_an_example() {
    let policies = files("tests/fixtures/lint");
    let policies = policies.iter().filter(|path| path.extension().is_some_and(|e| e == "policy"));
    let found: Vec<Code> =
        policies.flat_map(|path| findings(&source(path))).map(|f| f.code).collect();
    for code in Code::ALL.iter().filter(|code| **code as u16 >= 200) {
        assert!(found.contains(code), "{code} {}", code.title());
        assert!(code.severity() < Severity::Error, "{code}");
    }
}

/// Each finding is a true one; the golden list is there so that a new one is looked at.
#[test]
fn published_policies_have_the_listed_findings_and_no_others() {
    let mut lines = String::new();
    for path in files("tests/fixtures/corpus") {
        let source = source(&path);
        for finding in findings(&source) {
            let line = source.position(finding.span.start).line;
            lines.push_str(&format!(
                "{}:{line}: {}: {}\n",
                source.name(),
                finding.code,
                finding.message
            ));
        }
    }
    golden(&folder("tests/fixtures/lint/corpus.expected"), &lines);
}

#[test]
fn shipped_policies_have_no_findings() {
    let shipped = ["templates", "../examples/talk"].into_iter().flat_map(files);
    for path in shipped {
        let source = source(&path);
        let shown = findings(&source).into_iter().map(|f| render(&source, &f, Paint::default()));
        assert_eq!(shown.collect::<String>(), "", "{}", path.display());
    }
}

#[test]
fn templates_are_told_from_policies() {
    let template = |text: &str| is_template(&Source::new("x", text));
    assert!(template("# mine\n\n Template: x, Emulation: native\n") && template("TEMPLATE:"));
    assert!(
        !template("Policy: x, Emulation: native\nTemplate: x\n") && !template("") && !template("a")
    );
}
