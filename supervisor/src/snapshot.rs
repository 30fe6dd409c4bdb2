//! What a call's pointers hold, read at most once each.

use crate::caller::Caller;
use crate::memory;
use crate::notification::{Denial, Notification};
use crate::request::OpenHow;
use nix::errno::Errno;
use policy::registry::FormTest;
use std::cell::OnceCell;
use std::ffi::CString;

/// The memory behind one call's registers. Everything that is asked twice is answered from the first reading, so that what was
/// judged and what is acted upon cannot differ.
#[derive(Debug)]
pub struct Snapshot<'c> {
    caller: &'c Caller<'c>,
    notification: &'c Notification,
    texts: [OnceCell<CString>; 6],
    open_how: OnceCell<OpenHow>,
}

/// All of a program's arguments together: what the kernel takes with the usual stack limit of 8 MiB (execve(2)).
const VECTOR_LIMIT: usize = 2 << 20;

/// Longest `struct open_how` that openat2(2) takes: one page.
const OPEN_HOW_LIMIT: u64 = 4096;

impl<'c> Snapshot<'c> {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(caller: &'c Caller<'c>, notification: &'c Notification) -> Self {
        Self { caller, notification, texts: Default::default(), open_how: OnceCell::new() }
    }

    /// Who calls.
    #[must_use]
    pub fn caller(&self) -> &'c Caller<'c> {
        self.caller
    }

    /// The registers.
    #[must_use]
    pub fn notification(&self) -> &'c Notification {
        self.notification
    }

    /// Whether a test that selects a form holds.
    ///
    /// # Errors
    /// If memory that it needs cannot be read.
    pub fn holds(&self, test: &FormTest) -> Result<bool, Denial> {
        if let Some(holds) = test.on_registers(&self.notification.arguments) {
            return Ok(holds);
        }
        match *test {
            FormTest::EmptyPath(argument) => Ok(self.text(argument)?.is_empty()),
            FormTest::OpenHow { argument, mask, equals } => {
                Ok(self.open_how(argument)?.flags & mask == equals)
            }
            FormTest::Register { .. } => Err(Denial::because("a register test needs no memory")),
        }
    }

    /// The text that an argument points to, at most `PATH_MAX` bytes.
    ///
    /// # Errors
    /// EFAULT or ENAMETOOLONG.
    pub fn text(&self, argument: u8) -> Result<&CString, Denial> {
        let slot = &self.texts[usize::from(argument)];
        if let Some(text) = slot.get() {
            return Ok(text);
        }
        let text = self.caller.read_c_string(self.register(argument))?;
        Ok(slot.get_or_init(|| text))
    }

    /// The `struct open_how` that an argument points to; the next argument is its size (openat2(2)).
    ///
    /// # Errors
    /// EINVAL or E2BIG as openat2(2) says, EFAULT.
    pub fn open_how(&self, argument: u8) -> Result<&OpenHow, Denial> {
        if let Some(how) = self.open_how.get() {
            return Ok(how);
        }
        let how = self.read_open_how(argument)?;
        Ok(self.open_how.get_or_init(|| how))
    }

    /// The structure, if it was read: openat2(2)'s forms depend on it, so it was for that call.
    #[must_use]
    pub fn known_open_how(&self) -> Option<&OpenHow> {
        self.open_how.get()
    }

    fn read_open_how(&self, argument: u8) -> Result<OpenHow, Denial> {
        let size = self.register(argument + 1);
        match size {
            ..24 => return Err(Errno::EINVAL.into()),
            24..=OPEN_HOW_LIMIT => {}
            _ => return Err(Errno::E2BIG.into()),
        }
        let bytes = self.caller.read_memory(self.register(argument), size as usize)?;
        let (words, _) = bytes.as_chunks::<8>();
        if bytes[24..].iter().any(|byte| *byte != 0) {
            return Err(Errno::E2BIG.into());
        }
        let word = |at: usize| u64::from_ne_bytes(words[at]);
        Ok(OpenHow { flags: word(0), mode: word(1), resolve: word(2) })
    }

    /// A NULL-terminated vector of texts. A null vector is an empty one (execve(2), NOTES).
    ///
    /// # Errors
    /// EFAULT, or E2BIG as execve(2) says for too many.
    pub fn vector(&self, argument: u8) -> Result<Vec<Vec<u8>>, Denial> {
        let mut at = self.register(argument);
        let (mut texts, mut room) = (Vec::new(), VECTOR_LIMIT);
        while at != 0 {
            let pointers = self.pointers(at)?;
            at = at.checked_add(8 * pointers.len() as u64).ok_or(Errno::EFAULT)?;
            for pointer in pointers {
                if pointer == 0 {
                    return Ok(texts);
                }
                let text = self.caller.read_text(pointer, room)?.ok_or(Errno::E2BIG)?;
                // Its NUL and its pointer take room too.
                room = room.saturating_sub(text.as_bytes().len() + 9);
                texts.push(text.into_bytes());
            }
        }
        Ok(texts)
    }

    /// Some pointers of a vector: those up to the end of the page, since what follows the last one may not be mapped.
    fn pointers(&self, at: u64) -> Result<Vec<u64>, Denial> {
        let length = ((memory::PAGE - at % memory::PAGE) / 8 * 8).clamp(8, 512) as usize;
        let bytes = self.caller.read_memory(at, length)?;
        let (words, _) = bytes.as_chunks::<8>();
        Ok(words.iter().map(|word| u64::from_ne_bytes(*word)).collect())
    }

    /// The bytes of a socket address; `None` if there is none.
    ///
    /// # Errors
    /// EINVAL for an impossible length, as the kernel says (`move_addr_to_kernel`), EFAULT.
    pub fn socket_address(&self, address: u64, length: u64) -> Result<Option<Vec<u8>>, Denial> {
        let length = length as u32 as usize;
        if address == 0 || length == 0 {
            return Ok(None);
        }
        if length > size_of::<libc::sockaddr_storage>() {
            return Err(Errno::EINVAL.into());
        }
        self.caller.read_memory(address, length).map(Some)
    }

    /// A register.
    #[must_use]
    pub fn register(&self, argument: u8) -> u64 {
        self.notification.arguments[usize::from(argument)]
    }
}
