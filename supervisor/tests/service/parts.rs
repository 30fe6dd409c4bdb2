//! The parts that the runtime plays: the supervisor's process, and the start-up code in the container.

use nix::unistd::execv;
use policy::source::Source;
use std::ffi::CString;
use std::path::Path;
use std::process::ExitCode;
use supervisor::handoff::{Client, Server, install_and_hand_over};
use supervisor::{Confinement, Entry, Filter};

/// `supervise SOCKET AUDIT POLICY CALL…`: becomes the supervisor; the calls are notified.
pub fn supervise(arguments: &[String]) -> ExitCode {
    let [socket, audit, text, calls @ ..] = arguments else { return ExitCode::from(99) };
    let source = Source::new("test.policy", text.as_bytes());
    let set = policy::compile(&source, &|_| None).expect("the policy of a test is right").set;
    let confinement = Confinement {
        constancy: Default::default(),
        id: "stage".into(),
        policies: set,
        filter: filter(calls),
        fence: None,
        audit: audit.into(),
        devices: Vec::new(),
        sockets: None,
        entry: Entry::default(),
    };
    let server = Server::bind(Path::new(socket)).expect("a socket");
    supervisor::run(confinement, server)
}

/// `confine SOCKET PROGRAM ARGUMENT…`: puts itself under supervision and starts the program.
pub fn confine(arguments: &[String]) -> ExitCode {
    let [socket, program @ ..] = arguments else { return ExitCode::from(99) };
    let handed_over = Client::connect(Path::new(socket)).and_then(|client| {
        let walls = client.walls()?;
        install_and_hand_over(client, &walls)
    });
    if let Err(error) = handed_over {
        eprintln!("{error}");
        return ExitCode::from(98);
    }
    let program: Vec<CString> =
        program.iter().map(|word| CString::new(word.as_str()).unwrap()).collect();
    let Err(errno) = execv(&program[0], &program);
    eprintln!("{errno}");
    ExitCode::from(97)
}

/// The listed calls are notified, all others pass.
fn filter(calls: &[String]) -> Filter {
    let instruction = |code: u32, jt: u8, jf: u8, k: u32| {
        let ([c0, c1], [k0, k1, k2, k3]) = ((code as u16).to_ne_bytes(), k.to_ne_bytes());
        [c0, c1, jt, jf, k0, k1, k2, k3]
    };
    let mut program = instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0).to_vec();
    for call in calls {
        let number = policy::registry::call_named(call).expect("a call").number.0;
        program.extend(instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, number));
        program.extend(instruction(libc::BPF_RET, 0, 0, libc::SECCOMP_RET_USER_NOTIF));
    }
    program.extend(instruction(libc::BPF_RET, 0, 0, libc::SECCOMP_RET_ALLOW));
    Filter::from_bytes(&program).expect("a filter")
}
