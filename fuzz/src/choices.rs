//! Bytes as a row of decisions, so that a fuzzer's small change makes a small change of the case.

/// The bytes that are left. Behind the last one every choice is the first.
pub struct Choices<'b> {
    bytes: std::slice::Iter<'b, u8>,
}

impl<'b> Choices<'b> {
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { bytes: bytes.iter() }
    }

    /// A number below `bound`, which is at most 65,536 and not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let byte = |bytes: &mut std::slice::Iter<u8>| usize::from(*bytes.next().unwrap_or(&0));
        let low = byte(&mut self.bytes);
        let high = if bound > 256 { byte(&mut self.bytes) } else { 0 };
        (high << 8 | low) % bound
    }

    /// One of several.
    pub fn of<'t, T>(&mut self, several: &'t [T]) -> &'t T {
        &several[self.below(several.len())]
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    /// As many as `make` is asked for, which is less than `bound` times.
    pub fn several<T>(&mut self, bound: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(bound)).map(|_| make(self)).collect()
    }
}
