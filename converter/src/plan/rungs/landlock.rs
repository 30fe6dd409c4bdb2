//! Landlock: what may be written, told by folders and files, and which ports of TCP may be named (`ports.rs`).
//!
//! Landlock grants rights on inodes and on all that lies below them, and denies what is not granted. So it carries lists that
//! permit names and folders and deny the rest; a denial before a permission it cannot say.

use std::collections::BTreeMap;

use policy::ast::PermitFlag;
use policy::condition::Condition;
use policy::program::Action as RuleAction;
use policy::registry::{Alias, FormId};
use policy::{Errno, FileName, Rule, RuleId};

use super::hooks::{self, Bits, Needs};
use super::{
    Answer, Carried, Case, Difference, Direction, Load, Obstacle, Offer, Offers, Rung, Scene,
    Settled, ports,
};
use crate::host::LandlockAbi;
use crate::landlock::{Ports, Rights, Ruleset};
use crate::plan::Mechanism;
use crate::plan::decisions::Decisions;
use crate::seccomp::{Action, RegisterTest, Relation};

/// The rung.
pub(super) struct Landlock;

/// Rules that permit, and the names that they permit.
#[derive(Debug, Clone)]
pub(in crate::plan) struct Permitted(Vec<(RuleId, Vec<FileName>)>);

/// Two policies may have the same rules in different places.
impl PartialEq for Permitted {
    fn eq(&self, other: &Self) -> bool {
        let names = |permitted: &Self| -> Vec<_> {
            permitted.0.iter().flat_map(|(_, names)| names.clone()).collect()
        };
        names(self) == names(other)
    }
}

impl Permitted {
    /// Some name is permitted without what lies below it.
    fn singles(&self) -> bool {
        let mut names = self.0.iter().flat_map(|(_, names)| names);
        names.any(|name| matches!(name, FileName::Only(_)))
    }
}

impl Rung for Landlock {
    fn mechanism(&self) -> Mechanism {
        Mechanism::Landlock
    }

    fn answer(&self, case: &Case<'_>) -> Answer {
        let abi = case.host.landlock.ok_or("the kernel has no Landlock")?;
        if ports::are_of(case.form) {
            return ports::answer(case, abi);
        }
        let needs = hooks::needs(case.form, abi)?;
        if case.own().next().is_some() {
            return Err("rules on the call's own name come first".into());
        }
        let mut permitted = Permitted(Vec::new());
        for usage in case.form.form().aliases {
            match usage.alias {
                Alias::Read => unconditional(case)?,
                Alias::Write => permitted = names(case)?,
            }
        }
        let needs = if permitted.singles() { needs.without_nameless(case.form) } else { needs };
        Ok(Offer {
            decisions: decisions(case.form, &needs),
            load: Load::Landlock(needs, permitted),
            difference: hooks::unsettles(case.form).then(|| Difference {
                direction: Direction::Stricter,
                what: "what a rule names itself cannot be removed, renamed or linked".into(),
            }),
        })
    }

    fn settle(&self, scene: &Scene<'_>, offers: Offers, carried: &mut Carried) -> Settled {
        let Some(abi) = scene.host.landlock else { return Settled::nothing(offers, "") };
        if let Some(obstacle) = blocks_ways(scene) {
            return Settled::nothing(offers, &obstacle);
        }
        if let Some(obstacle) = moves_elsewhere(scene, &offers) {
            return ports_alone(offers, &obstacle, carried);
        }
        let handled = handled(scene, &offers, abi);
        let settled = keep(offers, handled);
        let watched =
            || scene.forms().any(|(form, lowered)| writes(form) && lowered.looks_at_memory());
        if !settled.kept.is_empty() || watched() {
            carried.landlock = Some(ruleset(&settled.kept, handled));
        }
        settled
    }
}

/// Only what is about ports is carried: on files nothing is denied, not even to move them between folders.
fn ports_alone(offers: Offers, obstacle: &str, carried: &mut Carried) -> Settled {
    let (kept, dropped) =
        offers.into_iter().partition(|(_, offer)| matches!(offer.load, Load::Ports(_)));
    let settled = Settled { kept, ..Settled::nothing(dropped, obstacle) };
    if !settled.kept.is_empty() {
        let everywhere = Rights::REFER;
        carried.landlock = Some(Ruleset { everywhere, ..ruleset(&settled.kept, Rights::REFER) });
    }
    settled
}

fn writes(form: FormId) -> bool {
    form.form().aliases.iter().any(|usage| usage.alias == Alias::Write)
}

/// Calls of the form are let through, but for those that Landlock does not judge.
fn decisions(form: FormId, needs: &Needs) -> Decisions {
    let test = |Bits { argument, mask, value }: &Bits| {
        let test = RegisterTest::new(*argument, *mask, Relation::Equal, *value);
        debug_assert!(test.is_some(), "{}", form.call().name);
        test.into_iter().collect()
    };
    let unseen: Vec<_> = needs.unseen.iter().map(test).collect();
    Decisions::always(Action::Allow).after(&unseen, Action::Notify)
}

/// The read rules let every call through, whatever its name.
fn unconditional(case: &Case<'_>) -> Result<(), Obstacle> {
    match case.alias(Alias::Read).next() {
        Some((_, rule)) if plain(rule).is_ok() && matches!(rule.condition, Condition::True) => {
            Ok(())
        }
        _ => Err("the rules of fsread must permit it too, and they look at names".into()),
    }
}

/// A permission and nothing else.
fn plain(rule: &Rule) -> Result<(), Obstacle> {
    if rule.log {
        return Err("a rule is logged".into());
    }
    if rule.identity.is_some() || rule.predicate.is_some() {
        return Err("a rule is about who calls".into());
    }
    match rule.action {
        RuleAction::Permit(PermitFlag::None | PermitFlag::Inherit) => Ok(()),
        RuleAction::Permit(PermitFlag::Detach) => Err("a rule releases the program".into()),
        RuleAction::Ask => Err("a rule asks".into()),
        RuleAction::Deny(_) => Err("a denial stands before a permission".into()),
    }
}

/// The names that the write rules permit, if they permit names and deny the rest.
fn names(case: &Case<'_>) -> Result<Permitted, Obstacle> {
    let mut permitted = Vec::new();
    let mut denied = false;
    for (id, rule) in case.alias(Alias::Write) {
        if let RuleAction::Deny(errno) = rule.action {
            denied = true;
            silent(rule, errno)?;
            continue;
        }
        if denied {
            return Err("a denial stands before a permission".into());
        }
        plain(rule)?;
        let names = rule.condition.file_names();
        let names = names.ok_or("a rule compares names by a pattern")?;
        permitted.push((id, names));
    }
    Ok(Permitted(permitted))
}

/// Landlock denies with EACCES and writes nothing down.
fn silent(rule: &Rule, errno: Errno) -> Result<(), Obstacle> {
    if rule.log {
        return Err("a denial is logged".into());
    }
    if rule.names_errno && errno.number() != libc::EACCES as u16 {
        return Err(format!("a denial must be {errno}, and Landlock's are EACCES"));
    }
    Ok(())
}

/// Something that Landlock would change beside the calls that it carries: mounts cannot be changed under it at all
/// (`hook_sb_mount` and others, security/landlock/fs.c), and it is never taken off again. Where a program can have another root,
/// names and folders part.
fn blocks_ways(scene: &Scene<'_>) -> Option<Obstacle> {
    const MOUNTS: [&str; 5] = ["mount", "umount2", "move_mount", "pivot_root", "fsconfig"];
    const ROOTS: [&str; 5] =
        ["chroot", "setns", "open_by_handle_at", "open_tree", "open_tree_attr"];
    if let Some(call) = MOUNTS.into_iter().find(|call| scene.permits(call)) {
        return Some(format!("{call} is permitted, which Landlock does not let through"));
    }
    if let Some(call) = ROOTS.into_iter().find(|call| scene.permits(call)) {
        return Some(format!("{call} is permitted, by which a name can come to mean another file"));
    }
    let rules = || scene.policies.iter().flat_map(|policy| policy.policy.rules());
    let releases = |rule: &Rule| rule.action == RuleAction::Permit(PermitFlag::Detach);
    let detached = scene.policies.iter().any(|policy| policy.policy.is_detached());
    (detached || rules().any(releases))
        .then(|| "a program may be released, and Landlock never lets go".into())
}

/// A call that could move a granted folder to where nothing is granted, or that every ruleset denies although it is let through.
fn moves_elsewhere(scene: &Scene<'_>, offers: &Offers) -> Option<Obstacle> {
    for policy in scene.policies {
        for (form, lowered) in policy.calls.iter().flat_map(|call| &call.forms) {
            let own = policy.policy.rules_for(*form).own;
            let moves = hooks::moves(*form) && !offers.contains_key(form);
            if moves && lowered.permits && !own.is_empty() {
                let call = form.call().name;
                return Some(format!(
                    "{call} has rules of its own, by which a granted folder might be moved"
                ));
            }
            if moves && lowered.decisions.allows() {
                return Some(format!("{} is let through", form.call().name));
            }
        }
    }
    None
}

/// The rights that can be denied without denying anything that the filter lets through.
fn handled(scene: &Scene<'_>, offers: &Offers, abi: LandlockAbi) -> Rights {
    let others = scene
        .forms()
        .filter(|(form, lowered)| !offers.contains_key(form) && lowered.decisions.allows());
    let touched = others.fold(Rights::NONE, |all, (form, _)| all.or(hooks::touched(form)));
    let mut rights = Rights::of_writing(abi).except(touched);
    // The supervisor may let the kernel carry out a bind that it permits.
    if scene.permits("bind") {
        rights = rights.except(Rights::MAKE_SOCK);
    }
    rights
}

/// The offers whose needs are met, with the same names.
fn keep(offers: Offers, handled: Rights) -> Settled {
    let mut settled = Settled::default();
    let mut names: Option<Permitted> = None;
    for (form, mut offer) in offers {
        let Load::Landlock(mut needs, permitted) = offer.load.clone() else {
            settled.kept.insert(form, offer);
            continue;
        };
        if !handled.contain(Rights::MAKE_SOCK)
            && needs.rights.contain(Rights::MAKE_SOCK)
            && let Some(without) = needs.without_sockets(form)
        {
            needs = without;
            offer.decisions = decisions(form, &needs);
        }
        if !handled.contain(needs.rights) {
            let lacking = needs.rights.except(handled);
            settled.drop(
                form,
                format!("{lacking} cannot be denied: a call that needs it is let through"),
            );
        } else if *names.get_or_insert_with(|| permitted.clone()) != permitted {
            settled.drop(form, "other calls have other rules".into());
        } else {
            offer.load = Load::Landlock(needs, permitted);
            settled.kept.insert(form, offer);
        }
    }
    settled
}

/// Only what carried calls use is granted: the rest is a second wall under the supervisor.
fn ruleset(kept: &BTreeMap<FormId, Offer>, handled: Rights) -> Ruleset {
    let mut granted = Rights::NONE;
    let mut rules = Vec::new();
    let mut ports = Ports::default();
    for (form, offer) in kept {
        match &offer.load {
            Load::Landlock(needs, Permitted(permitted)) => {
                granted = granted.or(needs.used.and(handled));
                rules = permitted.iter().map(|(id, _)| *id).collect();
            }
            Load::Ports(permitted) => ports::enter(&mut ports, *form, permitted),
            Load::Sockets(_) => {}
        }
    }
    Ruleset { handled, granted, rules, everywhere: Rights::NONE, ports }
}
