/* sockaddr_race HONEST EVIL SECONDS: connects to a port of 127.0.0.1 that changes under the call. UDP, so that nobody
 * need listen. Wins when the socket is connected to the evil port. */
#include "race.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in address(const char *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

int main(int argc, char **argv) {
    if (argc != 4)
        return 2;
    static struct sockaddr_in target;
    struct sockaddr_in honest = address(argv[1]), evil = address(argv[2]);
    struct flipped flipped = {&target, &honest, &evil, sizeof target, false, false};
    target = honest;
    pthread_t racer;
    pthread_create(&racer, NULL, flip, &flipped);

    long tries = 0, opened = 0, wins = 0;
    for (double end = seconds() + atof(argv[3]); seconds() < end; tries++) {
        int end_point = socket(AF_INET, SOCK_DGRAM, 0);
        struct sockaddr_in peer = {0};
        socklen_t length = sizeof peer;
        if (connect(end_point, (struct sockaddr *)&target, sizeof target) == 0) {
            opened++;
            if (getpeername(end_point, (struct sockaddr *)&peer, &length) == 0 && peer.sin_port == evil.sin_port)
                wins++;
        }
        close(end_point);
    }
    flipped.stop = true;
    pthread_join(racer, NULL);
    printf("tries %ld opened %ld wins %ld\n", tries, opened, wins);
    return 0;
}
