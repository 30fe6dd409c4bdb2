/* link_race FOLDER HONEST EVIL SECONDS: opens a symbolic link that changes during the call. Wins as path_race does. */
#include "race.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXCHANGE 2 /* RENAME_EXCHANGE, linux/fs.h */

static char first[256], second[256];
static atomic_bool stop;

static void *swap(void *unused) {
    while (!stop)
        syscall(SYS_renameat2, AT_FDCWD, first, AT_FDCWD, second, EXCHANGE);
    return unused;
}

int main(int argc, char **argv) {
    if (argc != 5)
        return 2;
    snprintf(first, sizeof first, "%s/first", argv[1]);
    snprintf(second, sizeof second, "%s/second", argv[1]);
    if (symlink(argv[2], first) || symlink(argv[3], second))
        return 2;
    pthread_t racer;
    pthread_create(&racer, NULL, swap, NULL);

    long tries = 0, opened = 0, wins = 0;
    for (double end = seconds() + atof(argv[4]); seconds() < end; tries++) {
        char content[6] = "";
        int file = open(first, O_RDONLY);
        if (file < 0)
            continue;
        opened++;
        if (read(file, content, 5) == 5 && strcmp(content, "root:") == 0)
            wins++;
        close(file);
    }
    stop = true;
    pthread_join(racer, NULL);
    printf("tries %ld opened %ld wins %ld\n", tries, opened, wins);
    return 0;
}
