//! What `check` finds: golden texts, read as prose, and files that must have no finding.

use std::path::{Path, PathBuf};

use policy::diagnostic::{Paint, render};
use policy::{Code, Diagnostic, Severity, Source, check, is_template, templates};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

proptest! {
    #[test]
    fn no_text_upsets_the_passes(rules in vec(rule(), 1..6)) {
        let text = [&b"Policy: /x, Emulation: native\n"[..], &rules.concat()].concat();
        let source = Source::new("x", text);
        for finding in findings(&source) {
            prop_assert!(finding.span.start <= finding.span.end);
            prop_assert!(finding.span.end <= source.text().len());
        }
    }
}

/// A rule that compares some argument with any bytes, and a comment that may look like an excuse.
fn rule() -> impl Strategy<Value = Vec<u8>> {
    let start = select(vec![
        "native-fsread: filename",
        "native-open: not filename",
        "native-connect: sockaddr",
        "native-kill: signame",
        "native-chmod: mode",
        "native-ioctl: request",
    ]);
    let operator = select(vec!["match", "eq", "neq", "sub", "nsub", "inpath"]);
    let piece = prop_oneof![
        select(vec![
            "/", "*", "..", "$HOME", "${X}", "\\\\", "\\", "[", "]", "inet-[", "]:", ":*", "0x",
            "\u{e9}"
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        vec(any::<u8>().prop_filter("no line end", |byte| !b"\0\n\"".contains(byte)), 0..4),
    ];
    let end =
        select(vec!["\n", " # systrace: ignore\n", " # systrace: ignore SYS200 x\n#systrace:\n"]);
    (start, operator, vec(piece, 0..5), end).prop_map(|(start, operator, pieces, end)| {
        let text = [b" \"", pieces.concat().as_slice(), b"\" then permit"].concat();
        [start.as_bytes(), b" ", operator.as_bytes(), &text, end.as_bytes()].concat()
    })
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
fn the_list_of_codes_is_the_registrys() {
    let checks = include_str!("../CHECKS.md");
    assert!(
        checks.ends_with(&format!("\n\n{}", policy::diagnostic::reference())),
        "replace the end of CHECKS.md by what `cargo run -p policy --example codes` prints"
    );
    let example = checks.split("```systrace\n").nth(1).and_then(|rest| rest.split("```").next());
    assert_eq!(findings(&Source::new("example", example.unwrap())), []);
}

#[test]
fn templates_are_told_from_policies() {
    let template = |text: &str| is_template(&Source::new("x", text));
    assert!(template("# mine\n\n Template: x, Emulation: native\n") && template("TEMPLATE:"));
    assert!(
        !template("Policy: x, Emulation: native\nTemplate: x\n") && !template("") && !template("a")
    );
}
