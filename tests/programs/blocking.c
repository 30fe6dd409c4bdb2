// Every call that blocks and may be supervised, interrupted in every way: one line for each, the same with and without supervision.
//
// A child blocks in the call; its parent sends it a signal, and lets the call succeed a little later. The line says how the call
// ended and how often the handler ran before that.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int *handled;
static int server = -1, filler[64], fillers;

static void handler(int signal)
{
    (void)signal;
    ++*handled;
}

// ---- calls that block

static struct sockaddr_un unix_address(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, name);
    return address;
}

static void prepare_fifo(void)
{
    unlink("fifo");
    mkfifo("fifo", 0600);
}

static int open_read(void) { return open("fifo", O_RDONLY); }
static int open_write(void) { return open("fifo", O_WRONLY); }
static int open_at(void) { return openat(AT_FDCWD, "./fifo", O_RDONLY | O_CLOEXEC); }
static void let_read(void) { close(open("fifo", O_WRONLY | O_NONBLOCK)); }
static void let_write(void) { close(open("fifo", O_RDONLY | O_NONBLOCK)); }

static void fill(int family, const void *address, socklen_t length)
{
    for (fillers = 0; fillers < 64; fillers++) {
        filler[fillers] = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(filler[fillers], address, length);
        if (family == AF_UNIX && errno == EAGAIN)
            break;
        if (family == AF_INET && fillers >= 3)
            break;
    }
}

static void prepare_unix(void)
{
    struct sockaddr_un address = unix_address("listening");
    unlink("listening");
    server = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(server, (void *)&address, sizeof address);
    listen(server, 0);
    errno = 0;
    fill(AF_UNIX, &address, sizeof address);
}

static int connect_unix_with(int timeout)
{
    struct sockaddr_un address = unix_address("listening");
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct timeval limit = {timeout, 0};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return connect(fd, (void *)&address, sizeof address);
}

static int connect_unix(void) { return connect_unix_with(0); }
static int connect_unix_timed(void) { return connect_unix_with(30); }

static void let_connect(void)
{
    while (fillers > 0)
        close(filler[--fillers]);
    for (int i = 0; i < 64; i++)
        close(accept4(server, NULL, NULL, SOCK_NONBLOCK));
}

static void let_connect_unix(void)
{
    fcntl(server, F_SETFL, O_NONBLOCK);
    let_connect();
}

static struct sockaddr_in tcp;

static void prepare_tcp(void)
{
    socklen_t length = sizeof tcp;
    tcp = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    bind(server, (void *)&tcp, sizeof tcp);
    getsockname(server, (void *)&tcp, &length);
    listen(server, 0);
    fill(AF_INET, &tcp, sizeof tcp);
    usleep(50000);
}

static int connect_tcp(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int result = connect(fd, (void *)&tcp, sizeof tcp);
    if (result != 0 && errno == EINTR) {
        // An interrupted connect goes on by itself (connect(2)).
        result = connect(fd, (void *)&tcp, sizeof tcp);
        printf("[again: %s] ", result == 0 ? "ok" : errno == EALREADY ? "EALREADY" : strerror(errno));
        errno = EINTR;
        return -1;
    }
    return result;
}

static void prepare_datagrams(void)
{
    struct sockaddr_un address = unix_address("datagrams");
    unlink("datagrams");
    server = socket(AF_UNIX, SOCK_DGRAM, 0);
    bind(server, (void *)&address, sizeof address);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    while (sendto(fd, "x", 1, 0, (void *)&address, sizeof address) == 1)
        ;
    close(fd);
}

static int send_datagram_with(int timeout)
{
    struct sockaddr_un address = unix_address("datagrams");
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct timeval limit = {timeout, 0};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return sendto(fd, "y", 1, 0, (void *)&address, sizeof address) == 1 ? 0 : -1;
}

static int send_datagram(void) { return send_datagram_with(0); }
static int send_datagram_timed(void) { return send_datagram_with(30); }

static void let_send(void)
{
    char byte;
    while (recv(server, &byte, 1, MSG_DONTWAIT) == 1)
        ;
}

static void prepare_lock(void) { flock(server = open("lock", O_CREAT | O_RDWR, 0600), LOCK_EX); }
static int lock(void) { return flock(open("lock", O_RDWR), LOCK_EX); }
static void let_lock(void) { flock(server, LOCK_UN); }

static const struct call {
    const char *name;
    void (*prepare)(void);
    int (*call)(void);
    void (*let)(void);
} calls[] = {
    {"open fifo to read", prepare_fifo, open_read, let_read},
    {"open fifo to write", prepare_fifo, open_write, let_write},
    {"openat fifo", prepare_fifo, open_at, let_read},
    {"connect unix", prepare_unix, connect_unix, let_connect_unix},
    {"connect unix, with a time-out", prepare_unix, connect_unix_timed, let_connect_unix},
    {"connect tcp", prepare_tcp, connect_tcp, let_connect},
    {"sendto", prepare_datagrams, send_datagram, let_send},
    {"sendto, with a time-out", prepare_datagrams, send_datagram_timed, let_send},
    {"flock", prepare_lock, lock, let_lock},
};

// ---- ways to be interrupted

enum who { ALONE, THREAD, PROCESS, ONLY_WILLING };

static const struct way {
    const char *name;
    int signal, flags, ignored, blocked;
    enum who who; // who blocks in the call: the only thread, or another one and whom the signal is for
} ways[] = {
    {"handler", SIGUSR1, 0, 0, 0, ALONE},
    {"restarting handler", SIGUSR1, SA_RESTART, 0, 0, ALONE},
    {"handler on its own stack", SIGUSR1, SA_RESTART | SA_ONSTACK, 0, 0, ALONE},
    {"real-time signal", 40, 0, 0, 0, ALONE},
    {"ignored", SIGUSR1, 0, 1, 0, ALONE},
    {"blocked", SIGUSR1, 0, 0, 1, ALONE},
    {"SIGCHLD by default", SIGCHLD, -1, 0, 0, ALONE},
    {"SIGTERM by default", SIGTERM, -1, 0, 0, ALONE},
    {"SIGSTOP", SIGSTOP, -1, 0, 0, ALONE},
    {"SIGTSTP", SIGTSTP, -1, 0, 0, ALONE},
    {"thread, handler", SIGUSR1, 0, 0, 0, THREAD},
    {"thread, restarting handler", SIGUSR1, SA_RESTART, 0, 0, THREAD},
    {"process of two threads, handler", SIGUSR1, 0, 0, 0, PROCESS},
    {"process of two threads, restarting handler", SIGUSR1, SA_RESTART, 0, 0, PROCESS},
    {"process whose other thread blocks it, handler", SIGUSR1, 0, 0, 0, ONLY_WILLING},
    {"process whose other thread blocks it, restarting handler", SIGUSR1, SA_RESTART, 0, 0, ONLY_WILLING},
    {"process of two threads, SIGSTOP", SIGSTOP, -1, 0, 0, PROCESS},
    {"process of two threads, SIGTERM", SIGTERM, -1, 0, 0, PROCESS},
};

static const struct call *chosen;
static volatile int *thread_number;

static void *blocks(void *unused)
{
    (void)unused;
    *thread_number = syscall(SYS_gettid);
    int result = chosen->call();
    int error = errno;
    // The parent sees the handler's count as it is now.
    printf("%s", result >= 0 ? "ok" : strerrorname_np(error));
    printf(", handled %d", *handled);
    fflush(stdout);
    return NULL;
}

static void child(const struct way *way)
{
    struct sigaction action = {.sa_handler = way->ignored ? SIG_IGN : way->flags < 0 ? SIG_DFL : handler, .sa_flags = way->flags < 0 ? 0 : way->flags};
    static char stack[65536];
    stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
    sigset_t set;
    while (fillers > 0)
        close(filler[--fillers]);
    sigaltstack(&alternative, NULL);
    if (way->signal != SIGSTOP)
        sigaction(way->signal, &action, NULL);
    sigemptyset(&set);
    sigaddset(&set, way->signal);
    if (way->blocked)
        sigprocmask(SIG_BLOCK, &set, NULL);
    if (way->who == ALONE) {
        blocks(NULL);
    } else {
        pthread_t thread;
        pthread_create(&thread, NULL, blocks, NULL);
        if (way->who == ONLY_WILLING)
            pthread_sigmask(SIG_BLOCK, &set, NULL);
        pthread_join(thread, NULL);
    }
    exit(0);
}

static void line(const struct call *call, const struct way *way)
{
    int status;
    pid_t pid;
    *handled = *thread_number = 0;
    chosen = call;
    call->prepare();
    printf("%s, %s: ", call->name, way->name);
    fflush(stdout);
    if ((pid = fork()) == 0)
        child(way);
    usleep(80000);
    if (way->who == THREAD)
        syscall(SYS_tgkill, pid, *thread_number, way->signal);
    else
        kill(pid, way->signal);
    usleep(150000);
    if (waitpid(pid, &status, WNOHANG | WUNTRACED) == pid && WIFSTOPPED(status)) {
        printf("stopped by %d, ", WSTOPSIG(status));
        fflush(stdout);
        kill(pid, SIGCONT);
        usleep(50000);
    }
    call->let();
    for (int i = 0; i < 500; i++, usleep(10000)) {
        if (kill(pid, 0) == 0 && waitpid(pid, &status, WNOHANG) != pid)
            continue;
        if (WIFSIGNALED(status))
            printf("killed by %d", WTERMSIG(status));
        pid = 0;
        break;
    }
    if (pid) {
        printf("STUCK");
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
    }
    printf("\n");
    fflush(stdout);
    while (fillers > 0)
        close(filler[--fillers]);
    fillers = 0;
    close(server);
}

// ---- cancellation, and side effects under a storm of signals

static void *cancelled(void *name)
{
    open(name, O_RDONLY);
    return NULL;
}

static void cancellation(void)
{
    pthread_t thread;
    void *result;
    prepare_fifo();
    pthread_create(&thread, NULL, cancelled, "fifo");
    usleep(80000);
    pthread_cancel(thread);
    pthread_join(thread, &result);
    printf("pthread_cancel in open: %s\n", result == PTHREAD_CANCELED ? "cancelled" : "not cancelled");
}

// What is tried again after EINTR must find that nothing has happened.
static void storm(int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    struct itimerval often = {{0, 400}, {0, 400}}, never = {{0, 0}, {0, 0}};
    int sent = 0, received = 0, twice = 0, failed = 0;
    char byte;
    struct sockaddr_un address = unix_address("counted");
    unlink("counted");
    int counted = socket(AF_UNIX, SOCK_DGRAM, 0);
    bind(counted, (void *)&address, sizeof address);
    int from = socket(AF_UNIX, SOCK_DGRAM, 0);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < 1500; i++) {
        int result;
        while ((result = mkdir("once", 0700)) != 0 && errno == EINTR)
            ;
        twice += result != 0 && errno == EEXIST;
        while ((result = rename("once", "moved")) != 0 && errno == EINTR)
            ;
        twice += result != 0 && errno == ENOENT;
        while ((result = rmdir("moved")) != 0 && errno == EINTR)
            ;
        twice += result != 0 && errno == ENOENT;
        while ((result = open("new", O_CREAT | O_EXCL | O_WRONLY, 0600)) < 0 && errno == EINTR)
            ;
        twice += result < 0;
        close(result);
        while ((result = unlink("new")) != 0 && errno == EINTR)
            ;
        twice += result != 0;
        while ((result = sendto(from, "z", 1, 0, (void *)&address, sizeof address)) != 1 && errno == EINTR)
            ;
        sent += result == 1;
        failed += result != 1;
        while (recv(counted, &byte, 1, MSG_DONTWAIT) == 1)
            received++;
    }
    setitimer(ITIMER_REAL, &never, NULL);
    while (recv(counted, &byte, 1, MSG_DONTWAIT) == 1)
        received++;
    printf("storm: twice %d, failed %d, sent %d, received %d\n", twice, failed, sent, received);
}

// blocking [CALL…]: all calls, or those whose names begin so.
int main(int argc, char **argv)
{
    handled = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    thread_number = handled + 1;
    umask(022);
    for (size_t c = 0; c < sizeof calls / sizeof *calls; c++) {
        int wanted = argc < 2;
        for (int i = 1; i < argc; i++)
            wanted |= strncmp(calls[c].name, argv[i], strlen(argv[i])) == 0;
        if (!wanted)
            continue;
        for (size_t w = 0; w < sizeof ways / sizeof *ways; w++)
            // A connect over TCP goes on only when the kernel tries again, seconds later: some ways must do.
            if (calls[c].call != connect_tcp || w % 4 < 2)
                line(&calls[c], &ways[w]);
    }
    cancellation();
    storm(0);
    storm(SA_RESTART);
    return 0;
}
