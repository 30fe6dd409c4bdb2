//! One call of a program, as the rules see it.

use crate::registry::FormId;

/// A call: which form of which Linux call, and the values of its arguments.
#[derive(Debug, Clone, Copy)]
pub struct Event<'e> {
    /// The call and the form that its flags select.
    pub form: FormId,
    /// The values, one for each of the form's parameters, in the registry's order.
    pub values: &'e [Value<'e>],
    /// Who calls.
    pub subject: Subject,
}

/// One argument's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'e> {
    /// The kernel would not look at it, or it could not be read: every test on it is false.
    Absent,
    /// A number, as the register holds it; the parameter's [`Kind`](crate::registry::Kind) says how
    /// it is cut and printed.
    Number(u64),
    /// Text as the operators see it: a resolved file name, a printed address.
    Text(&'e [u8]),
}

/// The caller's identity, for `if user` and `if group`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Subject {
    /// Real user id, as the container sees it.
    pub uid: u32,
    /// Real group id, as the container sees it.
    pub gid: u32,
}
