//! What must be true of the table of calls, whatever it holds.

use policy::registry::{Alias, Kind, call, call_named, calls, forms, names};

/// Names and numbers as the libc crate has them from the kernel's headers.
macro_rules! kernel {
    ($($name:ident)*) => { [$((stringify!($name), libc::$name)),*] };
}

const KERNEL: &[(&str, libc::c_long)] = &kernel! {
    SYS_read SYS_write SYS_open SYS_close SYS_stat SYS_fstat SYS_lstat SYS_poll SYS_lseek SYS_mmap
    SYS_mprotect SYS_munmap SYS_brk SYS_rt_sigaction SYS_rt_sigprocmask SYS_rt_sigreturn SYS_ioctl
    SYS_pread64 SYS_pwrite64 SYS_readv SYS_writev SYS_access SYS_pipe SYS_select SYS_sched_yield
    SYS_mremap SYS_msync SYS_mincore SYS_madvise SYS_shmget SYS_shmat SYS_shmctl SYS_dup SYS_dup2
    SYS_pause SYS_nanosleep SYS_getitimer SYS_alarm SYS_setitimer SYS_getpid SYS_sendfile SYS_socket
    SYS_connect SYS_accept SYS_sendto SYS_recvfrom SYS_sendmsg SYS_recvmsg SYS_shutdown SYS_bind
    SYS_listen SYS_getsockname SYS_getpeername SYS_socketpair SYS_setsockopt SYS_getsockopt
    SYS_clone SYS_fork SYS_vfork SYS_execve SYS_exit SYS_wait4 SYS_kill SYS_uname SYS_semget
    SYS_semop SYS_semctl SYS_shmdt SYS_msgget SYS_msgsnd SYS_msgrcv SYS_msgctl SYS_fcntl SYS_flock
    SYS_fsync SYS_fdatasync SYS_truncate SYS_ftruncate SYS_getdents SYS_getcwd SYS_chdir SYS_fchdir
    SYS_rename SYS_mkdir SYS_rmdir SYS_creat SYS_link SYS_unlink SYS_symlink SYS_readlink SYS_chmod
    SYS_fchmod SYS_chown SYS_fchown SYS_lchown SYS_umask SYS_gettimeofday SYS_getrlimit
    SYS_getrusage SYS_sysinfo SYS_times SYS_ptrace SYS_getuid SYS_syslog SYS_getgid SYS_setuid
    SYS_setgid SYS_geteuid SYS_getegid SYS_setpgid SYS_getppid SYS_getpgrp SYS_setsid SYS_setreuid
    SYS_setregid SYS_getgroups SYS_setgroups SYS_setresuid SYS_getresuid SYS_setresgid SYS_getresgid
    SYS_getpgid SYS_setfsuid SYS_setfsgid SYS_getsid SYS_capget SYS_capset SYS_rt_sigpending
    SYS_rt_sigtimedwait SYS_rt_sigqueueinfo SYS_rt_sigsuspend SYS_sigaltstack SYS_utime SYS_mknod
    SYS_uselib SYS_personality SYS_ustat SYS_statfs SYS_fstatfs SYS_sysfs SYS_getpriority
    SYS_setpriority SYS_sched_setparam SYS_sched_getparam SYS_sched_setscheduler
    SYS_sched_getscheduler SYS_sched_get_priority_max SYS_sched_get_priority_min
    SYS_sched_rr_get_interval SYS_mlock SYS_munlock SYS_mlockall SYS_munlockall SYS_vhangup
    SYS_modify_ldt SYS_pivot_root SYS__sysctl SYS_prctl SYS_arch_prctl SYS_adjtimex SYS_setrlimit
    SYS_chroot SYS_sync SYS_acct SYS_settimeofday SYS_mount SYS_umount2 SYS_swapon SYS_swapoff
    SYS_reboot SYS_sethostname SYS_setdomainname SYS_iopl SYS_ioperm SYS_init_module
    SYS_delete_module SYS_quotactl SYS_nfsservctl SYS_getpmsg SYS_putpmsg SYS_afs_syscall
    SYS_tuxcall SYS_security SYS_gettid SYS_readahead SYS_setxattr SYS_lsetxattr SYS_fsetxattr
    SYS_getxattr SYS_lgetxattr SYS_fgetxattr SYS_listxattr SYS_llistxattr SYS_flistxattr
    SYS_removexattr SYS_lremovexattr SYS_fremovexattr SYS_tkill SYS_time SYS_futex
    SYS_sched_setaffinity SYS_sched_getaffinity SYS_set_thread_area SYS_io_setup SYS_io_destroy
    SYS_io_getevents SYS_io_submit SYS_io_cancel SYS_get_thread_area SYS_lookup_dcookie
    SYS_epoll_create SYS_epoll_ctl_old SYS_epoll_wait_old SYS_remap_file_pages SYS_getdents64
    SYS_set_tid_address SYS_restart_syscall SYS_semtimedop SYS_fadvise64 SYS_timer_create
    SYS_timer_settime SYS_timer_gettime SYS_timer_getoverrun SYS_timer_delete SYS_clock_settime
    SYS_clock_gettime SYS_clock_getres SYS_clock_nanosleep SYS_exit_group SYS_epoll_wait
    SYS_epoll_ctl SYS_tgkill SYS_utimes SYS_vserver SYS_mbind SYS_set_mempolicy SYS_get_mempolicy
    SYS_mq_open SYS_mq_unlink SYS_mq_timedsend SYS_mq_timedreceive SYS_mq_notify SYS_mq_getsetattr
    SYS_kexec_load SYS_waitid SYS_add_key SYS_request_key SYS_keyctl SYS_ioprio_set SYS_ioprio_get
    SYS_inotify_init SYS_inotify_add_watch SYS_inotify_rm_watch SYS_migrate_pages SYS_openat
    SYS_mkdirat SYS_mknodat SYS_fchownat SYS_futimesat SYS_newfstatat SYS_unlinkat SYS_renameat
    SYS_linkat SYS_symlinkat SYS_readlinkat SYS_fchmodat SYS_faccessat SYS_pselect6 SYS_ppoll
    SYS_unshare SYS_set_robust_list SYS_get_robust_list SYS_splice SYS_tee SYS_sync_file_range
    SYS_vmsplice SYS_move_pages SYS_utimensat SYS_epoll_pwait SYS_signalfd SYS_timerfd_create
    SYS_eventfd SYS_fallocate SYS_timerfd_settime SYS_timerfd_gettime SYS_accept4 SYS_signalfd4
    SYS_eventfd2 SYS_epoll_create1 SYS_dup3 SYS_pipe2 SYS_inotify_init1 SYS_preadv SYS_pwritev
    SYS_rt_tgsigqueueinfo SYS_perf_event_open SYS_recvmmsg SYS_fanotify_init SYS_fanotify_mark
    SYS_prlimit64 SYS_name_to_handle_at SYS_open_by_handle_at SYS_clock_adjtime SYS_syncfs
    SYS_sendmmsg SYS_setns SYS_getcpu SYS_process_vm_readv SYS_process_vm_writev SYS_kcmp
    SYS_finit_module SYS_sched_setattr SYS_sched_getattr SYS_renameat2 SYS_seccomp SYS_getrandom
    SYS_memfd_create SYS_kexec_file_load SYS_bpf SYS_execveat SYS_userfaultfd SYS_membarrier
    SYS_mlock2 SYS_copy_file_range SYS_preadv2 SYS_pwritev2 SYS_pkey_mprotect SYS_pkey_alloc
    SYS_pkey_free SYS_statx SYS_rseq SYS_pidfd_send_signal SYS_io_uring_setup SYS_io_uring_enter
    SYS_io_uring_register SYS_open_tree SYS_move_mount SYS_fsopen SYS_fsconfig SYS_fsmount
    SYS_fspick SYS_pidfd_open SYS_clone3 SYS_close_range SYS_openat2 SYS_pidfd_getfd SYS_faccessat2
    SYS_process_madvise SYS_epoll_pwait2 SYS_mount_setattr SYS_quotactl_fd
    SYS_landlock_create_ruleset SYS_landlock_add_rule SYS_landlock_restrict_self SYS_memfd_secret
    SYS_process_mrelease SYS_futex_waitv SYS_set_mempolicy_home_node SYS_fchmodat2 SYS_mseal
};

/// Newer than the libc crate's list, or never called by a program (Linux 7.1, syscall_64.tbl).
const NEWER: &[(&str, u32)] = &[
    ("create_module", 174),
    ("get_kernel_syms", 177),
    ("query_module", 178),
    ("io_pgetevents", 333),
    ("uretprobe", 335),
    ("uprobe", 336),
    ("cachestat", 451),
    ("map_shadow_stack", 453),
    ("futex_wake", 454),
    ("futex_wait", 455),
    ("futex_requeue", 456),
    ("statmount", 457),
    ("listmount", 458),
    ("lsm_get_self_attr", 459),
    ("lsm_set_self_attr", 460),
    ("lsm_list_modules", 461),
    ("setxattrat", 463),
    ("getxattrat", 464),
    ("listxattrat", 465),
    ("removexattrat", 466),
    ("open_tree_attr", 467),
    ("file_getattr", 468),
    ("file_setattr", 469),
    ("listns", 470),
    ("rseq_slice_yield", 471),
];

#[test]
fn the_numbers_are_the_kernels() {
    for (constant, number) in KERNEL {
        let name = constant.strip_prefix("SYS_").unwrap();
        let call = call_named(name).unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(libc::c_long::from(call.number.0), *number, "{name}");
    }
    for (name, number) in NEWER {
        assert_eq!(call_named(name).map(|call| call.number.0), Some(*number), "{name}");
    }
    assert_eq!(calls().len(), KERNEL.len() + NEWER.len());
}

#[test]
fn the_table_has_no_holes() {
    let expected = (0..=336).chain(424..=471);
    assert!(calls().iter().map(|call| call.number.0).eq(expected));
}

#[test]
fn lookups_find_what_they_are_asked_for() {
    for known in calls() {
        assert!(std::ptr::eq(call(known.number).unwrap(), *known));
        let ids: Vec<_> = known.form_ids().collect();
        assert_eq!(ids.len(), known.forms.len());
        for (id, form) in ids.iter().zip(known.forms) {
            assert!(std::ptr::eq(id.form(), form) && std::ptr::eq(id.call(), *known));
        }
    }
    assert_eq!(forms().len(), calls().iter().map(|call| call.forms.len()).sum::<usize>());
}

#[test]
fn only_the_last_form_of_a_call_has_no_test() {
    for call in calls() {
        let (last, others) = call.forms.split_last().expect("every call has a form");
        assert!(last.when.is_empty(), "{}", call.name);
        assert!(others.iter().all(|form| !form.when.is_empty()), "{}", call.name);
        assert_eq!(call.select(|_| false), call.form_ids().last().unwrap());
    }
}

#[test]
fn every_form_is_reached_by_its_own_name_and_by_each_once() {
    for id in forms() {
        let names = id.form().names;
        // A form with a single name of its own is meant not to be reached by the call's.
        assert!(names[0] == id.call().name || names == ["fastopen"], "{}", id.call().name);
        let mut sorted = names.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), names.len(), "{}", names[0]);
        for name in names {
            let names::Named::Forms(reached) = names::meaning(name) else { panic!("{name}") };
            assert!(reached.contains(&id), "{name}");
        }
    }
}

#[test]
fn aliases_judge_file_names() {
    for form in forms().map(|id| id.form()) {
        for judged in form.aliases {
            let parameter = form.parameters.get(usize::from(judged.parameter));
            assert_eq!(parameter.map(|p| (p.name, p.kind)), Some(("filename", Kind::Filename)));
        }
    }
}

#[test]
fn opens_are_reading_or_writing_by_their_flags() {
    let aliases = |flags: i32| -> Vec<Alias> {
        #[expect(clippy::cast_sign_loss, reason = "flags are bits")]
        let registers = [0, 0, flags as u64, 0, 0, 0];
        let open = call_named("openat").unwrap();
        let form = open.select(|test| test.on_registers(&registers).unwrap());
        form.form().aliases.iter().map(|judged| judged.alias).collect()
    };
    assert_eq!(aliases(libc::O_RDONLY | libc::O_CLOEXEC), [Alias::Read]);
    assert_eq!(aliases(libc::O_PATH | libc::O_RDWR), [Alias::Read]);
    assert_eq!(aliases(libc::O_RDONLY | libc::O_CREAT), [Alias::Read, Alias::Write]);
    assert_eq!(aliases(libc::O_RDONLY | libc::O_TRUNC), [Alias::Read, Alias::Write]);
    assert_eq!(aliases(libc::O_TMPFILE), [Alias::Read, Alias::Write]);
    assert_eq!(aliases(libc::O_RDWR), [Alias::Write]);
    assert_eq!(aliases(libc::O_WRONLY | libc::O_CREAT), [Alias::Write]);
    assert_eq!(aliases(3), [Alias::Write]);
}

#[test]
fn file_names_and_nothing_else_are_called_filename() {
    for parameter in forms().flat_map(|form| form.form().parameters) {
        assert_eq!(parameter.name == "filename", parameter.kind == Kind::Filename, "{parameter:?}");
    }
}
