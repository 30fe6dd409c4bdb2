//! Generated filters on the real kernel: it must decide as [`Filter::decide`] says.
//!
//! A filter holds for the thread that installs it, so each test gives up a thread. The tried call
//! is getppid(2), which ignores its argument registers: they can hold anything.

mod sockets;
mod sys;

use converter::bpf::SeccompData;
use converter::host::{Host, LinuxVersion};
use converter::plan::{Target, plan};
use converter::seccomp::{Action, Clause, Filter, RegisterTest, Relation, assemble};
use policy::registry::SyscallNumber;

const GETPPID: u32 = libc::SYS_getppid as u32;

/// Runs `attempt` on a thread under the filter.
fn under<T: Send>(filter: &Filter, attempt: impl FnOnce() -> T + Send) -> T {
    let program = assemble(filter).expect("a short filter").to_kernel();
    std::thread::scope(|scope| {
        let confined = scope.spawn(|| {
            sys::install(&program).expect("the kernel takes the program");
            attempt()
        });
        confined.join().expect("the thread survives its filter")
    })
}

/// Decides getppid by these clauses and allows everything else.
fn on_getppid(clauses: Vec<Clause>) -> Filter {
    let mut filter = Filter::new(Action::Allow);
    filter.calls.insert(SyscallNumber(GETPPID), clauses);
    filter
}

#[test]
fn a_whole_call_fails_with_its_errno() {
    let filter = on_getppid(vec![Clause::always(Action::Errno(libc::EXDEV as u16))]);
    assert_eq!(under(&filter, || sys::parent(GETPPID, [0; 6])), Err(libc::EXDEV));
}

#[test]
fn foreign_conventions_do_not_exist() {
    let filter = Filter::new(Action::Allow);
    let tried =
        under(&filter, || (sys::parent_by_int80(), sys::parent(Filter::X32 | GETPPID, [0; 6])));
    assert_eq!(tried, (-libc::ENOSYS, Err(libc::ENOSYS)));
}

/// Every relation on both halves, with and without mask, each with its own errno.
fn every_relation() -> Vec<Clause> {
    use Relation::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let relations = [Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual];
    let masks = [u64::MAX, RegisterTest::INT, 0xffff_0000_0000_000f];
    let values = [5, 5 << 32 | 7];
    let mut clauses = Vec::new();
    for (at, relation) in relations.into_iter().enumerate() {
        let argument = u8::try_from(at).expect("six relations");
        for (mask, value) in masks.iter().flat_map(|mask| values.map(|value| (*mask, value))) {
            let errno = 100 + u16::try_from(clauses.len()).expect("few clauses");
            let test = RegisterTest::new(argument, mask, relation, value).expect("an argument");
            // The sixth argument tells the clauses apart, so that each of them is reached.
            let gate = RegisterTest::new(5, 0xff00, Equal, u64::from(errno) << 8 & 0xff00);
            let tests = vec![gate.expect("an argument"), test];
            clauses.push(Clause { tests, action: Action::Errno(errno) });
        }
    }
    clauses
}

#[test]
fn every_relation_decides_as_the_filter_says() {
    let clauses = every_relation();
    let words = [0, 4, 5, 6, 7, 5 << 32, 5 << 32 | 6, 5 << 32 | 7, 5 << 32 | 8, 6 << 32, u64::MAX];
    let mut calls = Vec::new();
    for gate in 0..clauses.len() {
        for word in words {
            let low = (100 + gate as u64) << 8 | (word & 0xff);
            calls.push([word, word, word, word, word, word & !0xffff | low & 0xffff]);
        }
    }
    let filter = on_getppid(clauses);
    let tried: Vec<_> =
        under(&filter, || calls.iter().map(|call| sys::parent(GETPPID, *call)).collect());
    let mut denied = 0;
    for (call, result) in calls.iter().zip(tried) {
        match filter.decide(&SeccompData::native(GETPPID, *call)) {
            Action::Errno(errno) => {
                denied += 1;
                assert_eq!(result, Err(i32::from(errno)), "{call:x?}");
            }
            _ => assert!(result.is_ok(), "{call:x?}"),
        }
    }
    assert!(denied > 50 && denied < calls.len(), "both outcomes occur: {denied}");
}

/// A policy that stands alone, as the kernel enforces it.
#[test]
fn a_policy_holds_in_the_kernel() {
    let text = "Policy: /bin/x, Emulation: native\n\tInclude: docker-default\n\
        native-getppid: deny[exdev]\n";
    let source = policy::Source::new("x.policy", text);
    let set = policy::compile(&source, &policy::templates::builtin).expect("a policy").set;
    let host = Host::of_this_release(LinuxVersion::SUPERVISABLE);
    let plan = plan(&set, &host, Target::Standalone).expect("numbers and whole calls");
    let tried =
        under(&plan.filter, || (sys::parent(GETPPID, [3; 6]), std::env::current_dir().is_ok()));
    assert_eq!(tried, (Err(libc::EXDEV), true));
}
