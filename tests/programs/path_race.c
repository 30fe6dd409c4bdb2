/* path_race HONEST EVIL SECONDS: opens a name that changes under the call. Wins when it reads a file that begins
 * with "root:", which the honest one must not. */
#include "race.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
    static char name[256], honest[256], evil[256];
    if (argc != 4)
        return 2;
    strncpy(honest, argv[1], sizeof honest - 1);
    strncpy(evil, argv[2], sizeof evil - 1);
    struct flipped flipped = {name, honest, evil, sizeof name, false, false};
    strcpy(name, honest);
    pthread_t racer;
    pthread_create(&racer, NULL, flip, &flipped);

    long tries = 0, opened = 0, wins = 0;
    for (double end = seconds() + atof(argv[3]); seconds() < end; tries++) {
        char content[6] = "";
        int file = open(name, O_RDONLY);
        if (file < 0)
            continue;
        opened++;
        if (read(file, content, 5) == 5 && strcmp(content, "root:") == 0)
            wins++;
        close(file);
    }
    flipped.stop = true;
    pthread_join(racer, NULL);
    printf("tries %ld opened %ld wins %ld\n", tries, opened, wins);
    return 0;
}
