//! Which sockets a policy lets its programs make, and whether the programs of a call see every one of them.
//!
//! A hook runs for some protocols only: connect(2) of a raw, netlink or SCTP socket comes to none. Which protocol a
//! socket has is told by the registers of socket(2), so a policy's rules on that call decide whether the kernel can judge
//! the addresses of all of them.

use policy::condition::Comparison;
use policy::program::{Policy, Rule};
use policy::registry::{self, FormId, Kind};
use policy::{Event, Subject, Value, Verdict};

const UNIX: u32 = libc::AF_UNIX as u32;
const INET: u32 = libc::AF_INET as u32;
const INET6: u32 = libc::AF_INET6 as u32;
const STREAM: u32 = libc::SOCK_STREAM as u32;
const DATAGRAM: u32 = libc::SOCK_DGRAM as u32;
const TCP: u32 = libc::IPPROTO_TCP as u32;
const UDP: u32 = libc::IPPROTO_UDP as u32;
const ICMP: u32 = libc::IPPROTO_ICMP as u32;
const ICMP6: u32 = libc::IPPROTO_ICMPV6 as u32;
const MPTCP: u32 = libc::IPPROTO_MPTCP as u32;

/// Whether the hooks of a call run for a socket of this domain, type and protocol (Linux 6.7 and newer): read in
/// net/ipv4/{af_inet,tcp_ipv4,udp,ping}.c, net/ipv6/, net/mptcp/protocol.c and net/unix/af_unix.c.
fn is_seen(call: &str, [domain, kind, protocol]: [u32; 3]) -> bool {
    match (domain, kind, protocol) {
        (UNIX, _, _) => call == "connect",
        (INET | INET6, STREAM, 0 | TCP | MPTCP) | (INET | INET6, DATAGRAM, 0 | UDP) => true,
        (INET, DATAGRAM, ICMP) | (INET6, DATAGRAM, ICMP6) => call == "connect",
        _ => false,
    }
}

/// Landlock looks at the sockets of TCP alone (`hook_socket_connect`, security/landlock/net.c).
fn is_tcp(triple: [u32; 3]) -> bool {
    matches!(triple, [INET | INET6, STREAM, 0 | TCP])
}

/// Calls that go round the programs: rings make sockets without socket(2), bpf(2) can detach programs, and the others can
/// lead a process that `exec --privileged` has brought in to the host's control groups.
const WAYS_ROUND: [&str; 7] =
    ["io_uring_setup", "bpf", "mount", "move_mount", "fsmount", "open_by_handle_at", "setns"];

/// Whether every socket that the policy lets be made comes to the hooks of the call, and nothing goes round them.
#[must_use]
pub fn all_seen(policy: &Policy, call: &str) -> bool {
    only(policy, call, &|triple| is_seen(call, triple))
}

/// Whether every socket that the policy lets be made is one of TCP and stays one, and the call is the only way to do what it
/// does with it.
#[must_use]
pub fn all_tcp(policy: &Policy, call: &str) -> bool {
    only(policy, call, &is_tcp) && stays_tcp(policy)
}

/// The option that gives a socket of TCP another protocol on top (linux/tcp.h). `smc` (net/smc/af_smc.c, since Linux 5.17) makes it one of
/// SMC, which connects by itself to where its owner says.
const TCP_ULP: u32 = 31;

fn stays_tcp(policy: &Policy) -> bool {
    let registers = [0, TCP.into(), TCP_ULP.into(), 0, 0, 0];
    let Some(call) = registry::call_named("setsockopt") else { return false };
    let form = call.select(|test| test.on_registers(&registers).unwrap_or(false));
    let of_numbers = |test: &Comparison| ["level", "optname"].contains(&test.argument());
    let told = |rule: &Rule| {
        rule.predicate.is_none() && !rule.condition.any(&mut |test| !of_numbers(test))
    };
    let rules = policy.rules_for(form).own;
    rules.iter().all(|id| told(policy.rule(*id))) && !may_pass(policy, form, &[TCP, TCP_ULP])
}

fn only(policy: &Policy, call: &str, wanted: &dyn Fn([u32; 3]) -> bool) -> bool {
    WAYS_ROUND.iter().all(|way| may_be_made(policy, way, &[]) == Some(false))
        && (call != "connect" || !connects_by_message(policy))
        && ["socket", "socketpair"].iter().all(|maker| only_made(policy, maker, wanted))
}

/// A message that connects (`fastopen`) has rules of its own, but comes to the hooks of connect(2).
fn connects_by_message(policy: &Policy) -> bool {
    let connects = |form: &FormId| form.form().names[0] == "fastopen";
    registry::forms().filter(connects).any(|form| policy.may_permit(form))
}

fn only_made(policy: &Policy, maker: &str, wanted: &dyn Fn([u32; 3]) -> bool) -> bool {
    let Some(interests) = Interests::of(policy, maker) else { return false };
    interests
        .triples()
        .all(|triple| wanted(triple) || may_be_made(policy, maker, &triple) == Some(false))
}

/// Whether a call with these numbers may succeed; `None` if there is no such call.
fn may_be_made(policy: &Policy, call: &str, numbers: &[u32]) -> Option<bool> {
    Some(may_pass(policy, form(call)?, numbers))
}

fn may_pass(policy: &Policy, form: FormId, numbers: &[u32]) -> bool {
    let values: Vec<_> = numbers.iter().map(|number| Value::Number((*number).into())).collect();
    let event = Event { form, values: &values, subject: Subject::default() };
    let verdict = policy.evaluate(&event).verdict;
    !matches!(verdict, Verdict::Deny(_) | Verdict::Uncovered)
}

/// The only form of a call.
fn form(call: &str) -> Option<FormId> {
    registry::call_named(call)?.form_ids().next()
}

/// For each argument: the numbers that rules speak of, those that [`is_seen`] does, and one that nobody speaks of. Rules
/// compare for equality, so no other number is judged differently.
struct Interests([Vec<u32>; 3]);

impl Interests {
    /// `None` if a rule is not told by the numbers alone.
    fn of(policy: &Policy, call: &str) -> Option<Self> {
        let form = form(call)?;
        let mut all = Self([
            vec![UNIX, INET, INET6],
            vec![STREAM, DATAGRAM],
            vec![0, TCP, UDP, ICMP, ICMP6, MPTCP],
        ]);
        for id in policy.rules_for(form).own {
            all.rule(policy.rule(*id), form)?;
        }
        for numbers in &mut all.0 {
            numbers.sort_unstable();
            numbers.dedup();
            let other = (0..).find(|number| numbers.binary_search(number).is_err());
            numbers.extend(other);
        }
        Some(all)
    }

    fn rule(&mut self, rule: &Rule, form: FormId) -> Option<()> {
        let mut told = rule.predicate.is_none();
        // Every comparison is looked at: the answer "no" goes on.
        rule.condition.any(&mut |test| {
            told &= self.comparison(test, form).is_some();
            false
        });
        told.then_some(())
    }

    fn comparison(&mut self, test: &Comparison, form: FormId) -> Option<()> {
        let index = usize::from(test.index().unwrap_or_default());
        let Some(at) = form.form().parameter(test.argument(), index) else { return Some(()) };
        if test.text().contains(&b'$') {
            return None;
        }
        let kind = form.form().parameters[at].kind;
        let set = test.numbers(kind)?;
        // Of a type only the flags are cut off, and they make no other socket of it.
        let whole = set.mask == u32::MAX || kind == Kind::SocketType;
        whole.then(|| self.0[at].extend(set.members))
    }

    fn triples(&self) -> impl Iterator<Item = [u32; 3]> {
        let [domains, types, protocols] = &self.0;
        domains.iter().flat_map(move |domain| {
            types.iter().flat_map(move |kind| protocols.iter().map(|p| [*domain, *kind, *p]))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::{Source, compile};

    fn seen(rules: &str, call: &str) -> bool {
        let text = format!("Policy: /bin/x, Emulation: native\n{rules}");
        let set = compile(&Source::new("p", text), &|_| None).expect("a policy").set;
        all_seen(&set.policies[0], call)
    }

    #[test]
    fn only_sockets_that_hooks_see_may_be_made() {
        let stream =
            "native-socket: sockdom eq \"AF_INET\" and socktype eq \"SOCK_STREAM\" then permit\n";
        let protocol = "native-socket: sockdom eq \"AF_INET\" and ( socktype eq \"SOCK_STREAM\" and ( sockprot eq \"0\" or sockprot eq \"6\" ) ) then permit\n";
        let unix = "native-socket: sockdom eq \"AF_UNIX\" then permit\n";
        // SCTP has streams too.
        assert!(!seen(stream, "connect"));
        assert!(seen(protocol, "connect") && seen(protocol, "bind"));
        assert!(seen(&format!("{protocol}{unix}"), "connect"));
        assert!(!seen(&format!("{protocol}{unix}"), "bind"));
        assert!(seen("", "connect"));
        for open in [
            "native-socket: permit\n",
            "native-socket: sockdom eq \"AF_INET\" then permit\n",
            "native-socket: sockdom neq \"AF_UNKNOWN(40)\" then permit\n",
            "native-socketpair: permit\n",
            "native-io_uring_setup: permit\n",
            "native-bpf: permit\n",
            "native-mount: permit\n",
            "native-fastopen: permit\n",
            "native-socket: sockdom match \"AF_IN*\" then permit\n",
            "native-socket: true then ask\n",
            "native-socket: true then permit, if user = root\n",
        ] {
            assert!(!seen(open, "connect"), "{open}");
        }
    }
}
