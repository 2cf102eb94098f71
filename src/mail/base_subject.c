/* Base subjects; see base_subject.h. Functions bear the names of RFC 5256's rules (section 5). */
#include "mail/base_subject.h"

#include "base/utf8.h"
#include "mail/casemap.h"
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
        while (s->rest.len && s->rest.at[0] == ' ')
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
static struct span put_spaced(struct span text, char out[BASE_SUBJECT_MAX])
{
    size_t made = 0;
    bool blank = false;
    for (size_t i = 0; i < text.len && made < BASE_SUBJECT_MAX - 4;) {
        size_t len = utf8_character(span_from(text, i));
        if (len == 0 || text.at[i] == ' ') {
            if (!blank)
                out[made++] = ' ';
            blank = true;
            i++;
            continue;
        }
        for (size_t end = i + len; i < end; i++)
            out[made++] = text.at[i];
        blank = false;
    }
    return span_make(out, made);
}

/* Most subjects: nothing in them is to be decoded, and no blank is one too many. */
static bool is_spaced(struct span body)
{
    return decode_is_simple(body) && span_find_span(body, SPAN("  ")) < 0 &&
           span_find(body, '\t') < 0 && span_find(body, '\r') < 0 && span_find(body, '\n') < 0;
}

/* The base; it stands in body or in spaced. */
static int find_base(struct span body, char spaced[BASE_SUBJECT_MAX], struct subject *ret_subject)
{
    AUTO_BUFFER decoded = BUFFER(DECODED_MAX);
    body = span_first(body, BODY_MAX);
    if (is_spaced(body)) {
        ret_subject->rest = span_first(body, BASE_SUBJECT_MAX - 4);
    } else {
        int rc = decode_words(body, &decoded);
        if (rc < 0)
            return rc;
        ret_subject->rest = put_spaced(buffer_span(&decoded), spaced);
    }
    ret_subject->reply = false;
    do {
        remove_trailers(ret_subject);
        remove_leaders(ret_subject);
    } while (remove_forward(ret_subject));
    return 0;
}

int base_subject(struct span body, struct buffer *out, bool *ret_reply)
{
    char spaced[BASE_SUBJECT_MAX];
    struct subject s;
    int rc = find_base(body, spaced, &s);
    if (rc == 0)
        rc = buffer_append(out, s.rest);
    if (rc == 0)
        *ret_reply = s.reply;
    return rc;
}

int base_subject_key(struct span body, struct buffer *out, bool *ret_reply)
{
    char spaced[BASE_SUBJECT_MAX];
    struct subject s;
    int rc = find_base(body, spaced, &s);
    if (rc < 0)
        return rc;
    *ret_reply = s.reply;
    return casemap_write(s.rest, out);
}
