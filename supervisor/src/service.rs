//! The life of one supervisor: from the listeners that it is given to the last one's end.

use crate::container::Container;
use crate::handoff::server::Joined;
use crate::holder::{Belongings, Channel, SeatRef};
use crate::host;
use crate::listener::Listener;
use crate::pool::Pool;
use crate::reception::{self, Candidate, Guests, Reception};
use crate::record;
use crate::sockets::programs::Denials;
use crate::sys::process::{self, Forked};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::prctl;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

/// How long after a failure to make a holder the next attempt comes, in milliseconds.
const AGAIN: u16 = 1000;

/// How the process is called in ps(1).
const NAME: &std::ffi::CStr = c"systrace-sup";

/// What the audit book says of a takeover.
const TAKEN_OVER: &str = "the supervisor was killed: a new one goes on";

/// What the audit book says of a new holder.
const HELD_AGAIN: &str = "the holder of the listeners was killed: a new one goes on";

/// What the first thread does: it talks on the socket, sees listeners hang up, and sees to it that there is a holder. Calls are
/// served by other threads.
#[derive(Debug)]
pub struct Service {
    reception: Reception,
    pools: Vec<Arc<Pool>>,
    container: Arc<Container>,
    /// What programs in the kernel have denied.
    denials: Option<Denials>,
    holder: Option<Channel>,
}

/// The life of a supervisor's process, from its fork to its end. The first one has the connection of a process that waits to be
/// served; the others take over.
pub fn run(belongings: Belongings, holder: Channel, guests: Option<Guests>) -> ! {
    // Only ps(1) shows the name.
    let _ = prctl::set_name(NAME);
    if let Ok(service) = begin(belongings, holder, guests) {
        service.run();
        // Threads that still serve nobody are gone with the process.
        std::process::exit(0)
    }
    std::process::exit(1)
}

fn begin(
    belongings: Belongings,
    holder: Channel,
    guests: Option<Guests>,
) -> std::io::Result<Service> {
    host::open_folders()?;
    let Some(Guests { reception, waiting, others }) = guests else {
        let choice = belongings.blueprint.choice().clone();
        let reception = Reception::new(belongings.server.again()?, choice);
        let mut service = Service::new(belongings, reception, holder)?;
        service.skip_losses();
        service.container.audit.notice(TAKEN_OVER);
        return Ok(service);
    };
    let mut service = Service::new(belongings, reception, holder)?;
    if let Some(reason) = service.container.blueprint().choice().unfenced() {
        service.container.audit.notice(format!("Landlock is not used: {reason}"));
    }
    service.reception.answer(waiting, Ok(()));
    others.into_iter().for_each(|candidate| service.admit(candidate));
    Ok(service)
}

impl Service {
    /// Prepares to serve what belongs to the container.
    ///
    /// # Errors
    /// If a thread cannot be started.
    fn new(belongings: Belongings, reception: Reception, holder: Channel) -> std::io::Result<Self> {
        let journal = belongings.journal;
        journal.begin();
        let denials = belongings.blueprint.sockets().map(Denials::of).transpose()?;
        let container = Arc::new(Container::start(belongings.blueprint, journal)?);
        let (pools, holder) = (Vec::new(), Some(holder));
        let mut service = Self { reception, pools, container, denials, holder };
        for (number, listener) in belongings.listeners {
            if let Some(seat) = journal.seat(number) {
                service.serve(listener, seat)?;
            }
        }
        Ok(service)
    }

    /// Serves until the container has ended.
    fn run(mut self) {
        while !(self.pools.is_empty() && self.reception.is_empty()) {
            match self.wait() {
                Ok(Some(ready)) => self.attend(&ready),
                Ok(None) => self.renew_holder(),
                Err(Errno::EINTR) => {}
                Err(_) => break,
            }
        }
        self.record_denials();
        self.container.audit.finish();
        if let Some(holder) = self.holder {
            // A holder that is dead need not be told.
            let _ = holder.end();
        }
    }

    /// Writes down what programs have denied.
    fn record_denials(&mut self) {
        let blueprint = self.container.blueprint();
        let (Some(denials), Some(programs)) = (&mut self.denials, blueprint.sockets()) else {
            return;
        };
        while let Some(denial) = denials.take() {
            record::denied_by_program(&self.container, &denial);
        }
        self.container.audit.lose(denials.lost(programs));
    }

    /// What programs had no room to tell was counted by the supervisor before us.
    fn skip_losses(&mut self) {
        let blueprint = self.container.blueprint();
        if let (Some(denials), Some(programs)) = (&mut self.denials, blueprint.sockets()) {
            denials.lost(programs);
        }
    }

    /// Waits for something to happen; gives whether it did for the reception, the holder, each listener and the denials of
    /// programs, in order.
    fn wait(&self) -> Result<Option<Vec<bool>>, Errno> {
        let blueprint = self.container.blueprint();
        let asked = |fd| PollFd::new(fd, PollFlags::POLLIN);
        // Calls wake the serving threads only, and the holder never speaks; a hang-up is always told (poll(2)).
        let silent = |fd| PollFd::new(fd, PollFlags::empty());
        let holder = self.holder.iter().map(|channel| silent(channel.as_fd()));
        let listeners = self.pools.iter().map(|pool| silent(pool.listener.as_fd()));
        let reception = self.reception.descriptors().map(asked);
        let denials = blueprint.sockets().into_iter().map(|ring| asked(ring.as_fd()));
        let fds = reception.chain(holder).chain(listeners).chain(denials);
        let mut fds: Vec<PollFd<'_>> = fds.collect();
        let patience =
            if self.holder.is_some() { PollTimeout::NONE } else { PollTimeout::from(AGAIN) };
        reception::wait(&mut fds, patience)
    }

    fn attend(&mut self, ready: &[bool]) {
        self.record_denials();
        let (talking, rest) = ready.split_at(self.reception.descriptors().count());
        let (holder, hung_up) = rest.split_at(usize::from(self.holder.is_some()));
        let mut hung_up = hung_up.iter();
        let ended: Vec<_> = self.pools.extract_if(.., |_| hung_up.next() == Some(&true)).collect();
        ended.iter().for_each(|pool| self.close(pool));
        if holder == [true] {
            self.renew_holder();
        }
        let (candidates, _) = self.reception.attend(talking);
        candidates.into_iter().for_each(|candidate| self.admit(candidate));
    }

    /// Begins to serve the listener of a process that waits for the answer.
    fn admit(&mut self, candidate: Candidate) {
        let (joined, connection) = candidate.into_parts();
        let outcome = self.join(joined);
        self.reception.answer(connection, outcome);
    }

    fn join(&mut self, joined: Joined) -> Result<(), String> {
        let seat = self.container.journal.sit(joined.entry).ok_or("too many processes joined")?;
        let number = seat.number;
        let kept = self.keep(&joined.listener, number);
        let served = kept.and_then(|()| self.serve(joined.listener, seat));
        served.map_err(|error| {
            self.forget(number);
            describe(&error)
        })
    }

    /// No call may come before the holder has the listener. Without a holder there is nobody to give it to; the next one gets all.
    fn keep(&self, listener: &OwnedFd, seat: u32) -> std::io::Result<()> {
        match self.holder.as_ref().map(|holder| holder.keep(seat, listener.as_fd())) {
            None | Some(Ok(()) | Err(Errno::EPIPE | Errno::ECONNRESET)) => Ok(()),
            Some(Err(errno)) => Err(errno.into()),
        }
    }

    fn serve(&mut self, listener: OwnedFd, seat: SeatRef) -> std::io::Result<()> {
        let listener = Arc::new(Listener::new(listener, seat));
        let pool = Pool::new(Arc::clone(&self.container), listener);
        pool.start()?;
        self.pools.push(pool);
        Ok(())
    }

    /// Ends the service of a listener that has hung up.
    fn close(&self, pool: &Pool) {
        pool.close();
        self.forget(pool.listener.seat().number);
    }

    fn forget(&self, number: u32) {
        if let Some(seat) = self.container.journal.seat(number) {
            seat.leave();
        }
        if let Some(holder) = &self.holder {
            // A holder that does not hear it finds out from the journal.
            let _ = holder.release(number);
        }
    }

    /// The holder is dead: makes a new one, or tries later.
    fn renew_holder(&mut self) {
        self.holder = None;
        // It may have been our child. Other threads wait for what they trace themselves.
        let flags = WaitPidFlag::WNOHANG | WaitPidFlag::__WNOTHREAD;
        while waitpid(None::<Pid>, Some(flags)).is_ok_and(|status| status.pid().is_some()) {}
        if let Ok(channel) = self.fork_holder() {
            self.container.audit.notice(HELD_AGAIN);
            self.holder = Some(channel);
        }
    }

    fn fork_holder(&self) -> std::io::Result<Channel> {
        let (ours, theirs) = Channel::pair()?;
        let belongings = self.belongings()?;
        let own = std::process::id() as libc::pid_t;
        match process::fork()? {
            Forked::Child => belongings.hold_for(theirs, own),
            Forked::Parent(_) => Ok(ours),
        }
    }

    fn belongings(&self) -> std::io::Result<Belongings> {
        let listeners = self.pools.iter().map(|pool| {
            let fd = pool.listener.as_fd().try_clone_to_owned()?;
            Ok((pool.listener.seat().number, fd))
        });
        Ok(Belongings {
            blueprint: self.container.blueprint(),
            server: self.reception.server().again()?,
            listeners: listeners.collect::<std::io::Result<_>>()?,
            journal: self.container.journal,
        })
    }
}

/// An error with its causes, in one line.
pub fn describe(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
