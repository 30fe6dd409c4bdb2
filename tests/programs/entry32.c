/* entry32 FILE: opens FILE through the system call entries that filters for x86_64 do not see: int 0x80 (i386 numbers)
 * and the x32 bit. Prints what each gives, one line each; a signal counts as an answer. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define X32_BIT 0x40000000
#define I386_OPEN 5

static long by_int80(char *name) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(I386_OPEN), "b"(name), "c"(O_RDONLY), "d"(0) : "memory", "r8", "r9", "r10", "r11");
    return result;
}

static long by_x32(char *name) {
    long result = syscall(X32_BIT | SYS_openat, AT_FDCWD, name, O_RDONLY, 0);
    return result < 0 ? -errno : result;
}

static void report(const char *entry, long (*call)(char *), char *name) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        long result = call(name);
        printf("%s: %s\n", entry, result >= 0 ? "opened" : strerrorname_np(-(int)result));
        fflush(stdout);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status))
        printf("%s: SIG%s\n", entry, sigabbrev_np(WTERMSIG(status)));
}

int main(int argc, char **argv) {
    if (argc != 2)
        return 2;
    /* i386 has 32 bits for an address. */
    char *name = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    strncpy(name, argv[1], 4095);
    report("int 0x80", by_int80, name);
    report("x32", by_x32, name);
    return 0;
}
