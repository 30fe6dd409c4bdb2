/* signal_storm FOLDER SECONDS: makes and removes a folder while a thread fires signals at it. Handlers restart calls, so each
 * call must do its work exactly once: an mkdir that was performed and then restarted would find its own folder. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static atomic_bool stop;
static pthread_t target;
static atomic_long handled;

static void count(int signal) {
    (void)signal;
    handled++;
}

static void *fire(void *unused) {
    (void)unused;
    struct timespec pause = {0, 20000};
    while (!stop) {
        pthread_kill(target, SIGURG);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

int main(int argc, char **argv) {
    if (argc != 3 || chdir(argv[1]) != 0)
        return 2;
    struct sigaction action = {.sa_handler = count, .sa_flags = SA_RESTART};
    sigaction(SIGURG, &action, NULL);
    target = pthread_self();
    pthread_t storm;
    pthread_create(&storm, NULL, fire, NULL);
    long made = 0, failed = 0;
    for (time_t end = time(NULL) + atoi(argv[2]); time(NULL) < end; made++) {
        if (mkdir("storm", 0700) != 0 || rmdir("storm") != 0) {
            failed++;
            fprintf(stderr, "%s\n", strerror(errno));
            rmdir("storm");
        }
    }
    stop = true;
    pthread_join(storm, NULL);
    printf("made %ld signals %ld failed %ld\n", made, (long)handled, failed);
    return 0;
}
