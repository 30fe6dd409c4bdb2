//! The container's standard input and output belong to its user, as under runc: servers that do not run as root open
//! `/dev/stdout` by name to write their log.
//!
//! The engine makes these pipes and terminals as root, and libcontainer leaves them so.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, fchown};

use oci_spec::runtime::{Process, Spec};

/// Gives our own standard descriptors, which the container is going to inherit, to its user.
pub fn give_inherited(spec: &Spec, process: &Process) -> io::Result<()> {
    let owner = owner(spec, process);
    give(io::stdin().as_fd(), owner)?;
    give(io::stdout().as_fd(), owner)?;
    give(io::stderr().as_fd(), owner)
}

fn give(descriptor: BorrowedFd<'_>, owner: u32) -> io::Result<()> {
    let found = File::from(descriptor.try_clone_to_owned()?).metadata()?;
    // An engine makes pipes. Anything else, a file or a terminal, is the administrator's own.
    if !found.file_type().is_fifo() || found.uid() == owner {
        return Ok(());
    }
    tolerate(fchown(descriptor, Some(owner), None))
}

/// Files on read-only media and those of other user namespaces stay as they are (chown(2)).
fn tolerate(outcome: io::Result<()>) -> io::Result<()> {
    const LEFT: [ErrorKind; 3] =
        [ErrorKind::InvalidInput, ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem];
    outcome.or_else(|error| if LEFT.contains(&error.kind()) { Ok(()) } else { Err(error) })
}

/// The process's user as the host numbers it.
fn owner(spec: &Spec, process: &Process) -> u32 {
    let inside = process.user().uid();
    let mappings = spec.linux().as_ref().and_then(|linux| linux.uid_mappings().as_deref());
    let mapped = mappings.into_iter().flatten().find_map(|mapping| {
        let offset = inside.checked_sub(mapping.container_id())?;
        (offset < mapping.size()).then(|| mapping.host_id() + offset)
    });
    mapped.unwrap_or(inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci_spec::runtime::{LinuxBuilder, LinuxIdMappingBuilder, UserBuilder};

    fn process(uid: u32) -> Process {
        let mut process = Process::default();
        process.set_user(UserBuilder::default().uid(uid).gid(0u32).build().unwrap());
        process
    }

    #[test]
    fn the_owner_is_the_user_as_the_host_knows_it() {
        let mut spec = Spec::default();
        assert_eq!(owner(&spec, &process(1000)), 1000);
        let mapping = LinuxIdMappingBuilder::default()
            .container_id(0u32)
            .host_id(100_000u32)
            .size(65_536u32)
            .build()
            .unwrap();
        let linux = LinuxBuilder::default().uid_mappings(vec![mapping]).build().unwrap();
        spec.set_linux(Some(linux));
        assert_eq!(owner(&spec, &process(1000)), 101_000);
        assert_eq!(owner(&spec, &process(70_000)), 70_000);
    }

    #[test]
    fn pipes_change_their_owner_and_files_do_not() {
        let (_reader, pipe) = io::pipe().unwrap();
        give(pipe.as_fd(), 12_345).unwrap();
        let file = tempfile::tempfile().unwrap();
        give(file.as_fd(), 12_345).unwrap();
        let pipe = File::from(pipe.as_fd().try_clone_to_owned().unwrap());
        assert_eq!(pipe.metadata().unwrap().uid(), 12_345);
        assert_ne!(file.metadata().unwrap().uid(), 12_345);
    }
}
