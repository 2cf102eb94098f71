/* Message-IDs; see message_id.h. */
#include "mail/message_id.h"

#include "mail/header.h"

#include <errno.h>

/* --- one id ---------------------------------------------------------------------------------- */

/* Behind "<": the id up to ">" into id, without quotes at its beginning, folds and blanks. False:
 * it is none; *rest stands where it ended, or at the next "<". */
static bool take_id(struct span *rest, char id[MESSAGE_ID_MAX], size_t *ret_len)
{
    const char *at = rest->at, *end = rest->at + rest->len;
    bool quoted = at < end && *at == '"', has_at = false, fits = true;
    size_t len = 0;
    at += quoted;
    for (; at < end && (quoted || (*at != '>' && *at != '<')); at++) {
        if (quoted && *at == '"') {
            quoted = false;
            continue;
        }
        if (quoted && *at == '\\' && at + 1 < end)
            at++;
        if ((unsigned char)*at <= ' ' || *at == 127)
            continue;
        has_at = has_at || (!quoted && *at == '@' && len > 0);
        fits = fits && len < MESSAGE_ID_MAX;
        if (fits)
            id[len++] = *at;
    }
    bool closed = at < end && *at == '>';
    *rest = span_make(at, (size_t)(end - at));
    *ret_len = len;
    return closed && has_at && fits && id[len - 1] != '@';
}

int message_id_next(struct span *rest, struct buffer *out)
{
    char id[MESSAGE_ID_MAX];
    size_t len;
    for (ptrdiff_t open; (open = span_find(*rest, '<')) >= 0;) {
        *rest = span_from(*rest, (size_t)open + 1);
        if (!take_id(rest, id, &len))
            continue;
        int rc = buffer_append(out, span_make(id, len));
        return rc < 0 ? rc : 1;
    }
    *rest = span_from(*rest, rest->len);
    return 0;
}

/* --- the ids of a letter --------------------------------------------------------------------- */

/* Where the references lie that are kept: the first, and the newest in a ring. */
struct kept {
    struct buffer text; /* all of them */
    size_t ends[MESSAGE_IDS_REFS];
    size_t first, count; /* the end of the first; how many there were */
};

static int gather(struct span body, size_t most, struct kept *kept)
{
    int rc = 0;
    while (kept->count < most && (rc = message_id_next(&body, &kept->text)) > 0) {
        rc = buffer_append_byte(&kept->text, '\n');
        if (rc < 0)
            return rc;
        if (kept->count == 0)
            kept->first = kept->text.len;
        kept->ends[kept->count++ % MESSAGE_IDS_REFS] = kept->text.len;
    }
    return rc < 0 ? rc : 0;
}

/* Where the newest begin that there is room for, the first not counted. */
static size_t find_newest(const struct kept *kept, size_t room)
{
    size_t begin = kept->text.len;
    for (size_t i = 1; i < MESSAGE_IDS_REFS && i < kept->count; i++) {
        size_t before = kept->ends[(kept->count - 1 - i) % MESSAGE_IDS_REFS];
        if (kept->text.len - before > room)
            break;
        begin = before;
    }
    return begin;
}

static int write_references(const struct kept *kept, struct buffer *out)
{
    struct span all = buffer_span(&kept->text);
    int rc = buffer_append(out, span_first(all, kept->first));
    if (rc < 0 || kept->count < 2)
        return rc;
    size_t newest = find_newest(kept, MESSAGE_IDS_MAX - 2 * (MESSAGE_ID_MAX + 1));
    return buffer_append(out, span_from(all, newest));
}

static struct span body_of(struct span header, struct span name)
{
    struct header_field field;
    return header_find(header, name, &field) ? field.body : SPAN("");
}

int message_ids_write(struct span header, struct buffer *out)
{
    struct span own = body_of(header, SPAN("Message-ID"));
    struct span references = body_of(header, SPAN("References"));
    struct kept kept = {.text = BUFFER(header.len + 1)};
    int rc = message_id_next(&own, out);
    if (rc >= 0)
        rc = buffer_append_byte(out, '\n');
    if (rc == 0)
        rc = gather(references, SIZE_MAX, &kept);
    if (rc == 0 && kept.count == 0)
        rc = gather(body_of(header, SPAN("In-Reply-To")), 1, &kept);
    if (rc == 0)
        rc = write_references(&kept, out);
    buffer_free(&kept.text);
    return rc;
}

bool message_ids_next(struct span *rest, struct span *ret_id)
{
    return span_cut(rest, '\n', ret_id);
}

struct span message_ids_root(struct span ids)
{
    struct span own, root;
    if (!message_ids_next(&ids, &own))
        return SPAN("");
    return message_ids_next(&ids, &root) ? root : own;
}
