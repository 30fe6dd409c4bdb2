/* A second thread that keeps changing what the first one passes to the kernel, between two values of equal size. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

struct flipped {
    void *target;
    const void *honest, *evil;
    size_t size;
    atomic_bool started, stop;
};

static inline void *flip(void *argument) {
    struct flipped *flipped = argument;
    flipped->started = true;
    while (!flipped->stop) {
        memcpy(flipped->target, flipped->honest, flipped->size);
        memcpy(flipped->target, flipped->evil, flipped->size);
    }
    return NULL;
}

static inline double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}
