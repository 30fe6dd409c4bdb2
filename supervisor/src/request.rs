//! One call with everything its pointers hold, read once.

use crate::births;
use crate::caller::Caller;
use crate::container::Container;
use crate::files;
use crate::notification::{Denial, Notification};
use crate::resolve::{self, Resolved};
use crate::signals::Target;
use crate::snapshot::Snapshot;
use crate::sockets::address::Address;
use crate::sockets::header::Header;
use crate::worker::Worker;
use policy::Value;
use policy::registry::{self, Call, FormId, Kind, Parameter, Source};
use std::borrow::Cow;
use std::cell::Cell;
use std::ffi::CString;

/// A call as it was judged. Its handler works on this copy and on the descriptors in it.
#[derive(Debug)]
pub struct Request {
    /// The registers.
    pub notification: Notification,
    /// The call and what its flags make it mean.
    pub form: FormId,
    /// One value for each of the form's parameters, in the registry's order.
    pub arguments: Vec<Argument>,
    /// openat2(2)'s third argument.
    pub open_how: Option<OpenHow>,
    /// Which of several messages is judged (sendmmsg(2)).
    pub turn: Cell<usize>,
}

impl Request {
    /// Reads the call: every pointer once, and every file name resolved.
    ///
    /// # Errors
    /// What the caller's own call would get for a bad pointer, or a refusal.
    pub fn read(
        worker: &mut Worker,
        caller: &Caller<'_>,
        notification: &Notification,
    ) -> Result<Self, Denial> {
        let call = registry::call(notification.number)
            .ok_or_else(|| Denial::because("no rule can name this call"))?;
        let snapshot = Snapshot::new(caller, notification);
        let form = select(call, &snapshot)?;
        let mut arguments = Vec::with_capacity(form.form().parameters.len());
        for parameter in form.form().parameters {
            arguments.push(Argument::read(worker, &snapshot, form, parameter)?);
        }
        let open_how = snapshot.known_open_how().copied();
        let turn = Cell::default();
        Ok(Self { notification: *notification, form, arguments, open_how, turn })
    }

    /// The same call, from the copy of what its pointers held, with every file name resolved again: now as somebody else.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn again(self, worker: &mut Worker, caller: &Caller<'_>) -> Result<Self, Denial> {
        let call = self.form.call().name;
        let mut arguments = Vec::with_capacity(self.arguments.len());
        for argument in self.arguments {
            arguments.push(argument.again(worker, caller, call)?);
        }
        Ok(Self { arguments, ..self })
    }

    /// The same call, with another file under its first name.
    #[must_use]
    pub fn with_name(&self, name: Resolved) -> Self {
        let mut name = Some(name);
        let arguments = self.arguments.iter().map(|argument| match argument {
            Argument::Name(_) => name.take().map_or(Argument::Absent, Argument::Name),
            Argument::Number(number) => Argument::Number(*number),
            _ => Argument::Absent,
        });
        Self {
            notification: self.notification,
            form: self.form,
            arguments: arguments.collect(),
            open_how: self.open_how,
            turn: Cell::default(),
        }
    }

    /// How many events the call is: each message is one.
    #[must_use]
    pub fn turns(&self) -> usize {
        let messages = self.arguments.iter().map(|argument| match argument {
            Argument::Messages(messages) => messages.len(),
            _ => 1,
        });
        messages.max().unwrap_or(1).max(1)
    }

    /// A connect(2) that reaches nothing: `AF_UNSPEC` ends an association, and no rule on addresses is about that.
    #[must_use]
    pub fn ends_association(&self) -> bool {
        const UNSPECIFIED: [u8; 2] = (libc::AF_UNSPEC as u16).to_ne_bytes();
        let ends = |argument: &Argument| match argument {
            Argument::Address(address) => address.bytes.starts_with(&UNSPECIFIED),
            _ => false,
        };
        self.form.call().name == "connect" && self.arguments.iter().any(ends)
    }

    /// The file names of the call, in order.
    pub fn names(&self) -> impl Iterator<Item = &Resolved> {
        self.arguments.iter().filter_map(|argument| match argument {
            Argument::Name(name) => Some(name),
            _ => None,
        })
    }
}

/// One argument.
#[derive(Debug)]
pub enum Argument {
    /// The kernel would not look at it.
    Absent,
    /// A register.
    Number(u64),
    /// Bytes up to the NUL.
    Text(Vec<u8>),
    /// A file name, resolved as far as it exists.
    Name(Resolved),
    /// `argv`: each text up to its NUL.
    Vector(Vec<Vec<u8>>),
    /// A socket address.
    Address(Address),
    /// Messages, each with or without an address.
    Messages(Vec<Message>),
    /// Who gets a signal.
    Process(Target),
}

/// One message.
#[derive(Debug)]
pub struct Message {
    /// As the caller gave it.
    pub header: Header,
    /// Where it goes, if not where its socket is connected to.
    pub address: Option<Address>,
}

impl Message {
    fn read(
        worker: &mut Worker,
        snapshot: &Snapshot<'_>,
        form: FormId,
        header: Header,
    ) -> Result<Self, Denial> {
        let bytes = header.address.clone();
        let address =
            bytes.map(|bytes| Address::read(worker, snapshot.caller(), form.call().name, bytes));
        Ok(Self { header, address: address.transpose()? })
    }
}

impl Argument {
    fn read(
        worker: &mut Worker,
        snapshot: &Snapshot<'_>,
        form: FormId,
        parameter: &Parameter,
    ) -> Result<Self, Denial> {
        let caller = snapshot.caller();
        let asked = |path| {
            let question = (parameter.source, path);
            files::asked(snapshot.notification(), form, snapshot.known_open_how(), question)
        };
        Ok(match parameter.source {
            Source::Register(_) if parameter.kind == Kind::ProcessName => {
                Self::Process(Target::of(worker, caller, snapshot.notification())?)
            }
            Source::Register(register) => {
                Self::number(worker.container(), parameter.kind, snapshot.register(register))
            }
            Source::Text(argument) => Self::Text(snapshot.text(argument)?.to_bytes().to_vec()),
            Source::Vector(argument) => Self::Vector(snapshot.vector(argument)?),
            Source::OpenHow { argument, offset } => {
                let how = snapshot.open_how(argument)?;
                Self::Number(if offset == 0 { how.flags } else { how.mode })
            }
            Source::SocketAddress { address, length } => {
                let (address, length) = (snapshot.register(address), snapshot.register(length));
                match snapshot.socket_address(address, length)? {
                    Some(bytes) => {
                        Self::Address(Address::read(worker, caller, form.call().name, bytes)?)
                    }
                    None => Self::Absent,
                }
            }
            Source::Path { path, .. } => {
                let path = snapshot.text(path)?.clone();
                Self::Name(resolve::resolve(worker, caller, asked(path))?)
            }
            Source::Descriptor(_) => {
                Self::Name(resolve::resolve(worker, caller, asked(CString::default()))?)
            }
            Source::MessageName(argument) => {
                let headers = vec![Header::read(caller, snapshot.register(argument))?];
                Self::messages(worker, snapshot, form, headers)?
            }
            Source::MessageNames { vector, count } => {
                let (vector, count) = (snapshot.register(vector), snapshot.register(count));
                let headers = Header::read_all(caller, vector, count)?;
                Self::messages(worker, snapshot, form, headers)?
            }
            Source::CloneArgs(argument) => {
                let (at, size) = (snapshot.register(argument), snapshot.register(argument + 1));
                Self::Number(births::flags(caller, at, size)?)
            }
        })
    }

    fn again(self, worker: &mut Worker, caller: &Caller<'_>, call: &str) -> Result<Self, Denial> {
        Ok(match self {
            Self::Name(resolved) => {
                Self::Name(resolve::resolve(worker, caller, resolved.asked().clone())?)
            }
            Self::Address(address) => {
                Self::Address(Address::read(worker, caller, call, address.bytes)?)
            }
            Self::Messages(messages) => {
                let again = |Message { header, address }: Message| {
                    let bytes = address.map(|address| address.bytes);
                    let address = bytes.map(|bytes| Address::read(worker, caller, call, bytes));
                    Ok(Message { header, address: address.transpose()? })
                };
                Self::Messages(messages.into_iter().map(again).collect::<Result<_, Denial>>()?)
            }
            other => other,
        })
    }

    fn messages(
        worker: &mut Worker,
        snapshot: &Snapshot<'_>,
        form: FormId,
        headers: Vec<Header>,
    ) -> Result<Self, Denial> {
        let headers = headers.into_iter();
        let messages = headers.map(|header| Message::read(worker, snapshot, form, header));
        Ok(Self::Messages(messages.collect::<Result<_, _>>()?))
    }

    fn number(container: &Container, kind: Kind, number: u64) -> Self {
        match kind {
            Kind::UserName => container.user_name(number as u32).map_or(Self::Absent, Self::Text),
            _ => Self::Number(number),
        }
    }

    /// The text that rules compare, if the argument is one; of several messages, the one whose turn it is.
    #[must_use]
    pub fn text(&self, turn: usize) -> Option<Cow<'_, [u8]>> {
        match self {
            Self::Absent | Self::Number(_) => None,
            Self::Text(text) => Some(text.into()),
            Self::Process(target) => Some(Cow::Borrowed(&target.name)),
            Self::Name(resolved) => Some(Cow::Borrowed(&resolved.name)),
            Self::Vector(texts) => Some(Cow::Owned(texts.join(&b' '))),
            Self::Address(address) => Some(Cow::Borrowed(&address.printed)),
            Self::Messages(messages) => {
                let address = messages.get(turn)?.address.as_ref()?;
                Some(Cow::Borrowed(&address.printed))
            }
        }
    }

    /// The value for an event; `text` is what [`Self::text`] gave.
    #[must_use]
    pub fn value<'t>(&self, text: Option<&'t [u8]>) -> Value<'t> {
        match (self, text) {
            (Self::Number(number), _) => Value::Number(*number),
            (_, Some(text)) => Value::Text(text),
            (_, None) => Value::Absent,
        }
    }
}

/// The first form all of whose tests hold.
fn select(call: &Call, snapshot: &Snapshot<'_>) -> Result<FormId, Denial> {
    let mut failure = None;
    let form = call.select(|test| {
        snapshot.holds(test).unwrap_or_else(|denial| {
            failure = Some(denial);
            false
        })
    });
    failure.map_or(Ok(form), Err)
}

/// `struct open_how` of linux/openat2.h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenHow {
    /// `O_*`
    pub flags: u64,
    /// Permission bits of a new file.
    pub mode: u64,
    /// `RESOLVE_*`
    pub resolve: u64,
}
