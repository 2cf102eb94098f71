/*
 * What the files of the HTTP server share. Nobody else includes it.
 *
 * session.c reads heads and runs handlers, body.c reads bodies, answer.c prints answers, request.c
 * looks things up for handlers.
 */
#ifndef HTTP_INTERNAL_H
#define HTTP_INTERNAL_H

#include "http/chunk.h"
#include "http/gzip.h"
#include "http/server.h"

/* The body of the request that is being answered. */
struct http_body {
    bool chunked, ended;
    bool expects; /* the client waits for 100 Continue */
    uint64_t left;
    uint64_t size, max; /* decoded */
    struct chunk_reader chunks;
    struct gzip_reader *gzip; /* NULL: not packed */
    struct span packed;       /* what gzip has not taken yet */
    unsigned pieces;          /* that it gave */
    size_t held;              /* of the stream, taken at the next read */
    int64_t waited_ms;        /* since progress was made */
    size_t progress;
    int error;           /* sticky */
    struct buffer bytes; /* of http_co_body */
    size_t charged;      /* to the budget */
};

struct http_session {
    struct stream *st;
    const struct http_settings *settings;
    bool first; /* no request came yet */
    bool close; /* after this answer */
    struct buffer head;
    struct http_body body;
    uint64_t sent; /* bytes of the answer */
};

/* body.c */
/* Fills s->body from the head. HTTP_CODE(415): packed in a way that is not known here. */
must_check int http_body_open(struct http_session *s, const struct http_head *head);
void http_body_close(struct http_session *s);
/* The last piece is not needed any more. */
void http_body_release(struct http_session *s);
/* May the connection be used again: is little left of the body? */
bool http_body_is_short(const struct http_session *s);
/* Throws the rest away. */
must_check int http_body_co_skip(struct http_session *s);

/* answer.c */
/* Makes the code the answer, in the dialect's shape. */
void http_answer_code(struct http_request *r, int code);
/* The status line and all fields. */
must_check int http_print_head(const struct http_request *r, bool close, struct buffer *out);

#endif
