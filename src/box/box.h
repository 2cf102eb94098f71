/*
 * Mailboxes: letters that stay.
 *
 * A user has mailboxes, INBOX first; a message in one is (mailbox, uid), points to a blob, and
 * carries its own trace header (Return-Path, Delivered-To) that is read in front of the blob.
 * UIDs grow and are never given twice (RFC 3501 2.3.1.1), also not after the mailbox is emptied.
 */
#ifndef BOX_BOX_H
#define BOX_BOX_H

#include "base/arena.h"
#include "store/blob.h"

extern const struct db_schema box_schema;

#define BOX_INBOX "INBOX"

struct box_message {
    int64_t uid;
    int64_t blob;
    uint64_t octets;     /* of head and blob together, as POP3 and IMAP count */
    int64_t received_ms; /* INTERNALDATE */
    struct span head;    /* trace fields of this copy, each ending in CRLF */
    uint32_t flags;
};

/* In a write job: puts a message into the user's mailbox of that name, making the mailbox when it
 * is missing. message->uid is ignored; the new one is returned. The blob's reference is the
 * caller's. */
must_check int box_append(struct db_tx *tx, int64_t tenant, int64_t user, const char *mailbox,
                          const struct box_message *message, int64_t *ret_uid);
/* In a write job: takes messages out by uid and drops their blobs' references; absent uids are
 * skipped. Returns how many went. */
must_check int box_expunge(struct db_tx *tx, int64_t tenant, int64_t mailbox, const int64_t *uids,
                           size_t count);
/* In a write job: all mailboxes of a user, with what is in them. */
must_check int box_remove_user(struct db_tx *tx, int64_t tenant, int64_t user);

/* The mailbox's id and UIDVALIDITY; ERR_ABSENT when there is none yet. Yields. */
must_check int box_co_find(struct store *store, int64_t tenant, int64_t user, const char *mailbox,
                           int64_t *ret_mailbox, int64_t *ret_uidvalidity);
/* Up to 256 messages with uid > after, ascending, copied into arena. Yields. */
must_check int box_co_list(struct store *store, int64_t tenant, int64_t mailbox, int64_t after,
                           struct arena *arena, struct box_message **ret_messages,
                           size_t *ret_count);

/* One message, its head copied into arena. ERR_ABSENT when it is gone. Yields. */
must_check int box_co_message(struct store *store, int64_t tenant, int64_t mailbox, int64_t uid,
                              struct arena *arena, struct box_message *ret_message);

#endif
