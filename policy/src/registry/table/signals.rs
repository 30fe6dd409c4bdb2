//! Signals.

use crate::registry::notation::{forms, number, plain};
use crate::registry::{Call, Form, Kind, Parameter};

const PID: Parameter = number("pidname", Kind::ProcessName, 0);

const fn signal(argument: u8) -> Parameter {
    number("signame", Kind::Signal, argument)
}

pub(super) static CALLS: &[Call] = &[
    plain!(13 "rt_sigaction" "sigaction" "signal"),
    plain!(14 "rt_sigprocmask" "sigprocmask" "sigprocmask40"),
    plain!(15 "rt_sigreturn" "sigreturn"),
    plain!(34 "pause" "sigsuspend"),
    forms!(62 "kill": Form::named(&["kill"]).with(&[PID, signal(1)])),
    plain!(127 "rt_sigpending" "sigpending"),
    plain!(128 "rt_sigtimedwait" "__thrsigdivert" "thrsigdivert" "sigtimedwait"),
    forms!(129 "rt_sigqueueinfo":
        Form::named(&["rt_sigqueueinfo", "kill"]).with(&[PID, signal(1)]),
    ),
    plain!(130 "rt_sigsuspend" "sigsuspend"),
    plain!(131 "sigaltstack" "osigaltstack"),
    forms!(200 "tkill": Form::named(&["tkill", "kill"]).with(&[PID, signal(1)])),
    plain!(219 "restart_syscall"),
    forms!(234 "tgkill": Form::named(&["tgkill", "kill"]).with(&[PID, signal(2)])),
    plain!(282 "signalfd"),
    plain!(289 "signalfd4" "signalfd"),
    forms!(297 "rt_tgsigqueueinfo":
        Form::named(&["rt_tgsigqueueinfo", "kill"]).with(&[PID, signal(2)]),
    ),
    forms!(424 "pidfd_send_signal":
        Form::named(&["pidfd_send_signal", "kill"]).with(&[PID, signal(1)]),
    ),
];
