//! What is shown to the author of a broken policy: golden texts, read as prose.

use policy::diagnostic::{Paint, render};
use policy::{Code, Source, parse, parse_template};

/// Everything that is shown for a file.
fn shown(text: &[u8]) -> String {
    let source = Source::new("x.policy", text);
    let findings = match parse(&source) {
        Ok(parsed) => parsed.warnings,
        Err(findings) => findings,
    };
    findings.iter().map(|finding| render(&source, finding, Paint::default())).collect()
}

/// Line and code of each finding.
fn codes(text: &[u8]) -> Vec<(u32, Code)> {
    let source = Source::new("x.policy", text);
    let findings = match parse(&source) {
        Ok(parsed) => parsed.warnings,
        Err(findings) => findings,
    };
    findings.iter().map(|f| (source.position(f.span.start).line, f.code)).collect()
}

/// The finding of a single rule under a header.
fn rule(text: &str) -> Vec<Code> {
    let text = format!("Policy: /bin/x, Emulation: native\nnative-open: {text}\n");
    codes(text.as_bytes()).into_iter().map(|(_, code)| code).collect()
}

#[test]
fn all_errors_are_reported_at_once_in_order() {
    assert_eq!(
        shown(include_bytes!("fixtures/diagnostics/broken.policy")),
        include_str!("fixtures/diagnostics/broken.expected")
    );
}

#[test]
fn each_mistake_has_its_code() {
    for (text, code) in [
        ("filename eq 'a' then permit", Code::IllegalCharacter),
        ("filename eq \"a\0\" then permit", Code::IllegalCharacter),
        ("filename eq \"a then permit", Code::OpenString),
        ("filename eq \"a\\\" then permit", Code::OpenString),
        ("TRUE then permit", Code::Unexpected),
        ("true", Code::Unexpected),
        ("true then", Code::Unexpected),
        ("", Code::Unexpected),
        ("( true then permit", Code::Unexpected),
        ("user eq \"a\" then permit", Code::Unexpected),
        ("true then permit as root log", Code::Unexpected),
        ("filename[10] eq \"a\" then permit", Code::Index),
        ("filename[99999999999999999999] eq \"a\" then permit", Code::Index),
        ("deny[bogus]", Code::UnknownErrno),
        ("permit[inherited]", Code::PermitFlag),
        ("permit-now", Code::NotRemembered),
        ("deny-now[einval]", Code::NotRemembered),
        ("true then permit-now", Code::NotRemembered),
        ("permit, if user = 4294967296", Code::NumberTooLarge),
        ("true and true or true then permit", Code::MixedOperators),
        ("deny[eauth]", Code::ForeignErrno),
        ("true then ask[x]", Code::AskFlag),
    ] {
        assert_eq!(rule(text), [code], "{text}");
    }
}

#[test]
fn structure_is_checked() {
    use Code::{
        AfterDetached, Emulation, Header, Name, NoPolicy, OutsidePolicy, Statement, WrongKind,
    };
    for (text, findings) in [
        ("", vec![(1, NoPolicy)]),
        ("# nothing\n\n", vec![(3, NoPolicy)]),
        ("a-b: permit\nc-d: permit\n", vec![(1, OutsidePolicy)]),
        (
            "Policy: x\nnative-open: permit\nnative-x: oops\n",
            vec![(1, Header), (3, Code::Unexpected)],
        ),
        ("Policy: x, Emulation: a b\n", vec![(1, Name)]),
        ("Policy: x, Emulation: native\nopen: permit\n", vec![(2, Statement)]),
        ("Policy: x, Emulation: native\nhello\n", vec![(2, Statement)]),
        ("Policy: x, Emulation: native\nnative-: permit\n", vec![(2, Name)]),
        ("Policy: x, Emulation: native\nlinux-a: permit\n", vec![(2, Emulation)]),
        ("Policy: x, Emulation: a\nPolicy: x, Emulation: b\nb-x: permit", vec![(2, Emulation)]),
        ("Policy: x, Emulation: a\ndetached\na-x: permit\n", vec![(3, AfterDetached)]),
        ("Policy: x, Emulation: a\ndetached\nInclude: y\n", vec![(3, AfterDetached)]),
        ("Policy: x, Emulation: a\nInclude: ../y\n", vec![(2, Name)]),
        ("Template: x, Emulation: a, Description: d\na-x: permit\n", vec![(1, WrongKind)]),
    ] {
        assert_eq!(codes(text.as_bytes()), findings, "{text}");
    }
}

#[test]
fn templates_have_one_section_and_include_nothing() {
    let codes = |text: &str| {
        let findings = parse_template(&Source::new("t", text)).map(|parsed| parsed.tree);
        findings.map_err(|findings| findings.iter().map(|f| f.code).collect::<Vec<_>>())
    };
    let template =
        codes("Template: x, Emulation: a, Description: one, two\na-b: permit\n").unwrap();
    assert_eq!(template.name.value, "x");
    assert_eq!(template.description.value, "one, two");
    assert_eq!(template.rules.len(), 1);
    let header = "Template: x, Emulation: a, Description: d\n";
    assert_eq!(codes("Policy: x, Emulation: a\n"), Err(vec![Code::WrongKind]));
    assert_eq!(codes(&format!("{header}{header}")), Err(vec![Code::WrongKind]));
    assert_eq!(codes(&format!("{header}Include: y\n")), Err(vec![Code::WrongKind]));
    assert_eq!(codes(&format!("{header}detached\n")), Err(vec![Code::WrongKind]));
    assert_eq!(codes("a-b: permit"), Err(vec![Code::OutsidePolicy]));
    assert_eq!(codes(""), Err(vec![Code::NoPolicy]));
}

#[test]
fn nesting_has_a_limit_on_every_path() {
    let deep = 100_000;
    for (open, close) in [("(", ")"), ("not ", ""), ("true and ", ""), ("true or ", "")] {
        let text = format!("{}true{} then permit", open.repeat(deep), close.repeat(deep));
        assert_eq!(rule(&text), [Code::Depth], "{open}");
        let text = format!("{}true{} then permit", open.repeat(255), close.repeat(255));
        assert!(rule(&text).is_empty(), "{open}");
    }
}
