/* Threads: whatever letters say of each other, each stands in the answer once, and brackets are
 * even. A letter is a byte of its id, one of its subject, one of its date, and the bytes of its
 * references up to one that has the highest bit. */
#include "fuzz.h"

#include "mail/thread.h"

#define LETTERS_MAX 250
#define IDS_MAX     ((size_t)16 * 1024)

static uint8_t take(struct span *rest)
{
    uint8_t byte = rest->len ? (uint8_t)rest->at[0] : 0xff;
    *rest = span_from(*rest, 1);
    return byte;
}

static int put_id(struct buffer *ids, uint8_t byte)
{
    int rc = byte % 32 ? buffer_append_byte(ids, (char)('a' + byte % 32)) : 0;
    return rc < 0 ? rc : buffer_append_byte(ids, '\n');
}

static void add(struct thread *t, uint32_t number, struct span *rest)
{
    static const char subjects[] = "stuvwxyz";
    AUTO_BUFFER ids = BUFFER(IDS_MAX);
    struct thread_letter letter = {.number = number};
    uint8_t byte;
    CLAIM(put_id(&ids, take(rest)) == 0);
    byte = take(rest);
    letter.subject = span_make(subjects + byte % 8, byte % 8 != 0);
    letter.reply = byte & 64;
    letter.sent_ms = take(rest);
    while ((byte = take(rest)) < 128 && byte % 32)
        if (put_id(&ids, byte) < 0)
            break;
    letter.ids = buffer_span(&ids);
    CLAIM(thread_add(t, &letter) == 0);
}

static void claim_each_once(struct span answer, uint32_t count)
{
    bool seen[LETTERS_MAX + 1] = {false};
    uint32_t number = 0, found = 0;
    int depth = 0;
    for (size_t i = 0; i < answer.len; i++) {
        char c = answer.at[i];
        depth += (c == '(') - (c == ')');
        CLAIM(depth >= 0);
        if (ascii_is_digit(c)) {
            number = number * 10 + (uint32_t)(c - '0');
            continue;
        }
        if (number) {
            CLAIM(number <= count && !seen[number] && depth + (c == ')') > 0);
            seen[number] = true;
            found++;
        }
        number = 0;
    }
    CLAIM(depth == 0 && found == count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int how = 0; how < 2; how++) {
        AUTO_BUFFER out = BUFFER(IDS_MAX);
        struct span rest = span_make(data, size);
        struct thread *t = NULL;
        uint32_t count = 0;
        CLAIM(thread_open(&t) == 0);
        while (rest.len && count < LETTERS_MAX)
            add(t, ++count, &rest);
        CLAIM((how ? thread_by_references(t, &out) : thread_by_subject(t, &out)) == 0);
        claim_each_once(buffer_span(&out), count);
        thread_free(t);
    }
    return 0;
}
