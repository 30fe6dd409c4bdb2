//! An evaluator that is slow and plain enough to be believed: it looks at every rule of the tree
//! for every event.

use policy::ast::{
    Action, Expression, File, Operator, Predicate, PredicateSubject, Relation, RuleText, Statement,
    TemplateText, Test,
};
use policy::registry::{Alias, Form, Kind};
use policy::{Errno, Event, Value, Verdict};

/// A policy and the one template it includes.
pub struct Policy {
    pub policy: File,
    pub template: TemplateText,
}

/// The verdict, and the rule that gave it: whether it is the policy's own.
pub type Found<'r> = (Verdict, Option<(bool, &'r RuleText)>);

impl Policy {
    pub fn evaluate(&self, event: &Event<'_>) -> Found<'_> {
        let form = event.form.form();
        let own = self.first(&self.own(form), event, None);
        if !matches!(own.0, Verdict::Uncovered | Verdict::Ask) {
            return own;
        }
        let judged = form.aliases.iter().map(|used| {
            let only = usize::from(used.parameter);
            self.first(&self.aliased(form, used.alias), event, Some(only))
        });
        let rank = |found: &Found| {
            let strictness = match found.0 {
                Verdict::Permit(_) => 0,
                Verdict::Ask => 1,
                Verdict::Uncovered => 2,
                Verdict::Deny(_) => 3,
            };
            (strictness, found.1.is_some_and(|(_, rule)| rule.log))
        };
        let strictest = judged.reduce(|one, two| if rank(&two) > rank(&one) { two } else { one });
        match strictest {
            Some(found) if found.0 != Verdict::Uncovered => found,
            _ => own,
        }
    }

    /// All rules of the policy, or all of the template, that go by one of these names.
    fn named(&self, own: bool, names: &[&str]) -> Vec<(bool, &RuleText)> {
        let statements = self.policy.policies[0].statements.iter();
        let written = statements.filter_map(|statement| match statement {
            Statement::Rule(rule) => Some(&**rule),
            Statement::Include(_) => None,
        });
        let rules: Vec<_> =
            if own { written.collect() } else { self.template.rules.iter().collect() };
        let fits = |rule: &&RuleText| names.contains(&rule.call.value.as_str());
        rules.into_iter().filter(fits).map(|rule| (own, rule)).collect()
    }

    fn own(&self, form: &Form) -> Vec<(bool, &RuleText)> {
        let own = self.named(true, form.names);
        let aliases: Vec<_> = form.aliases.iter().map(|used| used.alias.name()).collect();
        match own.is_empty() && self.named(true, &aliases).is_empty() {
            true => self.named(false, form.names),
            false => own,
        }
    }

    fn aliased(&self, form: &Form, alias: Alias) -> Vec<(bool, &RuleText)> {
        let own = self.named(true, &[alias.name()]);
        match own.is_empty() && self.named(true, form.names).is_empty() {
            true => self.named(false, &[alias.name()]),
            false => own,
        }
    }

    fn first<'r>(
        &'r self,
        rules: &[(bool, &'r RuleText)],
        event: &Event<'_>,
        only: Option<usize>,
    ) -> Found<'r> {
        for (own, rule) in rules {
            let predicate = rule.predicate.as_ref().is_none_or(|p| predicate(p, event));
            if predicate && expression(&rule.condition, event, only) {
                return (verdict(&rule.action.value), Some((*own, rule)));
            }
        }
        (Verdict::Uncovered, None)
    }
}

fn verdict(action: &Action) -> Verdict {
    match action {
        Action::Permit(flag) => Verdict::Permit(*flag),
        Action::Deny(None) => Verdict::Deny(Errno::EPERM),
        Action::Deny(Some(name)) => Verdict::Deny(Errno::from_name(name).unwrap()),
        Action::Ask => Verdict::Ask,
    }
}

fn predicate(predicate: &Predicate, event: &Event<'_>) -> bool {
    let caller = match predicate.subject {
        PredicateSubject::User => event.subject.uid,
        PredicateSubject::Group => event.subject.gid,
    };
    let number: u32 = predicate.name.parse().unwrap();
    match predicate.relation {
        Relation::Equal => caller == number,
        Relation::NotEqual => caller != number,
        Relation::Less => caller < number,
        Relation::Greater => caller > number,
    }
}

fn expression(condition: &Expression, event: &Event<'_>, only: Option<usize>) -> bool {
    match condition {
        Expression::True(_) => true,
        Expression::Test(written) => test(written, event, only),
        Expression::Not(inner, _) => !expression(inner, event, only),
        Expression::Group(inner, _) => expression(inner, event, only),
        Expression::And(one, two) => expression(one, event, only) && expression(two, event, only),
        Expression::Or(one, two) => expression(one, event, only) || expression(two, event, only),
    }
}

fn test(test: &Test, event: &Event<'_>, only: Option<usize>) -> bool {
    let mut valid = Vec::new();
    for (at, parameter) in event.form.form().parameters.iter().enumerate() {
        let seen = only.is_none_or(|only| only == at);
        if !seen || parameter.name != test.argument.value.to_lowercase() {
            continue;
        }
        match event.values[at] {
            Value::Absent => {}
            Value::Text(text) => valid.push((parameter.kind, text.to_vec())),
            Value::Number(number) => {
                let printed = parameter.kind.print(number);
                valid.push((parameter.kind, printed.as_bytes().to_vec()));
            }
        }
    }
    let value = valid.get(usize::from(test.index.unwrap_or(0)));
    value.is_some_and(|(kind, value)| compare(test.operator, &test.text.value, *kind, value))
}

fn compare(operator: Operator, text: &[u8], kind: Kind, value: &[u8]) -> bool {
    let same = || match kind {
        Kind::Filename => text == value,
        _ => text.eq_ignore_ascii_case(value),
    };
    let occurs = || (0..=value.len()).any(|at| value[at..].starts_with(text));
    match operator {
        Operator::Eq => same(),
        Operator::Neq => !same(),
        Operator::Sub => occurs(),
        Operator::Nsub => !occurs(),
        Operator::Match => glob(text, value),
        Operator::Inpath if value.len() == 1 => value == b"/" && !text.is_empty(),
        Operator::Inpath => {
            !value.is_empty()
                && text.starts_with(value)
                && matches!(text.get(value.len()), None | Some(b'/'))
        }
        // The only one that is generated: ^/a(/b)?
        Operator::Re => value.starts_with(b"/a"),
    }
}

/// fnmatch(3) as the manual page puts it, by trying everything.
pub fn glob(pattern: &[u8], value: &[u8]) -> bool {
    match (pattern, value) {
        ([], []) | ([], [b'/', ..]) => true,
        ([], _) => false,
        ([b'*', rest @ ..], _) => {
            let stops = value.iter().position(|byte| *byte == b'/').unwrap_or(value.len());
            (0..=stops).any(|taken| glob(rest, &value[taken..]))
        }
        ([b'?', rest @ ..], [first, after @ ..]) => *first != b'/' && glob(rest, after),
        ([b'[', rest @ ..], _) if bracket(rest, 0).is_some() => {
            let Some((first, after)) = value.split_first() else { return false };
            let (holds, rest) = bracket(rest, *first).unwrap();
            *first != b'/' && holds && glob(rest, after)
        }
        ([b'\\', escaped, rest @ ..], [first, after @ ..]) => escaped == first && glob(rest, after),
        ([literal, rest @ ..], [first, after @ ..]) => literal == first && glob(rest, after),
        (_, []) => false,
    }
}

/// Whether a byte is in the brackets, and what follows them; none if they are not closed.
fn bracket(text: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let negated = matches!(text.first(), Some(b'!' | b'^'));
    let mut rest = if negated { &text[1..] } else { text };
    let mut holds = false;
    let mut first = true;
    loop {
        let low = match rest {
            [b']', after @ ..] if !first => return Some((holds != negated, after)),
            [b'\\', low, after @ ..] | [low, after @ ..] => {
                rest = after;
                *low
            }
            [] => return None,
        };
        first = false;
        let high = match rest {
            [b'-', b']', ..] | [b'-'] => low,
            [b'-', b'\\', high, after @ ..] | [b'-', high, after @ ..] => {
                rest = after;
                *high
            }
            _ => low,
        };
        holds |= (low..=high).contains(&byte);
    }
}
