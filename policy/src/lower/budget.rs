//! Bounds what a short text can cost: an `Include:` line stands for hundreds of rules, and a
//! repetition in a regular expression for thousands of states.

use crate::ast::{Operator, RuleText, Spanned};
use crate::diagnostic::{Code, Diagnostic, Span};

/// What is left for the rest of a file.
pub(super) struct Budget {
    included: usize,
    expressions: usize,
}

impl Budget {
    /// Rules of templates, counted each time that they are included.
    const INCLUDED: usize = 50_000;
    /// Comparisons with `re`; each may take a quarter of a megabyte.
    const EXPRESSIONS: usize = 1000;

    /// For all policies of a file.
    pub(super) fn new() -> Self {
        Self { included: Self::INCLUDED, expressions: Self::EXPRESSIONS }
    }

    /// Whether a template is still worth reading.
    pub(super) fn check(&self, template: &Spanned<String>) -> Result<(), Diagnostic> {
        match self.included {
            0 => Err(refusal(template.span, Self::INCLUDED, "included rules")),
            _ => Ok(()),
        }
    }

    /// Pays for the number of a template's rules. Once that fails nothing more can be included.
    pub(super) fn pay_template(
        &mut self,
        template: &Spanned<String>,
        rules: usize,
    ) -> Result<(), Diagnostic> {
        self.included = self.included.saturating_sub(rules);
        self.check(template)
    }

    /// Pays for the regular expressions of a rule. If that fails they must not be compiled.
    pub(super) fn pay_expressions(&mut self, rule: &RuleText) -> Result<(), Diagnostic> {
        let tests = rule.condition.tests().into_iter();
        let price = tests.filter(|test| test.operator == Operator::Re).count();
        let refused = || refusal(rule.span, Self::EXPRESSIONS, "regular expressions");
        self.expressions = self.expressions.checked_sub(price).ok_or_else(refused)?;
        Ok(())
    }
}

fn refusal(place: Span, most: usize, what: &str) -> Diagnostic {
    Diagnostic::new(Code::TooMuch, place, format!("more than {most} {what} in one file"))
}
