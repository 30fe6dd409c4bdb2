//! Sockets. `socketcall`, the one entry of 32-bit Linux, is a name for all of its parts.

use crate::registry::notation::{INT, bits, forms, null, number, plain, set};
use crate::registry::{Call, Form, Kind, Parameter, Source};

const DOMAIN: Parameter = number("sockdom", Kind::SocketDomain, 0);
const TYPE: Parameter = number("socktype", Kind::SocketType, 1);
/// What a protocol's number means depends on the domain, so it has no name.
const PROTOCOL: Parameter = number("sockprot", Kind::Decimal, 2);
const LEVEL: Parameter = number("level", Kind::SocketLevel, 1);

/// asm-generic/socket.h.
const SOL_SOCKET: u64 = 1;

/// An option has a name where its level is `SOL_SOCKET`.
const fn option(kind: Kind) -> Parameter {
    number("optname", kind, 2)
}

const fn sockaddr(source: Source) -> Parameter {
    Parameter { name: "sockaddr", kind: Kind::SocketAddress, source }
}

const fn address(address: u8) -> Parameter {
    sockaddr(Source::SocketAddress { address, length: address + 1 })
}

/// linux/socket.h. A message with it connects first (tcp(7)): a rule on sending is not meant for that, and a rule on
/// `connect` never sees it. So it has a name of its own.
const MSG_FASTOPEN: u64 = 0x2000_0000;

pub(super) static CALLS: &[Call] = &[
    forms!(41 "socket": Form::named(&["socket", "socketcall"]).with(&[DOMAIN, TYPE, PROTOCOL])),
    forms!(42 "connect": Form::named(&["connect", "socketcall"]).with(&[address(1)])),
    plain!(43 "accept" "socketcall"),
    // Without an address it is send(2) on a connected socket: the argument is absent.
    forms!(44 "sendto":
        Form::named(&["sendto", "send", "socketcall"]).when(&[null(4)]),
        Form::named(&["fastopen"]).when(&[set(3, MSG_FASTOPEN)]),
        Form::named(&["sendto", "send", "socketcall"]).with(&[address(4)]),
    ),
    plain!(45 "recvfrom" "recv" "socketcall"),
    forms!(46 "sendmsg":
        Form::named(&["fastopen"]).when(&[set(2, MSG_FASTOPEN)]),
        Form::named(&["sendmsg", "socketcall"]).with(&[sockaddr(Source::MessageName(1))]),
    ),
    plain!(47 "recvmsg" "socketcall"),
    plain!(48 "shutdown" "socketcall"),
    forms!(49 "bind": Form::named(&["bind", "socketcall"]).with(&[address(1)])),
    plain!(50 "listen" "socketcall"),
    plain!(51 "getsockname" "socketcall"),
    plain!(52 "getpeername" "socketcall"),
    forms!(53 "socketpair":
        Form::named(&["socketpair", "socketcall"]).with(&[DOMAIN, TYPE, PROTOCOL]),
    ),
    forms!(54 "setsockopt":
        Form::named(&["setsockopt", "socketcall"])
            .when(&[bits(1, INT, SOL_SOCKET)])
            .with(&[LEVEL, option(Kind::SocketOption)]),
        Form::named(&["setsockopt", "socketcall"]).with(&[LEVEL, option(Kind::Decimal)]),
    ),
    forms!(55 "getsockopt":
        Form::named(&["getsockopt", "socketcall"])
            .when(&[bits(1, INT, SOL_SOCKET)])
            .with(&[LEVEL, option(Kind::SocketOption)]),
        Form::named(&["getsockopt", "socketcall"]).with(&[LEVEL, option(Kind::Decimal)]),
    ),
    plain!(288 "accept4" "accept" "paccept" "socketcall"),
    plain!(299 "recvmmsg" "recvmsg" "socketcall"),
    forms!(307 "sendmmsg":
        Form::named(&["fastopen"]).when(&[set(3, MSG_FASTOPEN)]),
        Form::named(&["sendmmsg", "sendmsg", "socketcall"])
            .with(&[sockaddr(Source::MessageNames { vector: 1, count: 2 })]),
    ),
];
