//! What a policy means: rules bound to the forms of calls.

use std::sync::Arc;

use crate::ast::{PermitFlag, PredicateSubject, Relation};
use crate::condition::Condition;
use crate::errno::Errno;
use crate::event::Subject;
use crate::registry::{Alias, FormId};
use crate::rules::{FormLists, RuleList};

/// The policies of one container: the entry program's first, then those of programs it may run.
#[derive(Debug, Clone)]
pub struct PolicySet {
    /// The policies; the first is the entry program's.
    pub policies: Vec<Policy>,
}

impl PolicySet {
    /// The policy of a program (an absolute path in the container): the one of this name, else
    /// `*/name`.
    #[must_use]
    pub fn policy_for(&self, program: &str) -> Option<&Policy> {
        let exact = self.policies.iter().find(|policy| policy.program == program);
        exact.or_else(|| self.policies.iter().find(|policy| policy.fits(program)))
    }
}

/// The meaning of one policy.
#[derive(Debug, Clone)]
pub struct Policy {
    pub(crate) program: String,
    pub(crate) detached: bool,
    pub(crate) rules: Vec<Rule>,
    /// For forms that a rule judges, ascending.
    pub(crate) lists: Vec<(FormId, FormLists)>,
}

/// The rules that judge one form, each list in the order in which its rules are tried.
#[derive(Debug, Clone, Copy)]
pub struct FormRules<'p> {
    /// Rules on the call's names: they come first.
    pub own: &'p [RuleId],
    /// Rules on `fsread`, if the form uses that alias.
    pub read: &'p [RuleId],
    /// Rules on `fswrite`, if the form uses that alias.
    pub write: &'p [RuleId],
}

impl Policy {
    /// The program that the header names: an absolute path, or `*/name` for any folder.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Whether the header names this program (an absolute path).
    #[must_use]
    pub fn fits(&self, program: &str) -> bool {
        let same_name = |name| program.rsplit_once('/').is_some_and(|(_, last)| last == name);
        self.program == program || self.program.strip_prefix("*/").is_some_and(same_name)
    }

    /// The program runs unsupervised.
    #[must_use]
    pub fn is_detached(&self) -> bool {
        self.detached
    }

    /// Every rule, those of templates after the policy's own; some may judge no form.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// One rule.
    ///
    /// # Panics
    /// If the id is another policy's and out of range here.
    #[must_use]
    pub fn rule(&self, id: RuleId) -> &Rule {
        &self.rules[id.0 as usize]
    }

    /// The rules that judge a form.
    #[must_use]
    pub fn rules_for(&self, form: FormId) -> FormRules<'_> {
        let Some(lists) = self.lists(form) else {
            return FormRules { own: &[], read: &[], write: &[] };
        };
        let alias = |alias| lists.alias(alias).map_or(&[][..], RuleList::ids);
        FormRules { own: lists.own.ids(), read: alias(Alias::Read), write: alias(Alias::Write) }
    }

    /// Whether some rule on the names of a form permits.
    #[must_use]
    pub fn may_permit(&self, form: FormId) -> bool {
        let permits = |id: &RuleId| matches!(self.rule(*id).action, Action::Permit(_));
        self.rules_for(form).own.iter().any(permits)
    }

    pub(crate) fn lists(&self, form: FormId) -> Option<&FormLists> {
        let place = self.lists.binary_search_by_key(&form, |(form, _)| *form).ok()?;
        Some(&self.lists[place].1)
    }
}

/// A rule's place in its policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub u32);

/// One rule, everything looked up.
#[derive(Debug, Clone)]
pub struct Rule {
    /// `file:line` of the rule.
    pub origin: Origin,
    /// The condition.
    pub condition: Condition,
    /// What is done.
    pub action: Action,
    /// It denies with an error of its own: no other will do.
    pub names_errno: bool,
    /// The decision is recorded even when it permits.
    pub log: bool,
    /// The ids that the call is made with.
    pub identity: Option<Identity>,
    /// `if user = …`.
    pub predicate: Option<Predicate>,
}

/// Where a rule was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// File name as it was given, or the template's name.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// The rule as typed, one line.
    pub text: String,
}

/// `file:line`.
impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Perform the call.
    Permit(PermitFlag),
    /// Fail with this error.
    Deny(Errno),
    /// Ask the user.
    Ask,
}

/// A user or a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// The number.
    Id(u32),
    /// A name, whose number only a container knows ([`Policy::bind`]).
    Name(String),
}

/// `as user:group`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The effective user of the call; none: unchanged.
    pub user: Option<Principal>,
    /// The effective group of the call; none: unchanged.
    pub group: Option<Principal>,
}

/// `if user = root`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predicate {
    /// Which of the caller's two numbers is compared.
    pub subject: PredicateSubject,
    /// How.
    pub relation: Relation,
    /// With whom.
    pub principal: Principal,
}

impl Predicate {
    /// Whether it holds for a caller; `None` while the principal is only a name.
    #[must_use]
    pub fn holds(&self, subject: Subject) -> Option<bool> {
        let Principal::Id(id) = self.principal else { return None };
        let caller = match self.subject {
            PredicateSubject::User => subject.uid,
            PredicateSubject::Group => subject.gid,
        };
        // The original compares C ints, so that `user < 1000` holds for the id -1.
        let (caller, id) = (caller.cast_signed(), id.cast_signed());
        Some(match self.relation {
            Relation::Equal => caller == id,
            Relation::NotEqual => caller != id,
            Relation::Less => caller < id,
            Relation::Greater => caller > id,
        })
    }
}
