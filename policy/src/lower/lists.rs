//! Which rules judge which form.

use std::collections::HashMap;

use crate::ast::{Action, Expression, RuleText};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::program::{Rule, RuleId};
use crate::registry::names::Named;
use crate::registry::{Alias, FormId, forms};
use crate::rules::{Arranger, FormLists};

/// The rules of a policy, or those of all templates it includes, by what their names reach.
#[derive(Default)]
pub(super) struct Lists {
    own: HashMap<FormId, Vec<RuleId>>,
    aliases: [Vec<RuleId>; 2],
    /// The rules of each name so far.
    named: HashMap<String, Above>,
}

/// Of the rules of one name: the first, and the one that decides every call that comes to it.
struct Above {
    first: Span,
    last: Option<Span>,
}

impl Lists {
    /// Enters a rule wherever its name reaches.
    pub(super) fn enter(&mut self, rule: RuleId, meaning: &Named) {
        match meaning {
            Named::Forms(forms) => {
                forms.iter().for_each(|form| self.own.entry(*form).or_default().push(rule));
            }
            Named::Alias(alias) => self.aliases[*alias as usize].push(rule),
            Named::Nothing | Named::Unknown => {}
        }
    }

    /// Remembers a rule's place among those of its name. A finding if it can never decide, or if it is a plain rule below others,
    /// which the original would have let override them.
    pub(super) fn place(&mut self, text: &RuleText, meaning: &Named) -> Option<Diagnostic> {
        let decides = matches!(text.condition, Expression::True(_))
            && text.predicate.is_none()
            && !matches!(text.action.value, Action::Ask);
        let Some(above) = self.named.get_mut(&text.call.value) else {
            let last = decides.then_some(text.span);
            self.named.insert(text.call.value.clone(), Above { first: text.span, last });
            return None;
        };
        let last = above.last;
        above.last = last.or(decides.then_some(text.span));
        if text.plain && text.predicate.is_none() && matches!(meaning, Named::Forms(_)) {
            let message =
                "systrace 1.6 tried this plain rule first; here the rules above it come first";
            let finding = Diagnostic::new(Code::PlainOrder, text.span, message);
            return Some(finding.label(above.first, "a rule on the same call"));
        }
        let finding = Diagnostic::new(Code::Unreachable, text.span, "this rule never decides");
        last.map(|last| finding.label(last, "this one decides every call"))
    }

    fn own(&self, form: FormId) -> &[RuleId] {
        self.own.get(&form).map_or(&[], Vec::as_slice)
    }

    fn alias(&self, alias: Alias) -> &[RuleId] {
        &self.aliases[alias as usize]
    }

    /// Whether a rule of these lists judges the form, by a name or by an alias.
    fn judges(&self, form: FormId) -> bool {
        let mut aliases = form.form().aliases.iter();
        !self.own(form).is_empty() || aliases.any(|used| !self.alias(used.alias).is_empty())
    }
}

/// The lists of every form. An included rule judges a form only where the policy itself says nothing: rules on names, if
/// no rule of the policy judges the form at all; rules of an alias, if the policy has none on that alias or on a
/// name of the form.
pub(super) fn arrange(policy: &Lists, included: &Lists, rules: &[Rule]) -> Vec<FormLists> {
    let mut arranger = Arranger::new(rules);
    let lists = forms().map(|form| {
        let own = if policy.judges(form) { policy.own(form) } else { included.own(form) };
        let alias = |alias: Alias| match (policy.alias(alias), policy.own(form)) {
            ([], []) => included.alias(alias),
            (written, _) => written,
        };
        let [read, write] = Alias::ALL.map(|name| {
            let used = form.form().aliases.iter().any(|used| used.alias == name);
            used.then(|| arranger.list(alias(name)))
        });
        FormLists { own: arranger.list(own), aliases: [read, write] }
    });
    lists.collect()
}
