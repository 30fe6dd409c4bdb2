//! Priorities and processors.

use crate::registry::Call;
use crate::registry::notation::plain;

pub(super) static CALLS: &[Call] = &[
    plain!(24 "sched_yield"),
    plain!(140 "getpriority"),
    plain!(141 "setpriority"),
    plain!(142 "sched_setparam"),
    plain!(143 "sched_getparam"),
    plain!(144 "sched_setscheduler"),
    plain!(145 "sched_getscheduler"),
    plain!(146 "sched_get_priority_max"),
    plain!(147 "sched_get_priority_min"),
    plain!(148 "sched_rr_get_interval"),
    plain!(203 "sched_setaffinity"),
    plain!(204 "sched_getaffinity"),
    plain!(251 "ioprio_set"),
    plain!(252 "ioprio_get"),
    plain!(314 "sched_setattr"),
    plain!(315 "sched_getattr"),
];
