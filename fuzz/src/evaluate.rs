//! Policies and events made of bytes: the compiled evaluator decides as the naive one does.

use policy::registry::{FormId, Parameter, forms};
use policy::{Event, Policy, Source, Subject, Value, compile, parse, parse_template};

use crate::choices::Choices;
use crate::naive;

const PATHS: [&str; 12] =
    ["/", "/a", "/A", "/a/b", "/a/b/c", "/b", "/ab", "a", "", "/a/", "/a//b", "/a\u{e9}/[b"];
const TEXTS: [&str; 14] = [
    "/a/*", "/[ab]?", "/*/b", "*", "/a*b", "[", "RO", "rw", "rwc", "-1", "1", "0x1", "AF_INET",
    "644",
];
const NUMBERS: [u64; 9] = [0, 1, 2, 3, 0o100, 0o644, 0xffff_ffff, 0xdead_0000_0001, u64::MAX];
const OPERATORS: [&str; 7] = ["eq", "match", "neq", "sub", "nsub", "inpath", "re"];
const ACTIONS: [&str; 6] =
    ["permit", "deny", "ask", "permit log", "deny[enoent]", "permit[inherit]"];
const PREDICATES: [&str; 4] = ["", ", if user = 1", ", if group < 2", ", if user != 0"];

pub fn check(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let every: Vec<FormId> = forms().collect();
    let mut stage = Stage { forms: vec![*choices.of(&every)] };
    stage.forms.extend(choices.several(3, |choices| *choices.of(&every)));
    let (rules, included) = (stage.rules(&mut choices), stage.rules(&mut choices));
    let text = Source::new("p", format!("Policy: /p, Emulation: native\nInclude: t\n{rules}"));
    let template = format!("Template: t, Emulation: native, Description: t\n{included}");
    let template = Source::new("t", template);
    let policy = |text: &Source, template: &Source| {
        let lowered = compile(text, &|_| Some(template.clone())).expect("every rule is sound");
        lowered.set.policies.into_iter().next().expect("the text has one")
    };
    let (fast, slow) = (policy(&text, &template), policy(&tried(&text), &tried(&template)));
    let naive = naive::Policy {
        policy: parse(&text).expect("it was compiled").tree,
        template: parse_template(&template).expect("it was compiled").tree,
    };
    for _ in 0..8 {
        let form = *choices.of(&stage.forms);
        let values: Vec<_> =
            form.form().parameters.iter().map(|one| value(one, &mut choices)).collect();
        let subject = Subject { uid: choices.below(3) as u32, gid: choices.below(3) as u32 };
        let event = Event { form, values: &values, subject };
        compare(&fast, &naive, [&text, &template], &event);
        let looked = [&fast, &slow].map(|policy| policy.evaluate(&event).judged_memory);
        assert_eq!(looked[0], looked[1], "{event:?}");
    }
}

/// The same rules, none of which is a mere comparison that can be looked up.
fn tried(text: &Source) -> Source {
    let rules = String::from_utf8_lossy(text.text()).replace(" then ", " and true then ");
    Source::new(text.name().clone(), rules)
}

fn compare(policy: &Policy, naive: &naive::Policy, sources: [&Source; 2], event: &Event<'_>) {
    let decision = policy.evaluate(event);
    let place = decision.rule.map(|rule| &rule.origin);
    let place = place.map(|origin| (origin.file == *sources[0].name(), origin.line));
    let (verdict, rule) = naive.evaluate(event);
    let expected =
        rule.map(|(own, rule)| (own, sources[usize::from(!own)].position(rule.span.start).line));
    assert_eq!((decision.verdict, place), (verdict, expected), "{event:?}");
}

fn value(parameter: &Parameter, choices: &mut Choices) -> Value<'static> {
    if choices.once_in(8) {
        return Value::Absent;
    }
    match parameter.kind.is_number() {
        true => Value::Number(*choices.of(&NUMBERS)),
        false => Value::Text(choices.of(&PATHS).as_bytes()),
    }
}

/// The forms that a case is about: its rules use their names, so that they meet its events.
struct Stage {
    forms: Vec<FormId>,
}

impl Stage {
    fn rules(&self, choices: &mut Choices) -> String {
        let rule = |choices: &mut Choices| {
            let form = choices.of(&self.forms).form();
            let aliases = form.aliases.iter().map(|used| used.alias.name());
            let names: Vec<_> = form.names.iter().copied().chain(aliases).collect();
            let (name, condition) = (*choices.of(&names), self.condition(choices, 3));
            let (action, predicate) = (choices.of(&ACTIONS), choices.of(&PREDICATES));
            format!("native-{name}: {condition} then {action}{predicate}\n")
        };
        let run = |choices: &mut Choices| {
            let one = rule(choices);
            // Mere comparisons on one call, so that they are looked up.
            let name = one.split(':').next().unwrap_or_default().to_owned();
            let more = choices.several(12, |choices| {
                let (argument, action) = (self.argument(choices), choices.of(&ACTIONS));
                let (operator, path) = (choices.of(&OPERATORS[..2]), choices.of(&PATHS));
                format!("{name}: {argument} {operator} \"{path}\" then {action}\n")
            });
            one + &more.concat()
        };
        choices.several(8, run).concat()
    }

    fn condition(&self, choices: &mut Choices, depth: usize) -> String {
        let deeper = |choices: &mut Choices| self.condition(choices, depth - 1);
        match choices.below(8) {
            4 => "true".to_owned(),
            5 if depth > 0 => format!("not ({})", deeper(choices)),
            6 if depth > 0 => format!("({}) and ({})", deeper(choices), deeper(choices)),
            7 if depth > 0 => format!("({}) or ({})", deeper(choices), deeper(choices)),
            _ => self.test(choices),
        }
    }

    fn argument(&self, choices: &mut Choices) -> String {
        let parameters = choices.of(&self.forms).form().parameters;
        let argument = match parameters {
            [] => "filename",
            _ => choices.of(parameters).name,
        };
        format!("{argument}{}", choices.of(&["", "", "", "[0]", "[1]"]))
    }

    fn test(&self, choices: &mut Choices) -> String {
        let argument = self.argument(choices);
        let texts = if choices.once_in(3) { &TEXTS[..] } else { &PATHS[..] };
        match (*choices.of(&OPERATORS), choices.of(texts)) {
            // The one expression that the naive evaluator knows.
            ("re", _) => format!("{argument} re \"^/a(/b)?\""),
            (operator, text) => format!("{argument} {operator} \"{text}\""),
        }
    }
}
