/* Calls that would lead around a supervisor: each is made with arguments that fail in a telling way, or succeed, if the
 * call is let through. Prints the error's name for each. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct way {
    const char *name;
    long number;
    long arguments[6];
};

static const char nothing[1] = "";

int main(void) {
    const long bad = -1;
    const struct way ways[] = {
        {"io_uring_setup", SYS_io_uring_setup, {1, (long)nothing}},
        {"io_uring_enter", SYS_io_uring_enter, {bad}},
        {"io_uring_register", SYS_io_uring_register, {bad}},
        {"ptrace", SYS_ptrace, {16 /* PTRACE_ATTACH */, bad}},
        {"process_vm_readv", SYS_process_vm_readv, {getpid()}},
        {"process_vm_writev", SYS_process_vm_writev, {getpid()}},
        {"open_by_handle_at", SYS_open_by_handle_at, {bad, (long)nothing, 0}},
        {"open_tree", SYS_open_tree, {bad, (long)nothing, 0}},
        {"move_mount", SYS_move_mount, {bad, (long)nothing, bad, (long)nothing, 0}},
        {"fsopen", SYS_fsopen, {(long)nothing, 0}},
        {"mount", SYS_mount, {(long)nothing, (long)nothing, (long)nothing, 0, 0}},
        {"pivot_root", SYS_pivot_root, {(long)nothing, (long)nothing}},
        {"userfaultfd", SYS_userfaultfd, {bad}},
        {"bpf", SYS_bpf, {bad}},
        {"perf_event_open", SYS_perf_event_open, {0, bad, bad, bad, 0}},
        {"pidfd_getfd", SYS_pidfd_getfd, {bad, 0, 0}},
        {"setns", SYS_setns, {bad, 0}},
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        const long *a = ways[i].arguments;
        long result = syscall(ways[i].number, a[0], a[1], a[2], a[3], a[4], a[5]);
        printf("%s %s\n", ways[i].name, result < 0 ? strerrorname_np(errno) : "works");
    }
    return 0;
}
