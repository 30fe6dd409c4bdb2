//! What is remarkable about a policy that has a meaning: `systrace-convert check`.
//!
//! One pass per file; [`PASSES`] lists them. A pass looks at one policy, its text and its meaning
//! side by side, and reports only what it can prove or what the text itself shows.

mod address;
mod ask;
mod bypass;
mod escapes;
mod everything;
mod identity;
mod ignore;
mod implication;
mod kinds;
mod paths;
mod reach;
mod siblings;
mod variables;

use std::collections::HashSet;

use crate::ast::{File, PolicyText, RuleText, Statement, TemplateText, Test};
use crate::diagnostic::{Diagnostic, Span};
use crate::lower::{Templates, lower};
use crate::program::{Policy, PolicySet, Rule, RuleId};
use crate::registry::Kind;
use crate::registry::names::{self, Named};
use crate::source::Source;
use crate::syntax::{self, parse, parse_template};

type Pass = fn(&Checked<'_>) -> Vec<Diagnostic>;

/// Every pass.
const PASSES: &[Pass] = &[
    reach::check,
    kinds::check,
    address::check,
    paths::check,
    everything::check,
    escapes::check,
    variables::check,
    identity::check,
    ask::check,
    siblings::check,
    bypass::check,
];

/// Everything that is to be said about a policy or template file, in order of place: what the
/// parser and the lowering find, what the passes find if there was no error, less what `# systrace:
/// ignore CODE reason` comments excuse.
#[must_use]
pub fn check(source: &Source, templates: Templates<'_>) -> Vec<Diagnostic> {
    let findings = match is_template(source) {
        true => check_template(source),
        false => check_policies(source, templates),
    };
    let mut findings = ignore::apply(source, findings);
    findings.sort_by_key(|finding| finding.span.start);
    findings
}

/// The first line that says something is a `Template:` header.
#[must_use]
pub fn is_template(source: &Source) -> bool {
    let first = syntax::lines(source.text()).find(|(says, _)| says.start < says.end);
    let word = first.and_then(|(says, _)| source.bytes(says).get(..b"template:".len()));
    word.is_some_and(|word| word.eq_ignore_ascii_case(b"template:"))
}

fn check_policies(source: &Source, templates: Templates<'_>) -> Vec<Diagnostic> {
    match parse(source) {
        Ok(parsed) => check_meaning(source, &parsed.tree, parsed.warnings, templates),
        Err(findings) => findings,
    }
}

/// A template is checked as a policy that has its rules and no others.
fn check_template(source: &Source) -> Vec<Diagnostic> {
    match parse_template(source) {
        Ok(parsed) => {
            let file = File { policies: vec![as_policy(parsed.tree)] };
            check_meaning(source, &file, parsed.warnings, &|_| None)
        }
        Err(findings) => findings,
    }
}

fn as_policy(template: TemplateText) -> PolicyText {
    let TemplateText { name, emulation, rules, span, .. } = template;
    let statements = rules.into_iter().map(|rule| Statement::Rule(Box::new(rule))).collect();
    PolicyText { program: name, emulation, detached: None, statements, span }
}

fn check_meaning(
    source: &Source,
    file: &File,
    mut findings: Vec<Diagnostic>,
    templates: Templates<'_>,
) -> Vec<Diagnostic> {
    match lower(source, file, templates) {
        Err(more) => findings.extend(more),
        Ok(lowered) => {
            findings.extend(lowered.warnings);
            let said: HashSet<_> = findings.iter().map(|known| (known.code, known.span)).collect();
            let found = run(source, file, &lowered.set).into_iter();
            findings.extend(found.filter(|finding| !said.contains(&(finding.code, finding.span))));
        }
    }
    findings
}

/// What the passes find in a file, `set` being its meaning.
fn run(source: &Source, file: &File, set: &PolicySet) -> Vec<Diagnostic> {
    let policies = file.policies.iter().zip(&set.policies);
    let checked = policies.map(|(text, policy)| Checked::new(source, text, policy));
    checked
        .flat_map(|checked| PASSES.iter().flat_map(move |pass| pass(&checked)).collect::<Vec<_>>())
        .collect()
}

/// One policy as the passes see it.
struct Checked<'c> {
    source: &'c Source,
    text: &'c PolicyText,
    policy: &'c Policy,
    /// The rules of the file itself, in its order: [`Policy::rules`] has them first, so a place
    /// here is a [`RuleId`].
    rules: Vec<CheckedRule<'c>>,
}

/// One rule: what was written, and what it means.
struct CheckedRule<'c> {
    text: &'c RuleText,
    rule: &'c Rule,
    meaning: Named,
}

impl<'c> Checked<'c> {
    fn new(source: &'c Source, text: &'c PolicyText, policy: &'c Policy) -> Self {
        let written = text.statements.iter().filter_map(|statement| match statement {
            Statement::Rule(rule) => Some(&**rule),
            Statement::Include(_) => None,
        });
        let rules = written.zip(policy.rules()).map(|(text, rule)| {
            let meaning = names::meaning(&text.call.value);
            CheckedRule { text, rule, meaning }
        });
        Self { source, text, policy, rules: rules.collect() }
    }

    /// The rule of the file that has this id; those of templates have none here.
    fn written(&self, id: RuleId) -> Option<&CheckedRule<'c>> {
        self.rules.get(id.0 as usize)
    }

    /// Every comparison, and what kinds of values it may be about.
    fn tests(&self) -> impl Iterator<Item = (&'c Test, Vec<Kind>)> {
        self.rules.iter().flat_map(|rule| {
            let tests = rule.text.condition.tests().into_iter();
            tests.map(|test| (test, rule.kinds(&test.argument.value))).collect::<Vec<_>>()
        })
    }

    /// Where a template's rule comes into the policy: at the include that names the template's
    /// text, else at the first.
    fn include_of(&self, rule: &Rule) -> Option<Span> {
        let includes = self.text.statements.iter().filter_map(|statement| match statement {
            Statement::Include(name) => Some(name),
            Statement::Rule(_) => None,
        });
        let file = rule.origin.file.rsplit('/').next();
        let named = includes.clone().find(|name| Some(name.value.as_str()) == file);
        named.or_else(|| includes.clone().next()).map(|name| name.span)
    }
}

impl CheckedRule<'_> {
    /// The kinds of values that an argument's name has in the calls of this rule.
    fn kinds(&self, argument: &str) -> Vec<Kind> {
        let forms = match &self.meaning {
            Named::Forms(forms) => forms.as_slice(),
            Named::Alias(_) if argument.eq_ignore_ascii_case("filename") => {
                return vec![Kind::Filename];
            }
            _ => &[],
        };
        let mut kinds = Vec::new();
        for parameter in forms.iter().flat_map(|form| form.form().parameters) {
            if parameter.name.eq_ignore_ascii_case(argument) && !kinds.contains(&parameter.kind) {
                kinds.push(parameter.kind);
            }
        }
        kinds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::templates;

    #[test]
    fn rules_meet_their_meanings() {
        let text = "Policy: /a, Emulation: native\nInclude: linux-base\nnative-read: permit\n\
                    Policy: /b, Emulation: native\nnative-write: permit\nInclude: linux-base\n\
                    Policy: /a, Emulation: native\nnative-close: deny\n";
        let source = Source::new("x", text);
        let tree = parse(&source).unwrap().tree;
        let set = lower(&source, &tree, &templates::builtin).unwrap().set;
        let mut seen = 0;
        for (text, policy) in tree.policies.iter().zip(&set.policies) {
            for rule in Checked::new(&source, text, policy).rules {
                assert_eq!(rule.rule.origin.text, source.quote(rule.text.span));
                seen += 1;
            }
        }
        assert_eq!(seen, 3);
    }
}
