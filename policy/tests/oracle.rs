//! The compiled evaluator against a naive one that reads the tree rule by rule, on policies and
//! events that nobody wrote by hand.

mod naive;

use policy::registry::{FormId, Parameter, call_named};
use policy::{Event, Source, Subject, Value, compile, parse, parse_template};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

const CALLS: [&str; 10] = [
    "open",
    "openat",
    "newfstatat",
    "unlinkat",
    "rename",
    "linkat",
    "symlink",
    "fchmodat",
    "connect",
    "setresuid",
];
const NAMES: [&str; 14] = [
    "open",
    "openat",
    "stat",
    "lstat",
    "fstat",
    "fsread",
    "fswrite",
    "rename",
    "link",
    "symlink",
    "chmod",
    "connect",
    "setresuid",
    "seteuid",
];
const PATHS: [&str; 9] = ["", "/", "/a", "/A", "/a/b", "/a/b/c", "/b", "/ab", "a"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn both_evaluators_agree(
        rules in rules(),
        included in rules(),
        events in vec(event(), 60),
    ) {
        let text = format!("Policy: /p, Emulation: native\nInclude: t\n{}", rules.concat());
        let included = included.concat();
        let template = format!("Template: t, Emulation: native, Description: t\n{included}");
        let (text, template) = (Source::new("p", text), Source::new("t", template));
        let lowered = compile(&text, &|_| Some(template.clone())).unwrap();
        let tried = compile(&tried(&text), &|_| Some(tried(&template))).unwrap();
        let naive = naive::Policy {
            policy: parse(&text).unwrap().tree,
            template: parse_template(&template).unwrap().tree,
        };
        for Chosen { form, values, subject } in &events {
            let values: Vec<_> = values.iter().map(Owned::value).collect();
            let event = Event { form: *form, values: &values, subject: *subject };
            let decision = lowered.set.policies[0].evaluate(&event);
            let place = decision.rule.map(|rule| &rule.origin);
            let place = place.map(|origin| (origin.file == *text.name(), origin.line));
            let expected = naive.evaluate(&event);
            let expected_place = expected.1.map(|(own, rule)| {
                let source = if own { &text } else { &template };
                (own, source.position(rule.span.start).line)
            });
            prop_assert_eq!((decision.verdict, place), (expected.0, expected_place), "{:?}", event);
            let tried = tried.set.policies[0].evaluate(&event);
            prop_assert_eq!(decision.judged_memory, tried.judged_memory, "{:?}", event);
        }
    }

    #[test]
    fn globs_agree(pattern in "[/ab*?\\\\\\[\\]!-]{0,9}", value in "[/ab-]{0,9}") {
        let written = pattern.replace('\\', "\\\\");
        let rule = format!("native-chdir: filename match \"{written}\" then permit\n");
        let text = Source::new("p", format!("Policy: /p, Emulation: native\n{rule}"));
        let policy = compile(&text, &|_| None).unwrap().set.policies.remove(0);
        let form = call_named("chdir").unwrap().form_ids().next().unwrap();
        let values = [Value::Text(value.as_bytes())];
        let event = Event { form, values: &values, subject: Subject::default() };
        let decision = policy.evaluate(&event);
        let expected = naive::glob(pattern.as_bytes(), value.as_bytes());
        prop_assert_eq!(decision.rule.is_some(), expected);
    }
}

/// The same rules, none of which is a mere comparison that can be looked up.
fn tried(text: &Source) -> Source {
    let rules = String::from_utf8_lossy(text.text()).replace(" then ", " and true then ");
    Source::new(text.name().clone(), rules)
}

#[derive(Debug, Clone)]
struct Chosen {
    form: FormId,
    values: Vec<Owned>,
    subject: Subject,
}

#[derive(Debug, Clone)]
enum Owned {
    Absent,
    Number(u64),
    Text(&'static str),
}

impl Owned {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Absent => Value::Absent,
            Self::Number(number) => Value::Number(*number),
            Self::Text(text) => Value::Text(text.as_bytes()),
        }
    }
}

fn event() -> impl Strategy<Value = Chosen> {
    let forms: Vec<_> =
        CALLS.iter().flat_map(|call| call_named(call).unwrap().form_ids()).collect();
    let subject = (0..3_u32, 0..3_u32).prop_map(|(uid, gid)| Subject { uid, gid });
    (select(forms), subject).prop_flat_map(|(form, subject)| {
        let values: Vec<_> = form.form().parameters.iter().map(value).collect();
        values.prop_map(move |values| Chosen { form, values, subject })
    })
}

fn value(parameter: &Parameter) -> BoxedStrategy<Owned> {
    let present = match parameter.kind.is_number() {
        true => select(vec![0, 1, 2, 0o100, 0o644, 0xffff_ffff, 0xdead_0000_0001])
            .prop_map(Owned::Number)
            .boxed(),
        false => select(PATHS.to_vec()).prop_map(Owned::Text).boxed(),
    };
    prop_oneof![1 => Just(Owned::Absent), 5 => present].boxed()
}

/// Rules on a few names, so that they meet. Rules that compare an argument with names are enough to
/// be looked up.
fn rules() -> impl Strategy<Value = Vec<String>> {
    subsequence(NAMES.to_vec(), 1..4).prop_flat_map(|names| {
        let name = select(names.clone());
        let one = rule(select(names)).prop_map(|rule| vec![rule]);
        let run = (name, vec((named(), select(vec!["permit", "deny", "ask"])), 8..16));
        let run = run.prop_map(|(name, rules)| {
            let rules = rules.into_iter();
            rules
                .map(|(condition, action)| format!("native-{name}: {condition} then {action}\n"))
                .collect()
        });
        vec(prop_oneof![3 => one, 1 => run], 0..10).prop_map(|rules| rules.concat())
    })
}

fn rule(name: impl Strategy<Value = &'static str>) -> impl Strategy<Value = String> {
    let condition = prop_oneof![3 => named(), 1 => Just("true".to_owned()), 6 => condition()];
    let action = select(vec!["permit", "permit", "permit log", "deny", "deny[enoent]", "ask"]);
    let predicate = select(vec!["", "", "", ", if user = 1", ", if group < 2", ", if user != 0"]);
    (name, condition, action, predicate).prop_map(|(name, condition, action, predicate)| {
        format!("native-{name}: {condition} then {action}{predicate}\n")
    })
}

fn named() -> impl Strategy<Value = String> {
    let arguments = vec!["filename", "filename", "filename", "filename[1]", "string", "sockaddr"];
    (select(arguments), select(vec!["eq", "match"]), select(PATHS.to_vec()))
        .prop_map(|(argument, operator, path)| format!("{argument} {operator} \"{path}\""))
}

fn condition() -> impl Strategy<Value = String> {
    let arguments = vec![
        "filename",
        "FileName",
        "filename[1]",
        "filename[0]",
        "string",
        "oflags",
        "uid",
        "uid[1]",
        "uname",
        "mode",
        "sockaddr",
    ];
    let operators = vec!["eq", "neq", "sub", "nsub", "match", "inpath", "re"];
    let texts =
        vec!["/", "/a", "/a/*", "/[ab]?", "RO", "ro", "rwc", "-1", "1", "644", "", "/a/b/c"];
    let text = (select(operators), select(texts)).prop_map(|(operator, text)| match operator {
        "re" => "re \"^/a(/b)?\"".to_owned(),
        _ => format!("{operator} \"{text}\""),
    });
    let test = (select(arguments), text).prop_map(|(argument, text)| format!("{argument} {text}"));
    test.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| format!("not ({one})")),
            (inner.clone(), inner.clone()).prop_map(|(one, two)| format!("({one}) and ({two})")),
            (inner.clone(), inner).prop_map(|(one, two)| format!("({one}) or ({two})")),
        ]
    })
}
