/*
 * The bytes of the letters of a page of messages, one letter after the other: what FETCH sends.
 *
 * Small letters are read ahead, many in one read of the store, while they go out in order; larger
 * ones are read whole, the largest in the pieces that are asked for. Offsets count from the copy's
 * head (its trace fields), which comes in front of the blob.
 */
#ifndef IMAP_LETTER_H
#define IMAP_LETTER_H

#include "box/box.h"

#define LETTER_WHOLE_MAX ((size_t)1024 * 1024) /* a letter that is read at once */
#define LETTER_AHEAD     32

struct letter_reader {
    struct store *store;
    int64_t tenant;
    const struct box_message *messages; /* with heads */
    size_t count, at;                   /* the one that is read */
    struct blob_row ahead[LETTER_AHEAD];
    size_t ahead_first, ahead_count; /* by place in messages */
    struct buffer rows;              /* their bytes */
    struct buffer whole;             /* of a letter that was not read ahead */
    struct span letter;              /* behind its head, when read */
    bool read;
};

/* Begins with a page of messages, which must outlive its use. */
void letter_begin(struct letter_reader *r, const struct box_message *messages, size_t count);
void letter_choose(struct letter_reader *r, size_t at);
void letter_free(struct letter_reader *r);

uint64_t letter_blob_octets(const struct letter_reader *r);
/* The letter behind its head; valid until another one is chosen. ERR_ABSENT: it was taken out. */
must_check int letter_co_whole(struct letter_reader *r, struct span *ret_letter);
/* Appends [begin, end) of head and letter. The same errors. */
must_check int letter_co_append(struct letter_reader *r, uint64_t begin, uint64_t end,
                                struct buffer *out);

#endif
