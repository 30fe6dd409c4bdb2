//! The memory of another process, copied with process_vm_readv(2).

use crate::notification::Tid;
use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv, process_vm_writev};
use nix::unistd::Pid;
use std::ffi::CString;
use std::io::{IoSlice, IoSliceMut};

/// Longest file name with its NUL (linux/limits.h).
pub const PATH_MAX: usize = 4096;

/// Memory is readable or not by the page.
pub const PAGE: u64 = 4096;

/// Reads exactly `length` bytes.
///
/// # Errors
/// EFAULT if they are not all readable.
pub fn read(tid: Tid, address: u64, length: usize) -> Result<Vec<u8>, Errno> {
    let mut bytes = vec![0; length];
    if read_some(tid, address, &mut bytes)? < length { Err(Errno::EFAULT) } else { Ok(bytes) }
}

/// Reads up to the first NUL; `None` if there is none within `limit` bytes.
///
/// Reads end at page ends, so that a text which ends just before an unmapped page is read whole: process_vm_readv(2)
/// fails only if its first byte cannot be read, but never returns part of a page's worth as garbage.
///
/// # Errors
/// EFAULT if the memory ends before the text does.
pub fn read_c_string(tid: Tid, address: u64, limit: usize) -> Result<Option<CString>, Errno> {
    let mut text = Vec::new();
    while text.len() < limit {
        let start = address.checked_add(text.len() as u64).ok_or(Errno::EFAULT)?;
        let room = (PAGE - start % PAGE).min((limit - text.len()) as u64).min(CHUNK) as usize;
        let mut piece = [0; CHUNK as usize];
        let got = read_some(tid, start, &mut piece[..room])?;
        let piece = &piece[..got];
        if let Some(end) = piece.iter().position(|byte| *byte == 0) {
            text.extend_from_slice(&piece[..end]);
            return Ok(CString::new(text).ok());
        }
        text.extend_from_slice(piece);
    }
    Ok(None)
}

/// Most names are short: one small read usually holds all of it.
const CHUNK: u64 = 512;

/// Writes all of `bytes`.
///
/// # Errors
/// EFAULT if not all of the target is writable.
pub fn write(tid: Tid, address: u64, bytes: &[u8]) -> Result<(), Errno> {
    let remote = [RemoteIoVec { base: base(address)?, len: bytes.len() }];
    let written = process_vm_writev(Pid::from_raw(tid.0), &[IoSlice::new(bytes)], &remote)?;
    if written < bytes.len() { Err(Errno::EFAULT) } else { Ok(()) }
}

/// Reads pieces, one after the other: address and length of each.
///
/// # Errors
/// EFAULT if they are not all readable.
pub fn gather(tid: Tid, parts: &[(u64, u64)]) -> Result<Vec<u8>, Errno> {
    let mut remote = Vec::with_capacity(parts.len());
    for (address, length) in parts {
        remote.push(RemoteIoVec { base: base(*address)?, len: base(*length)? });
    }
    let mut bytes = vec![0; remote.iter().map(|part| part.len).sum()];
    if bytes.is_empty() {
        return Ok(bytes);
    }
    let mut local = [IoSliceMut::new(&mut bytes)];
    let got = process_vm_readv(Pid::from_raw(tid.0), &mut local, &remote)?;
    if got < bytes.len() { Err(Errno::EFAULT) } else { Ok(bytes) }
}

fn read_some(tid: Tid, address: u64, bytes: &mut [u8]) -> Result<usize, Errno> {
    if bytes.is_empty() {
        return Ok(0);
    }
    let remote = [RemoteIoVec { base: base(address)?, len: bytes.len() }];
    process_vm_readv(Pid::from_raw(tid.0), &mut [IoSliceMut::new(bytes)], &remote)
}

fn base(address: u64) -> Result<usize, Errno> {
    usize::try_from(address).map_err(|_| Errno::EFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Tid {
        Tid(nix::unistd::gettid().as_raw())
    }

    #[test]
    fn reads_a_text_and_its_limit() {
        let text = c"/etc/passwd";
        let address = text.as_ptr() as u64;
        assert_eq!(read_c_string(own(), address, PATH_MAX).unwrap().unwrap(), text.to_owned());
        assert_eq!(read_c_string(own(), address, 11), Ok(None));
        assert!(read_c_string(own(), address, 12).unwrap().is_some());
    }

    #[test]
    fn reads_across_pages() {
        let long = CString::new(vec![b'x'; 4000]).unwrap();
        let got = read_c_string(own(), long.as_ptr() as u64, PATH_MAX).unwrap().unwrap();
        assert_eq!(got, long);
    }

    #[test]
    fn bad_pointers_fault() {
        assert_eq!(read(own(), 1, 8), Err(Errno::EFAULT));
        assert_eq!(read_c_string(own(), u64::MAX, PATH_MAX), Err(Errno::EFAULT));
        assert_eq!(write(own(), 1, b"x"), Err(Errno::EFAULT));
    }

    #[test]
    fn writes_what_it_was_given() {
        let target = std::hint::black_box(Box::new([0_u8; 4]));
        write(own(), target.as_ptr() as u64, b"abcd").unwrap();
        assert_eq!(read(own(), target.as_ptr() as u64, 4).unwrap(), b"abcd");
    }
}
