//! What one supervisor leaves to the next, in memory that both share: the listeners, the calls in flight, the counts.
//!
//! The kernel writes a notification straight into this memory (seccomp_unotify(2), `SECCOMP_IOCTL_NOTIF_RECV`), so there is no
//! moment at which a call was received and is not in the journal: the kernel either fills the buffer or, if it cannot,
//! takes the call back to give it to the next receiver.

use super::marks::Marks;
use crate::audit::Counts;
use crate::notification::{Notification, Tid};
use crate::sys::seccomp::{self, Buffer};
use crate::sys::shared;
use nix::errno::Errno;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU32, Ordering};

/// Listeners at a time: one for the first process and one for each `exec` that runs.
const SEATS: usize = 2048;

/// Serving threads at a time, those in calls that block included.
const PLACES: usize = 8192;

/// The whole of it.
#[derive(Debug)]
pub struct Journal {
    /// What the audit book has counted.
    pub counts: Counts,
    /// Which programs were given which policies.
    pub marks: Marks,
    seats: [Seat; SEATS],
    places: [Record; PLACES],
    /// Lines from here on were never used: looking at them would only cost memory.
    unused: AtomicU32,
}

/// One listener's line.
#[derive(Debug)]
struct Seat {
    /// The process that handed it over; 0 where there is none.
    entry: AtomicI32,
    running: AtomicBool,
}

/// One call's line. Each serving thread has its own, and no two threads' lines share what processors pass to one another.
#[derive(Debug)]
#[repr(align(128))]
struct Record {
    held: AtomicBool,
    stage: AtomicU8,
    seat: AtomicU32,
    notification: Buffer,
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It is being read and judged, or what is done leaves no trace: it can be judged again.
    Judged = 0,
    /// The same, for the second time: the first supervisor may have died of it.
    JudgedAgain = 1,
    /// It may have had its effect, and must not have it twice.
    Acted = 2,
}

impl Journal {
    /// A journal that all processes share that this one forks.
    ///
    /// # Errors
    /// ENOMEM.
    pub fn new() -> Result<&'static Self, Errno> {
        shared::share()
    }

    /// Takes the lines of a supervisor that is dead.
    pub fn begin(&'static self) {
        self.used().iter().for_each(|record| record.held.store(false, Ordering::Relaxed));
    }

    /// A line for a new listener; none if there are too many.
    #[must_use]
    pub fn sit(&'static self, entry: Tid) -> Option<SeatRef> {
        let at = self.seats.iter().position(|seat| seat.entry.load(Ordering::Relaxed) == 0)?;
        let seat = &self.seats[at];
        seat.running.store(false, Ordering::Relaxed);
        seat.entry.store(entry.0, Ordering::Release);
        Some(SeatRef { seat, number: at as u32 })
    }

    /// The line of a listener that was seated before; none if it has been given up.
    #[must_use]
    pub fn seat(&'static self, number: u32) -> Option<SeatRef> {
        let seat = self.seats.get(number as usize)?;
        (seat.entry.load(Ordering::Acquire) != 0).then_some(SeatRef { seat, number })
    }

    /// A line for a thread that serves a listener; none if there are too many.
    #[must_use]
    pub fn place(&'static self, seat: &SeatRef) -> Option<Place> {
        let free = |record: &&Record| !record.held.swap(true, Ordering::AcqRel);
        let (at, record) = self.places.iter().enumerate().find(|(_, record)| free(record))?;
        self.unused.fetch_max(at as u32 + 1, Ordering::AcqRel);
        record.seat.store(seat.number, Ordering::Relaxed);
        let place = Place(record);
        place.clear();
        Some(place)
    }

    /// The calls of a listener that were received and not answered, as far as is known here: some may have been.
    #[must_use]
    pub fn orphans(&'static self, seat: &SeatRef) -> Vec<Place> {
        let left = |record: &&Record| {
            record.notification.read().id != 0
                && record.seat.load(Ordering::Relaxed) == seat.number
                && !record.held.swap(true, Ordering::AcqRel)
        };
        self.used().iter().filter(left).map(Place).collect()
    }

    fn used(&'static self) -> &'static [Record] {
        &self.places[..self.unused.load(Ordering::Acquire) as usize]
    }
}

/// The line of a listener that is served.
#[derive(Debug)]
pub struct SeatRef {
    seat: &'static Seat,
    /// Which line it is.
    pub number: u32,
}

impl SeatRef {
    /// The process that handed the listener over.
    #[must_use]
    pub fn entry(&self) -> Tid {
        Tid(self.seat.entry.load(Ordering::Relaxed))
    }

    /// Whether its program runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.seat.running.load(Ordering::Acquire)
    }

    /// Its program runs from now on.
    pub fn run(&self) {
        self.seat.running.store(true, Ordering::Release);
    }

    /// Frees the line: the listener has hung up.
    pub fn leave(&self) {
        self.seat.entry.store(0, Ordering::Release);
    }
}

/// The line of one serving thread, freed when it is dropped.
#[derive(Debug)]
pub struct Place(&'static Record);

impl Place {
    /// Receives a call into the line.
    ///
    /// # Errors
    /// As [`seccomp::receive`].
    pub fn receive(&self, listener: BorrowedFd<'_>) -> Result<Notification, Errno> {
        self.clear();
        seccomp::receive(listener, &self.0.notification).map(Notification::from)
    }

    /// The call in the line.
    #[must_use]
    pub fn notification(&self) -> Notification {
        self.0.notification.read().into()
    }

    /// How far the call has come.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match self.0.stage.load(Ordering::Acquire) {
            0 => Stage::Judged,
            1 => Stage::JudgedAgain,
            _ => Stage::Acted,
        }
    }

    /// The call has come so far.
    pub fn reach(&self, stage: Stage) {
        self.0.stage.store(stage as u8, Ordering::Release);
    }

    fn clear(&self) {
        self.0.notification.clear();
        self.reach(Stage::Judged);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.clear();
        self.0.held.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_given_out_once_and_come_back() {
        let journal = Journal::new().unwrap();
        let one = journal.sit(Tid(7)).unwrap();
        let other = journal.sit(Tid(8)).unwrap();
        assert_ne!(one.number, other.number);
        one.run();
        assert!(journal.seat(one.number).unwrap().is_running());
        one.leave();
        assert!(journal.seat(one.number).is_none());
        assert!(!journal.sit(Tid(9)).unwrap().is_running(), "a new listener starts anew");
        let places: Vec<_> = (0..PLACES).map(|_| journal.place(&other).unwrap()).collect();
        assert!(journal.place(&other).is_none());
        drop(places);
        assert!(journal.place(&other).is_some());
    }

    #[test]
    fn a_dead_supervisors_calls_are_found() {
        let journal = Journal::new().unwrap();
        let (one, other) = (journal.sit(Tid(7)).unwrap(), journal.sit(Tid(8)).unwrap());
        let call = journal.place(&one).unwrap();
        call.0.notification.fill(&[5; 10]);
        call.reach(Stage::Acted);
        let idle = journal.place(&one).unwrap();
        // Dead threads drop nothing.
        std::mem::forget((call, idle));
        journal.begin();
        assert!(journal.orphans(&other).is_empty());
        let orphans = journal.orphans(&one);
        assert_eq!(orphans.len(), 1);
        assert_eq!((orphans[0].notification().id.0, orphans[0].stage()), (5, Stage::Acted));
        assert!(journal.orphans(&one).is_empty(), "each is taken over once");
    }
}
