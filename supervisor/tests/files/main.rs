//! The file families on the real kernel: a victim in a small container makes the same calls with and without supervision.

mod as_another;
mod blocking;
mod call;
mod changed;
mod denied;
mod faulty;
mod guard;
mod host_pids;
mod long_names;
mod messages;
mod o_path;
mod programs;
mod raced;
mod raced_by_others;
mod same_as_native;
mod signals;
mod stalled;
mod standing;
mod sys;
mod terminal;
mod twin;
mod user;
mod user_namespace;
mod victim;
mod world;
