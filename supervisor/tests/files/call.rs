//! A call as data, and everything about its outcome that can be compared.

use crate::sys;
use std::ffi::CString;
use std::fmt::Write as _;
use std::os::fd::AsFd;

/// One argument of a call.
#[derive(Debug, Clone)]
pub enum Arg {
    /// A file name.
    Path(&'static str),
    /// A number.
    Number(i64),
    /// A zeroed buffer of this size, shown afterwards.
    Buffer(usize),
    /// A buffer that begins with these bytes and has this size, shown afterwards.
    Bytes(&'static [u8], usize),
    /// `struct open_how`.
    How(u64, u64, u64),
    /// `struct xattr_args` that points to such a buffer, with a size and flags.
    Value(&'static [u8], u32, u32),
}

use Arg::{Buffer, Bytes, How, Number, Path, Value};

/// A call by name, with its arguments.
pub type Call = (&'static str, Vec<Arg>);

/// Makes a call and tells everything that can be compared.
pub fn perform((name, arguments): &Call) -> String {
    let mut texts = Vec::new();
    let mut buffers: Vec<Vec<u8>> = Vec::new();
    let mut hows: Vec<Box<[u64; 3]>> = Vec::new();
    let mut registers = [0; 6];
    for (register, argument) in registers.iter_mut().zip(arguments) {
        *register = match argument {
            Path(path) => {
                texts.push(CString::new(*path).unwrap());
                texts.last().unwrap().as_ptr() as u64
            }
            Number(number) => *number as u64,
            Buffer(size) => {
                buffers.push(vec![0; *size]);
                buffers.last_mut().unwrap().as_mut_ptr() as u64
            }
            Bytes(bytes, size) => {
                let mut buffer = bytes.to_vec();
                buffer.resize(*size, 0);
                buffers.push(buffer);
                buffers.last_mut().unwrap().as_mut_ptr() as u64
            }
            How(flags, mode, resolve) => {
                hows.push(Box::new([*flags, *mode, *resolve]));
                hows.last().unwrap().as_ptr() as u64
            }
            Value(bytes, size, flags) => {
                let mut buffer = bytes.to_vec();
                buffer.resize(64, 0);
                buffers.push(buffer);
                let address = buffers.last_mut().unwrap().as_mut_ptr() as u64;
                hows.push(Box::new([address, u64::from(*flags) << 32 | u64::from(*size), 0]));
                hows.last().unwrap().as_ptr() as u64
            }
        };
    }
    let number = policy::registry::call_named(name).unwrap().number.0;
    let result = sys::call(number.into(), registers);
    let mut told = format!("{name}{arguments:?} = ");
    if result >= 0 && matches!(*name, "open" | "openat" | "openat2" | "creat") {
        told += &opened(result);
    } else {
        write!(told, "{result}").unwrap();
    }
    for buffer in &mut buffers {
        mask(name, buffer);
        write!(told, " {}", text(buffer)).unwrap();
    }
    told
}

/// What was opened, and how.
fn opened(fd: i64) -> String {
    let file = sys::take(fd);
    let status = nix::sys::stat::fstat(file.as_fd()).unwrap();
    let flags = nix::fcntl::fcntl(file.as_fd(), nix::fcntl::FcntlArg::F_GETFL).unwrap();
    let cloexec = nix::fcntl::fcntl(file.as_fd(), nix::fcntl::FcntlArg::F_GETFD).unwrap();
    // How the last link was to be taken is remembered with the open file, and has no meaning any more.
    let flags = flags & !libc::O_NOFOLLOW & !libc::O_DIRECTORY;
    let mut content = [0; 64];
    let regular = status.st_mode & libc::S_IFMT == libc::S_IFREG;
    let read = if regular { nix::unistd::read(file.as_fd(), &mut content) } else { Ok(0) };
    format!(
        "fd(ino {} mode {:o} uid {} gid {} flags {flags:o} cloexec {cloexec} read {:?})",
        stable(status.st_ino),
        status.st_mode,
        status.st_uid,
        status.st_gid,
        read.map(|length| text(&content[..length])),
    )
}

/// Where the inode number is, and what else differs between two worlds: device numbers of anonymous file systems, times,
/// mount ids.
fn mask(call: &str, buffer: &mut [u8]) {
    let (inode, gaps): (usize, &[std::ops::Range<usize>]) = match (call, buffer.len()) {
        ("stat" | "lstat" | "newfstatat", 144) => (8, &[0..8, 72..120]),
        ("statx", 256) => (32, &[64..128, 136..152]),
        ("statfs", 120) => return buffer[16..64].fill(0),
        ("name_to_handle_at", 4 | 8) => return buffer.fill(0),
        ("name_to_handle_at", _) => return buffer[8..].fill(0),
        _ => return,
    };
    for gap in gaps {
        buffer[gap.clone()].fill(0);
    }
    let inode = &mut buffer[inode..][..8];
    let number = stable(u64::from_ne_bytes((&*inode).try_into().unwrap()));
    inode.copy_from_slice(&number.to_ne_bytes());
    if number == UNSTABLE {
        // The size of /proc/self/fd is the number of descriptors.
        let size = if call == "statx" { 40 } else { 48 };
        buffer[size..][..8].fill(0);
    }
}

/// proc(5) counts its inodes over the whole machine; tmpfs counts from 1 in each mount.
fn stable(inode: u64) -> u64 {
    inode.min(UNSTABLE)
}

const UNSTABLE: u64 = 1000;

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes[..end].escape_ascii().to_string().replace("\\x00", ".")
}
