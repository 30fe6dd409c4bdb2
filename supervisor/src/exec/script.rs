//! The first line of a script (execve(2), "Interpreter scripts").

use std::ffi::CString;

/// `BINPRM_BUF_SIZE` of linux/binfmts.h: the kernel looks no further.
pub const HEAD: usize = 256;

/// What the first line of a script says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstLine {
    /// The interpreter's name.
    pub interpreter: CString,
    /// The rest of the line: one argument, however many words it has.
    pub argument: Option<Vec<u8>>,
}

/// Reads the head of a file as the kernel does (`load_script`); `None` if it is no script.
#[must_use]
pub fn first_line(head: &[u8]) -> Option<FirstLine> {
    let line = head.strip_prefix(b"#!")?;
    let end = line.iter().position(|byte| matches!(byte, b'\n' | 0)).unwrap_or(line.len());
    let line = trim(&line[..end]);
    let name = line.iter().position(is_blank).map_or(line, |end| &line[..end]);
    let argument = trim(&line[name.len()..]);
    Some(FirstLine {
        interpreter: CString::new(name).ok().filter(|name| !name.is_empty())?,
        argument: (!argument.is_empty()).then(|| argument.to_vec()),
    })
}

fn trim(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !is_blank(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_blank(byte)).map_or(start, |last| last + 1);
    &text[start..end]
}

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: &[u8]) -> Option<(String, Option<String>)> {
        let line = first_line(head)?;
        let argument = line.argument.map(|argument| String::from_utf8(argument).unwrap());
        Some((line.interpreter.into_string().unwrap(), argument))
    }

    #[test]
    fn as_the_kernel_reads_it() {
        let line = |name: &str, argument: Option<&str>| {
            Some((name.to_owned(), argument.map(str::to_owned)))
        };
        assert_eq!(read(b"#!/bin/sh\nrest"), line("/bin/sh", None));
        assert_eq!(read(b"#! \t/usr/bin/env -S a  b \nx"), line("/usr/bin/env", Some("-S a  b")));
        assert_eq!(read(b"#!relative"), line("relative", None));
        assert_eq!(read(b"\x7fELF"), None);
        assert_eq!(read(b"#!\n/bin/sh"), None);
        assert_eq!(read(b"#!   "), None);
    }
}
