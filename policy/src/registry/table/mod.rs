//! The table, one file for each family of calls. Numbers: asm/unistd_64.h up to Linux 7.1; a test
//! compares them with libc.
//!
//! Two choices go beyond the original, in which only some calls belonged to an alias. Whatever
//! changes the name, the links, the owner, the mode, the times or the extended attributes of a file
//! is judged by `fswrite`, because a rule that keeps a program from writing to a file would
//! otherwise be undone by renaming another over it; and whatever tells about a file by its name is
//! judged by `fsread`. Rules on the call's own name still come first.

mod descriptors;
mod files;
mod ipc;
mod memory;
mod open;
mod processes;
mod scheduling;
mod signals;
mod sockets;
mod system;
mod time;
mod users;

use super::Call;

/// Every family.
pub(super) static FAMILIES: &[&[Call]] = &[
    descriptors::CALLS,
    files::CALLS,
    ipc::CALLS,
    memory::CALLS,
    open::CALLS,
    processes::CALLS,
    scheduling::CALLS,
    signals::CALLS,
    sockets::CALLS,
    system::CALLS,
    time::CALLS,
    users::CALLS,
];
