//! The parts that the runtime plays: the supervisor's process, and the start-up code in the container.

use nix::unistd::{Gid, Uid, execv, setgid, setuid};
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
    gate(calls, &[])
}

/// The same with calls that are denied.
fn gate(asked: &[String], denied: &[&str]) -> Filter {
    let instruction = |code: u32, jt: u8, jf: u8, k: u32| {
        let ([c0, c1], [k0, k1, k2, k3]) = ((code as u16).to_ne_bytes(), k.to_ne_bytes());
        [c0, c1, jt, jf, k0, k1, k2, k3]
    };
    let mut program = instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0).to_vec();
    let asked = asked.iter().map(|call| (call.as_str(), libc::SECCOMP_RET_USER_NOTIF));
    let eperm = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
    for (call, answer) in asked.chain(denied.iter().map(|call| (*call, eperm))) {
        let number = policy::registry::call_named(call).expect("a call").number.0;
        program.extend(instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, number));
        program.extend(instruction(libc::BPF_RET, 0, 0, answer));
    }
    program.extend(instruction(libc::BPF_RET, 0, 0, libc::SECCOMP_RET_ALLOW));
    Filter::from_bytes(&program).expect("a filter")
}

/// `gated HOW PROGRAM ARGUMENT…`: plays another runtime's start-up. It installs a gate, tells the listener's number, changes its ids and
/// starts the program.
pub fn gated(arguments: &[String]) -> ExitCode {
    let [how, program @ ..] = arguments else { return ExitCode::from(99) };
    let how = how.as_str();
    let become_user = || setuid(Uid::from_raw(1000)).expect("root may");
    if how == "nnp" {
        nix::sys::prctl::set_no_new_privs().expect("anyone may");
        become_user();
    }
    let asked: &[&str] = match how {
        "late" | "nnp" => &["execve"],
        _ => &["setgid", "setuid", "execve"],
    };
    let asked: Vec<String> = asked.iter().map(|&call| call.to_owned()).collect();
    let denied: &[&str] = if how == "denied" { &["seccomp"] } else { &[] };
    let gate = gate(&asked, denied);
    let Ok(listener) = crate::sys::install_gate(gate.instructions()) else {
        return ExitCode::from(95);
    };
    println!("{listener}");
    if how != "keeps" {
        // Like a runtime: once the listener is taken there is one copy only.
        let mut taken = String::new();
        std::io::stdin().read_line(&mut taken).expect("a line");
        nix::unistd::close(listener).expect("it is ours");
    }
    match how {
        // By its execve it may not install filters any more.
        "late" => become_user(),
        "idle" => loop {
            std::thread::park();
        },
        "storm" => crate::sys::storm(100),
        _ => {}
    }
    let root = (Gid::from_raw(0), Uid::from_raw(0));
    if asked.len() > 1 && setgid(root.0).and_then(|()| setuid(root.1)).is_err() {
        return ExitCode::from(96);
    }
    // A timer would outlive the execve, and its signal would find no handler.
    crate::sys::storm(0);
    let program: Vec<CString> =
        program.iter().map(|word| CString::new(word.as_str()).unwrap()).collect();
    let Err(errno) = execv(&program[0], &program);
    eprintln!("{errno}");
    ExitCode::from(97)
}
