//! Every policy on the slides of "Systrace for Slackers" is accepted as printed; only a header is added.

use policy::ast::{Action, Expression, PermitFlag, Statement};
use policy::{Source, parse, print};

/// The slide's rules under a header, printed canonically.
fn canonical(slide: &str) -> Vec<String> {
    let source = Source::new("slide", format!("Policy: /bin/x, Emulation: native\n{slide}"));
    let parsed = parse(&source).expect("the slide parses");
    assert!(parsed.warnings.is_empty(), "{:?}", parsed.warnings);
    let text = String::from_utf8(print::file(&parsed.tree, &parsed.comments)).unwrap();
    text.lines().skip(1).map(|line| line.trim_start().to_owned()).collect()
}

/// The slide's lines without the continuations.
fn joined(slide: &str) -> Vec<String> {
    slide.replace(" \\\n    ", " ").lines().map(str::to_owned).collect()
}

const SLIDES: &[&str] = &[
    r#"native-fsread: true then permit
native-fswrite: filename match "$HOME" then permit
native-fswrite: filename match "/tmp" then permit
"#,
    r#"native-fsread: filename match "$HOME" then permit
native-fsread: filename match "/home" then deny[eperm]
native-fsread: true then permit
"#,
    r#"native-execve: filename match "/bin" then permit
native-execve: filename match "/sbin" then permit
native-execve: filename match "/usr/bin" then permit
native-execve: filename match "/usr/games" then permit
native-execve: filename match "/usr/sbin" then permit
"#,
    r#"native-execve: filename match "/bin" \
    then permit[inherit]
native-execve: filename match "/sbin" \
    then permit[inherit]
native-execve: filename match "/usr/bin" \
    then permit[inherit]
native-execve: filename match "/usr/games" \
    then permit[inherit]
native-execve: filename match "/usr/sbin" \
    then permit[inherit]
"#,
    r#"native-connect: sockaddr match "inet-*:5190" \
    then permit
native-connect: sockaddr eq "inet-[127.0.0.1]:53" \
    then permit
"#,
    r#"native-connect: sockaddr match "inet-*:443" \
    then permit
native-connect: sockaddr match "inet-*:80" \
    then permit
native-connect: sockaddr eq "inet-[127.0.0.1]:53" \
    then permit
native-connect: sockaddr eq "inet-*" then ask
"#,
    r#"native-bind: sockaddr match "inet-*:80" then permit
"#,
];

#[test]
fn every_slide_is_accepted_as_printed() {
    for slide in SLIDES {
        assert_eq!(canonical(slide), joined(slide));
    }
}

#[test]
fn a_continued_rule_is_one_rule() {
    let text = format!("Policy: /bin/sh, Emulation: native\n{}", SLIDES[3]);
    let source = Source::new("shell.policy", text);
    let file = parse(&source).unwrap().tree;
    let Statement::Rule(rule) = &file.policies[0].statements[1] else { panic!("a rule") };
    assert_eq!(rule.call.value, "execve");
    assert!(!rule.plain);
    assert_eq!(rule.action.value, Action::Permit(PermitFlag::Inherit));
    let Expression::Test(test) = &rule.condition else { panic!("a test") };
    assert_eq!(test.text.value, b"/sbin");
    assert_eq!(source.position(rule.span.start).line, 4);
    assert_eq!(
        source.quote(rule.span),
        "native-execve: filename match \"/sbin\" then permit[inherit]"
    );
}
