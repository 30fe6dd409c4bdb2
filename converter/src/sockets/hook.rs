//! Where in the kernel a socket program runs.

/// An attach type of a control group (`enum bpf_attach_type`, linux/bpf.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// bind(2) of an IPv4 socket.
    Bind4 = 8,
    /// bind(2) of an IPv6 socket.
    Bind6 = 9,
    /// connect(2) to an IPv4 address.
    Connect4 = 10,
    /// connect(2) to an IPv6 address, which may stand for an IPv4 one.
    Connect6 = 11,
    /// connect(2) to a UNIX socket.
    ConnectUnix = 49,
}

/// What the addresses of a hook are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    Inet,
    /// IPv6.
    Inet6,
    /// Names, which programs do not judge.
    Unix,
}

impl Hook {
    /// The hooks of a call; none for calls that programs do not judge.
    #[must_use]
    pub fn of(call: &str) -> &'static [Self] {
        match call {
            "connect" => &[Self::Connect4, Self::Connect6, Self::ConnectUnix],
            "bind" => &[Self::Bind4, Self::Bind6],
            _ => &[],
        }
    }

    /// Which addresses come to it.
    #[must_use]
    pub fn family(self) -> Family {
        match self {
            Self::Bind4 | Self::Connect4 => Family::Inet,
            Self::Bind6 | Self::Connect6 => Family::Inet6,
            Self::ConnectUnix => Family::Unix,
        }
    }
}
