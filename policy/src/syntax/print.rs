//! Writes the canonical text of a tree: one statement a line, indented by a tab, as the original saved its policies.

use super::comments::{Comments, Remark};
use crate::ast::{
    Action, Expression, File, Identity, PermitFlag, PolicyText, Predicate, PredicateSubject,
    Relation, RuleText, Statement, TemplateText, Test,
};
use crate::diagnostic::Span;

/// The text of a policy file. Parsing it gives the same tree and comments again.
#[must_use]
pub fn file(file: &File, comments: &Comments) -> Vec<u8> {
    let mut printer = Printer { text: Vec::new(), comments };
    for policy in &file.policies {
        printer.policy(policy);
    }
    printer.end();
    printer.text
}

/// The text of a template file.
#[must_use]
pub fn template(template: &TemplateText, comments: &Comments) -> Vec<u8> {
    let mut printer = Printer { text: Vec::new(), comments };
    let (name, emulation) = (&template.name.value, &template.emulation.value);
    let description = &template.description.value;
    let header = format!("Template: {name}, Emulation: {emulation}, Description: {description}");
    printer.header(header.trim_end().as_bytes(), template.span);
    for rule in &template.rules {
        printer.item(&self::rule(rule, emulation), rule.span);
    }
    printer.end();
    printer.text
}

/// One rule, without indentation and line end.
#[must_use]
pub fn rule(rule: &RuleText, emulation: &str) -> Vec<u8> {
    let mut text = format!("{emulation}-{}: ", rule.call.value).into_bytes();
    if !rule.plain {
        expression(&mut text, &rule.condition);
        text.extend_from_slice(b" then ");
    }
    action(&mut text, &rule.action.value);
    if rule.log {
        text.extend_from_slice(b" log");
    }
    if let Some(written) = &rule.identity {
        identity(&mut text, written);
    }
    if let Some(written) = &rule.predicate {
        predicate(&mut text, written);
    }
    text
}

/// A condition with a parenthesis wherever operators follow each other on one level.
pub(super) fn grouped(condition: &Expression) -> Vec<u8> {
    let mut text = Vec::new();
    expression(&mut text, &parenthesized(condition));
    text
}

struct Printer<'c> {
    text: Vec<u8>,
    comments: &'c Comments,
}

impl Printer<'_> {
    fn policy(&mut self, policy: &PolicyText) {
        let PolicyText { program, emulation, .. } = policy;
        let header = format!("Policy: {}, Emulation: {}", program.value, emulation.value);
        self.header(header.as_bytes(), policy.span);
        for statement in &policy.statements {
            let line = match statement {
                Statement::Include(name) => format!("Include: {}", name.value).into_bytes(),
                Statement::Rule(rule) => self::rule(rule, &emulation.value),
            };
            self.item(&line, statement.span());
        }
        if let Some(span) = policy.detached {
            self.item(b"detached", span);
        }
    }

    /// Headers are parted by one blank line, whatever stood there.
    fn header(&mut self, header: &[u8], span: Span) {
        let above = self.comments.before(span.start);
        let above = above.strip_prefix(&[Remark::Blank]).unwrap_or(above);
        if !self.text.is_empty() {
            self.text.push(b'\n');
        }
        self.remarks("", above);
        self.line("", header, span);
    }

    fn item(&mut self, item: &[u8], span: Span) {
        const INDENT: &str = "\t";
        self.remarks(INDENT, self.comments.before(span.start));
        self.line(INDENT, item, span);
    }

    fn line(&mut self, indent: &str, item: &[u8], span: Span) {
        self.text.extend_from_slice(indent.as_bytes());
        self.text.extend_from_slice(item);
        if let Some(comment) = self.comments.beside(span.start) {
            self.text.push(b' ');
            self.text.extend_from_slice(comment);
        }
        self.text.push(b'\n');
    }

    fn remarks(&mut self, indent: &str, remarks: &[Remark]) {
        for remark in remarks {
            if let Remark::Comment(comment) = remark {
                self.text.extend_from_slice(indent.as_bytes());
                self.text.extend_from_slice(comment);
            }
            self.text.push(b'\n');
        }
    }

    fn end(&mut self) {
        let below = self.comments.end();
        self.remarks("", below.strip_suffix(&[Remark::Blank]).unwrap_or(below));
    }
}

fn expression(text: &mut Vec<u8>, condition: &Expression) {
    match condition {
        Expression::True(_) => text.extend_from_slice(b"true"),
        Expression::Test(written) => test(text, written),
        Expression::Not(inner, _) => {
            text.extend_from_slice(b"not ");
            expression(text, inner);
        }
        Expression::And(left, right) => joined(text, left, b" and ", right),
        Expression::Or(left, right) => joined(text, left, b" or ", right),
        Expression::Group(inner, _) => {
            text.push(b'(');
            expression(text, inner);
            text.push(b')');
        }
    }
}

fn joined(text: &mut Vec<u8>, left: &Expression, operator: &[u8], right: &Expression) {
    expression(text, left);
    text.extend_from_slice(operator);
    expression(text, right);
}

fn parenthesized(condition: &Expression) -> Expression {
    let part = |inner: &Expression| {
        let inside = parenthesized(inner);
        Box::new(match inside {
            Expression::And(..) | Expression::Or(..) => {
                Expression::Group(Box::new(inside), inner.span())
            }
            _ => inside,
        })
    };
    match condition {
        Expression::True(_) | Expression::Test(_) => condition.clone(),
        Expression::Not(inner, span) => Expression::Not(part(inner), *span),
        Expression::And(left, right) => Expression::And(part(left), part(right)),
        Expression::Or(left, right) => Expression::Or(part(left), part(right)),
        Expression::Group(inner, span) => Expression::Group(Box::new(parenthesized(inner)), *span),
    }
}

fn test(text: &mut Vec<u8>, test: &Test) {
    text.extend_from_slice(test.argument.value.as_bytes());
    if let Some(index) = test.index {
        text.extend_from_slice(format!("[{index}]").as_bytes());
    }
    text.extend_from_slice(format!(" {} \"", test.operator.name()).as_bytes());
    for &byte in &test.text.value {
        match byte {
            b'\n' => text.extend_from_slice(b"\\n"),
            b'\r' => text.extend_from_slice(b"\\r"),
            b'"' | b'\\' => text.extend_from_slice(&[b'\\', byte]),
            _ => text.push(byte),
        }
    }
    text.push(b'"');
}

fn action(text: &mut Vec<u8>, action: &Action) {
    let written = match action {
        Action::Permit(PermitFlag::None) => "permit",
        Action::Permit(PermitFlag::Inherit) => "permit[inherit]",
        Action::Permit(PermitFlag::Detach) => "permit[detach]",
        Action::Deny(None) => "deny",
        Action::Deny(Some(name)) => {
            return text.extend_from_slice(format!("deny[{name}]").as_bytes());
        }
        Action::Ask => "ask",
    };
    text.extend_from_slice(written.as_bytes());
}

fn identity(text: &mut Vec<u8>, identity: &Identity) {
    text.extend_from_slice(b" as ");
    text.extend_from_slice(identity.user.as_deref().unwrap_or_default().as_bytes());
    if let Some(group) = &identity.group {
        text.push(b':');
        text.extend_from_slice(group.as_bytes());
    }
}

fn predicate(text: &mut Vec<u8>, predicate: &Predicate) {
    let subject = match predicate.subject {
        PredicateSubject::User => "user",
        PredicateSubject::Group => "group",
    };
    let relation = match predicate.relation {
        Relation::Equal => "=",
        Relation::NotEqual => "!=",
        Relation::Less => "<",
        Relation::Greater => ">",
    };
    let written = format!(", if {subject} {relation} {}", predicate.name);
    text.extend_from_slice(written.as_bytes());
}
