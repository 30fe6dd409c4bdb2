//! Terminals: the container's side before its program runs, and the user's side of a container in the foreground.
//!
//! With `--console-socket` the far end goes to the engine. Without one, `run` and `exec --tty` stand between that end
//! and the terminal at which they were called, as runc does.

use std::fs::File;
use std::io::{self, IoSliceMut, IsTerminal, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::fchown;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, UnixAddr, recvmsg};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use oci_spec::runtime::Process;

use crate::sys;

/// How long output may follow the end of a program: what it left running may hold the terminal for ever.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// In the container, at the terminal already: gives it to the process's user, in the size that the engine asks for.
pub fn prepare(process: &Process) -> Result<(), Errno> {
    if process.terminal() != Some(true) {
        return Ok(());
    }
    let terminal = io::stdin();
    // Whatever else may be there, a device of the host among it, is not ours to give away.
    if !terminal.is_terminal() {
        return Ok(());
    }
    let given = fchown(terminal.as_fd(), Some(process.user().uid()), None);
    given.or_else(|error| tolerate(Errno::from_raw(error.raw_os_error().unwrap_or_default())))?;
    let Some(size) = process.console_size() else { return Ok(()) };
    let short = |number: u64| u16::try_from(number).unwrap_or(u16::MAX);
    let (ws_row, ws_col) = (short(size.height()), short(size.width()));
    sys::set_window_size(
        terminal.as_fd(),
        &libc::winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 },
    )
}

/// A terminal of another user namespace or on a read-only file system stays as it is (chown(2)).
fn tolerate(errno: Errno) -> Result<(), Errno> {
    let left = [Errno::EINVAL, Errno::EPERM, Errno::EROFS].contains(&errno);
    if left { Ok(()) } else { Err(errno) }
}

/// Where the container's side sends the far end of its terminal.
#[derive(Debug)]
pub struct Console {
    socket: UnixListener,
    path: PathBuf,
}

impl Console {
    /// A socket in our folder of the container. It is gone again when the value is dropped.
    pub fn listen(folder: &Path) -> io::Result<Self> {
        let name = format!("console-{}.sock", std::process::id());
        // The address of a socket has room for 107 bytes only (unix(7)), the folder's name may be longer.
        let handle = File::open(folder)?;
        let short = format!("/proc/self/fd/{}/{name}", handle.as_raw_fd());
        Ok(Self { socket: UnixListener::bind(short)?, path: folder.join(name) })
    }

    pub fn path(&self) -> &PathBuf {
        &self.path
    }

    /// Takes the far end, which was sent before the container's process was ready.
    pub fn receive(&self) -> io::Result<File> {
        let (connection, _) = self.socket.accept()?;
        let mut name = [0; 4096];
        let mut parts = [IoSliceMut::new(&mut name)];
        let mut space = cmsg_space!([i32; 1]);
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let message =
            recvmsg::<UnixAddr>(connection.as_raw_fd(), &mut parts, Some(&mut space), flags)?;
        for part in message.cmsgs()? {
            if let ControlMessageOwned::ScmRights(descriptors) = part
                && let [descriptor] = descriptors[..]
            {
                return Ok(sys::adopt(descriptor).into());
            }
        }
        Err(io::Error::other("no terminal was sent"))
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        // The folder goes with the container in any case.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The user's terminal passes everything on to the container's, and shows what comes back.
pub struct Session {
    far: File,
    shown: Receiver<()>,
    before: Option<Termios>,
}

impl Session {
    pub fn begin(far: File) -> io::Result<Self> {
        let session = Self { shown: show(far.try_clone()?), before: make_raw()?, far };
        session.resize();
        pass_input_to(session.far.try_clone()?);
        Ok(session)
    }

    /// Gives the container's terminal the size of the user's.
    pub fn resize(&self) {
        let (input, output, error) = (io::stdin(), io::stdout(), io::stderr());
        let mine = [input.as_fd(), output.as_fd(), error.as_fd()];
        if let Some(size) = mine.into_iter().find_map(|one| sys::window_size(one).ok()) {
            // A container whose terminal is gone ends by itself.
            let _ = sys::set_window_size(self.far.as_fd(), &size);
        }
    }
}

impl Drop for Session {
    /// Shows what is still on its way, and leaves the user's terminal as it was found.
    fn drop(&mut self) {
        let _ = self.shown.recv_timeout(LAST_WORDS);
        if let Some(before) = &self.before {
            let _ = tcsetattr(io::stdin(), SetArg::TCSADRAIN, before);
        }
    }
}

/// The container's terminal reacts to keys; ours only passes them on. Input that is no terminal stays as it is.
fn make_raw() -> io::Result<Option<Termios>> {
    let Ok(before) = tcgetattr(io::stdin()) else { return Ok(None) };
    let mut raw = before.clone();
    cfmakeraw(&mut raw);
    tcsetattr(io::stdin(), SetArg::TCSANOW, &raw)?;
    Ok(Some(before))
}

/// Copies output until nobody has the container's side open, where reading fails with EIO.
fn show(mut far: File) -> Receiver<()> {
    let (done, shown) = channel::<()>();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = far.read(&mut buffer) {
            let mut output = io::stdout();
            if output.write_all(&buffer[..length]).and_then(|()| output.flush()).is_err() {
                break;
            }
        }
        drop(done);
    });
    shown
}

/// Copies input until it ends. The thread ends with this process at the latest.
fn pass_input_to(mut far: File) {
    thread::spawn(move || {
        // A container that reads no more is no failure of ours.
        let _ = io::copy(&mut io::stdin().lock(), &mut far);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::pty::openpty;
    use nix::sys::socket::{ControlMessage, sendmsg};
    use std::io::IoSlice;
    use std::os::unix::net::UnixStream;

    #[test]
    fn the_far_end_arrives() {
        let folder = tempfile::tempdir().unwrap();
        let console = Console::listen(folder.path()).unwrap();
        let pair = openpty(None, None).unwrap();
        let sender = UnixStream::connect(console.path()).unwrap();
        let descriptors = [pair.master.as_raw_fd()];
        let rights = [ControlMessage::ScmRights(&descriptors)];
        let name = [IoSlice::new(b"/dev/ptmx")];
        sendmsg::<UnixAddr>(sender.as_raw_fd(), &name, &rights, MsgFlags::empty(), None).unwrap();
        let mut far = console.receive().unwrap();
        far.write_all(b"x\n").unwrap();
        let mut line = [0; 2];
        File::from(pair.slave).read_exact(&mut line).unwrap();
        assert_eq!(&line, b"x\n");
        let path = console.path().clone();
        drop(console);
        assert!(!path.exists());
    }
}
