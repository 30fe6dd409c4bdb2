//! The compiled filter as the kernel takes it.

/// A classic BPF program for seccomp(2).
#[derive(Clone, PartialEq, Eq)]
pub struct Filter(Vec<libc::sock_filter>);

/// `BPF_MAXINSNS` of linux/bpf_common.h.
const MAX_INSTRUCTIONS: usize = 4096;

/// The bytes are not a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a filter is 1 to {MAX_INSTRUCTIONS} instructions of 8 bytes, not {0} bytes")]
pub struct BadFilter(usize);

impl Filter {
    /// Reads the bytes of a `struct sock_filter` array (linux/filter.h), in the machine's byte order.
    ///
    /// # Errors
    /// [`BadFilter`] if the size is wrong. The kernel checks the program itself.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadFilter> {
        let (instructions, rest) = bytes.as_chunks::<8>();
        if instructions.is_empty() || instructions.len() > MAX_INSTRUCTIONS || !rest.is_empty() {
            return Err(BadFilter(bytes.len()));
        }
        let read = |[c0, c1, jt, jf, k0, k1, k2, k3]: &[u8; 8]| libc::sock_filter {
            code: u16::from_ne_bytes([*c0, *c1]),
            jt: *jt,
            jf: *jf,
            k: u32::from_ne_bytes([*k0, *k1, *k2, *k3]),
        };
        Ok(Self(instructions.iter().map(read).collect()))
    }

    /// The bytes of the `struct sock_filter` array.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let write = |i: &libc::sock_filter| {
            let ([c0, c1], [k0, k1, k2, k3]) = (i.code.to_ne_bytes(), i.k.to_ne_bytes());
            [c0, c1, i.jt, i.jf, k0, k1, k2, k3]
        };
        self.0.iter().flat_map(write).collect()
    }

    /// The instructions.
    #[must_use]
    pub fn instructions(&self) -> &[libc::sock_filter] {
        &self.0
    }
}

impl std::fmt::Debug for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Filter({} instructions)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back() {
        let bytes: Vec<u8> = (0..16).collect();
        let filter = Filter::from_bytes(&bytes).unwrap();
        assert_eq!(filter.instructions().len(), 2);
        assert_eq!(filter.to_bytes(), bytes);
    }

    #[test]
    fn odd_sizes_are_refused() {
        for size in [0, 7, 9, 8 * 4097] {
            assert_eq!(Filter::from_bytes(&vec![0; size]), Err(BadFilter(size)));
        }
    }
}
