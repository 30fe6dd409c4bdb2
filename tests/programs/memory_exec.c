/* memory_exec PROGRAM: copies PROGRAM into memory and executes the copy, which has no name that a rule could match. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

int main(int argc, char **argv, char **environment) {
    if (argc != 2)
        return 2;
    int program = open(argv[1], O_RDONLY), copy = memfd_create("copy", MFD_CLOEXEC);
    if (program < 0 || copy < 0 || sendfile(copy, program, NULL, 1 << 24) <= 0) {
        perror("copy");
        return 2;
    }
    char *arguments[] = {"program", NULL};
    fexecve(copy, arguments, environment);
    perror("execute");
    return 3;
}
