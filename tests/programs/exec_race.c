/* exec_race HONEST EVIL SECONDS: executes a program whose name changes under the call. Honest ends with 0, evil with 1. */
#include "race.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char name[256], honest[256], evil[256];

/* The racer must share the memory of the thread that executes, so it is born in the child. */
static int try(void) {
    pid_t child = fork();
    if (child == 0) {
        struct flipped flipped = {name, honest, evil, sizeof name, false, false};
        pthread_t racer;
        strcpy(name, honest);
        pthread_create(&racer, NULL, flip, &flipped);
        while (!flipped.started)
            ;
        execl(name, "program", NULL);
        _exit(2);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(int argc, char **argv) {
    if (argc != 4)
        return 2;
    strncpy(honest, argv[1], sizeof honest - 1);
    strncpy(evil, argv[2], sizeof evil - 1);
    long tries = 0, opened = 0, wins = 0;
    for (double end = seconds() + atof(argv[3]); seconds() < end; tries++) {
        int status = try();
        opened += status == 0;
        wins += status == 1;
    }
    printf("tries %ld opened %ld wins %ld\n", tries, opened, wins);
    return 0;
}
