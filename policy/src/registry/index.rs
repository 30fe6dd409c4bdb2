//! Finding calls and forms.

use std::sync::LazyLock;

use super::{Call, Form, FormId, FormTest, SyscallNumber, table};

/// Every call in the order of the numbers, and where its forms begin.
struct Index {
    calls: Vec<&'static Call>,
    forms: Vec<(&'static Call, &'static Form)>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut calls: Vec<&Call> = table::FAMILIES.iter().copied().flatten().collect();
    calls.sort_by_key(|call| call.number);
    let forms = calls.iter().flat_map(|call| call.forms.iter().map(move |form| (*call, form)));
    Index { forms: forms.collect(), calls }
});

/// Every call, in the order of the numbers.
#[must_use]
pub fn calls() -> &'static [&'static Call] {
    &INDEX.calls
}

/// The call with this number.
#[must_use]
pub fn call(number: SyscallNumber) -> Option<&'static Call> {
    INDEX.calls.binary_search_by_key(&number, |call| call.number).ok().map(|at| INDEX.calls[at])
}

/// The call with this name in the kernel's table.
#[must_use]
pub fn call_named(name: &str) -> Option<&'static Call> {
    INDEX.calls.iter().copied().find(|call| call.name == name)
}

/// Every form of every call.
pub fn forms() -> impl ExactSizeIterator<Item = FormId> {
    (0..INDEX.forms.len()).map(|at| FormId(u16::try_from(at).expect("the table is short")))
}

impl FormId {
    /// The form.
    #[must_use]
    pub fn form(self) -> &'static Form {
        INDEX.forms[self.index()].1
    }

    /// The call whose form it is.
    #[must_use]
    pub fn call(self) -> &'static Call {
        INDEX.forms[self.index()].0
    }

    /// Its place among all forms, from 0.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The form cannot be told by the registers alone: it, or a form that is tried before it, has a
    /// test that needs the caller's memory.
    #[must_use]
    pub fn is_told_by_memory(self) -> bool {
        let memory = |test: &FormTest| !matches!(test, FormTest::Register { .. });
        let tried = self.call().form_ids().filter(|id| *id <= self);
        tried.flat_map(|id| id.form().when).any(memory)
    }
}

impl Call {
    /// The forms of this call, in the order in which they are tried.
    pub fn form_ids(&self) -> impl ExactSizeIterator<Item = FormId> + use<> {
        let first = INDEX.forms.partition_point(|(call, _)| call.number < self.number);
        (first..first + self.forms.len())
            .map(|at| FormId(u16::try_from(at).expect("the table is short")))
    }

    /// The first form all of whose tests hold.
    pub fn select(&self, mut holds: impl FnMut(&FormTest) -> bool) -> FormId {
        let mut ids = self.form_ids().zip(self.forms);
        ids.find(|(_, form)| form.when.iter().all(&mut holds))
            .expect("the last form of a call has no test")
            .0
    }
}
