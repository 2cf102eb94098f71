/* BODYSTRUCTURE and the table of parts, made in one walk over what mime_parse found; see
 * structure.h. */
#include "mail/structure.h"

#include "mail/envelope.h"
#include "mail/header.h"
#include "mail/nstring.h"
#include "mail/structure_internal.h"

#include <errno.h>
#include <stdlib.h>

#define PARTS_FEW      16 /* of nearly all letters: the first try */
#define TYPE_MAX       ((size_t)127)
#define TEXT_MAX       ((size_t)8 * 1024)
#define PARAMETERS_MAX ((size_t)64 * 1024) /* of one field, as written */

/* --- fields of a part ------------------------------------------------------------------------ */

enum field { ENCODING, ID, DESCRIPTION, DISPOSITION, MD5, LANGUAGE, LOCATION, FIELDS };

static const struct span names[FIELDS] = {
    /* behind "Content-" */
    {"Transfer-Encoding", 17}, {"ID", 2},  {"Description", 11},
    {"Disposition", 11},       {"MD5", 3}, {"Language", 8},
    {"Location", 8},
};

struct fields {
    struct span body[FIELDS]; /* the first of each; .at NULL: it is not there */
};

static void find_fields(struct span header, struct fields *ret_fields)
{
    struct header_field field;
    *ret_fields = (struct fields){0};
    while (header_next(&header, &field)) {
        if (!span_starts_nocase(field.name, SPAN("Content-")))
            continue;
        struct span name = span_from(field.name, 8);
        for (int i = 0; i < FIELDS; i++)
            if (span_equal_nocase(name, names[i]) && !ret_fields->body[i].at)
                ret_fields->body[i] = field.body;
    }
}

/* --- the walk -------------------------------------------------------------------------------- */

struct open_part {
    const struct mime_part *part;
    struct fields fields;
};

struct work {
    struct span letter;
    struct buffer *table, *out;
    size_t start; /* in out */
    int depth;    /* how many are open */
    struct open_part open[MIME_DEPTH_MAX];
    int count;
    struct mime_part parts[];
};

/* All texts are told, not only what the grammar must have. */
static bool tells_all(const struct work *w)
{
    return w->out->len - w->start < STRUCTURE_FULL;
}

static int write_nstring(struct work *w, struct span text)
{
    if (!text.at || !tells_all(w))
        return buffer_append_text(w->out, " NIL");
    int rc = buffer_append_byte(w->out, ' ');
    return rc < 0 ? rc : nstring_write(span_first(text, TEXT_MAX), w->out);
}

static int write_name(struct work *w, const char *before, struct span name)
{
    int rc = buffer_append_text(w->out, before);
    return rc < 0 ? rc : nstring_write_upper(span_first(name, TYPE_MAX), w->out);
}

static int write_number(struct work *w, size_t number)
{
    int rc = buffer_append_byte(w->out, ' ');
    return rc < 0 ? rc : buffer_append_uint(w->out, number);
}

/* The next one; what is none is passed over up to the next semicolon. */
static bool next_parameter(struct span *rest, struct span *ret_name, char *value, size_t size)
{
    while (rest->len) {
        if (mime_next_parameter(rest, ret_name, value, size))
            return true;
        ptrdiff_t semicolon = span_find(*rest, ';');
        *rest = span_from(*rest, semicolon < 0 ? rest->len : (size_t)semicolon);
    }
    return false;
}

/* " (name value …)", " NIL" where there are none. */
static int write_parameters(struct work *w, struct span rest)
{
    char value[MIME_VALUE_MAX];
    struct span name;
    size_t start = w->out->len;
    int rc = 0;
    while (rc == 0 && tells_all(w) && w->out->len - start < PARAMETERS_MAX &&
           next_parameter(&rest, &name, value, sizeof value)) {
        rc = write_name(w, w->out->len == start ? " (" : " ", name);
        if (rc == 0)
            rc = buffer_append_byte(w->out, ' ');
        if (rc == 0)
            rc = nstring_write(span_of(value), w->out);
    }
    if (rc < 0)
        return rc;
    return buffer_append_text(w->out, w->out->len == start ? " NIL" : ")");
}

/* --- extension data -------------------------------------------------------------------------- */

static int write_disposition(struct work *w, struct span body)
{
    struct span kind;
    if (!body.at || !tells_all(w) || !mime_take_token(&body, &kind))
        return buffer_append_text(w->out, " NIL");
    int rc = write_name(w, " (", kind);
    if (rc == 0)
        rc = write_parameters(w, body);
    return rc < 0 ? rc : buffer_append_byte(w->out, ')');
}

/* Tags with commas between them (RFC 3282). */
static int write_language(struct work *w, struct span rest)
{
    size_t start = w->out->len;
    struct span tag;
    int rc = 0;
    rest = tells_all(w) ? span_first(rest, TEXT_MAX) : SPAN("");
    while (rc == 0 && span_cut(&rest, ',', &tag)) {
        tag = span_trim(tag);
        if (tag.len == 0)
            continue;
        rc = buffer_append_text(w->out, w->out->len == start ? " (" : " ");
        if (rc == 0)
            rc = nstring_write(tag, w->out);
    }
    if (rc < 0)
        return rc;
    return buffer_append_text(w->out, w->out->len == start ? " NIL" : ")");
}

static int write_extension(struct work *w, const struct fields *fields)
{
    int rc = write_disposition(w, fields->body[DISPOSITION]);
    if (rc == 0)
        rc = write_language(w, fields->body[LANGUAGE]);
    if (rc == 0)
        rc = write_nstring(w, fields->body[LOCATION]);
    return rc < 0 ? rc : buffer_append_byte(w->out, ')');
}

/* --- parts ----------------------------------------------------------------------------------- */

bool structure_is_letter(struct span type, struct span subtype)
{
    return span_equal_nocase(type, SPAN("message")) &&
           (span_equal_nocase(subtype, SPAN("rfc822")) ||
            span_equal_nocase(subtype, SPAN("global")));
}

/* A multipart that has no parts is text. */
static bool is_text(const struct mime_part *part)
{
    return span_equal_nocase(part->type, SPAN("text")) ||
           span_equal_nocase(part->type, SPAN("multipart"));
}

static int write_type(struct work *w, const struct mime_part *part)
{
    bool was_multipart = span_equal_nocase(part->type, SPAN("multipart"));
    bool has_default = !part->typed || was_multipart;
    int rc = write_name(w, "(", was_multipart ? SPAN("text") : part->type);
    if (rc == 0)
        rc = write_name(w, " ", was_multipart ? SPAN("plain") : part->subtype);
    if (rc < 0)
        return rc;
    if (has_default && is_text(part))
        return buffer_append_text(w->out, " (\"CHARSET\" \"us-ascii\")");
    return write_parameters(w, part->parameters);
}

static int write_encoding(struct work *w, struct span body)
{
    struct span token;
    if (!body.at || !mime_take_token(&body, &token))
        token = SPAN("7BIT");
    return write_name(w, " ", token);
}

/* Up to the octets: what all single parts have. */
static int write_single(struct work *w, const struct mime_part *part, const struct fields *fields)
{
    int rc = write_type(w, part);
    if (rc == 0)
        rc = write_nstring(w, fields->body[ID]);
    if (rc == 0)
        rc = write_nstring(w, fields->body[DESCRIPTION]);
    if (rc == 0)
        rc = write_encoding(w, fields->body[ENCODING]);
    return rc < 0 ? rc : write_number(w, part->end - part->body);
}

static int write_envelope(struct work *w, const struct mime_part *letter)
{
    int rc = buffer_append_byte(w->out, ' ');
    if (rc < 0)
        return rc;
    if (!letter || !tells_all(w))
        return buffer_append_text(w->out, ENVELOPE_EMPTY);
    struct span header = span_from(w->letter, letter->header);
    return envelope_write(span_first(header, letter->body - letter->header), w->out);
}

#define EMPTY_TEXT " (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 0 0 NIL NIL NIL NIL)"

static int write_leaf(struct work *w, const struct mime_part *part, const struct fields *fields)
{
    int rc = write_single(w, part, fields);
    bool letter = structure_is_letter(part->type, part->subtype);
    if (rc == 0 && letter)
        rc = write_envelope(w, NULL);
    if (rc == 0 && letter)
        rc = buffer_append_text(w->out, EMPTY_TEXT);
    if (rc == 0 && (letter || is_text(part)))
        rc = write_number(w, part->lines);
    if (rc == 0)
        rc = write_nstring(w, fields->body[MD5]);
    return rc < 0 ? rc : write_extension(w, fields);
}

/* Of what has parts: all that stands in front of them. */
static int open_part(struct work *w, const struct mime_part *part, const struct fields *fields)
{
    w->open[w->depth++] = (struct open_part){part, *fields};
    if (part->kind == MIME_MULTIPART)
        return buffer_append_byte(w->out, '(');
    int rc = write_single(w, part, fields);
    if (rc == 0)
        rc = write_envelope(w, part + 1);
    return rc < 0 ? rc : buffer_append_byte(w->out, ' ');
}

static int close_part(struct work *w)
{
    const struct open_part *open = &w->open[--w->depth];
    const struct mime_part *part = open->part;
    int rc;
    if (part->kind == MIME_MULTIPART) {
        rc = write_name(w, " ", part->subtype);
        if (rc == 0)
            rc = write_parameters(w, part->parameters);
    } else {
        rc = write_number(w, part->lines);
        if (rc == 0)
            rc = write_nstring(w, open->fields.body[MD5]);
    }
    return rc < 0 ? rc : write_extension(w, &open->fields);
}

/* --- the table ------------------------------------------------------------------------------- */

static enum structure_encoding encoding_of(struct span body)
{
    struct span token;
    if (!body.at || !mime_take_token(&body, &token) || span_equal_nocase(token, SPAN("7bit")) ||
        span_equal_nocase(token, SPAN("8bit")) || span_equal_nocase(token, SPAN("binary")))
        return STRUCTURE_PLAIN;
    if (span_equal_nocase(token, SPAN("base64")))
        return STRUCTURE_BASE64;
    bool quoted = span_equal_nocase(token, SPAN("quoted-printable"));
    return quoted ? STRUCTURE_QUOTED : STRUCTURE_UNKNOWN;
}

static enum structure_type type_of(const struct mime_part *part)
{
    if (!is_text(part))
        return STRUCTURE_OTHER;
    if (span_equal_nocase(part->subtype, SPAN("html")))
        return STRUCTURE_TEXT_HTML;
    bool plain = !span_equal_nocase(part->type, SPAN("text")) ||
                 span_equal_nocase(part->subtype, SPAN("plain"));
    return plain ? STRUCTURE_TEXT_PLAIN : STRUCTURE_TEXT;
}

static int add_to_table(struct work *w, int number, bool leaf, const struct fields *fields)
{
    const struct mime_part *part = &w->parts[number];
    struct span disposition = fields->body[DISPOSITION], kind;
    struct structure_part row = {
        .kind = leaf ? MIME_LEAF : part->kind,
        .encoding = leaf ? encoding_of(fields->body[ENCODING]) : STRUCTURE_PLAIN,
        .type = leaf ? type_of(part) : STRUCTURE_OTHER,
        .attachment = disposition.at && mime_take_token(&disposition, &kind) &&
                      span_equal_nocase(kind, SPAN("attachment")),
        .number = number,
        .parent = part->parent,
        .header = part->header,
        .body = part->body,
        .end = part->end,
        .lines = part->lines,
    };
    return structure_table_add(w->table, &row, number ? part[-1].header : 0);
}

/* --- all of it ------------------------------------------------------------------------------- */

static int take_part(struct work *w, int number)
{
    struct mime_part *part = &w->parts[number];
    struct fields fields;
    bool leaf = number + 1 == w->count || part[1].parent != number;
    int rc = 0;
    while (rc == 0 && w->depth > part->depth)
        rc = close_part(w);
    find_fields(span_first(span_from(w->letter, part->header), part->body - part->header), &fields);
    if (rc == 0)
        rc = add_to_table(w, number, leaf, &fields);
    if (rc < 0)
        return rc;
    return leaf ? write_leaf(w, part, &fields) : open_part(w, part, &fields);
}

static struct work *parse(struct span letter, int max)
{
    struct work *w = malloc(sizeof *w + sizeof *w->parts * (size_t)max);
    if (!w)
        return NULL;
    w->count = mime_parse(letter, w->parts, max);
    return w;
}

int structure_make(struct span letter, struct buffer *table, struct buffer *bodystructure)
{
    struct work *w = parse(letter, PARTS_FEW);
    if (w && w->count == PARTS_FEW) {
        free(w);
        w = parse(letter, STRUCTURE_PARTS_MAX);
    }
    if (!w)
        return -ENOMEM;
    w->letter = letter;
    w->table = table;
    w->out = bodystructure;
    w->start = bodystructure->len;
    w->depth = 0;
    int rc = structure_table_begin(table), count = w->count;
    for (int i = 0; rc == 0 && i < count; i++)
        rc = take_part(w, i);
    while (rc == 0 && w->depth)
        rc = close_part(w);
    free(w);
    return rc < 0 ? rc : count;
}
