//! Which programs may start, and that nothing else does.

use crate::stage::Test;

pub const TESTS: &[Test] = &[];
