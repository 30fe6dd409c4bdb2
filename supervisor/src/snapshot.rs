//! What a call's pointers hold, read at most once each.

use crate::caller::Caller;
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

/// All of a program's arguments together may not be longer (`MAX_ARG_STRLEN` of linux/binfmts.h limits each of them to this).
const VECTOR_LIMIT: usize = 128 * 1024;

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
    /// EFAULT, or a refusal if it is too long to be judged.
    pub fn vector(&self, argument: u8) -> Result<Vec<Vec<u8>>, Denial> {
        let mut at = self.register(argument);
        let (mut texts, mut room) = (Vec::new(), VECTOR_LIMIT);
        while at != 0 {
            let pointer = self.caller.read_memory(at, 8)?;
            let pointer = u64::from_ne_bytes(pointer.try_into().map_err(|_| Errno::EFAULT)?);
            if pointer == 0 {
                break;
            }
            let text = self.caller.read_text(pointer, room)?;
            let text =
                text.ok_or_else(|| Denial::because("the arguments are too long to judge"))?;
            // An empty text takes room too: its pointer and its NUL.
            room = room.saturating_sub(text.as_bytes().len() + 9);
            texts.push(text.into_bytes());
            at = at.checked_add(8).ok_or(Errno::EFAULT)?;
        }
        Ok(texts)
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
