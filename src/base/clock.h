/*
 * Time in milliseconds, both kinds, and both can be faked in tests.
 *
 * Wall time dates letters and rows; it can jump. Monotonic time measures waits; it cannot.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

int64_t clock_wall_ms(void);
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
/* Tests only: both clocks stand still at these values until clock_unfake(). */
void clock_fake(int64_t wall_ms, int64_t mono_ms);
void clock_unfake(void);

#endif
