//! mkdir(2), mknod(2), rmdir(2), unlink(2) and their `at` forms: performed on the folder that was judged, with the last
//! component only. None of them follows a link at the end.

use super::{device_number, name};
use crate::caller::Caller;
use crate::identity::Who;
use crate::notification::{Denial, Reply};
use crate::request::Request;
use crate::worker::Worker;
use nix::errno::Errno;
use nix::sys::stat::{Mode, SFlag, mkdirat, mknodat};
use nix::unistd::{UnlinkatFlags, unlinkat};

/// mkdir(2), mkdirat(2).
pub fn mkdir(worker: &mut Worker, caller: &Caller<'_>, request: &Request) -> Result<Reply, Denial> {
    let mode = at(request, "mkdirat", 1);
    let entry = name(request, 0)?.entry()?;
    let _acting = worker.identity.act_as(caller, Who::Effective)?;
    mkdirat(&entry.folder, entry.last.as_c_str(), Mode::from_bits_retain(mode))?;
    Ok(Reply::Value(0))
}

/// mknod(2), mknodat(2).
pub fn mknod(worker: &mut Worker, caller: &Caller<'_>, request: &Request) -> Result<Reply, Denial> {
    let (mode, device) = (at(request, "mknodat", 1), at(request, "mknodat", 2));
    let kind = SFlag::from_bits_retain(mode & libc::S_IFMT);
    let device = device_number(device);
    if matches!(kind, SFlag::S_IFCHR | SFlag::S_IFBLK)
        && !worker.container().devices.permit_node(kind, device)
    {
        return Err(Errno::EPERM.into());
    }
    let entry = name(request, 0)?.entry()?;
    let mode = Mode::from_bits_retain(mode & !libc::S_IFMT);
    let _acting = worker.identity.act_as(caller, Who::Effective)?;
    mknodat(&entry.folder, entry.last.as_c_str(), kind, mode, device)?;
    Ok(Reply::Value(0))
}

/// rmdir(2), unlink(2), unlinkat(2).
pub fn remove(
    worker: &mut Worker,
    caller: &Caller<'_>,
    request: &Request,
) -> Result<Reply, Denial> {
    let flags = request.notification.int(2);
    let flag = match request.form.call().name {
        "rmdir" => UnlinkatFlags::RemoveDir,
        "unlink" => UnlinkatFlags::NoRemoveDir,
        _ if flags & !libc::AT_REMOVEDIR != 0 => return Err(Errno::EINVAL.into()),
        _ if flags == libc::AT_REMOVEDIR => UnlinkatFlags::RemoveDir,
        _ => UnlinkatFlags::NoRemoveDir,
    };
    let entry = name(request, 0)?.entry()?;
    let _acting = worker.identity.act_as(caller, Who::Effective)?;
    unlinkat(&entry.folder, entry.last.as_c_str(), flag)?;
    Ok(Reply::Value(0))
}

/// The 32-bit register behind the name: one further for the call that takes a folder's descriptor.
fn at(request: &Request, with_folder: &str, register: u8) -> u32 {
    let shift = u8::from(request.form.call().name == with_folder);
    request.notification.int(register + shift) as u32
}
