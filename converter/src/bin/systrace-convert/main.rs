//! `systrace-convert`.
fn main() {}
