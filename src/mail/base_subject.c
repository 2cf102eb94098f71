/* Base subjects; see base_subject.h. Functions bear the names of RFC 5256's rules (section 5). */
#include "mail/base_subject.h"

#include "base/utf8.h"
#include "mail/decode.h"

#define BODY_MAX    ((size_t)8 * 1024) /* of the field */
#define DECODED_MAX ((size_t)64 * 1024)

struct subject {
    struct span rest; /* blanks are single spaces */
    bool reply;
};

/* "[" *BLOBCHAR "]" *WSP; its length, 0: none. */
static size_t subj_blob(struct span s)
{
    size_t i = 1;
    if (s.len == 0 || s.at[0] != '[')
        return 0;
    while (i < s.len && s.at[i] != '[' && s.at[i] != ']')
        i++;
    if (i == s.len || s.at[i] == '[')
        return 0;
    i++;
    while (i < s.len && s.at[i] == ' ')
        i++;
    return i;
}

/* ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"; its length, 0: none. */
static size_t subj_refwd(struct span s)
{
    size_t i = span_starts_nocase(s, SPAN("fwd")) ? 3 : 2;
    if (!span_starts_nocase(s, SPAN("re")) && !span_starts_nocase(s, SPAN("fw")))
        return 0;
    while (i < s.len && s.at[i] == ' ')
        i++;
    i += subj_blob(span_from(s, i));
    return i < s.len && s.at[i] == ':' ? i + 1 : 0;
}

/* Steps 3 to 5. Where no "Re:" stands behind the blobs, none stands between them: they go at once,
 * as long as something is left. */
static void remove_leaders(struct subject *s)
{
    for (;;) {
        while (span_starts(s->rest, SPAN(" ")))
            s->rest = span_from(s->rest, 1);
        size_t blobs = 0, last = 0, len;
        while ((len = subj_blob(span_from(s->rest, blobs))) > 0) {
            last = blobs;
            blobs += len;
        }
        size_t refwd = subj_refwd(span_from(s->rest, blobs));
        if (refwd == 0) {
            s->rest = span_from(s->rest, blobs < s->rest.len ? blobs : last);
            return;
        }
        s->reply = true;
        s->rest = span_from(s->rest, blobs + refwd);
    }
}

/* Step 2. */
static void remove_trailers(struct subject *s)
{
    for (;;) {
        if (s->rest.len && s->rest.at[s->rest.len - 1] == ' ') {
            s->rest.len--;
        } else if (span_ends_nocase(s->rest, SPAN("(fwd)"))) {
            s->rest.len -= 5;
            s->reply = true;
        } else {
            return;
        }
    }
}

/* Step 6: "[fwd:" … "]". */
static bool remove_forward(struct subject *s)
{
    if (!span_starts_nocase(s->rest, SPAN("[fwd:")) || s->rest.at[s->rest.len - 1] != ']')
        return false;
    s->rest = span_from(span_first(s->rest, s->rest.len - 1), 5);
    s->reply = true;
    return true;
}

/* Step 1, after decoding: single spaces, whole characters, not too many. */
static int put_spaced(struct span text, struct buffer *out)
{
    size_t start = out->len;
    bool blank = false;
    int rc = 0;
    while (rc == 0 && text.len && out->len - start < BASE_SUBJECT_MAX - 4) {
        size_t len = utf8_character(text);
        if (text.at[0] == ' ' || len == 0) {
            rc = blank ? 0 : buffer_append_byte(out, ' ');
            blank = true;
            len = 1;
        } else {
            rc = buffer_append(out, span_first(text, len));
            blank = false;
        }
        text = span_from(text, len);
    }
    return rc;
}

int base_subject(struct span body, struct buffer *out, bool *ret_reply)
{
    AUTO_BUFFER decoded = BUFFER(DECODED_MAX);
    AUTO_BUFFER spaced = BUFFER(BASE_SUBJECT_MAX);
    int rc = decode_words(span_first(body, BODY_MAX), &decoded);
    if (rc == 0)
        rc = put_spaced(buffer_span(&decoded), &spaced);
    if (rc < 0)
        return rc;
    struct subject s = {.rest = buffer_span(&spaced)};
    do {
        remove_trailers(&s);
        remove_leaders(&s);
    } while (remove_forward(&s));
    rc = buffer_append(out, s.rest);
    if (rc == 0)
        *ret_reply = s.reply;
    return rc;
}
