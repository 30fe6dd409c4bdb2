//! Which of its capabilities a serving thread uses at the moment.
//!
//! All of them stay permitted; effective are either all of them, or those of the caller for whom the thread acts. To switch costs two
//! changes of credentials in the kernel, so after an act for a [plain](crate::plain) call the caller's stay in effect
//! until something needs more. That can only be too little, never too much: an act sets what is effective itself.

use crate::sys::credentials::{self, Capabilities};
use nix::errno::Errno;
use std::cell::Cell;

/// The capabilities of one thread.
#[derive(Debug)]
pub struct Powers {
    full: Capabilities,
    now: Cell<u64>,
    /// Those of the caller, while something is done for it.
    acting: Cell<Option<u64>>,
    /// The last caller's memory was out of reach without more.
    refused: Cell<bool>,
}

impl Powers {
    /// Takes all that the calling thread may have.
    ///
    /// # Errors
    /// None is known.
    pub fn new() -> Result<Self, Errno> {
        let present = credentials::capabilities()?;
        let full = Capabilities { effective: present.permitted, ..present };
        credentials::set_capabilities(full)?;
        let now = Cell::new(full.effective);
        Ok(Self { full, now, acting: Cell::new(None), refused: Cell::new(false) })
    }

    /// Every capability that the thread may use.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.full.effective
    }

    /// Does one thing with all of them; whatever is being done for a caller goes on with the caller's.
    pub fn fully<T>(&self, act: impl FnOnce() -> T) -> T {
        let _back = Back { powers: self, before: self.now.get() };
        self.make_effective(self.full.effective);
        act()
    }

    /// Does something that the present ones may suffice for, and once more with all of them if they do not.
    ///
    /// # Errors
    /// What the last try says.
    pub fn reach<T>(&self, act: impl Fn() -> Result<T, Errno>) -> Result<T, Errno> {
        if self.now.get() == self.full.effective || self.refused.get() {
            return self.fully(act);
        }
        match act() {
            Err(Errno::EPERM) => {
                self.refused.set(true);
                self.fully(act)
            }
            other => other,
        }
    }

    /// From now on something is done for a caller who has these; [`Self::end`] ends that.
    pub fn begin(&self, effective: u64) {
        self.acting.set(Some(effective));
        self.make_effective(effective);
    }

    /// Nothing is done for a caller any more. Its capabilities may stay until more are needed.
    pub fn end(&self, linger: bool) {
        self.acting.set(None);
        if !linger {
            self.restore();
        }
    }

    /// Takes all of them, if nothing is done for a caller.
    pub fn restore(&self) {
        if self.acting.get().is_none() {
            self.make_effective(self.full.effective);
        }
    }

    /// To be called after the thread has changed its users: with these the kernel takes effective capabilities away or gives
    /// them back (capabilities(7)). Another caller may be easier to reach, too.
    pub fn changed_users(&self) {
        self.refused.set(false);
        self.set_or_abort(self.acting.get().unwrap_or(self.full.effective));
    }

    fn make_effective(&self, effective: u64) {
        if self.now.get() != effective {
            self.set_or_abort(effective);
        }
    }

    /// Effective capabilities always fit in the permitted ones, which never change, so this cannot fail. Should it: a thread
    /// with an unknown identity must not serve on. Without the process the kernel answers ENOSYS to every supervised call.
    fn set_or_abort(&self, effective: u64) {
        if credentials::set_capabilities(Capabilities { effective, ..self.full }).is_err() {
            std::process::abort();
        }
        self.now.set(effective);
    }
}

/// Gives what is being done for a caller its capabilities back, unless a step further out still needs all.
struct Back<'p> {
    powers: &'p Powers,
    before: u64,
}

impl Drop for Back<'_> {
    fn drop(&mut self) {
        if self.powers.acting.get().is_some() {
            self.powers.make_effective(self.before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effective() -> u64 {
        credentials::capabilities().unwrap().effective
    }

    #[test]
    fn an_act_never_keeps_more_than_the_callers() {
        let powers = Powers::new().unwrap();
        let all = effective();
        powers.begin(0);
        assert_eq!(effective(), 0);
        powers.fully(|| {
            assert_eq!(effective(), all);
            powers.fully(|| assert_eq!(effective(), all));
            assert_eq!(effective(), all);
        });
        assert_eq!(effective(), 0);
        powers.restore();
        assert_eq!(effective(), 0);
        powers.end(false);
        assert_eq!(effective(), all);
    }

    #[test]
    fn what_lingers_is_replaced_when_more_is_needed() {
        let powers = Powers::new().unwrap();
        let all = effective();
        powers.begin(0);
        powers.end(true);
        assert_eq!(effective(), 0);
        let tries = Cell::new(0);
        let result = powers.reach(|| {
            tries.set(tries.get() + 1);
            if effective() == 0 { Err(Errno::EPERM) } else { Ok(()) }
        });
        assert_eq!((result, tries.get()), (Ok(()), 2));
        assert_eq!(effective(), all);
        powers.begin(0);
        powers.end(true);
        powers.restore();
        assert_eq!(effective(), all);
    }
}
