//! One call: made for real, and judged by the evaluator.

use std::ffi::CString;

use nix::errno::Errno;
use policy::registry::{self, Links, Source};
use policy::{Event, Policy, Subject, Value, Verdict};

use crate::{sys, tree};

/// A call with its names; registers that hold a name are filled in when it is made.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub call: &'static str,
    pub names: Vec<&'static str>,
    pub registers: [u64; 6],
    /// Which registers point to the names.
    pub places: &'static [usize],
}

impl Attempt {
    /// Makes the call.
    pub fn make(&self) -> Result<(), Errno> {
        let names: Vec<CString> =
            self.names.iter().map(|name| CString::new(*name).expect("no NUL")).collect();
        let mut registers = self.registers;
        for (name, place) in names.iter().zip(self.places) {
            registers[*place] = name.as_ptr() as u64;
        }
        sys::call(self.number(), registers)
    }

    pub fn number(&self) -> u32 {
        registry::call_named(self.call).expect("a call").number.0
    }

    /// The evaluator permits it.
    pub fn is_permitted(&self, policy: &Policy) -> bool {
        let call = registry::call_named(self.call).expect("a call");
        let form = call.select(|test| test.on_registers(&self.registers).unwrap_or(false));
        let parameters = form.form().parameters;
        let texts: Vec<String> =
            parameters.iter().map(|parameter| self.text(&parameter.source)).collect();
        let value = |(parameter, text): (&registry::Parameter, &'static str)| match parameter.source
        {
            Source::Register(at) => Value::Number(self.registers[usize::from(at)]),
            _ => Value::Text(text.as_bytes()),
        };
        let texts: Vec<&'static str> = texts.into_iter().map(|text| &*text.leak()).collect();
        let values: Vec<_> = parameters.iter().zip(texts).map(value).collect();
        let event = Event { form, values: &values, subject: Subject::default() };
        matches!(policy.evaluate(&event).verdict, Verdict::Permit(_))
    }

    fn text(&self, source: &Source) -> String {
        let (register, follow) = match *source {
            Source::Path { path, links, .. } => (path, self.follows(links)),
            Source::Text(at) => (at, false),
            _ => return String::new(),
        };
        let at = self.places.iter().position(|place| *place == usize::from(register));
        let name = self.names[at.expect("a name")];
        if matches!(source, Source::Text(_)) {
            name.to_owned()
        } else {
            tree::resolved(name, follow)
        }
    }

    fn follows(&self, links: Links) -> bool {
        let set = |argument: u8, flags: u64| self.registers[usize::from(argument)] & flags != 0;
        match links {
            Links::Follow => true,
            Links::FollowUnless { argument, flags } => !set(argument, flags),
            Links::KeepUnless { argument, flags } => set(argument, flags),
            Links::Keep | Links::OpenHow(_) => false,
        }
    }
}

/// Every call on every name.
pub fn all() -> Vec<Attempt> {
    let names: Vec<&'static str> =
        [tree::FOLDERS, tree::FILES, tree::FREE, &["/t/out", "/etc/in", "/u/f", "/u/new"]].concat();
    let mut all = Vec::new();
    for name in &names {
        for flags in [
            libc::O_RDONLY,
            libc::O_WRONLY,
            libc::O_RDWR | libc::O_APPEND,
            libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC,
            libc::O_RDWR | libc::O_CREAT | libc::O_EXCL,
            libc::O_RDONLY | libc::O_CREAT,
            libc::O_RDONLY | libc::O_TRUNC,
            libc::O_RDWR | libc::O_TMPFILE,
            libc::O_ACCMODE,
            libc::O_WRONLY | libc::O_CREAT | libc::O_NOFOLLOW,
        ] {
            let registers = [libc::AT_FDCWD as u64, 0, flags as u64, 0o600, 0, 0];
            all.push(Attempt { call: "openat", names: vec![name], registers, places: &[1] });
        }
        for (call, argument) in [
            ("creat", 0o600),
            ("truncate", 1),
            ("mkdir", 0o700),
            ("rmdir", 0),
            ("unlink", 0),
            ("mknod", u64::from(libc::S_IFIFO)),
            ("mknod", u64::from(libc::S_IFREG)),
            ("mknod", u64::from(libc::S_IFSOCK)),
            ("mknod", u64::from(libc::S_IFCHR)),
            ("mknod", u64::from(libc::S_IFBLK)),
        ] {
            let registers = [0, argument, 0, 0, 0, 0];
            all.push(Attempt { call, names: vec![name], registers, places: &[0] });
        }
        let registers = [0; 6];
        all.push(Attempt { call: "symlink", names: vec!["/x", name], registers, places: &[0, 1] });
        for other in [
            "/t/new",
            "/t/d/new",
            "/home/u/new",
            "/etc/new",
            "/t/empty",
            "/etc/f",
            "/new",
            "/t/d/f",
        ] {
            for call in ["rename", "link"] {
                all.push(Attempt { call, names: vec![name, other], registers, places: &[0, 1] });
            }
            for flags in [libc::RENAME_NOREPLACE, libc::RENAME_EXCHANGE] {
                let here = libc::AT_FDCWD as u64;
                let registers = [here, 0, here, 0, flags.into(), 0];
                let names = vec![*name, other];
                all.push(Attempt { call: "renameat2", names, registers, places: &[1, 3] });
            }
        }
    }
    all
}
