/* First frames for the assembly switches; the shapes stand in switch_x86_64.S and
 * switch_aarch64.S. A zero return address below the entry stops unwinders. */
#include "run/switch.h"

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)

void *switch_prepare(void *bottom, size_t size, void (*entry)(void))
{
    uintptr_t top = ((uintptr_t)bottom + size) & ~(uintptr_t)15;
    uint64_t *frame = (uint64_t *)top - 9; /* the entry starts 8 past a multiple of 16, as called */
    memset(frame, 0, 9 * sizeof *frame);
    uint32_t control[2] = {0x1f80, 0x037f}; /* MXCSR and x87: all exceptions masked */
    memcpy(frame, control, sizeof control);
    frame[7] = (uintptr_t)entry; /* behind the saved registers; frame[8] is its zero caller */
    return frame;
}

#elif defined(__aarch64__)

void *switch_prepare(void *bottom, size_t size, void (*entry)(void))
{
    uintptr_t top = ((uintptr_t)bottom + size) & ~(uintptr_t)15;
    uint64_t *frame = (uint64_t *)top - 22;
    memset(frame, 0, 22 * sizeof *frame);
    frame[11] = (uintptr_t)entry;
    return frame;
}

#endif
