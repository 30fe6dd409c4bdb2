//! Published policies are read whole, and survive printing.

use std::path::Path;

use policy::ast::Statement;
use policy::{Source, parse, print};

#[test]
fn every_published_policy_is_read_whole() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/corpus");
    let mut rules = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mut text = std::fs::read(&path).unwrap();
        if path.ends_with("bsd-ports-systrace.filter") {
            text.splice(0..0, *b"Policy: /usr/bin/make, Emulation: native\n");
        }
        let source = Source::new(path.to_string_lossy(), text);
        let parsed = parse(&source).unwrap_or_else(|errors| panic!("{errors:?}"));
        assert!(parsed.warnings.is_empty(), "{}: {:?}", source.name(), parsed.warnings);

        let read = parsed.tree.policies.iter().flat_map(|policy| &policy.statements);
        let read = read.filter(|statement| matches!(statement, Statement::Rule(_))).count();
        let said = |line: &str| !line.trim().is_empty() && !line.trim().starts_with('#');
        let lines = String::from_utf8_lossy(source.text()).lines().filter(|l| said(l)).count();
        let headers = lines - read;
        assert!(headers >= parsed.tree.policies.len() && headers <= 5, "{}", source.name());
        rules += read;

        let printed = print::file(&parsed.tree, &parsed.comments);
        let again = parse(&Source::new("printed", printed.clone())).unwrap();
        assert_eq!(print::file(&again.tree, &again.comments), printed);
        for comment in String::from_utf8_lossy(source.text()).lines().filter(|l| l.starts_with('#'))
        {
            assert!(String::from_utf8_lossy(&printed).contains(comment), "{comment}");
        }
    }
    assert_eq!(rules, 785);
}
