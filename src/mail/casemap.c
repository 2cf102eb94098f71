/* Text without its case; see casemap.h. Unicode's tables are libunistring's. */
#include "mail/casemap.h"

#include "base/utf8.h"

#include <string.h>
#include <unicase.h>
#include <uninorm.h>

#define PENDING_MAX 64 /* characters of a decomposition that wait for their own */

/* How many of the first eight bytes are ASCII: all or, here, none. */
static bool upper_eight(const char *from, char *to)
{
    const uint64_t ones = 0x0101010101010101u, tops = ones << 7;
    uint64_t word;
    memcpy(&word, from, sizeof word);
    if (word & tops)
        return false;
    uint64_t from_a = word + ones * (0x80 - 'a'), behind_z = word + ones * (0x7f - 'z');
    word -= ((from_a ^ behind_z) & tops) >> 2; /* 'a' - 'A' is 0x20 */
    memcpy(to, &word, sizeof word);
    return true;
}

/* The run of ASCII at the front, in upper case; its length. There is room. */
static size_t put_ascii(struct span text, char *to)
{
    size_t i = 0;
    while (text.len - i >= 8 && upper_eight(text.at + i, to + i))
        i += 8;
    for (; i < text.len && (unsigned char)text.at[i] < 128; i++) {
        char c = text.at[i];
        to[i] = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
    }
    return i;
}

static int put_character(ucs4_t c, struct buffer *out)
{
    char bytes[4];
    return buffer_append(out, span_make(bytes, utf8_encode(c, bytes)));
}

/* In title case, decomposed, and each of what comes out again. */
static int put_folded(ucs4_t c, struct buffer *out)
{
    ucs4_t pending[PENDING_MAX], parts[UC_DECOMPOSITION_MAX_LENGTH];
    int waiting = 0, rc = 0, tag;
    pending[waiting++] = c;
    while (rc == 0 && waiting) {
        c = uc_totitle(pending[--waiting]);
        int count = uc_decomposition(c, &tag, parts);
        if (count <= 0 || waiting + count > PENDING_MAX) {
            rc = put_character(c, out);
            continue;
        }
        while (count)
            pending[waiting++] = parts[--count];
    }
    return rc;
}

/* The character at the front, or U+FFFD for a byte that is none. */
static ucs4_t take_character(struct span *rest)
{
    size_t len = utf8_character(*rest);
    ucs4_t c = (unsigned char)rest->at[0];
    if (len > 1)
        c &= 0x7fu >> len;
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (rest->at[i] & 0x3f);
    *rest = span_from(*rest, len ? len : 1);
    return len ? c : 0xfffd;
}

int casemap_write(struct span utf8, struct buffer *out)
{
    int rc = buffer_reserve(out, utf8.len);
    while (rc == 0 && utf8.len) {
        if ((unsigned char)utf8.at[0] >= 128) {
            rc = put_folded(take_character(&utf8), out);
            continue;
        }
        rc = buffer_reserve(out, utf8.len);
        if (rc < 0)
            return rc;
        size_t len = put_ascii(utf8, out->at + out->len);
        out->len += len;
        utf8 = span_from(utf8, len);
    }
    return rc;
}
