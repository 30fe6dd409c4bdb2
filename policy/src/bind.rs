//! A policy for one container: variables, users, groups and the links on the way to file names get
//! their values.

use thiserror::Error;

use crate::ast::Operator;
use crate::condition::Comparison;
use crate::environment::Environment;
use crate::matcher::{self, BadPattern};
use crate::program::{Identity, Policy, Predicate, Principal, Rule};
use crate::rules::Arranger;
use crate::{ast::PredicateSubject, variables};

/// Why a rule has no meaning in a container.
#[derive(Debug, Error, Clone, PartialEq)]
pub enum BindError {
    /// No such user in the container's passwd(5).
    #[error("{rule}: the container has no user `{name}`")]
    NoUser {
        /// `file:line`.
        rule: String,
        /// The name.
        name: String,
    },
    /// No such group in the container's group(5).
    #[error("{rule}: the container has no group `{name}`")]
    NoGroup {
        /// `file:line`.
        rule: String,
        /// The name.
        name: String,
    },
    /// The variable has no value.
    #[error("{rule}: `${name}` has no value in the container")]
    NoVariable {
        /// `file:line`.
        rule: String,
        /// The name.
        name: &'static str,
    },
    /// The text became too large a pattern.
    #[error("{rule}: the text of `re` cannot be used once its variables are expanded")]
    Pattern {
        /// `file:line`.
        rule: String,
        /// Why.
        source: BadPattern,
    },
}

impl Policy {
    /// The policy as it is in one container.
    ///
    /// # Errors
    /// Every name without a meaning there.
    pub fn bind(&self, environment: &dyn Environment) -> Result<Self, Vec<BindError>> {
        let mut errors = Vec::new();
        let mut rules = Vec::with_capacity(self.rules.len());
        for rule in &self.rules {
            match (Binder { rule, environment }).bind() {
                Ok(bound) => rules.push(bound),
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut arranger = Arranger::new(&rules);
        let again = |(form, lists): &(_, _)| (*form, arranger.rearrange(lists));
        let lists = self.lists.iter().map(again).collect();
        Ok(Self { program: self.program_in(environment), detached: self.detached, lists, rules })
    }

    /// The header's program without symbolic links, as programs that run are named: `/bin/sh` may be
    /// `/usr/bin/dash`.
    fn program_in(&self, environment: &dyn Environment) -> String {
        let resolved = environment.resolve(self.program.as_bytes());
        resolved
            .and_then(|name| String::from_utf8(name).ok())
            .unwrap_or_else(|| self.program.clone())
    }
}

struct Binder<'r> {
    rule: &'r Rule,
    environment: &'r dyn Environment,
}

impl Binder<'_> {
    fn bind(&self) -> Result<Rule, BindError> {
        Ok(Rule {
            condition: self
                .rule
                .condition
                .try_map(&mut |comparison| self.comparison(comparison))?,
            identity: self.rule.identity.as_ref().map(|i| self.identity(i)).transpose()?,
            predicate: self.rule.predicate.as_ref().map(|p| self.predicate(p)).transpose()?,
            ..self.rule.clone()
        })
    }

    fn comparison(&self, comparison: &Comparison) -> Result<Comparison, BindError> {
        let operator = comparison.operator();
        let value = |name: &str| self.environment.variable(name);
        let text = variables::expand(comparison.text(), operator, value)
            .map_err(|name| BindError::NoVariable { rule: self.place(), name })?;
        let resolved = match comparison.argument() {
            "filename" => self.resolved(operator, &text),
            _ => None,
        };
        let texts = [text].into_iter().chain(resolved).collect();
        Comparison::new(comparison.argument(), comparison.index(), operator, texts)
            .map_err(|source| BindError::Pattern { rule: self.place(), source })
    }

    /// The other spelling of a file name: the one without symbolic links up to the first wildcard,
    /// so that `"/bin"` also means `/usr/bin` where the one leads to the other. `sub` and `re` look
    /// into names and have none.
    fn resolved(&self, operator: Operator, text: &[u8]) -> Option<Vec<u8>> {
        let (folder, rest) = match operator {
            Operator::Eq | Operator::Neq | Operator::Inpath => (text.to_vec(), &[][..]),
            Operator::Match => leading_folder(text)?,
            Operator::Sub | Operator::Nsub | Operator::Re => return None,
        };
        if !folder.starts_with(b"/") {
            return None;
        }
        let real = self.environment.resolve(&folder)?;
        let spelling = [matcher::quote(operator, &real), rest.to_vec()].concat();
        (spelling != text).then_some(spelling)
    }

    fn identity(&self, identity: &Identity) -> Result<Identity, BindError> {
        let user = identity.user.as_ref().map(|user| self.user(user)).transpose()?;
        let group = identity.group.as_ref().map(|group| self.group(group)).transpose()?;
        Ok(Identity { user, group })
    }

    fn predicate(&self, predicate: &Predicate) -> Result<Predicate, BindError> {
        let principal = match predicate.subject {
            PredicateSubject::User => self.user(&predicate.principal)?,
            PredicateSubject::Group => self.group(&predicate.principal)?,
        };
        Ok(Predicate { principal, ..predicate.clone() })
    }

    fn user(&self, user: &Principal) -> Result<Principal, BindError> {
        let Principal::Name(name) = user else { return Ok(user.clone()) };
        let missing = || BindError::NoUser { rule: self.place(), name: name.clone() };
        self.environment.user(name).map(Principal::Id).ok_or_else(missing)
    }

    fn group(&self, group: &Principal) -> Result<Principal, BindError> {
        let Principal::Name(name) = group else { return Ok(group.clone()) };
        let missing = || BindError::NoGroup { rule: self.place(), name: name.clone() };
        self.environment.group(name).map(Principal::Id).ok_or_else(missing)
    }

    fn place(&self) -> String {
        self.rule.origin.to_string()
    }
}

/// A `match` pattern in two parts: the name of the folder that all it matches lies in, and the rest
/// from the slash on. The whole of a pattern without wildcards is a name.
fn leading_folder(pattern: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    if let Some(name) = matcher::literal_glob(pattern) {
        return Some((name, &[]));
    }
    let mut slashes = (1..pattern.len()).rev().filter(|at| pattern[*at] == b'/');
    slashes.find_map(|at| {
        let name = matcher::literal_glob(&pattern[..at])?;
        Some((name, &pattern[at..]))
    })
}
