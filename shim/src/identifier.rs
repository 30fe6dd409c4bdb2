//! A container's name.

use std::fmt;
use std::str::FromStr;

/// A name that is safe as a file name: what runc allows (letters, digits, `_`, `+`, `-`, `.`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerId(String);

/// The text is no container name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("invalid container id {0:?}")]
pub struct InvalidId(String);

impl FromStr for ContainerId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-.".contains(&byte);
        let valid = !matches!(text, "" | "." | "..") && text.bytes().all(fits);
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidId(text.to_owned())) }
    }
}

impl ContainerId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_the_state_directory_are_refused() {
        for text in ["", ".", "..", "a/b", "../x", "a b", "@x", "ü"] {
            assert!(text.parse::<ContainerId>().is_err(), "{text:?}");
        }
        assert_eq!("a.b_c+d-E9".parse::<ContainerId>().unwrap().as_str(), "a.b_c+d-E9");
    }
}
