//! How often, and how soon after one another, supervisors may die.

use std::time::{Duration, Instant};

/// Deaths longer ago are forgotten.
const MEMORY: Duration = Duration::from_secs(60);

/// So many deaths within that time are too many: something kills each of them.
const MOST: usize = 8;

/// The pause before the second successor; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Supervisors die too fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted;

/// The deaths that are remembered.
#[derive(Debug, Default)]
pub struct Patience {
    deaths: Vec<Instant>,
}

impl Patience {
    /// How long to wait before the next successor: not at all if the last death is long ago.
    ///
    /// # Errors
    /// [`Exhausted`] if there must not be one.
    pub fn pause(&mut self) -> Result<Duration, Exhausted> {
        self.pause_at(Instant::now())
    }

    fn pause_at(&mut self, now: Instant) -> Result<Duration, Exhausted> {
        self.deaths.retain(|death| now.duration_since(*death) < MEMORY);
        self.deaths.push(now);
        match self.deaths.len() {
            1 => Ok(Duration::ZERO),
            deaths @ 2..=MOST => Ok(FIRST_PAUSE * (1 << (deaths - 2))),
            _ => Err(Exhausted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_end_and_are_forgotten() {
        let (mut patience, start) = (Patience::default(), Instant::now());
        let pauses: Vec<_> = (0..MOST).map(|_| patience.pause_at(start).unwrap()).collect();
        assert_eq!(pauses[..3], [Duration::ZERO, FIRST_PAUSE, 2 * FIRST_PAUSE]);
        assert!(pauses.iter().sum::<Duration>() < MEMORY / 2, "the last is still within memory");
        assert_eq!(patience.pause_at(start), Err(Exhausted));
        assert_eq!(patience.pause_at(start + 2 * MEMORY), Ok(Duration::ZERO));
    }
}
