//! One call with everything its pointers hold, read once.

use crate::notification::Notification;
use crate::resolve::Resolved;
use crate::sockets::address::Address;
use policy::registry::FormId;

/// A call as it was judged. Its handler works on this copy and on the descriptors in it.
#[derive(Debug)]
pub struct Request {
    /// The registers.
    pub notification: Notification,
    /// The call and what its flags make it mean.
    pub form: FormId,
    /// One value for each of the form's parameters, in the registry's order.
    pub arguments: Vec<Argument>,
    /// openat2(2)'s third argument.
    pub open_how: Option<OpenHow>,
}

impl Request {
    /// The file names of the call, in order.
    pub fn names(&self) -> impl Iterator<Item = &Resolved> {
        self.arguments.iter().filter_map(|argument| match argument {
            Argument::Name(name) => Some(name),
            _ => None,
        })
    }
}

/// One argument.
#[derive(Debug)]
pub enum Argument {
    /// The kernel would not look at it.
    Absent,
    /// A register.
    Number(u64),
    /// Bytes up to the NUL.
    Text(Vec<u8>),
    /// A file name, resolved as far as it exists.
    Name(Resolved),
    /// `argv`: each text up to its NUL.
    Vector(Vec<Vec<u8>>),
    /// A socket address.
    Address(Address),
}

/// `struct open_how` of linux/openat2.h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenHow {
    /// `O_*`
    pub flags: u64,
    /// Permission bits of a new file.
    pub mode: u64,
    /// `RESOLVE_*`
    pub resolve: u64,
}
