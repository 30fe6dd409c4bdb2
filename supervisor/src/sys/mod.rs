//! Everything unsafe of this crate: system calls that nix does not wrap, or wraps for the whole process where we need one thread.
#![allow(unsafe_code)]

pub mod bpf;
pub mod credentials;
pub mod descriptors;
pub mod files;
pub mod landlock;
pub mod objects;
pub mod packet;
pub mod pages;
pub mod process;
pub mod seccomp;
pub mod shared;
pub mod signal;
pub mod socket;
pub mod tracing;
pub mod xattr;
