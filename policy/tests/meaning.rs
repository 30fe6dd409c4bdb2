//! Published policies mean something: every name in them is known.

use std::path::Path;

use policy::{Code, Source, compile};

#[test]
fn every_published_policy_has_a_meaning() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/corpus");
    let mut policies = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mut text = std::fs::read(&path).unwrap();
        if path.ends_with("bsd-ports-systrace.filter") {
            text.splice(0..0, *b"Policy: /usr/bin/make, Emulation: native\n");
        }
        let source = Source::new(path.to_string_lossy(), text);
        let lowered = compile(&source, &|_| None).unwrap_or_else(|errors| panic!("{errors:#?}"));
        policies += lowered.set.policies.len();
        let expected =
            [Code::NoCounterpart, Code::PlainOrder, Code::LiteralPattern, Code::Unreachable];
        for warning in lowered.warnings {
            assert!(expected.contains(&warning.code), "{}: {warning:#?}", source.name());
        }
    }
    assert!(policies > 15, "{policies}");
}
