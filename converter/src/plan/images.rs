//! Where a container has several policies, the supervisor knows a process by the auxiliary vector that its execve gave it
//! (proc_pid_auxv(5)). A process must not be able to give itself another one.

use policy::registry::call_named;

use crate::seccomp::{Action, Clause, Filter, RegisterTest, Relation};

/// `PR_SET_MM` of linux/prctl.h: changes what the kernel keeps of an execve; `PR_SET_MM_MAP` needs no privilege.
const SET_MM: u64 = 35;

/// Refuses prctl(2) with `PR_SET_MM`, whatever the policies say.
pub(super) fn keep(filter: &mut Filter) {
    let test = RegisterTest::new(0, RegisterTest::INT, Relation::Equal, SET_MM);
    let call = call_named("prctl").and_then(|call| filter.calls.get_mut(&call.number));
    if let (Some(test), Some(clauses)) = (test, call) {
        clauses.insert(0, Clause { tests: vec![test], action: Action::Errno(libc::EPERM as u16) });
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Target, plan};
    use super::*;
    use crate::bpf::SeccompData;
    use crate::host::Host;

    fn decide(text: &str, option: u64) -> Action {
        let set = policy::compile(&policy::Source::new("p", text), &|_| None).unwrap().set;
        let plan =
            plan(&set, &Host::of_this_release("6.18.0".parse().unwrap()), Target::Supervised)
                .unwrap();
        let prctl = call_named("prctl").unwrap().number.0;
        plan.filter.decide(&SeccompData::native(prctl, [option, 14, 0, 0, 0, 0]))
    }

    #[test]
    fn only_where_processes_differ() {
        let one = "Policy: /a, Emulation: native\n\tnative-prctl: permit\n";
        let other = one.replace("/a", "/b");
        let (denied, garbage) = (Action::Errno(libc::EPERM as u16), SET_MM | 1 << 40);
        assert_eq!(decide(one, SET_MM), Action::Allow);
        assert_eq!(decide(&(one.to_owned() + &other), SET_MM), denied);
        assert_eq!(decide(&(one.to_owned() + &other), garbage), denied);
        assert_eq!(decide(&(one.to_owned() + &other), 4), Action::Allow);
        let detaches = one.to_owned() + "\tnative-execve: filename eq \"/x\" then permit[detach]\n";
        assert_eq!(decide(&detaches, SET_MM), denied);
    }
}
