/*
 * The context switch: the one place where a thread changes its stack.
 *
 * On x86-64 and aarch64 it is a few instructions of assembly (switch_x86_64.S, switch_aarch64.S)
 * that keep what the C calling convention says must survive a call, with CFI for unwinders; on
 * other processors it is ucontext (switch_ucontext.c), slower by two system calls.
 */
#ifndef RUN_SWITCH_H
#define RUN_SWITCH_H

#include <stddef.h>

/* Makes a context that will run entry() on the stack [bottom, bottom + size); entry never returns.
 */
void *switch_prepare(void *bottom, size_t size, void (*entry)(void));
/* Saves the running context in *save and continues the one that load names. */
void switch_stacks(void **save, void *load);

#endif
