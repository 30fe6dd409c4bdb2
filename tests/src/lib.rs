//! What the end-to-end tests, the demonstration and the benchmarks share: a private Docker engine, containers in it,
//! and the audit records of those that ran confined.
#![forbid(unsafe_code)]

pub mod agent;
pub mod audit;
pub mod bundle;
pub mod command;
pub mod container;
pub mod cri;
pub mod engine;
pub mod many;
pub mod place;
pub mod runtime;
pub mod sweep;
pub mod talk;
pub mod terminal;
pub mod transparency;

pub use agent::{Agent, Stock, StockContainer};
pub use command::Finished;
pub use container::{Container, Running};
pub use engine::Engine;
pub use runtime::Runtime;
