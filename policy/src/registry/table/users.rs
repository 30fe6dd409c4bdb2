//! Who a process is.

use crate::registry::notation::{forms, gid, number, plain, uid, unchanged};
use crate::registry::{Call, Form, Kind, Parameter};

const fn uname(argument: u8) -> Parameter {
    number("uname", Kind::UserName, argument)
}

pub(super) static CALLS: &[Call] = &[
    plain!(102 "getuid"),
    plain!(104 "getgid"),
    plain!(107 "geteuid"),
    plain!(108 "getegid"),
    plain!(115 "getgroups"),
    plain!(116 "setgroups"),
    plain!(118 "getresuid"),
    plain!(120 "getresgid"),
    plain!(125 "capget"),
    plain!(126 "capset"),
    forms!(105 "setuid": Form::named(&["setuid"]).with(&[uid(0), uname(0)])),
    forms!(106 "setgid": Form::named(&["setgid"]).with(&[gid(0)])),
    // The C library's seteuid(3) and setegid(3) leave the other ids as they are.
    forms!(113 "setreuid":
        Form::named(&["setreuid", "seteuid"]).when(&[unchanged(0)]).with(&[uid(1), uname(1)]),
        Form::named(&["setreuid"]).with(&[uid(0), uname(0), uid(1), uname(1)]),
    ),
    forms!(114 "setregid":
        Form::named(&["setregid", "setegid"]).when(&[unchanged(0)]).with(&[gid(1)]),
        Form::named(&["setregid"]).with(&[gid(0), gid(1)]),
    ),
    forms!(117 "setresuid":
        Form::named(&["setresuid", "seteuid"])
            .when(&[unchanged(0), unchanged(2)])
            .with(&[uid(1), uname(1)]),
        Form::named(&["setresuid"])
            .with(&[uid(0), uname(0), uid(1), uname(1), uid(2), uname(2)]),
    ),
    forms!(119 "setresgid":
        Form::named(&["setresgid", "setegid"]).when(&[unchanged(0), unchanged(2)]).with(&[gid(1)]),
        Form::named(&["setresgid"]).with(&[gid(0), gid(1), gid(2)]),
    ),
    forms!(122 "setfsuid": Form::named(&["setfsuid"]).with(&[uid(0), uname(0)])),
    forms!(123 "setfsgid": Form::named(&["setfsgid"]).with(&[gid(0)])),
];
