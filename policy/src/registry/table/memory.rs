//! The address space.

use crate::registry::notation::{forms, number, plain, text};
use crate::registry::{Call, Form, Kind, Parameter};

const PROT: Parameter = number("prot", Kind::Protection, 2);

pub(super) static CALLS: &[Call] = &[
    forms!(9 "mmap": Form::named(&["mmap", "old_mmap", "mmap2"]).with(&[PROT])),
    forms!(10 "mprotect": Form::named(&["mprotect"]).with(&[PROT])),
    plain!(11 "munmap"),
    plain!(12 "brk" "break"),
    plain!(25 "mremap"),
    plain!(26 "msync"),
    plain!(27 "mincore"),
    forms!(28 "madvise": Form::named(&["madvise"]).with(&[number("advice", Kind::Advice, 2)])),
    plain!(149 "mlock"),
    plain!(150 "munlock"),
    plain!(151 "mlockall"),
    plain!(152 "munlockall"),
    plain!(216 "remap_file_pages"),
    plain!(237 "mbind"),
    plain!(238 "set_mempolicy"),
    plain!(239 "get_mempolicy"),
    plain!(256 "migrate_pages"),
    plain!(279 "move_pages"),
    plain!(310 "process_vm_readv"),
    plain!(311 "process_vm_writev"),
    forms!(319 "memfd_create":
        Form::named(&["memfd_create"]).with(&[text(0), number("flags", Kind::MemfdFlags, 1)]),
    ),
    plain!(323 "userfaultfd"),
    plain!(324 "membarrier"),
    plain!(325 "mlock2" "mlock"),
    forms!(329 "pkey_mprotect": Form::named(&["pkey_mprotect", "mprotect"]).with(&[PROT])),
    plain!(330 "pkey_alloc"),
    plain!(331 "pkey_free"),
    // Acts on other processes, so it is not reached by the name madvise.
    forms!(440 "process_madvise":
        Form::named(&["process_madvise"]).with(&[number("advice", Kind::Advice, 3)]),
    ),
    plain!(447 "memfd_secret"),
    plain!(448 "process_mrelease"),
    plain!(450 "set_mempolicy_home_node"),
    plain!(453 "map_shadow_stack"),
    plain!(462 "mseal"),
];
