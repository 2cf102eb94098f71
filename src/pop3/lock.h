/*
 * Who reads a maildrop: one POP3 session at a time (RFC 1939 4), and not too often (LOGIN-DELAY).
 *
 * The locks are of this process and know POP3 only; IMAP sessions and arriving letters are not kept
 * out. A table in memory, a mutex around it: no function yields. Its size is bounded by the number
 * of users that exist, since who takes a lock has logged in.
 */
#ifndef POP3_LOCK_H
#define POP3_LOCK_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct pop3_locks;

must_check int pop3_locks_create(struct pop3_locks **ret_locks);
void pop3_locks_free(struct pop3_locks *locks);

/* 0; -EBUSY: another session has it; -EAGAIN: the last login was less than delay seconds ago. */
must_check int pop3_lock_take(struct pop3_locks *locks, int64_t user, uint32_t delay);
void pop3_lock_give(struct pop3_locks *locks, int64_t user);
/* As if never taken: the next login does not have to wait. */
void pop3_lock_undo(struct pop3_locks *locks, int64_t user);

#endif
