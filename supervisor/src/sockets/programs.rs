//! Programs that judge addresses in the kernel, on the sockets of the container's control group.
//!
//! The converter makes them, the runtime loads and attaches them before the workload runs, and the supervisor reads what
//! they denied. They stay attached whatever becomes of both, until the folder of the control group is removed.

use crate::notification::{Tgid, Tid};
use crate::sys::bpf::{self, MapKind, Ring};
use nix::errno::Errno;
use nix::unistd::{getpid, gettid};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// A program as it comes from the converter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketProgram {
    /// Where it runs (`enum bpf_attach_type`, linux/bpf.h).
    pub hook: u32,
    /// Its instructions; one that names a map holds the map's place in [`LoadedPrograms`].
    pub code: Vec<u8>,
}

/// Programs in the kernel, not attached yet, and the maps that they use.
#[derive(Debug)]
pub struct LoadedPrograms {
    programs: Vec<(u32, OwnedFd)>,
    /// By the numbers that programs have for them: the ring of denials, the count of those that it had no room for.
    maps: [OwnedFd; 2],
    /// The calls that we have let through, if some program asks.
    entries: Option<OwnedFd>,
}

/// Programs cannot be put in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProgramError {
    /// A map cannot be made.
    #[error("cannot make a map for socket programs")]
    Map(#[source] Errno),
    /// An instruction names no map of ours, or is cut off.
    #[error("the socket program for hook {0} is damaged")]
    Damaged(u32),
    /// The kernel refuses a program.
    #[error("the kernel refuses the socket program for hook {0}")]
    Load(u32, #[source] Errno),
    /// It cannot be attached.
    #[error("cannot attach the socket program for hook {0} to the container's cgroup")]
    Attach(u32, #[source] Errno),
}

/// Bytes of the ring: denials that may wait for us.
const RING: u32 = 1 << 16;
const DENIALS: usize = 0;
const LOST: usize = 1;
const ENTRIES: usize = 2;
/// Threads that may have an entry at the same time. A call that fails early leaves its entry behind; the oldest go first.
const THREADS: u32 = 1 << 13;

impl LoadedPrograms {
    /// Loads programs.
    ///
    /// # Errors
    /// [`ProgramError`]; nothing of them is in the kernel then.
    pub fn load(programs: &[SocketProgram]) -> Result<Self, ProgramError> {
        let denials = bpf::create_map(MapKind::Ring, [0, 0], RING).map_err(ProgramError::Map)?;
        let lost = bpf::create_map(MapKind::Array, [4, 8], 1).map_err(ProgramError::Map)?;
        let maps = [denials, lost];
        let mut loaded = Self { programs: Vec::new(), maps, entries: None };
        for program in programs {
            let code = loaded.link(program)?;
            let fd = bpf::load_program(&code, program.hook)
                .map_err(|errno| ProgramError::Load(program.hook, errno))?;
            loaded.programs.push((program.hook, fd));
        }
        Ok(loaded)
    }

    /// Attaches them to a folder of the unified hierarchy: from now on they judge every socket that is made there or below.
    ///
    /// # Errors
    /// [`ProgramError::Attach`].
    pub fn attach(&self, folder: BorrowedFd<'_>) -> Result<(), ProgramError> {
        self.programs.iter().try_for_each(|(hook, program)| {
            bpf::attach(folder, program.as_fd(), *hook)
                .map_err(|errno| ProgramError::Attach(*hook, errno))
        })
    }

    /// The descriptors that reading denials needs.
    #[must_use]
    pub fn descriptors(&self) -> Vec<RawFd> {
        let programs = self.programs.iter().map(|(_, fd)| fd.as_raw_fd());
        let maps = self.maps.iter().chain(&self.entries).map(AsRawFd::as_raw_fd);
        maps.chain(programs).collect()
    }

    /// The code with our descriptors in it.
    fn link(&mut self, program: &SocketProgram) -> Result<Vec<[u8; 8]>, ProgramError> {
        /// `BPF_LD | BPF_IMM | BPF_DW` with `BPF_PSEUDO_MAP_FD` as its source (linux/bpf.h).
        const WIDE: u8 = 0x18;
        const MAP: u8 = 1;
        let damaged = ProgramError::Damaged(program.hook);
        let (slots, rest) = program.code.as_chunks::<8>();
        let mut slots = slots.to_vec();
        for slot in slots.iter_mut().filter(|[code, names, ..]| *code == WIDE && names >> 4 == MAP)
        {
            let [.., a, b, c, d] = *slot;
            let map = match usize::try_from(i32::from_ne_bytes([a, b, c, d])) {
                Ok(ENTRIES) => self.entries()?,
                Ok(place) => self.maps.get(place).ok_or(damaged)?,
                Err(_) => return Err(damaged),
            };
            slot[4..].copy_from_slice(&map.as_raw_fd().to_ne_bytes());
        }
        if rest.is_empty() { Ok(slots) } else { Err(damaged) }
    }

    fn entries(&mut self) -> Result<&OwnedFd, ProgramError> {
        if self.entries.is_none() {
            let made = bpf::create_map(MapKind::RecentlyUsed, [8, 24], THREADS);
            self.entries = Some(made.map_err(ProgramError::Map)?);
        }
        self.entries.as_ref().ok_or(ProgramError::Map(Errno::ENOENT))
    }
}

/// A call that a program holds to the address that was judged.
#[derive(Debug)]
pub struct Admitted(());

impl LoadedPrograms {
    /// Whether programs wait for an entry for each call of this name.
    #[must_use]
    pub fn admits(&self, call: &str) -> bool {
        self.entries.is_some() && call == "connect"
    }

    /// Lets the next connect(2) of a thread through to this internet address, once. `None` for other addresses, and if the
    /// programs do not wait for that: then nothing holds the kernel to what was judged.
    ///
    /// Until the thread calls connect(2) again, which comes to the supervisor and replaces the entry, nobody else can use
    /// it: a program asks for the entry of the thread that runs it, and takes it out.
    ///
    /// # Errors
    /// What the map says.
    pub fn admit(&self, (tgid, tid): Thread, address: &[u8]) -> Result<Option<Admitted>, Errno> {
        let (Some(entries), Some(value)) = (&self.entries, seen_by_programs(address)) else {
            return Ok(None);
        };
        bpf::enter(entries.as_fd(), number((tgid, tid)), &value)?;
        Ok(Some(Admitted(())))
    }

    /// Lets the calling thread, which is ours, connect a socket of the container to a UNIX socket, once.
    ///
    /// # Errors
    /// What the map says.
    pub fn admit_ourselves(&self) -> Result<(), Errno> {
        let Some(entries) = &self.entries else { return Ok(()) };
        let ours = number((Tgid(getpid().as_raw()), Tid(gettid().as_raw())));
        bpf::enter(entries.as_fd(), ours, &[libc::AF_UNIX as u32, 0, 0, 0, 0, 0])
    }
}

/// Process and thread, as the host's first pid namespace numbers them: programs know no other.
type Thread = (Tgid, Tid);

/// A thread as `bpf_get_current_pid_tgid` has it.
fn number((tgid, tid): Thread) -> u64 {
    u64::from(tgid.0.cast_unsigned()) << 32 | u64::from(tid.0.cast_unsigned())
}

/// Family, port and words of an address, as `struct bpf_sock_addr` shows them (linux/bpf.h). Too short an address fails in
/// the kernel before a program sees it.
fn seen_by_programs(address: &[u8]) -> Option<[u32; 6]> {
    let family = u16::from_ne_bytes(*address.first_chunk()?);
    let port = u16::from_ne_bytes(*address.get(2..4)?.first_chunk()?);
    let word = |at: usize| {
        let bytes = address.get(at..)?.first_chunk()?;
        Some(u32::from_ne_bytes(*bytes))
    };
    let [first, second, third, fourth] = match family.into() {
        libc::AF_INET => [word(4)?, 0, 0, 0],
        libc::AF_INET6 => [word(8)?, word(12)?, word(16)?, word(20)?],
        _ => return None,
    };
    Some([family.into(), port.into(), first, second, third, fourth])
}

/// What a program said of a call that it denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The process that called, as the host numbers it.
    pub tgid: libc::pid_t,
    /// On what account.
    pub cause: Cause,
    /// The error that the caller got.
    pub errno: u32,
    /// Which call it was.
    pub call: &'static str,
    /// The address, as the kernel copied it.
    pub address: Vec<u8>,
}

/// Why a program denied a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// By a rule, which has this place in the policy.
    Rule(u32),
    /// No rule held.
    NoRule,
    /// We had not let it through: its address is another one than that which was judged.
    NoEntry,
}

/// The denials of a container's programs, read one after the other.
#[derive(Debug)]
pub struct Denials {
    ring: Ring,
    told: u64,
}

impl Denials {
    /// Begins to read.
    ///
    /// # Errors
    /// If the ring cannot be mapped.
    pub fn of(programs: &LoadedPrograms) -> Result<Self, Errno> {
        let ring = Ring::map(programs.maps[DENIALS].as_fd(), RING as usize)?;
        Ok(Self { ring, told: 0 })
    }

    /// The next one that waits.
    pub fn take(&mut self) -> Option<Denial> {
        std::iter::from_fn(|| self.ring.take()).find_map(|record| read(&record))
    }

    /// How many found no room since this was last asked.
    pub fn lost(&mut self, programs: &LoadedPrograms) -> u64 {
        let all = bpf::number_at(programs.maps[LOST].as_fd(), 0).unwrap_or(self.told);
        all - std::mem::replace(&mut self.told, all)
    }
}

/// Polls as readable when a denial waits.
impl AsFd for LoadedPrograms {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.maps[DENIALS].as_fd()
    }
}

/// A record as the converter's programs write it.
fn read(record: &[u8]) -> Option<Denial> {
    const NO_RULE: u32 = u32::MAX;
    const NO_ENTRY: u32 = u32::MAX - 1;
    let (thread, rest) = record.split_first_chunk::<8>()?;
    let (numbers, address) = rest.split_first_chunk::<16>()?;
    let [rule, errno, hook, length] = std::array::from_fn(|at| {
        let bytes = std::array::from_fn(|byte| numbers[4 * at + byte]);
        u32::from_ne_bytes(bytes)
    });
    Some(Denial {
        tgid: (u64::from_ne_bytes(*thread) >> 32) as libc::pid_t,
        cause: match rule {
            NO_RULE => Cause::NoRule,
            NO_ENTRY => Cause::NoEntry,
            place => Cause::Rule(place),
        },
        errno,
        call: call(hook)?,
        address: address[..address.len().min(length as usize)].to_vec(),
    })
}

fn call(hook: u32) -> Option<&'static str> {
    Some(match hook {
        8 | 9 => "bind",
        10 | 11 | 49 => "connect",
        _ => return None,
    })
}
