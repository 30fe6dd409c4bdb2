//! The container's side: asks for the filter, installs it and hands its listener over.

use super::packet::{self, Message};
use super::server::through_folder;
use super::walls::Walls;
use crate::filter::Filter;
use crate::notification::Tid;
use crate::sys::{landlock, seccomp};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, UnixAddr, connect, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Why a process could not be put under supervision.
#[derive(Debug, thiserror::Error)]
pub enum HandOffError {
    /// The supervisor's socket does not answer.
    #[error("cannot reach the supervisor")]
    Connect(#[source] Errno),
    /// A packet did not go through.
    #[error("the talk with the supervisor failed")]
    Talk(#[source] Errno),
    /// The supervisor said something else than was asked.
    #[error("the supervisor sent an unexpected answer")]
    Unexpected,
    /// The supervisor refuses.
    #[error("the supervisor refuses: {0}")]
    Refused(String),
    /// The filter that came is none.
    #[error("the supervisor sent no filter")]
    BadFilter(#[source] crate::filter::BadFilter),
    /// The memory file could not be read.
    #[error("cannot read the filter")]
    Read(#[source] std::io::Error),
    /// No thread for the hand-off.
    #[error("cannot start the thread that hands the listener over")]
    Thread(#[source] std::io::Error),
    /// The kernel does not take the Landlock ruleset.
    #[error("the kernel refuses the Landlock ruleset")]
    Fence(#[source] Errno),
    /// The kernel does not take the filter.
    #[error("the kernel refuses the filter")]
    Install(#[source] Errno),
    /// The listener did not arrive: the kernel will let nothing through.
    #[error("the supervisor did not take the listener: {0}")]
    NotTaken(String),
}

/// One connection to a container's supervisor.
#[derive(Debug)]
pub struct Client {
    socket: OwnedFd,
}

/// How long a living supervisor may take to answer.
const PATIENCE: i64 = 10;

impl Client {
    /// Connects to a supervisor's socket, on the host.
    ///
    /// # Errors
    /// [`HandOffError::Connect`].
    pub fn connect(path: &Path) -> Result<Self, HandOffError> {
        let flags = SockFlag::SOCK_CLOEXEC;
        let socket = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)
            .map_err(HandOffError::Connect)?;
        through_folder(path, |short| connect(socket.as_raw_fd(), &UnixAddr::new(short)?))
            .map_err(HandOffError::Connect)?;
        Self::from_fd(socket)
    }

    /// Takes a connected socket, such as one inherited from the runtime on the host.
    ///
    /// # Errors
    /// [`HandOffError::Talk`] if it is no socket.
    pub fn from_fd(socket: OwnedFd) -> Result<Self, HandOffError> {
        let patience = TimeVal::seconds(PATIENCE);
        setsockopt(&socket, sockopt::ReceiveTimeout, &patience).map_err(HandOffError::Talk)?;
        setsockopt(&socket, sockopt::SendTimeout, &patience).map_err(HandOffError::Talk)?;
        Ok(Self { socket })
    }

    /// Asks what a process of the container is to be put under.
    ///
    /// # Errors
    /// [`HandOffError`] if no answer came.
    pub fn walls(&self) -> Result<Walls, HandOffError> {
        let filter = self.filter()?;
        match self.ask(&Message::Ruleset, None)? {
            (Message::Ruleset, ruleset) => Ok(Walls { filter, ruleset }),
            (Message::Error(text), _) => Err(HandOffError::Refused(text)),
            _ => Err(HandOffError::Unexpected),
        }
    }

    /// Tells which walls can stand in the container: brings the Landlock ruleset of the cheaper ones, or says why they cannot be used.
    ///
    /// # Errors
    /// [`HandOffError`] if it was not taken note of.
    pub fn tell_fence(&self, fence: Result<BorrowedFd<'_>, &str>) -> Result<(), HandOffError> {
        let answer = match fence {
            Ok(ruleset) => self.ask(&Message::Fenced, Some(ruleset))?,
            Err(reason) => self.ask(&Message::Unfenced(reason.to_owned()), None)?,
        };
        match answer.0 {
            Message::Noted => Ok(()),
            Message::Error(text) => Err(HandOffError::Refused(text)),
            _ => Err(HandOffError::Unexpected),
        }
    }

    fn filter(&self) -> Result<Filter, HandOffError> {
        let (answer, fd) = self.ask(&Message::Filter, None)?;
        let file = match (answer, fd) {
            (Message::Filter, Some(fd)) => fd,
            (Message::Error(text), _) => return Err(HandOffError::Refused(text)),
            _ => return Err(HandOffError::Unexpected),
        };
        let mut bytes = Vec::new();
        File::from(file).read_to_end(&mut bytes).map_err(HandOffError::Read)?;
        Filter::from_bytes(&bytes).map_err(HandOffError::BadFilter)
    }

    /// Hands a listener over and waits until it is served.
    fn join(&self, listener: BorrowedFd<'_>) -> Result<(), HandOffError> {
        is_joined(self.ask(&Message::Join, Some(listener))?.0)
    }

    /// Hands a listener over for another process, which runs a runtime's start-up code, and waits until it is served. To speak for
    /// another process takes CAP_SYS_ADMIN (unix(7), SCM_CREDENTIALS).
    ///
    /// # Errors
    /// [`HandOffError`] if it is not served.
    pub fn join_for(&self, entry: Tid, listener: BorrowedFd<'_>) -> Result<(), HandOffError> {
        packet::send_for(self.socket.as_fd(), &Message::Join, listener, entry)
            .map_err(HandOffError::Talk)?;
        is_joined(self.answer()?.0)
    }

    fn ask(
        &self,
        question: &Message,
        fd: Option<BorrowedFd<'_>>,
    ) -> Result<(Message, Option<OwnedFd>), HandOffError> {
        packet::send(self.socket.as_fd(), question, fd).map_err(HandOffError::Talk)?;
        self.answer()
    }

    fn answer(&self) -> Result<(Message, Option<OwnedFd>), HandOffError> {
        let packet = packet::receive(self.socket.as_fd()).map_err(HandOffError::Talk)?;
        let packet = packet.ok_or(HandOffError::Talk(Errno::ECONNRESET))?;
        Ok((packet.message, packet.fd))
    }
}

fn is_joined(answer: Message) -> Result<(), HandOffError> {
    match answer {
        Message::Joined => Ok(()),
        Message::Error(text) => Err(HandOffError::Refused(text)),
        _ => Err(HandOffError::Unexpected),
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Puts the calling thread under the ruleset and the filter, and hands the filter's listener to the supervisor.
///
/// The ruleset comes first: the filter might not let it through.
///
/// Once the filter is in force, a call of this thread may wait for a supervisor that does not have the listener yet. So a
/// second thread, started before and therefore without the filter, does the talking, while this one makes no
/// call that matters until it is done.
///
/// # Errors
/// [`HandOffError`]. After [`HandOffError::Fence`] nothing has changed; after [`HandOffError::NotTaken`] the process
/// cannot do anything useful any more and should exit.
pub fn install_and_hand_over(client: Client, walls: &Walls) -> Result<(), HandOffError> {
    if let Some(ruleset) = &walls.ruleset {
        landlock::restrict_self(ruleset.as_fd()).map_err(HandOffError::Fence)?;
    }
    let slot = Arc::new(Slot::default());
    let helper = Arc::clone(&slot);
    let filtered = std::thread::current();
    std::thread::Builder::new()
        .name("hand-off".into())
        .spawn(move || {
            helper.hand_over(&client);
            filtered.unpark();
        })
        .map_err(HandOffError::Thread)?;
    match seccomp::install_filter(walls.filter.instructions()) {
        Ok(listener) => slot.put(Some(listener)),
        Err(errno) => {
            slot.put(None);
            return Err(HandOffError::Install(errno));
        }
    }
    slot.wait()
}

/// Where the two threads meet. A `OnceLock` that nobody blocks on makes no system call, neither to set nor to look, and the
/// lock inside is only ever taken by the helper.
#[derive(Default)]
struct Slot {
    listener: OnceLock<Mutex<Option<OwnedFd>>>,
    outcome: OnceLock<Result<(), HandOffError>>,
}

impl Slot {
    fn put(&self, listener: Option<OwnedFd>) {
        // Only this thread sets it, once.
        let _ = self.listener.set(Mutex::new(listener));
    }

    /// The helper: waits for the listener, hands it over, tells the outcome.
    fn hand_over(&self, client: &Client) {
        let listener = loop {
            match self.listener.get() {
                Some(listener) => break listener,
                None => std::thread::yield_now(),
            }
        };
        let listener = listener.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(listener) = listener {
            let outcome = client.join(listener.as_fd());
            // Our copy goes before the outcome is told: were it the last one, a waiting call of the other thread ends with it.
            drop(listener);
            let _ = self.outcome.set(outcome);
        }
    }

    /// The filtered thread waits. Its only call is futex(2): should the filter notify it, it waits for the supervisor that we
    /// wait for anyway, and without a supervisor it fails; should it fail, the outcome is looked at again. Yielding the
    /// processor instead took thousands of calls from a busy machine, and the time from the supervisor.
    fn wait(&self) -> Result<(), HandOffError> {
        loop {
            match self.outcome.get() {
                Some(Ok(())) => return Ok(()),
                Some(Err(error)) => return Err(HandOffError::NotTaken(error.to_string())),
                None => std::thread::park(),
            }
        }
    }
}
