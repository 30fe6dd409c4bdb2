//! What must hold for any input. The fuzz targets call these checks with inputs they invent; plain
//! tests of `policy` and `converter` include the same files and replay the inputs in `corpus`.
#![forbid(unsafe_code)]

mod choices;
pub mod evaluate;
#[path = "../../policy/tests/naive/mod.rs"]
mod naive;
pub mod parse;
pub mod profile;
