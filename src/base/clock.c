/* The two clocks; see clock.h. */
#include "base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

static atomic_bool clock_faked;
static atomic_int_fast64_t fake_wall_ms, fake_mono_ms;

static int64_t read_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_wall_ms(void)
{
    return atomic_load(&clock_faked) ? atomic_load(&fake_wall_ms) : read_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_mono_us(void)
{
    return atomic_load(&clock_faked) ? atomic_load(&fake_mono_ms) * 1000 : read_us(CLOCK_MONOTONIC);
}

int64_t clock_mono_ms(void)
{
    return clock_mono_us() / 1000;
}

void clock_fake(int64_t wall_ms, int64_t mono_ms)
{
    atomic_store(&fake_wall_ms, wall_ms);
    atomic_store(&fake_mono_ms, mono_ms);
    atomic_store(&clock_faked, true);
}

void clock_unfake(void)
{
    atomic_store(&clock_faked, false);
}
