//! What a supervisor tells its holder: one packet per word, which stay in order and arrive even after their sender is dead.

use crate::sys::packet;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, sendmsg, socketpair,
};
use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// One end of the connection between a supervisor and its holder.
#[derive(Debug)]
pub struct Channel(OwnedFd);

/// What is said.
#[derive(Debug)]
pub enum Word {
    /// A listener and its line in the journal.
    Keep(u32, OwnedFd),
    /// The listener of that line has hung up.
    Release(u32),
    /// The container has ended.
    End,
}

const KEEP: u8 = b'k';
const RELEASE: u8 = b'r';
const END: u8 = b'e';

impl Channel {
    /// The two ends.
    ///
    /// # Errors
    /// EMFILE.
    pub fn pair() -> Result<(Self, Self), Errno> {
        let flags = SockFlag::SOCK_CLOEXEC;
        let (one, other) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
        Ok((Self(one), Self(other)))
    }

    /// Gives the holder a listener to keep.
    ///
    /// # Errors
    /// EPIPE if there is no holder, EAGAIN if it does not listen.
    pub fn keep(&self, seat: u32, listener: BorrowedFd<'_>) -> Result<(), Errno> {
        self.say(KEEP, seat, Some(listener))
    }

    /// Has the holder close a listener.
    ///
    /// # Errors
    /// As [`Self::keep`].
    pub fn release(&self, seat: u32) -> Result<(), Errno> {
        self.say(RELEASE, seat, None)
    }

    /// Tells the holder that all is over.
    ///
    /// # Errors
    /// As [`Self::keep`].
    pub fn end(&self) -> Result<(), Errno> {
        self.say(END, 0, None)
    }

    /// Nobody waits for a holder that hangs.
    fn say(&self, word: u8, seat: u32, fd: Option<BorrowedFd<'_>>) -> Result<(), Errno> {
        let [a, b, c, d] = seat.to_ne_bytes();
        let (bytes, fds) = ([word, a, b, c, d], fd.map(|fd| [fd.as_raw_fd()]));
        let rights = fds.as_ref().map(|fds| [ControlMessage::ScmRights(fds)]);
        let control = rights.as_ref().map_or(&[][..], |rights| &rights[..]);
        let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
        sendmsg::<()>(self.0.as_raw_fd(), &[IoSlice::new(&bytes)], control, flags, None).map(drop)
    }

    /// The holder waits for the next word.
    ///
    /// # Errors
    /// ECONNRESET when the supervisor has closed its end, EBADMSG for a word that it never says.
    pub fn listen(&self) -> Result<Word, Errno> {
        let mut bytes = [0; 5];
        let mut got = packet::receive(self.0.as_fd(), &mut bytes)?;
        if got.length == 0 {
            return Err(Errno::ECONNRESET);
        }
        let [word, a, b, c, d] = bytes;
        let seat = u32::from_ne_bytes([a, b, c, d]);
        match (word, got.fds.pop()) {
            (KEEP, Some(fd)) => Ok(Word::Keep(seat, fd)),
            (RELEASE, None) => Ok(Word::Release(seat)),
            (END, None) => Ok(Word::End),
            _ => Err(Errno::EBADMSG),
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_arrive_in_order_after_their_speakers_death() {
        let (ours, theirs) = Channel::pair().unwrap();
        theirs.release(7).unwrap();
        theirs.keep(70_000, theirs.as_fd()).unwrap();
        theirs.end().unwrap();
        drop(theirs);
        assert!(matches!(ours.listen(), Ok(Word::Release(7))));
        // The packet held the other end open.
        assert!(matches!(ours.listen(), Ok(Word::Keep(70_000, _))));
        assert!(matches!(ours.listen(), Ok(Word::End)));
        assert_eq!(ours.listen().unwrap_err(), Errno::ECONNRESET);
        assert_eq!(ours.end(), Err(Errno::EPIPE));
    }
}
