//! Error numbers by name.

/// A Linux error number, 1 to 4095 (errno(3)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Errno(u16);

impl Errno {
    /// Operation not permitted: what a denial returns unless the rule names another error.
    pub const EPERM: Self = Self(1);

    /// The number as the kernel returns it, positive.
    #[must_use]
    pub fn number(self) -> u16 {
        self.0
    }
}
