//! `struct msghdr`, read once from the caller's memory (sendmsg(2)).

use crate::caller::Caller;
use crate::notification::Denial;
use nix::errno::Errno;

/// `struct msghdr` and `struct mmsghdr` of linux/socket.h.
const LENGTH: usize = 56;
const STRIDE: u64 = 64;

/// Where a `struct mmsghdr` has the number of bytes that were sent.
const SENT: u64 = 56;

/// linux/uio.h: parts of one message, and messages of one call.
const UIO_MAXIOV: u64 = 1024;

/// The kernel cuts longer ones, for sendmsg(2) only.
const LONGEST_ADDRESS: usize = size_of::<libc::sockaddr_storage>();

/// A piece of the caller's memory: address and length.
pub type Part = (u64, u64);

/// One message, but for its payload.
#[derive(Debug, Clone)]
pub struct Header {
    /// The bytes of its address.
    pub address: Option<Vec<u8>>,
    /// Where its payload is.
    pub parts: Vec<Part>,
    /// Where its ancillary data are.
    pub control: Part,
    /// `msg_flags`, of which only sendmmsg(2) heeds one.
    pub flags: i32,
}

impl Header {
    /// Reads the structure, the address and the list of parts.
    ///
    /// # Errors
    /// As the kernel says (`__copy_msghdr`, `import_iovec`): EFAULT, EINVAL, EMSGSIZE.
    pub fn read(caller: &Caller<'_>, at: u64) -> Result<Self, Denial> {
        let bytes = caller.read_memory(at, LENGTH)?;
        let (words, _) = bytes.as_chunks::<8>();
        let word = |index: usize| u64::from_ne_bytes(words[index]);
        let name = (word(0), word(1) as i32);
        if name.0 != 0 && name.1 < 0 {
            return Err(Errno::EINVAL.into());
        }
        let address = match name {
            (0, _) | (_, 0) => None,
            (at, length) => Some(caller.read_memory(at, (length as usize).min(LONGEST_ADDRESS))?),
        };
        let parts = Self::parts(caller, (word(2), word(3)))?;
        Ok(Self { address, parts, control: (word(4), word(5)), flags: word(6) as i32 })
    }

    fn parts(caller: &Caller<'_>, (at, count): Part) -> Result<Vec<Part>, Denial> {
        match count {
            0 => return Ok(Vec::new()),
            1..=UIO_MAXIOV => {}
            _ => return Err(Errno::EMSGSIZE.into()),
        }
        let bytes = caller.read_memory(at, 16 * count as usize)?;
        let (words, _) = bytes.as_chunks::<8>();
        let (pairs, _) = words.as_chunks::<2>();
        let parts: Vec<Part> = pairs
            .iter()
            .map(|pair| (u64::from_ne_bytes(pair[0]), u64::from_ne_bytes(pair[1])))
            .collect();
        if parts.iter().any(|(_, length)| i64::try_from(*length).is_err()) {
            return Err(Errno::EINVAL.into());
        }
        Ok(parts)
    }

    /// The messages of sendmmsg(2): as many as can be read, since the kernel sends those before it finds the fault.
    ///
    /// # Errors
    /// If not even the first can be read.
    pub fn read_all(caller: &Caller<'_>, vector: u64, count: u64) -> Result<Vec<Self>, Denial> {
        let mut headers = Vec::new();
        for index in 0..(count as u32 as u64).min(UIO_MAXIOV) {
            match Self::read(caller, vector.wrapping_add(index * STRIDE)) {
                Err(Denial::Caller(_)) if index > 0 => break,
                other => headers.push(other?),
            }
        }
        Ok(headers)
    }

    /// How long the payload is.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.parts.iter().fold(0, |sum: u64, (_, length)| sum.saturating_add(*length))
    }
}

/// Where sendmmsg(2) tells how much of a message was sent.
#[must_use]
pub fn place_of_sent(vector: u64, index: usize) -> u64 {
    vector.wrapping_add(index as u64 * STRIDE + SENT)
}
