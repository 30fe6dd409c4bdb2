//! The templates that come with the program.

use crate::source::Source;

/// What every dynamically linked program needs to start and to run by itself.
const LINUX_BASE: &str = include_str!("../templates/linux-base");
/// What Docker's default profile lets through, less the ways around supervision.
const DOCKER_DEFAULT: &str = include_str!("../templates/docker-default");
/// The sockets of network programs.
const INTERNET_SOCKETS: &str = include_str!("../templates/internet-sockets");

/// Names and texts.
const BUILTIN: [(&str, &str); 3] = [
    ("linux-base", LINUX_BASE),
    ("docker-default", DOCKER_DEFAULT),
    ("internet-sockets", INTERNET_SOCKETS),
];

/// The names of the built-in templates.
pub fn names() -> impl Iterator<Item = &'static str> {
    BUILTIN.iter().map(|(name, _)| *name)
}

/// The text of a built-in template.
#[must_use]
pub fn builtin(name: &str) -> Option<Source> {
    let (name, text) = BUILTIN.iter().find(|(known, _)| *known == name)?;
    Some(Source::new(*name, *text))
}
