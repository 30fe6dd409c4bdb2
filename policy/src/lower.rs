//! From the written form to the meaning: names are looked up, templates included, rules bound to
//! forms.

mod budget;
mod lists;
mod order;
mod rule;

use std::collections::HashSet;

use crate::ast::{File, PolicyText, RuleText, Spanned, Statement};
use crate::diagnostic::{Code, Diagnostic};
use crate::program::{Policy, PolicySet, Rule, RuleId};
use crate::registry::names::{self, EMULATIONS};
use crate::source::Source;
use crate::suggest;
use crate::syntax::{parse, parse_template};

use budget::Budget;
use lists::Lists;

/// What a file means, and what is remarkable about it.
#[derive(Debug, Clone)]
pub struct Lowered {
    /// The policies, in the order of the file.
    pub set: PolicySet,
    /// Findings that do not refuse the file, in order of place.
    pub warnings: Vec<Diagnostic>,
}

/// Finds the text of a template by its name. Built-in ones:
/// [`templates::builtin`](crate::templates::builtin).
pub type Templates<'t> = &'t dyn Fn(&str) -> Option<Source>;

/// Parses a policy file and gives it its meaning.
///
/// # Errors
/// Everything that is wrong with it, warnings included, in order of place.
pub fn compile(source: &Source, templates: Templates<'_>) -> Result<Lowered, Vec<Diagnostic>> {
    let parsed = parse(source)?;
    match lower(source, &parsed.tree, templates) {
        Ok(lowered) => {
            let warnings = in_order(parsed.warnings, lowered.warnings);
            Ok(Lowered { set: lowered.set, warnings })
        }
        Err(findings) => Err(in_order(parsed.warnings, findings)),
    }
}

/// Gives a parsed file its meaning.
///
/// # Errors
/// As [`compile`], but for what the parser has found.
pub fn lower(
    source: &Source,
    file: &File,
    templates: Templates<'_>,
) -> Result<Lowered, Vec<Diagnostic>> {
    let mut lowering = Lowering { source, templates, budget: Budget::new(), findings: Vec::new() };
    let policies = file.policies.iter().map(|text| lowering.policy(text)).collect();
    let findings = in_order(lowering.findings, Vec::new());
    match findings.iter().any(Diagnostic::is_error) {
        true => Err(findings),
        false => Ok(Lowered { set: PolicySet { policies }, warnings: findings }),
    }
}

fn in_order(mut one: Vec<Diagnostic>, other: Vec<Diagnostic>) -> Vec<Diagnostic> {
    one.extend(other);
    one.sort_by_key(|finding| finding.span.start);
    one
}

/// What the policies of a file share.
struct Lowering<'l> {
    source: &'l Source,
    templates: Templates<'l>,
    budget: Budget,
    findings: Vec<Diagnostic>,
}

impl Lowering<'_> {
    fn policy(&mut self, text: &PolicyText) -> Policy {
        self.findings.extend(check_emulation(&text.emulation));
        self.findings.extend(order::check(rules(text)));
        let mut draft = Draft { rules: Vec::new(), findings: Vec::new(), budget: &mut self.budget };
        let mut own = Lists::default();
        rules(text).for_each(|rule| draft.add(self.source, rule, &mut own));
        self.findings.append(&mut draft.findings);
        let mut included = Lists::default();
        for name in includes(text) {
            self.findings.extend(draft.include(name, self.templates, &mut included).err());
        }
        let lists = lists::arrange(&own, &included, &draft.rules);
        let program = text.program.value.clone();
        Policy { program, detached: text.detached.is_some(), rules: draft.rules, lists }
    }
}

fn rules(text: &PolicyText) -> impl Iterator<Item = &RuleText> {
    text.statements.iter().filter_map(|statement| match statement {
        Statement::Rule(rule) => Some(&**rule),
        Statement::Include(_) => None,
    })
}

/// Each template once: its rules would come after themselves.
fn includes(text: &PolicyText) -> impl Iterator<Item = &Spanned<String>> {
    let mut seen = HashSet::new();
    text.statements.iter().filter_map(move |statement| match statement {
        Statement::Include(name) => seen.insert(&name.value).then_some(name),
        Statement::Rule(_) => None,
    })
}

fn check_emulation(emulation: &Spanned<String>) -> Option<Diagnostic> {
    let name = emulation.value.as_str();
    if EMULATIONS.contains(&name) {
        return None;
    }
    let message = format!("no emulation is called `{name}`");
    let help = suggest::help(name, EMULATIONS);
    let help = help.unwrap_or_else(|| "the usual one is `native`".to_owned());
    Some(Diagnostic::new(Code::UnknownEmulation, emulation.span, message).help(help))
}

/// The rules of a policy while it is built.
struct Draft<'b> {
    rules: Vec<Rule>,
    /// About the source of the rules that are being added.
    findings: Vec<Diagnostic>,
    budget: &'b mut Budget,
}

impl Draft<'_> {
    /// Adds one rule, and enters it where its name reaches. What is wrong with it becomes a
    /// finding.
    fn add(&mut self, source: &Source, text: &RuleText, lists: &mut Lists) {
        let meaning = names::meaning(&text.call.value);
        self.findings.extend(rule::check(text, &meaning));
        match self.budget.pay_expressions(text).and_then(|()| rule::lower(source, text)) {
            Ok(rule) => {
                lists.enter(RuleId(u32::try_from(self.rules.len()).unwrap_or(u32::MAX)), &meaning);
                self.rules.push(rule);
            }
            Err(finding) => self.findings.push(finding),
        }
    }

    /// Adds the rules of a template. Its warnings are for those who check the template itself.
    fn include(
        &mut self,
        name: &Spanned<String>,
        templates: Templates<'_>,
        lists: &mut Lists,
    ) -> Result<(), Diagnostic> {
        let unknown = || {
            let message = format!("no template is called `{}`", name.value);
            Diagnostic::new(Code::UnknownTemplate, name.span, message)
        };
        self.budget.check(name)?;
        let source = templates(&name.value).ok_or_else(unknown)?;
        let broken = |findings: &[Diagnostic]| broken(name, &source, findings);
        let parsed = parse_template(&source).map_err(|findings| broken(&findings))?;
        self.budget.pay_template(name, parsed.tree.rules.len())?;
        self.findings.extend(check_emulation(&parsed.tree.emulation));
        for rule in &parsed.tree.rules {
            self.add(&source, rule, lists);
        }
        let findings = std::mem::take(&mut self.findings);
        if findings.iter().any(Diagnostic::is_error) {
            return Err(broken(&findings));
        }
        Ok(())
    }
}

/// The findings are about the template's text, so the policy's finding quotes the first.
fn broken(name: &Spanned<String>, source: &Source, findings: &[Diagnostic]) -> Diagnostic {
    let first = findings.iter().find(|finding| finding.is_error());
    let cause = first.map_or_else(String::new, |finding| {
        let line = source.position(finding.span.start).line;
        format!(": {}:{line}: {}", source.name(), finding.message)
    });
    let message = format!("the template `{}` has errors{cause}", name.value);
    Diagnostic::new(Code::BrokenTemplate, name.span, message)
}

#[cfg(test)]
mod tests;
