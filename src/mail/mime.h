/*
 * The tree of a letter's MIME parts, as offsets into its bytes (RFC 2045, 2046).
 *
 * Pure. One pass over the lines, without recursion: parts lie in the caller's array in the order of
 * the letter, the root first, each knowing its parent. What is broken is read as mail programs do:
 * an unreadable Content-Type is text/plain (RFC 2045 5.2), a multipart without a boundary and what
 * is nested deeper than MIME_DEPTH_MAX is a leaf, an outer boundary ends all inner ones, and where
 * the array is full no further part is begun.
 */
#ifndef MAIL_MIME_H
#define MAIL_MIME_H

#include "base/error.h"
#include "base/span.h"

#define MIME_DEPTH_MAX    32
#define MIME_BOUNDARY_MAX 200 /* RFC 2046 5.1.1 allows 70 */
#define MIME_VALUE_MAX    1000

enum mime_kind {
    MIME_LEAF,
    MIME_MULTIPART, /* its children are the parts between its boundaries */
    MIME_MESSAGE,   /* message/rfc822, message/global: one child, the letter inside */
};

struct mime_part {
    enum mime_kind kind;
    int parent;               /* index, -1 for the root */
    int depth;                /* 0 for the root */
    bool typed;               /* its Content-Type says what it is */
    size_t header, body, end; /* offsets; end is before the CRLF that belongs to a boundary */
    size_t lines;             /* line ends from body to end */
    struct span type, subtype, parameters; /* Content-Type; "text", "plain", "" unless it says so */
};

/* Count of parts, at least 1; max must be. The spans of parts point into letter. */
int mime_parse(struct span letter, struct mime_part *ret_parts, int max);

/* A Content-Type body: type "/" subtype, and what follows for mime_next_parameter. ERR_SYNTAX. */
must_check int mime_parse_type(struct span body, struct span *ret_type, struct span *ret_subtype,
                               struct span *ret_parameters);
/* Takes a token off *rest, and the blanks and comments around it: of Content-Disposition the kind,
 * behind which are its parameters; of Content-Transfer-Encoding. False: there is none. */
bool mime_take_token(struct span *rest, struct span *ret_token);
/* Takes the next "; name=value" off *rest (of Content-Type, Content-Disposition); the value's
 * quotes and backslashes are removed into value, which is terminated and cut at its size. False at
 * the end and at what is no parameter. */
bool mime_next_parameter(struct span *rest, struct span *ret_name, char *value, size_t size);
/* The first parameter of that name. */
bool mime_find_parameter(struct span parameters, struct span name, char *value, size_t size);

#endif
