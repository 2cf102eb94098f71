/*
 * Keys of SORT (RFC 5256 3, RFC 5957 3): what messages are compared by, made once of each.
 *
 * Pure. Numbers and texts become values that are compared as they stand: texts decoded, without
 * their case (i;unicode-casemap), of which the first SORT_TEXT_MAX bytes count.
 */
#ifndef IMAP_SORT_KEY_H
#define IMAP_SORT_KEY_H

#include "box/box.h"
#include "mail/envelope_read.h"

#define SORT_TEXT_MAX ((size_t)1000)

enum sort_key {
    SORT_ARRIVAL,
    SORT_CC,
    SORT_DATE,
    SORT_FROM,
    SORT_SIZE,
    SORT_SUBJECT,
    SORT_TO,
    SORT_DISPLAYFROM,
    SORT_DISPLAYTO,
    SORT_KEYS,
};
extern const char *const sort_key_names[SORT_KEYS];
/* Does it need the envelope? */
bool sort_key_reads_envelope(enum sort_key key);
/* Its lists of addresses? */
bool sort_key_reads_lists(enum sort_key key);
/* When the message came? */
bool sort_key_reads_time(enum sort_key key);

struct sort_value {
    uint64_t rank;    /* a number, or the first eight bytes of the text */
    struct span text; /* all of it */
};
/* Where texts lie, and where the next one is made. */
struct sort_texts {
    struct arena kept;
    struct buffer made;
};
void sort_texts_open(struct sort_texts *texts);
void sort_texts_free(struct sort_texts *texts);

/* The text lies in texts. -ENOMEM. What an envelope does not say is empty. */
must_check int sort_value_make(enum sort_key key, const struct box_message *message,
                               const struct envelope *envelope, struct sort_texts *texts,
                               struct sort_value *ret_value);
int sort_value_compare(const struct sort_value *a, const struct sort_value *b);

/* The sent date (RFC 5256 2.2): the envelope's, else when the message came. Milliseconds. */
int64_t sort_sent_ms(const struct box_message *message, const struct envelope *envelope);
/* The base subject without its case, appended. */
must_check int sort_base_subject(const struct envelope *envelope, struct buffer *out,
                                 bool *ret_reply);

#endif
