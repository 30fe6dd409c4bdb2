//! Warns of calls that lead around the other rules.

use std::collections::BTreeMap;

use super::Checked;
use crate::diagnostic::{Code, Diagnostic};
use crate::program::{Action, RuleId};
use crate::registry::call_named;

/// Calls that do by themselves what rules deny elsewhere, and how.
struct Way {
    calls: &'static [&'static str],
    effect: &'static str,
}

const WAYS: &[Way] = &[
    Way {
        calls: &["io_uring_setup", "io_uring_enter", "io_uring_register"],
        effect: "files and sockets are opened, read and written from a ring that no rule sees",
    },
    Way {
        calls: &["ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd"],
        effect: "a process uses memory or open files of others, whose policies may allow more",
    },
    Way {
        calls: &[
            "mount",
            "umount2",
            "pivot_root",
            "open_tree",
            "open_tree_attr",
            "move_mount",
            "fsopen",
            "fsconfig",
            "fsmount",
            "fspick",
            "mount_setattr",
        ],
        effect: "the same file name comes to mean another file",
    },
    Way {
        calls: &["open_by_handle_at"],
        effect: "files are opened without a name that rules could judge",
    },
    Way {
        calls: &["fanotify_init"],
        effect: "files that other processes open are handed over opened",
    },
    Way {
        calls: &["userfaultfd"],
        effect: "memory can be changed while the kernel is kept from reading it",
    },
    Way {
        calls: &[
            "bpf",
            "perf_event_open",
            "init_module",
            "finit_module",
            "kexec_load",
            "kexec_file_load",
        ],
        effect: "code comes into the kernel or watches it",
    },
];

pub(super) fn check(checked: &Checked<'_>) -> Vec<Diagnostic> {
    WAYS.iter().flat_map(|way| open_ways(checked, way)).collect()
}

/// One finding for each rule that permits calls of this way.
fn open_ways(checked: &Checked<'_>, way: &Way) -> Vec<Diagnostic> {
    let mut opening: BTreeMap<RuleId, Vec<&str>> = BTreeMap::new();
    for call in way.calls.iter().filter_map(|name| call_named(name)) {
        for id in call.form_ids().flat_map(|form| checked.policy.rules_for(form).own) {
            let names = opening.entry(*id).or_default();
            if matches!(checked.policy.rule(*id).action, Action::Permit(_))
                && !names.contains(&call.name)
            {
                names.push(call.name);
            }
        }
    }
    let opening = opening.into_iter().filter(|(_, calls)| !calls.is_empty());
    opening.filter_map(|(id, calls)| finding(checked, way, id, &calls)).collect()
}

fn finding(checked: &Checked<'_>, way: &Way, id: RuleId, calls: &[&str]) -> Option<Diagnostic> {
    let included = || checked.include_of(checked.policy.rule(id));
    let span = checked.written(id).map(|rule| rule.text.span).or_else(included)?;
    let message = format!("{} leads around the other rules: {}", calls.join(", "), way.effect);
    Some(Diagnostic::new(Code::WayAround, span, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_is_a_call_that_only_rules_on_its_names_permit() {
        for name in WAYS.iter().flat_map(|way| way.calls) {
            let call = call_named(name).unwrap_or_else(|| panic!("no call {name}"));
            assert!(call.forms.iter().all(|form| form.aliases.is_empty()), "{name}");
        }
    }
}
