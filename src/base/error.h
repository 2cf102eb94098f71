/*
 * Errors: a function that can fail returns 0 (or a count) or a negative code.
 *
 * The codes are negative errno values plus the few below for which errno has no word. errno itself
 * is dead after anything that can yield. error_text() is what an operator reads.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#define must_check             __attribute__((warn_unused_result))
#define AUTO(cleanup_function) __attribute__((cleanup(cleanup_function)))

enum error_code {
    ERR_CLOSED = -2001,  /* the other side ended the connection */
    ERR_SYNTAX = -2002,  /* outside bytes do not follow their grammar */
    ERR_TLS = -2003,     /* handshake or record failure */
    ERR_FULL = -2004,    /* a bounded queue, pool or budget has no room: try later */
    ERR_CORRUPT = -2005, /* our own stored bytes are not what we wrote */
    ERR_STORE = -2006,   /* the database is gone or refuses: try later */
    ERR_EXISTS = -2007,  /* a row with this key is there already */
    ERR_ABSENT = -2008,  /* no such row */
    ERR_DENIED = -2009,  /* not allowed, or the secret is wrong */
    ERR_DNS = -2010,     /* the name servers do not answer, or not with the truth: try later */
    ERR_DEFLATE = -2011, /* what comes compressed cannot be unpacked */
    ERR_LIMITED = -2012, /* somebody tried too often, and is to wait */
    ERR_QUOTA = -2013,   /* a user's mailboxes would hold more than they may */
};

const char *error_text(int code);

#endif
