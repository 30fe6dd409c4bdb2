/* calls CALL COUNT [CLIENTS]: makes a call COUNT times and prints the nanoseconds that one took. The median of ten parts, so that a
 * moment's noise does not count. With CLIENTS, so many processes make COUNT calls each at the same time, and the time from the
 * first to the last is divided by the number of all calls. `calls nothing` does nothing: it is the program that `exec` starts, so that
 * every judge has the same one. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PARTS 10
#define NAME "/etc/passwd"

static int open_close(void) {
    int file = open(NAME, O_RDONLY);
    return file < 0 ? -1 : close(file);
}

static int status(void) {
    struct stat status;
    return stat(NAME, &status);
}

static int number(void) {
    return syscall(SYS_getppid) < 0;
}

/* A datagram socket that is connected anew: no other end need be there. */
static int connection(void) {
    static int end_point = -1;
    static struct sockaddr_in peer = {.sin_family = AF_INET};
    if (end_point < 0) {
        end_point = socket(AF_INET, SOCK_DGRAM, 0);
        peer.sin_port = htons(5190);
        peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
    return connect(end_point, (struct sockaddr *)&peer, sizeof peer);
}

static const char *own_name;

/* A process that starts a program and waits for its end. */
static int program(void) {
    int status;
    pid_t child = vfork();
    if (child == 0) {
        execl(own_name, own_name, "nothing", (char *)NULL);
        _exit(127);
    }
    return child < 0 || waitpid(child, &status, 0) != child || status != 0;
}

static double now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e9 + now.tv_nsec;
}

static int compare(const void *a, const void *b) {
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

/* All of them at once. We wait for them by their numbers: BusyBox's timeout(1) leaves us a child that outlives them. */
static int together(int (*call)(void), long count, long clients) {
    int failed = 0, status;
    pid_t children[clients];
    double start = now();
    for (long client = 0; client < clients; client++)
        if ((children[client] = fork()) == 0) {
            for (long i = 0; i < count; i++)
                if (call() != 0)
                    _exit(1);
            _exit(0);
        }
    for (long client = 0; client < clients; client++)
        failed |= waitpid(children[client], &status, 0) != children[client] || status != 0;
    printf("%.0f", (now() - start) / (count * clients));
    return failed != 0;
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "nothing") == 0)
        return 0;
    own_name = argv[0];
    if (argc != 3 && argc != 4)
        return 2;
    int (*call)(void) = strcmp(argv[1], "open") == 0      ? open_close
                        : strcmp(argv[1], "stat") == 0    ? status
                        : strcmp(argv[1], "connect") == 0 ? connection
                        : strcmp(argv[1], "exec") == 0    ? program
                                                          : number;
    if (argc == 4)
        return together(call, atol(argv[2]), atol(argv[3]));
    long count = atol(argv[2]) / PARTS;
    double parts[PARTS];
    for (int part = 0; part < PARTS; part++) {
        double start = now();
        for (long i = 0; i < count; i++)
            if (call() != 0) {
                perror(argv[1]);
                return 1;
            }
        parts[part] = (now() - start) / count;
    }
    qsort(parts, PARTS, sizeof *parts, compare);
    printf("%.0f\n", (parts[PARTS / 2 - 1] + parts[PARTS / 2]) / 2);
    return 0;
}
