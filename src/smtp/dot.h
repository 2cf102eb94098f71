/*
 * Dots: the transparency of mail data (RFC 5321 4.5.2, RFC 1939 3), reading and writing.
 *
 * End of data is CRLF.CRLF and nothing else (P5). A bare CR, a bare LF or a NUL is remembered in
 * `bad`, and no sequence that holds one ends the data: the reader goes on to the true end, so that
 * both sides keep the same view of where the letter stops. Pure; state lives across chunks, which
 * may be cut anywhere.
 */
#ifndef SMTP_DOT_H
#define SMTP_DOT_H

#include "base/buffer.h"

enum dot_state { DOT_LINE_START, DOT_DOT, DOT_DOT_CR, DOT_TEXT, DOT_TEXT_CR };

struct dot_reader {
    enum dot_state state;
    bool bad;             /* bare CR, bare LF or NUL came */
    size_t line, longest; /* bytes of this line so far, of the longest line, without CRLF */
};

/* At the start of data. */
#define DOT_READER ((struct dot_reader){.state = DOT_LINE_START})

/* Takes bytes from the front of *input and gives the largest next run of clean bytes, which points
 * into input (it may be empty). Call again until *input is empty or the result is true: the end of
 * data was taken, and what is left in *input comes after it. */
bool dot_read(struct dot_reader *r, struct span *input, struct span *ret_clean);

/* Writing: appends the body's bytes with dots stuffed. Start with DOT_WRITER, end with dot_finish,
 * which adds the CRLF that a last line may lack and the final dot. The bytes must have CRLF line
 * ends only. */
struct dot_writer {
    bool line_start, cr;
};
#define DOT_WRITER ((struct dot_writer){.line_start = true})
must_check int dot_write(struct dot_writer *w, struct span bytes, struct buffer *out);
must_check int dot_finish(struct dot_writer *w, struct buffer *out);

#endif
