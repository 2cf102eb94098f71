/* The runtime's suite: each file brings one group of tests and says how many failed. */
#ifndef TEST_RUN_SUITE_H
#define TEST_RUN_SUITE_H

#include "run/co.h"
#include "run/loop.h"
#include "run/stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif
#ifndef UNDER_TSAN
#define UNDER_TSAN 0
#endif

int co_tests(void);
int crowd_tests(void); /* many coroutines at once */
int scope_tests(void);
int lane_tests(void);
int listener_tests(void);

/* What this program does when it is given the argument: it dies of a stack too small. */
#define OVERFLOW_ARGUMENT "--overflow"
int overflow_a_stack(void);

#endif
