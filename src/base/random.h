/* Random bytes from the kernel. Cannot fail: without randomness the process ends. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *at, size_t len);
uint32_t random_below(uint32_t limit); /* 0 … limit - 1, unbiased; limit is at least 1 */

#endif
