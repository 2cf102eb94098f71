/*
 * Stacks for coroutines: mapped memory with a guard page below it.
 *
 * 128 KiB (256 KiB under sanitizers), of which only touched pages cost. The guard is made by
 * MADV_GUARD_INSTALL where the kernel has it (6.13), which splits no mapping; else by mprotect,
 * which Linux refuses after about 32,000 stacks (vm.max_map_count). A stack without a guard is
 * never handed out.
 */
#ifndef RUN_STACK_H
#define RUN_STACK_H

#include <stddef.h>

#include "base/error.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_SIZE ((size_t)256 * 1024)
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STACK_SIZE ((size_t)256 * 1024)
#endif
#endif
#ifndef STACK_SIZE
#define STACK_SIZE ((size_t)128 * 1024)
#endif
#define STACK_GUARD ((size_t)4096)

/* The lowest usable byte; STACK_SIZE - STACK_GUARD bytes from there. -ENOMEM. */
must_check int stack_map(char **ret_bottom);
void stack_unmap(char *bottom);
/* Gives the pages that lie whole below `used` back to the kernel; what they held is lost. */
void stack_trim(char *bottom, const char *used);
/* Tests: how guards are made. -1 forgets what was learnt, 0 mprotect, 1 MADV_GUARD_INSTALL. */
void stack_force_guard(int how);

#endif
