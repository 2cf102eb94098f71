/* What FETCH asks for (RFC 9051 6.4.5); read by fetch_parse.c, answered by fetch.c. */
#ifndef IMAP_FETCH_H
#define IMAP_FETCH_H

#include "imap/session.h"

#include "mail/section.h"

#define FETCH_SECTIONS_MAX 64
#define FETCH_NUMBERS_MAX  64

struct fetch_section {
    enum fetch_what { FETCH_BODY, FETCH_BINARY, FETCH_BINARY_SIZE } what;
    struct section section;
    bool fields, without;     /* HEADER.FIELDS, HEADER.FIELDS.NOT */
    const struct span *names; /* of the fields */
    size_t name_count;
    bool partial;
    uint64_t offset, length;
    struct span label; /* as the answer names it: "BODY[1.MIME]<0>" */
};

struct fetch {
    bool uid, flags, internaldate, size, envelope, body, bodystructure, modseq, savedate, emailid,
        threadid, preview;
    bool sets_seen; /* a BODY[…] without PEEK */
    struct fetch_section sections[FETCH_SECTIONS_MAX];
    size_t section_count;
    int64_t changed_since; /* -1: any */
    bool vanished;
};

/* The items, and the modifiers behind them. IMAP_BAD. */
must_check int fetch_parse(struct imap_parser *p, struct fetch *ret_fetch);

#endif
