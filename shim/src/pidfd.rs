//! `--pidfd-socket`: an engine that gets a descriptor of the process cannot take another one with its number for it.

use std::io::{self, IoSlice};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use nix::sys::socket::{ControlMessage, MsgFlags, UnixAddr, sendmsg};

use crate::sys;

/// Sends it as runc does, with a name before it. Without a socket there is nobody to send it to.
pub fn send(socket: Option<&Path>, pid: i32) -> io::Result<()> {
    let Some(socket) = socket else { return Ok(()) };
    let connection = UnixStream::connect(socket)?;
    let process = sys::open_process(pid)?;
    let descriptors = [process.as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&descriptors)];
    let name = [IoSlice::new(b"pidfd")];
    sendmsg::<UnixAddr>(connection.as_raw_fd(), &name, &rights, MsgFlags::empty(), None)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::cmsg_space;
    use nix::sys::socket::{ControlMessageOwned, recvmsg};
    use std::io::IoSliceMut;
    use std::os::unix::net::UnixListener;

    #[test]
    fn the_descriptor_is_of_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let own = std::process::id() as i32;
        send(Some(&path), own).unwrap();
        let (connection, _) = listener.accept().unwrap();
        let mut name = [0; 16];
        let mut parts = [IoSliceMut::new(&mut name)];
        let mut space = cmsg_space!([i32; 1]);
        let flags = MsgFlags::empty();
        let message =
            recvmsg::<UnixAddr>(connection.as_raw_fd(), &mut parts, Some(&mut space), flags)
                .unwrap();
        let Some(ControlMessageOwned::ScmRights(descriptors)) = message.cmsgs().unwrap().next()
        else {
            panic!("no descriptor");
        };
        let process = sys::adopt(descriptors[0]);
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", process.as_raw_fd()));
        assert!(info.unwrap().contains(&format!("Pid:\t{own}")));
        assert!(send(None, own).is_ok() && send(Some(Path::new("/nonexistent")), own).is_err());
    }
}
