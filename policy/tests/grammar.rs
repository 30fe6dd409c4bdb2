//! What the original made of rules and files, against what we make of them. LANGUAGE.md lists where the two differ, and must
//! list nothing else.

use std::collections::BTreeMap;
use std::path::Path;

use policy::ast::{
    Action, Expression, File, Identity, PermitFlag, Predicate, PredicateSubject, Relation,
    RuleText, Statement,
};
use policy::{Errno, Source, parse};

const LANGUAGE: &str = include_str!("../LANGUAGE.md");
const RULES: &str = include_str!("fixtures/original/rules.tsv");
const FILES: &str = include_str!("fixtures/original/files.tsv");

#[test]
fn every_rule_is_read_as_the_original_did_or_as_documented() {
    let mut documented = differences("rule");
    for (rule, original) in rules() {
        let ours = outcome(rule);
        match documented.remove(rule) {
            Some(here) => {
                assert_ne!(ours, original, "no longer differs: {rule}");
                let expected = if here == "refused" { REFUSED.to_owned() } else { outcome(here) };
                assert_eq!(ours, expected, "{rule}");
            }
            None => assert_eq!(ours, original, "{rule}"),
        }
    }
    assert!(documented.is_empty(), "no such vectors: {documented:?}");
}

#[test]
fn every_file_is_read_as_the_original_did_or_as_documented() {
    let mut documented = differences("file");
    for line in FILES.lines() {
        let (name, messages) = line.split_once('\t').expect("a tab");
        let (original, ours) = (original_file(name, messages), our_file(name));
        match documented.remove(name) {
            Some(here) => {
                assert_ne!(ours, original, "no longer differs: {name}");
                assert_eq!(ours, here, "{name}");
            }
            None => assert_eq!(ours, original, "{name}"),
        }
    }
    assert!(documented.is_empty(), "no such vectors: {documented:?}");
}

#[test]
fn conditions_group_as_the_language_reference_says() {
    for (written, meant) in table("| written | meant |") {
        let [written, meant] = [written, meant].map(|text| outcome(&format!("{text} then permit")));
        assert_eq!(written, meant);
        assert_ne!(written, REFUSED);
    }
}

/// What LANGUAGE.md says about vectors of one kind: vector, and what we make of it.
fn differences(subject: &str) -> BTreeMap<&'static str, &'static str> {
    table(&format!("| {subject} | here | why |")).into_iter().collect()
}

/// The first two cells of each row of the table of LANGUAGE.md with this heading.
fn table(heading: &str) -> Vec<(&'static str, &'static str)> {
    let rows = LANGUAGE.lines().skip_while(|line| *line != heading).skip(2);
    let rows: Vec<_> = rows.take_while(|line| line.starts_with('|')).collect();
    assert!(!rows.is_empty(), "no such table: {heading}");
    rows.into_iter()
        .map(|row| {
            let mut cells = row.trim_matches('|').split(" | ").map(|cell| cell.trim());
            let mut cell = || cells.next().expect("three cells").trim_matches('`');
            (cell(), cell())
        })
        .collect()
}

/// Rules and outcomes; a tab within a string does not part them.
fn rules() -> impl Iterator<Item = (&'static str, String)> {
    RULES.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let quotes = |at: usize| line[..at].matches('"').count();
        let tab = line.match_indices('\t').map(|(at, _)| at).find(|&at| quotes(at) % 2 == 0);
        let (rule, outcome) = line.split_at(tab.expect("a tab"));
        let outcome = outcome.trim_start();
        let refused = outcome.starts_with(REFUSED);
        (rule, if refused { REFUSED.to_owned() } else { outcome.to_owned() })
    })
}

const REFUSED: &str = "ERROR";

/// What we make of a rule, in the notation of the vectors.
fn outcome(rule: &str) -> String {
    let text = format!("Policy: /bin/x, Emulation: native\nnative-open: {rule}\n");
    match parse(&Source::new("vector", text)) {
        Ok(parsed) => notation(only_rule(&parsed.tree)),
        Err(_) => REFUSED.to_owned(),
    }
}

fn only_rule(file: &File) -> &RuleText {
    match file.policies[0].statements.as_slice() {
        [Statement::Rule(rule)] => rule,
        other => panic!("one rule expected: {other:?}"),
    }
}

fn notation(rule: &RuleText) -> String {
    let (errno, flag) = match &rule.action.value {
        Action::Permit(PermitFlag::Inherit) => (1, 1),
        Action::Permit(PermitFlag::Detach) => (1, 2),
        Action::Permit(PermitFlag::None) => (1, 0),
        Action::Deny(name) => {
            (name.as_deref().map_or(1, |name| Errno::from_name(name).unwrap().number()), 0)
        }
        Action::Ask => (1, 8),
    };
    let suffixed = rule.log || rule.identity.is_some() || rule.predicate.is_some() || flag != 0;
    if rule.plain && !suffixed {
        let action = if rule.action.value == Action::Permit(PermitFlag::None) {
            "-1".to_owned()
        } else {
            errno.to_string()
        };
        return format!("SIMPLE action={action} future={action}");
    }
    let action = match rule.action.value {
        Action::Permit(_) => -1,
        Action::Deny(_) => 1,
        Action::Ask => 0,
    };
    let flags = flag + if rule.log { 4 } else { 0 };
    let predicate = rule.predicate.as_ref().map_or_else(|| "0/0/0".to_owned(), predicate);
    let identity = rule.identity.as_ref().map_or_else(|| "0/0/0".to_owned(), identity);
    let tree = tree(&rule.condition);
    format!("{tree} ; act={action} err={errno} flags={flags} pred={predicate} elev={identity}")
}

fn tree(condition: &Expression) -> String {
    match condition {
        Expression::True(_) => "true".to_owned(),
        Expression::Not(inner, _) => format!("(not {})", tree(inner)),
        Expression::And(left, right) => format!("(and {} {})", tree(left), tree(right)),
        Expression::Or(left, right) => format!("(or {} {})", tree(left), tree(right)),
        Expression::Group(inner, _) => tree(inner),
        Expression::Test(test) => {
            let index = test.index.map_or(-1, i16::from);
            let text = String::from_utf8(test.text.value.clone()).unwrap().replace('\\', "\\\\");
            format!("{}[{index}] {} \"{text}\"", test.argument.value, test.operator.name())
        }
    }
}

fn predicate(predicate: &Predicate) -> String {
    let relation = match predicate.relation {
        Relation::Equal => 0x00,
        Relation::NotEqual => 0x10,
        Relation::Less => 0x20,
        Relation::Greater => 0x30,
    };
    let number = number(&predicate.name);
    match predicate.subject {
        PredicateSubject::User => format!("{:x}/{number}/0", relation + 1),
        PredicateSubject::Group => format!("{:x}/0/{number}", relation + 2),
    }
}

fn identity(identity: &Identity) -> String {
    let flags = u8::from(identity.user.is_some()) + 2 * u8::from(identity.group.is_some());
    let name = |name: &Option<String>| name.as_deref().map_or_else(|| "0".to_owned(), number);
    format!("{flags}/{}/{}", name(&identity.user), name(&identity.group))
}

/// Numbers as the original holds them, signed; of the names, the vectors' machine knew root.
fn number(name: &str) -> String {
    match name.parse::<u32>() {
        Ok(number) => number.cast_signed().to_string(),
        Err(_) if name == "root" => "0".to_owned(),
        Err(_) => name.to_owned(),
    }
}

fn original_file(name: &str, messages: &str) -> String {
    if !messages.contains("FAIL") {
        return "accepted".to_owned();
    }
    let place = messages.split('|').find_map(|message| message.strip_prefix(name));
    let line =
        place.and_then(|place| place.strip_prefix(':')).and_then(|rest| rest.split_once(':'));
    line.map_or_else(|| "refused".to_owned(), |(line, _)| format!("refused at {line}"))
}

fn our_file(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/original/files");
    let source =
        Source::new(name, std::fs::read(folder.join(name)).expect("a file of the vectors"));
    match parse(&source) {
        Ok(_) => "accepted".to_owned(),
        Err(findings) => {
            let first = findings.iter().find(|finding| finding.is_error()).unwrap();
            format!("refused at {}", source.position(first.span.start).line)
        }
    }
}
