//! Which rules judge which form.

use std::collections::HashMap;

use crate::program::{Rule, RuleId};
use crate::registry::names::Named;
use crate::registry::{Alias, FormId, forms};
use crate::rules::{Arranger, FormLists};

/// The rules of a policy, or those of all templates it includes, by what their names reach.
#[derive(Default)]
pub(super) struct Lists {
    own: HashMap<FormId, Vec<RuleId>>,
    aliases: [Vec<RuleId>; 2],
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

/// The lists of every form that a rule judges. An included rule judges a form only where the policy itself says
/// nothing: rules on names, if no rule of the policy judges the form at all; rules of an alias, if
/// the policy has none on that alias or on a name of the form.
pub(super) fn arrange(
    policy: &Lists,
    included: &Lists,
    rules: &[Rule],
) -> Vec<(FormId, FormLists)> {
    let mut arranger = Arranger::new(rules);
    let judged = forms().filter(|form| policy.judges(*form) || included.judges(*form));
    let lists = judged.map(|form| {
        let own = if policy.judges(form) { policy.own(form) } else { included.own(form) };
        let alias = |alias: Alias| match (policy.alias(alias), policy.own(form)) {
            ([], []) => included.alias(alias),
            (written, _) => written,
        };
        let [read, write] = Alias::ALL.map(|name| {
            let used = form.form().aliases.iter().any(|used| used.alias == name);
            used.then(|| arranger.list(alias(name)))
        });
        (form, FormLists { own: arranger.list(own), aliases: [read, write] })
    });
    lists.collect()
}
