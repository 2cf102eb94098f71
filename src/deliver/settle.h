/*
 * Settling: what became of recipients is written, with the notice that the sender gets, in one
 * commit (P2). For sessions, and for operators who drop letters.
 */
#ifndef DELIVER_SETTLE_H
#define DELIVER_SETTLE_H

#include "directory/directory.h"
#include "queue/queue.h"
#include "submit/submit.h"

struct settler {
    const struct submit_door *door;
    struct directory *directory;
    const char *hostname;
};

struct outcome {
    enum queue_end end;
    struct span host;   /* who spoke: "mx.example.net[192.0.2.1]:25"; empty: nobody did */
    struct span words;  /* the reply, or why there is none */
    int64_t due_ms;     /* deferred: when again (wall time) */
    int64_t expires_ms; /* deferred: until when */
    bool notice;        /* deferred: the sender is told, if not told before */
};
struct settlement {
    const struct queue_letter *letter;
    const struct queue_recipient *recipients;
    const struct outcome *outcomes; /* of the same count */
    size_t count;
    bool silent; /* no notice to the sender */
};
/* "HOST said: WORDS", what events and the queue show. */
must_check int outcome_text(struct buffer *out, const struct outcome *outcome);

/* Writes count settlements, SETTLE_MAX at most, in one commit. A notice
 * goes only to a sender who was verified when the letter came, never to the null path, so never for
 * a notice. 0, or an error of the store: then nothing was written. Yields. */
#define SETTLE_MAX 64
must_check int settle_co_commit(const struct settler *settler, const struct settlement *list,
                                size_t count);

#endif
