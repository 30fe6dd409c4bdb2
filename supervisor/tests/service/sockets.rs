//! connect, bind and sendto.

use crate::stage::Test;

pub const TESTS: &[Test] = &[];
