//! A socket address as the caller gave it, and what it reaches.

use crate::caller::Caller;
use crate::identity::Who;
use crate::notification::Denial;
use crate::resolve::{Aim, Name, Resolved, resolve};
use crate::worker::Worker;
use nix::fcntl::ResolveFlag;
use policy::sockaddr::{print_sockaddr, reached};
use std::ffi::CString;

/// The bytes of a `sockaddr` and what rules see of it.
#[derive(Debug)]
pub struct Address {
    /// As the caller gave it.
    pub bytes: Vec<u8>,
    /// As `sockaddr` rules compare it: a file name is resolved first, as for any other call.
    pub printed: Vec<u8>,
    /// The file of a unix socket, unless its name is abstract.
    pub file: Option<Resolved>,
}

impl Address {
    /// Takes an address that `call` was given.
    ///
    /// # Errors
    /// As [`resolve`], if it is a file name.
    pub fn read(
        worker: &mut Worker,
        caller: &Caller<'_>,
        call: &str,
        bytes: Vec<u8>,
    ) -> Result<Self, Denial> {
        let Some(path) = path(&bytes) else {
            let printed = print_sockaddr(&reached(call, &bytes));
            return Ok(Self { printed, bytes, file: None });
        };
        let file = resolve(
            worker,
            caller,
            Name {
                dirfd: libc::AT_FDCWD,
                path,
                // bind(2) makes the file, the others look for it.
                aim: if call == "bind" { Aim::Entry } else { Aim::Object { follow: true } },
                who: Who::Effective,
                or_descriptor: false,
                restrictions: ResolveFlag::empty(),
            },
        )?;
        Ok(Self { bytes, printed: file.name.clone(), file: Some(file) })
    }

    /// Whether its family is `AF_UNIX`, whatever follows.
    #[must_use]
    pub fn is_unix(&self) -> bool {
        self.bytes.starts_with(&FAMILY)
    }
}

const FAMILY: [u8; 2] = (libc::AF_UNIX as u16).to_ne_bytes();

/// The file name in an address: of family `AF_UNIX`, not empty and not abstract (unix(7)).
pub fn path(address: &[u8]) -> Option<CString> {
    let path = address.strip_prefix(&FAMILY)?;
    let end = path.iter().position(|byte| *byte == 0).unwrap_or(path.len());
    CString::new(&path[..end]).ok().filter(|path| !path.is_empty())
}

/// The address of a file by its name.
#[must_use]
pub fn unix(name: &[u8]) -> Vec<u8> {
    [&FAMILY[..], name, &[0]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_of_a_file_is_a_path() {
        assert_eq!(path(&unix(b"/dev/log")), Some(c"/dev/log".to_owned()));
        assert_eq!(path(&unix(b"")), None);
        assert_eq!(path(&unix(b"\0abstract")), None);
        assert_eq!(path(&[1, 0, b'x']), Some(c"x".to_owned()));
        assert_eq!(path(&[1, 0]), None);
        assert_eq!(path(&[2, 0, b'/', 0]), None);
    }
}
