/* Keys of SORT; see sort_key.h. */
#include "imap/sort_key.h"

#include "mail/base_subject.h"
#include "mail/casemap.h"
#include "mail/date.h"
#include "mail/decode.h"
#include "mail/envelope.h"

#include <errno.h>

#define STRING_MAX (2 * ENVELOPE_TEXT_MAX)
#define TEXTS_MAX  ((size_t)1024 * 1024 * 1024) /* of all keys */
#define KEY_MAX    (SORT_TEXT_MAX * 4 * CASEMAP_GROWTH)

const char *const sort_key_names[SORT_KEYS] = {"ARRIVAL", "CC", "DATE",        "FROM",     "SIZE",
                                               "SUBJECT", "TO", "DISPLAYFROM", "DISPLAYTO"};

bool sort_key_reads_envelope(enum sort_key key)
{
    return key != SORT_ARRIVAL && key != SORT_SIZE;
}

bool sort_key_reads_lists(enum sort_key key)
{
    return sort_key_reads_envelope(key) && key != SORT_DATE && key != SORT_SUBJECT;
}

bool sort_key_reads_time(enum sort_key key)
{
    return key == SORT_ARRIVAL || key == SORT_DATE;
}

/* --- what the envelope says ------------------------------------------------------------------ */

int64_t sort_sent_ms(const struct box_message *message, const struct envelope *envelope)
{
    AUTO_BUFFER scratch = BUFFER(STRING_MAX);
    struct span date;
    int64_t sent;
    if (envelope_text(envelope->date, &scratch, &date) == 0 && date_parse_sent(date, &sent) == 0)
        return sent;
    return message->received_ms / 1000 * 1000; /* as INTERNALDATE shows it */
}

int sort_base_subject(const struct envelope *envelope, struct buffer *out, bool *ret_reply)
{
    AUTO_BUFFER scratch = BUFFER(STRING_MAX);
    struct span body;
    int rc = envelope_text(envelope->subject, &scratch, &body);
    return rc < 0 ? rc : base_subject_key(body, out, ret_reply);
}

/* A name as it is read. */
static int write_name(struct span string, struct buffer *out)
{
    AUTO_BUFFER body = BUFFER(STRING_MAX);
    int rc = envelope_string(string, &body);
    return rc < 0 ? rc : decode_words(buffer_span(&body), out);
}

/* The name of the first address, or of its group, or the address itself (RFC 5957 3). */
static int write_display(const struct envelope_address *address, struct buffer *out)
{
    if (!envelope_is_nil(address->name))
        return write_name(address->name, out);
    if (envelope_is_nil(address->host))
        return write_name(address->mailbox, out);
    int rc = envelope_string(address->mailbox, out);
    if (rc == 0)
        rc = buffer_append_byte(out, '@');
    return rc < 0 ? rc : envelope_string(address->host, out);
}

static int write_address(struct span list, bool display, struct buffer *out)
{
    AUTO_BUFFER text = BUFFER(STRING_MAX);
    struct envelope_address first;
    if (!envelope_first_address(list, &first))
        return 0;
    int rc = display ? write_display(&first, &text) : envelope_string(first.mailbox, &text);
    if (rc == -ENOBUFS)
        rc = 0; /* what came before is enough */
    return rc < 0 ? rc : casemap_write(span_first(buffer_span(&text), 4 * SORT_TEXT_MAX), out);
}

static int write_text(enum sort_key key, const struct envelope *envelope, struct buffer *out)
{
    bool reply;
    switch (key) {
    case SORT_CC:
        return write_address(envelope->cc, false, out);
    case SORT_FROM:
        return write_address(envelope->from, false, out);
    case SORT_TO:
        return write_address(envelope->to, false, out);
    case SORT_DISPLAYFROM:
        return write_address(envelope->from, true, out);
    case SORT_DISPLAYTO:
        return write_address(envelope->to, true, out);
    default:
        return sort_base_subject(envelope, out, &reply);
    }
}

/* --- values ---------------------------------------------------------------------------------- */

static uint64_t rank_of(struct span text)
{
    uint64_t rank = 0;
    for (size_t i = 0; i < sizeof rank; i++)
        rank = rank << 8 | (i < text.len ? (unsigned char)text.at[i] : 0);
    return rank;
}

/* Negative numbers come first. */
static void set_number(int64_t number, struct sort_value *value)
{
    *value = (struct sort_value){.rank = (uint64_t)number ^ UINT64_C(1) << 63, .text = SPAN("")};
}

int sort_value_make(enum sort_key key, const struct box_message *message,
                    const struct envelope *envelope, struct sort_texts *texts,
                    struct sort_value *ret_value)
{
    if (key == SORT_ARRIVAL)
        set_number(message->received_ms / 1000, ret_value);
    else if (key == SORT_SIZE)
        set_number((int64_t)message->octets, ret_value);
    else if (key == SORT_DATE)
        set_number(sort_sent_ms(message, envelope), ret_value);
    if (key == SORT_ARRIVAL || key == SORT_SIZE || key == SORT_DATE)
        return 0;
    buffer_clear(&texts->made);
    int rc = write_text(key, envelope, &texts->made);
    if (rc < 0 && rc != ERR_CORRUPT && rc != -ENOBUFS)
        return rc;
    struct span kept = span_first(buffer_span(&texts->made), SORT_TEXT_MAX);
    *ret_value = (struct sort_value){.rank = rank_of(kept), .text = arena_copy(&texts->kept, kept)};
    return ret_value->text.at ? 0 : -ENOMEM;
}

void sort_texts_open(struct sort_texts *texts)
{
    *texts = (struct sort_texts){ARENA(TEXTS_MAX), BUFFER(KEY_MAX)};
}

void sort_texts_free(struct sort_texts *texts)
{
    arena_free(&texts->kept);
    buffer_free(&texts->made);
}

int sort_value_compare(const struct sort_value *a, const struct sort_value *b)
{
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    return span_compare(a->text, b->text);
}
