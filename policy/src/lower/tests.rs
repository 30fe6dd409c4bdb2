//! Names, includes and findings.

use super::*;
use crate::ast::PermitFlag;
use crate::event::{Event, Subject, Value};
use crate::registry::call_named;
use crate::{Verdict, templates};

fn template(name: &str) -> Option<Source> {
    let text = match name {
        "base" => {
            "Template: base, Emulation: native, Description: for tests\n\
             native-chmod: permit\nnative-close: permit\nnative-getpid: deny[eacces]\n\
             native-fsread: filename match \"/lib\" then permit\nnative-fswrite: true then permit\n"
        }
        "broken" => "Template: broken, Emulation: native, Description: x\nnative-opne: permit\n",
        _ => return templates::builtin(name),
    };
    Some(Source::new(name, text))
}

fn compiled(text: &str) -> Result<Lowered, Vec<Diagnostic>> {
    let text = format!("Policy: /p, Emulation: native\n{text}");
    compile(&Source::new("test", text), &template)
}

fn policy(text: &str) -> Policy {
    compiled(text).unwrap_or_else(|findings| panic!("{findings:?}")).set.policies.remove(0)
}

fn codes(text: &str) -> Vec<Code> {
    let findings = compiled(text).map_or_else(|findings| findings, |lowered| lowered.warnings);
    findings.iter().map(|finding| finding.code).collect()
}

/// The verdict on the last form of a call whose first value is a file name.
fn verdict(policy: &Policy, call: &str, name: &str) -> Verdict {
    let form = call_named(call).unwrap().form_ids().last().unwrap();
    let values = [Value::Text(name.as_bytes()), Value::Number(0), Value::Number(0)];
    policy.evaluate(&Event { form, values: &values, subject: Subject::default() }).verdict
}

const PERMIT: Verdict = Verdict::Permit(PermitFlag::None);

#[test]
fn the_first_rule_that_matches_decides() {
    let policy = policy(
        "native-chdir: filename match \"/a\" then permit\n\
         native-chdir: filename match \"/a/b\" then deny\nnative-chdir: deny[enoent]\nnative-chdir: permit\n",
    );
    assert_eq!(verdict(&policy, "chdir", "/a/b"), PERMIT);
    assert!(matches!(verdict(&policy, "chdir", "/c"), Verdict::Deny(errno) if errno.number() == 2));
}

#[test]
fn names_come_before_aliases() {
    let policy = policy(
        "native-fswrite: filename match \"/tmp\" then permit\n\
         native-chmod: filename eq \"/tmp/x\" then deny\n",
    );
    assert!(matches!(verdict(&policy, "chmod", "/tmp/x"), Verdict::Deny(_)));
    assert_eq!(verdict(&policy, "chmod", "/tmp/y"), PERMIT);
    assert_eq!(verdict(&policy, "chmod", "/etc/x"), Verdict::Uncovered);
    assert_eq!(verdict(&policy, "stat", "/tmp/y"), Verdict::Uncovered);
}

#[test]
fn included_rules_fill_gaps_only() {
    let all = policy("Include: base\n");
    assert_eq!(verdict(&all, "chmod", "/x"), PERMIT);
    assert_eq!(verdict(&all, "mkdir", "/x"), PERMIT);
    assert_eq!(verdict(&all, "close", "/x"), PERMIT);

    let write = policy("native-fswrite: filename match \"/tmp\" then permit\nInclude: base\n");
    assert_eq!(verdict(&write, "mkdir", "/x"), Verdict::Uncovered);
    assert_eq!(verdict(&write, "chmod", "/x"), Verdict::Uncovered, "the alias judges it");
    assert_eq!(verdict(&write, "stat", "/lib/x"), PERMIT, "the other alias is the template's");
    assert_eq!(verdict(&write, "link", "/lib/x"), Verdict::Uncovered, "both aliases judge it");

    let own = policy("native-mkdir: filename match \"/tmp\" then permit\nInclude: base\n");
    assert_eq!(verdict(&own, "mkdir", "/x"), Verdict::Uncovered);
    assert_eq!(verdict(&own, "rmdir", "/x"), PERMIT);

    let close = policy("Include: base\nnative-close: deny\n");
    assert!(matches!(verdict(&close, "close", "/x"), Verdict::Deny(_)), "wherever the line stands");
}

#[test]
fn a_detached_program_may_do_anything() {
    assert_eq!(verdict(&policy("detached\n"), "reboot", ""), PERMIT);
}

#[test]
fn rules_remember_where_they_stand() {
    let policy = policy("Include: base\n\nnative-read:   permit\n");
    let origins: Vec<_> = policy.rules().iter().map(|rule| rule.origin.to_string()).collect();
    assert_eq!(origins[..2], ["test:4", "base:2"]);
    assert_eq!(policy.rules()[0].origin.text, "native-read:   permit");
}

#[test]
fn errors_are_reported_together() {
    use Code::{Regex, UnknownCall, UnknownTemplate};
    let text =
        "native-opne: permit\nInclude: nowhere\nnative-open: filename re \"*\" then permit\n";
    assert_eq!(codes(text), [UnknownCall, UnknownTemplate, Regex]);
    let findings = compiled("native-opne: permit\n").unwrap_err();
    assert_eq!(findings[0].help.as_deref(), Some("did you mean `open`?"));
    let findings = compiled("Include: broken\n").unwrap_err();
    assert_eq!(
        findings[0].message,
        "the template `broken` has errors: broken:2: no call is named `opne`"
    );
    let other = Source::new("test", "Policy: /p, Emulation: natvie\n");
    assert_eq!(compile(&other, &template).unwrap_err()[0].code, Code::UnknownEmulation);
}

#[test]
fn odd_rules_are_warned_about() {
    use Code::{
        LiteralPattern, NoCounterpart, PlainOrder, UnknownArgument, UnknownIndex, Unreachable,
    };
    assert_eq!(codes("native-kbind: permit\n"), [NoCounterpart]);
    assert_eq!(codes("native-fsread: oflags eq \"ro\" then permit\n"), [UnknownArgument]);
    assert_eq!(codes("native-open: oflgs eq \"ro\" then permit\n"), [UnknownArgument]);
    assert_eq!(codes("native-open: oflags eq \"ro\" then permit\n"), []);
    assert_eq!(codes("native-connect: sockaddr eq \"inet-*\" then ask\n"), [LiteralPattern]);
    assert_eq!(codes("native-read: true then deny\nnative-read: permit\n"), [PlainOrder]);
    assert_eq!(codes("native-fsread: permit\nnative-fsread: true then deny\n"), [Unreachable]);
    assert_eq!(codes("native-fsread: true then ask\nnative-fsread: true then deny\n"), []);
    assert_eq!(codes("native-open: filename[1] eq \"\" then permit\n"), [UnknownIndex]);
    assert_eq!(codes("native-rename: filename[1] eq \"\" then permit\n"), []);
    assert_eq!(codes("native-read: permit\nnative-write: permit\n"), []);
}
