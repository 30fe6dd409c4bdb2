//! rename(2), link(2), symlink(2) and their `at` forms: performed between the folders that were judged.

use super::name;
use crate::caller::Caller;
use crate::host;
use crate::identity::Who;
use crate::notification::{Denial, Reply};
use crate::request::{Argument, Request};
use crate::resolve::{Entry, Object, number};
use crate::worker::Worker;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, RenameFlags, renameat2};
use nix::unistd::{linkat, symlinkat};
use std::os::fd::AsFd;

/// `CAP_DAC_READ_SEARCH` of linux/capability.h.
const DAC_READ_SEARCH: u32 = 2;

/// rename(2), renameat(2), renameat2(2).
pub fn rename(
    worker: &mut Worker,
    caller: &Caller<'_>,
    request: &Request,
) -> Result<Reply, Denial> {
    let flags = match request.form.call().name {
        "renameat2" => request.notification.int(4) as u32,
        _ => 0,
    };
    let (from, to) = (name(request, 0)?.entry()?, name(request, 1)?.entry()?);
    let _acting = worker.identity.act_as(caller, Who::Effective)?;
    renameat2(
        &from.folder,
        from.last.as_c_str(),
        &to.folder,
        to.last.as_c_str(),
        RenameFlags::from_bits_retain(flags),
    )?;
    Ok(Reply::Value(0))
}

/// link(2), linkat(2).
pub fn link(worker: &mut Worker, caller: &Caller<'_>, request: &Request) -> Result<Reply, Denial> {
    let flags = match request.form.call().name {
        "linkat" => request.notification.int(4),
        _ => 0,
    };
    super::only(flags, libc::AT_SYMLINK_FOLLOW | libc::AT_EMPTY_PATH)?;
    let (from, to) = (name(request, 0)?.object()?, name(request, 1)?.entry()?);
    let acting = worker.identity.act_as(caller, Who::Effective)?;
    let by_descriptor = name(request, 0)?.is_descriptor();
    if by_descriptor && !acting.has(DAC_READ_SEARCH) {
        // linkat(2): who was handed a descriptor may not make a name for it.
        return Err(Errno::ENOENT.into());
    }
    link_to(from, to)?;
    Ok(Reply::Value(0))
}

fn link_to(from: &Object, to: &Entry) -> Result<(), Errno> {
    let number = number(from.fd.as_fd());
    let follow = AtFlags::AT_SYMLINK_FOLLOW;
    linkat(host::descriptors(), number.as_str(), &to.folder, to.last.as_c_str(), follow)
}

/// symlink(2), symlinkat(2).
pub fn symlink(
    worker: &mut Worker,
    caller: &Caller<'_>,
    request: &Request,
) -> Result<Reply, Denial> {
    let Some(Argument::Text(target)) = request.arguments.first() else {
        return Err(Denial::because("the text of the link was not read"));
    };
    let entry = name(request, 0)?.entry()?;
    let _acting = worker.identity.act_as(caller, Who::Effective)?;
    symlinkat(target.as_slice(), &entry.folder, entry.last.as_c_str())?;
    Ok(Reply::Value(0))
}
