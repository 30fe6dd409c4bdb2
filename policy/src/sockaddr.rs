//! The text of a socket address.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Address families (linux/socket.h).
const AF_UNSPEC: u16 = 0;
const AF_UNIX: u16 = 1;
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

/// What rules see of a socket address (the bytes of a `struct sockaddr`, as long as the caller
/// said).
///
/// A path for `AF_UNIX` as it was given, up to its first NUL; an abstract name behind `@`, its NULs
/// and backslashes written `\x00` and `\x5c` so that no two names look alike (a relative path that
/// looks like another kind of address gets `./` in front); `inet-[ADDR]:PORT` for IPv4 and IPv6,
/// the latter with `%SCOPE` if one is given; `family(N)` for others. An address too short for its
/// family is `error`.
#[must_use]
pub fn print_sockaddr(address: &[u8]) -> Vec<u8> {
    let Some((family, rest)) = address.split_first_chunk() else { return b"error".to_vec() };
    match u16::from_ne_bytes(*family) {
        AF_UNIX => print_unix(rest),
        AF_INET => print_inet(rest).unwrap_or_else(|| b"error".to_vec()),
        AF_INET6 => print_inet6(rest).unwrap_or_else(|| b"error".to_vec()),
        other => format!("family({other})").into_bytes(),
    }
}

/// The address as the kernel takes it where the same place can be written in several ways, for a call by this name.
///
/// `::ffff:A.B.C.D` becomes the IPv4 address that it reaches (ipv6(7)), a scope is left out where the kernel ignores it, and
/// for all calls but connect(2), which dissolves an association for it, `AF_UNSPEC` is IPv4 (`__inet_bind`, `udp_sendmsg`).
#[must_use]
pub fn reached<'a>(call: &str, address: &'a [u8]) -> Cow<'a, [u8]> {
    let family = address.first_chunk().map(|family| u16::from_ne_bytes(*family));
    match family {
        Some(AF_INET6) => reached_by_inet6(address).map_or(address.into(), Cow::Owned),
        Some(AF_UNSPEC) if call != "connect" => {
            [&AF_INET.to_ne_bytes(), &address[2..]].concat().into()
        }
        _ => address.into(),
    }
}

/// Another spelling of a whole IPv6 address.
fn reached_by_inet6(address: &[u8]) -> Option<Vec<u8>> {
    const SCOPE: usize = 24;
    let port = address.get(2..4)?;
    let octets: [u8; 16] = address.get(8..SCOPE)?.try_into().ok()?;
    let v6 = Ipv6Addr::from(octets);
    match v6.to_ipv4_mapped() {
        Some(v4) => Some([&AF_INET.to_ne_bytes(), port, &v4.octets(), &[0; 8]].concat()),
        None => (!needs_scope(v6)).then(|| address[..SCOPE].to_vec()),
    }
}

/// Whether the kernel looks at the scope of an address (`__ipv6_addr_needs_scope_id`, net/ipv6.h): it is unicast to a
/// link, or multicast within an interface or a link.
#[must_use]
pub fn needs_scope(address: Ipv6Addr) -> bool {
    let [high, low, ..] = address.octets();
    (high == 0xfe && low & 0xc0 == 0x80) || (high == 0xff && matches!(low & 0x0f, 1 | 2))
}

/// unix(7): a path, an abstract name behind a NUL byte, or nothing.
fn print_unix(path: &[u8]) -> Vec<u8> {
    match path.split_first() {
        Some((0, name)) if !name.is_empty() => print_abstract(name),
        _ => print_path(path.split(|byte| *byte == 0).next().unwrap_or_default()),
    }
}

/// Else a socket in the caller's folder could pass for `inet-[127.0.0.1]:53`, and for `eq` in any case of its letters.
fn print_path(path: &[u8]) -> Vec<u8> {
    let starts = |start: &str| {
        let same = |head: &[u8]| head.eq_ignore_ascii_case(start.as_bytes());
        path.get(..start.len()).is_some_and(same)
    };
    let prefix: &[u8] = match ["@", "inet-", "family(", "error"].into_iter().any(starts) {
        true => b"./",
        false => b"",
    };
    [prefix, path].concat()
}

fn print_abstract(name: &[u8]) -> Vec<u8> {
    let mut out = b"@".to_vec();
    for byte in name {
        match byte {
            0 | b'\\' => out.extend(format!("\\x{byte:02x}").bytes()),
            _ => out.push(*byte),
        }
    }
    out
}

/// ip(7): port, address.
fn print_inet(rest: &[u8]) -> Option<Vec<u8>> {
    let (port, rest) = rest.split_first_chunk()?;
    let address = Ipv4Addr::from(*rest.first_chunk::<4>()?);
    Some(format!("inet-[{address}]:{}", u16::from_be_bytes(*port)).into_bytes())
}

/// ipv6(7): port, flow, address, scope; the scope may be left out.
fn print_inet6(rest: &[u8]) -> Option<Vec<u8>> {
    let (port, rest) = rest.split_first_chunk()?;
    let (_flow, rest) = rest.split_first_chunk::<4>()?;
    let (address, rest) = rest.split_first_chunk::<16>()?;
    let address = Ipv6Addr::from(*address);
    let port = u16::from_be_bytes(*port);
    let scope = rest.first_chunk::<4>().map_or(0, |scope| u32::from_ne_bytes(*scope));
    let text = match scope {
        0 => format!("inet-[{address}]:{port}"),
        _ => format!("inet-[{address}%{scope}]:{port}"),
    };
    Some(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(family: u16, rest: &[u8]) -> Vec<u8> {
        print_sockaddr(&[&family.to_ne_bytes(), rest].concat())
    }

    #[test]
    fn unix_addresses() {
        assert_eq!(address(AF_UNIX, b"/run/x.sock\0junk"), b"/run/x.sock");
        assert_eq!(address(AF_UNIX, b"rel"), b"rel");
        assert_eq!(address(AF_UNIX, b""), b"");
        assert_eq!(address(AF_UNIX, b"inet-[127.0.0.1]:53"), b"./inet-[127.0.0.1]:53");
        assert_eq!(address(AF_UNIX, b"Inet-[127.0.0.1]:53"), b"./Inet-[127.0.0.1]:53");
        assert_eq!(address(AF_UNIX, b"@bus"), b"./@bus");
        assert_eq!(address(AF_UNIX, b"\0"), b"");
        assert_eq!(address(AF_UNIX, b"\0bus\0\\x"), b"@bus\\x00\\x5cx");
    }

    #[test]
    fn inet_addresses() {
        assert_eq!(address(AF_INET, &[0, 53, 127, 0, 0, 1, 0, 0]), b"inet-[127.0.0.1]:53");
        assert_eq!(address(AF_INET, &[0, 53, 127, 0, 0]), b"error");
        let mut six = vec![1, 0xbb, 9, 9, 9, 9];
        six.extend(Ipv6Addr::LOCALHOST.octets());
        assert_eq!(address(AF_INET6, &six), b"inet-[::1]:443");
        six.extend(2_u32.to_ne_bytes());
        assert_eq!(address(AF_INET6, &six), b"inet-[::1%2]:443");
        assert_eq!(address(AF_INET6, &six[..20]), b"error");
    }

    #[test]
    fn an_address_has_one_name() {
        let printed = |call: &str, address: &[u8]| {
            String::from_utf8(print_sockaddr(&reached(call, address))).unwrap()
        };
        let v6 = |octets: [u8; 16]| [&[10, 0, 0, 53, 0, 0, 0, 0][..], &octets, &[0; 4]].concat();
        let mapped = v6([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 1]);
        assert_eq!(printed("connect", &mapped), "inet-[127.0.0.1]:53");
        assert_eq!(printed("connect", &v6(Ipv6Addr::LOCALHOST.octets())), "inet-[::1]:53");
        let unspecified = [0, 0, 0, 53, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(printed("sendto", &unspecified), "inet-[127.0.0.1]:53");
        assert_eq!(printed("connect", &unspecified), "family(0)");
        assert_eq!(printed("connect", &[10]), "error");
        let scoped = |octets| [&v6(octets)[..24], &[2, 0, 0, 0]].concat();
        assert_eq!(printed("connect", &scoped(Ipv6Addr::LOCALHOST.octets())), "inet-[::1]:53");
        let to_link = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1).octets();
        assert_eq!(printed("connect", &scoped(to_link)), "inet-[fe80::1%2]:53");
    }

    #[test]
    fn other_addresses() {
        assert_eq!(address(16, &[0; 10]), b"family(16)");
        assert_eq!(print_sockaddr(&[2]), b"error");
    }
}
