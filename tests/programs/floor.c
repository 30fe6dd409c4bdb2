/* floor open|stat|connect|exec PROGRAM ARGUMENT…: runs PROGRAM while this process answers its openat, newfstatat, connect or
 * execve, in the same safe order of steps that the supervisor takes, with nothing else around them: what a supervised call costs at
 * least.
 *
 * Receive; read the name; is the call still waiting, and are its credentials the same; with the caller's capabilities
 * only: open the name as O_PATH below the root, ask for the resolved name, ask for the type, and open for use or take
 * the status; answer. A descriptor is handed over before the answer: in one step (SECCOMP_ADDFD_FLAG_SEND) the caller would get
 * 0 and no descriptor if this process were killed in between. A connect is made on a copy of the caller's socket. An execve nobody
 * can make for another, and the kernel reads its arguments again: so they are copied, the caller is traced, the call is let through, and
 * what was loaded is compared before it runs. (seccomp_unotify(2), pidfd_open(2), capabilities(7), ptrace(2).) */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, uint64_t)
#endif
#define SYNC_WAKE_UP 1

/* linux/pidfd.h of newer kernels than Debian 12's headers know. */
struct pidfd_info {
    uint64_t mask, cgroup;
    uint32_t ids[12];
};
#define PIDFD_GET_INFO _IOWR(0xFF, 11, struct pidfd_info)
#define PIDFD_INFO_CREDS 2

static int root, own, proc, task;
static struct __user_cap_data_struct full[2], caller[2];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void capabilities(struct __user_cap_data_struct *set) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    if (syscall(SYS_capset, &header, set))
        fail("capset");
}

/* The program's side: the filter, then the program. */
static void become(long call, int ready, char **arguments) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    /* If the other side fails, nobody would ever answer this one, which holds the listener open itself. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                           SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program);
    if (listener < 0)
        fail("seccomp");
    /* The listener closes at execve: it must be fetched before. */
    char fetched;
    if (write(ready, &listener, sizeof listener) != sizeof listener || read(ready, &fetched, 1) != 1)
        fail("hand over");
    execv(arguments[0], arguments);
    fail(arguments[0]);
}

/* Reads the name, up to the end of its page: the next one may not be there. */
static void name_of(pid_t pid, uint64_t address, char *name, size_t size) {
    size_t page = 4096 - address % 4096;
    struct iovec to = {name, page < size ? page : size}, from = {(void *)address, to.iov_len};
    if (process_vm_readv(pid, &to, 1, &from, 1, 0) <= 0)
        fail("process_vm_readv");
}

static void check(int listener, const struct seccomp_notif *call) {
    struct pidfd_info info = {.mask = PIDFD_INFO_CREDS};
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &call->id))
        fail("ID_VALID");
    ioctl(task, PIDFD_GET_INFO, &info); /* An older kernel does not know it, and costs less. */
}

/* The resolved name, and a descriptor that stands for it. */
static int resolve(const char *name, struct stat *status, char *number) {
    char resolved[4096];
    int place = openat(root, name, O_PATH | O_CLOEXEC);
    sprintf(number, "%d", place);
    if (place >= 0 && (readlinkat(own, number, resolved, sizeof resolved) < 0 || fstat(place, status)))
        fail("resolve");
    return place;
}

static void answer(int listener, const struct seccomp_notif *call, int error, int64_t value) {
    struct seccomp_notif_resp reply = {.id = call->id, .error = error, .val = value};
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply);
}

static void serve_open(int listener, const struct seccomp_notif *call) {
    char name[4096], number[16];
    struct stat status;
    name_of(call->pid, call->data.args[1], name, sizeof name);
    check(listener, call);
    capabilities(caller);
    int place = resolve(name, &status, number);
    int file = place < 0 ? -1 : openat(own, number, call->data.args[2] | O_NOCTTY | O_CLOEXEC);
    capabilities(full);
    if (file < 0) {
        answer(listener, call, -2, 0);
    } else {
        struct seccomp_notif_addfd give = {.id = call->id, .srcfd = file, .newfd_flags = call->data.args[2] & O_CLOEXEC};
        int given = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &give);
        close(file);
        answer(listener, call, 0, given);
    }
    if (place >= 0)
        close(place);
}

static void serve_stat(int listener, const struct seccomp_notif *call) {
    char name[4096], number[16];
    struct stat status;
    name_of(call->pid, call->data.args[1], name, sizeof name);
    check(listener, call);
    capabilities(caller);
    int place = *name ? resolve(name, &status, number) : -1;
    capabilities(full);
    struct iovec from = {&status, sizeof status}, to = {(void *)call->data.args[2], sizeof status};
    if (place < 0) {
        answer(listener, call, -2, 0);
        return;
    }
    process_vm_writev(call->pid, &from, 1, &to, 1, 0);
    answer(listener, call, 0, 0);
    close(place);
}

static void serve_connect(int listener, const struct seccomp_notif *call) {
    struct sockaddr_storage peer;
    size_t length = call->data.args[2] < sizeof peer ? call->data.args[2] : sizeof peer;
    struct iovec to = {&peer, length}, from = {(void *)call->data.args[1], length};
    if (process_vm_readv(call->pid, &to, 1, &from, 1, 0) != (ssize_t)length)
        fail("process_vm_readv");
    int end_point = syscall(SYS_pidfd_getfd, task, call->data.args[0], 0);
    check(listener, call);
    capabilities(caller);
    int error = connect(end_point, (struct sockaddr *)&peer, length) ? -errno : 0;
    capabilities(full);
    close(end_point);
    answer(listener, call, error, 0);
}

/* All of a file of /proc/PID. */
static ssize_t read_proc(pid_t pid, const char *file, char *text, size_t size) {
    char path[64];
    sprintf(path, "%d/%s", pid, file);
    int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, size);
    close(fd);
    return length;
}

/* The arguments, one behind the other as /proc/PID/cmdline has them. */
static size_t arguments_of(const struct seccomp_notif *call, char *text, size_t size) {
    uint64_t pointers[16] = {0};
    size_t length = 0;
    name_of(call->pid, call->data.args[1], (char *)pointers, sizeof pointers);
    for (int i = 0; i < 16 && pointers[i]; i++) {
        char argument[512];
        name_of(call->pid, pointers[i], argument, sizeof argument);
        size_t more = strnlen(argument, sizeof argument - 1) + 1;
        if (length + more > size)
            fail("long arguments");
        memcpy(text + length, argument, more);
        length += more;
    }
    return length;
}

/* The program that the process has loaded is this file with these arguments. */
static int is_loaded(pid_t pid, const struct stat *judged, const char *arguments, size_t length) {
    char path[64], loaded[4096];
    struct stat status;
    sprintf(path, "%d/exe", pid);
    return fstatat(proc, path, &status, 0) == 0 && status.st_ino == judged->st_ino && status.st_dev == judged->st_dev &&
           read_proc(pid, "cmdline", loaded, sizeof loaded) == (ssize_t)length && memcmp(loaded, arguments, length) == 0;
}

/* Each program is started by a new process, so its credentials are read each time. */
static void serve_exec(int listener, const struct seccomp_notif *call) {
    struct seccomp_notif_resp reply = {.id = call->id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    char name[4096], number[16], arguments[4096], text[4096];
    struct stat status;
    int stop;
    read_proc(call->pid, "status", text, sizeof text);
    name_of(call->pid, call->data.args[0], name, sizeof name);
    size_t length = arguments_of(call, arguments, sizeof arguments);
    check(listener, call);
    capabilities(caller);
    int place = resolve(name, &status, number);
    int file = place < 0 ? -1 : openat(own, number, O_RDONLY | O_CLOEXEC);
    capabilities(full);
    if (file < 0 || read(file, text, 256) < 2 || memcmp(text, "#!", 2) == 0)
        fail("no binary program");
    close(file);
    close(place);
    if (ptrace(PTRACE_SEIZE, call->pid, 0, PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL) ||
        ptrace(PTRACE_INTERRUPT, call->pid, 0, 0))
        fail("ptrace");
    check(listener, call);
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply);
    if (waitpid(call->pid, &stop, __WALL) != (pid_t)call->pid || stop >> 8 != (SIGTRAP | PTRACE_EVENT_EXEC << 8) ||
        !is_loaded(call->pid, &status, arguments, length))
        fail("another program was loaded");
    ptrace(PTRACE_DETACH, call->pid, 0, 0);
}

/* What can be served. */
static const struct family {
    const char *name;
    long call;
    void (*serve)(int, const struct seccomp_notif *);
} families[] = {
    {"open", SYS_openat, serve_open},
    {"stat", SYS_newfstatat, serve_stat},
    {"connect", SYS_connect, serve_connect},
    {"exec", SYS_execve, serve_exec},
};

/* Takes the place of a worker that serves one container: its root, the caller's identity on files. */
static void settle(pid_t program) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    if (syscall(SYS_capget, &header, full))
        fail("capget");
    memcpy(caller, full, sizeof caller);
    caller[0].effective = 0xa80425fb; /* What Docker leaves to root. */
    caller[1].effective = 0;
    root = open("/", O_PATH | O_CLOEXEC);
    own = open("/proc/self/fd", O_PATH | O_CLOEXEC | O_DIRECTORY);
    proc = open("/proc", O_PATH | O_CLOEXEC | O_DIRECTORY);
    task = syscall(SYS_pidfd_open, program, 0);
    if (unshare(CLONE_FS) || fchdir(root) || chroot("."))
        fail("chroot");
    setfsgid(0);
    setfsuid(0);
}

int main(int argc, char **argv) {
    int ready[2], number;
    const struct family *family = NULL;
    for (size_t i = 0; argc > 1 && i < sizeof families / sizeof *families; i++)
        if (strcmp(argv[1], families[i].name) == 0)
            family = &families[i];
    if (argc < 3 || !family || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ready))
        return 2;
    pid_t program = fork();
    if (program == 0)
        become(family->call, ready[1], argv + 2);
    settle(program);
    close(ready[1]);
    if (read(ready[0], &number, sizeof number) != sizeof number)
        return 1;
    int listener = syscall(SYS_pidfd_getfd, task, number, 0);
    if (listener < 0 || write(ready[0], "", 1) != 1)
        fail("pidfd_getfd");
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP);
    for (;;) {
        struct seccomp_notif call = {0};
        int status;
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) == 0)
            family->serve(listener, &call);
        else if (waitpid(program, &status, WNOHANG) == program)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    }
}
