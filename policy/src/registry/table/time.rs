//! Clocks and timers. The vDSO answers most questions for the time without a call.

use crate::registry::Call;
use crate::registry::notation::plain;

pub(super) static CALLS: &[Call] = &[
    plain!(35 "nanosleep"),
    plain!(36 "getitimer"),
    plain!(37 "alarm"),
    plain!(38 "setitimer"),
    plain!(96 "gettimeofday"),
    plain!(159 "adjtimex" "adjtime"),
    plain!(164 "settimeofday"),
    plain!(201 "time"),
    plain!(222 "timer_create" "setitimer"),
    plain!(223 "timer_settime" "setitimer"),
    plain!(224 "timer_gettime"),
    plain!(225 "timer_getoverrun"),
    plain!(226 "timer_delete"),
    plain!(227 "clock_settime"),
    plain!(228 "clock_gettime" "gettimeofday"),
    plain!(229 "clock_getres"),
    plain!(230 "clock_nanosleep" "nanosleep"),
    plain!(283 "timerfd_create"),
    plain!(286 "timerfd_settime"),
    plain!(287 "timerfd_gettime"),
    plain!(305 "clock_adjtime" "adjtime"),
];
