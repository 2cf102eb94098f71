/* Composing: the header, and the body piece by piece; see compose.h. */
#include "mail/compose.h"

#include "mail/compose_internal.h"
#include "mail/encode_word.h"
#include "mail/trace.h"

#include <errno.h>

#define PIECE_MAX     ((size_t)48 * 1024) /* bytes; base64 makes 64 KiB of them */
#define ADDRESSES_MAX 100                 /* in an extra field */
#define WRITTEN_MAX   ((size_t)2 * ADDRESS_TEXT_MAX)

struct writer {
    const struct compose_letter *letter;
    struct arena *arena;
    struct compose_fault *fault;
    struct buffer *out;
    bool smtputf8;
};

/* --- header fields --------------------------------------------------------------------------- */

/* " Name <local@domain>," */
static int write_mailbox(struct writer *w, struct fold *f, const struct mailbox *box, bool last)
{
    AUTO_BUFFER word = BUFFER(WRITTEN_MAX);
    bool named = span_trim(box->name).len > 0;
    int rc = named ? encode_word_phrase(f, box->name) : 0;
    if (rc == 0 && named)
        rc = buffer_append_byte(&word, '<');
    if (rc == 0)
        rc = address_write(box, &word);
    if (rc == 0)
        rc = buffer_append_text(&word, named ? ">" : "");
    if (rc == 0 && !last)
        rc = buffer_append_byte(&word, ',');
    w->smtputf8 |= address_needs_utf8(box);
    return rc < 0 ? rc : fold_word(f, SPAN(" "), buffer_span(&word));
}

static int write_list(struct writer *w, struct span name, const struct compose_list *list)
{
    struct fold f;
    if (list->count == 0)
        return 0;
    int rc = fold_begin(&f, w->out, name);
    for (size_t i = 0; rc == 0 && i < list->count; i++)
        rc = write_mailbox(w, &f, &list->at[i], i + 1 == list->count);
    return rc < 0 ? rc : fold_end(&f);
}

static int write_text(struct writer *w, struct span name, struct span text)
{
    struct fold f;
    int rc = fold_begin(&f, w->out, name);
    if (rc == 0)
        rc = encode_word_text(&f, text);
    return rc < 0 ? rc : fold_end(&f);
}

static int write_addresses(struct writer *w, size_t index)
{
    const struct compose_header *header = &w->letter->headers[index];
    struct mailbox *boxes = arena_alloc(w->arena, ADDRESSES_MAX * sizeof *boxes);
    struct address_fault fault;
    if (!boxes)
        return -ENOMEM;
    int count = address_parse_given(header->value, w->arena, boxes, ADDRESSES_MAX, &fault);
    if (count == ERR_SYNTAX || count == -E2BIG)
        return compose_refuse(w->fault, COMPOSE_HEADERS, index, "value", fault.why);
    if (count < 0)
        return count;
    struct compose_list list = {boxes, (size_t)count};
    return write_list(w, header->name, &list);
}

static int write_extra(struct writer *w, size_t index, enum compose_header_kind kind)
{
    const struct compose_header *header = &w->letter->headers[index];
    return kind == COMPOSE_HEADER_ADDRESSES ? write_addresses(w, index)
                                            : write_text(w, header->name, header->value);
}

int compose_field(const struct compose_header *header, struct arena *arena, struct buffer *out,
                  struct compose_fault *ret_fault)
{
    const struct compose_letter letter = {.headers = header, .header_count = 1};
    struct writer w = {.letter = &letter, .arena = arena, .fault = ret_fault, .out = out};
    enum compose_header_kind kind = span_equal_nocase(header->name, SPAN("Reply-To"))
                                        ? COMPOSE_HEADER_ADDRESSES
                                        : compose_header_kind(header->name);
    int rc = compose_check_header(header, kind, 0, ret_fault);
    return rc < 0 ? rc : write_extra(&w, 0, kind);
}

static int write_message_id(struct writer *w)
{
    const struct compose_letter *letter = w->letter;
    if (letter->message_id.len == 0)
        return trace_message_id(w->out, letter->id, letter->domain);
    struct span id = compose_bare_id(letter->message_id);
    return buffer_printf(w->out, "Message-ID: <%.*s>\r\n", SPAN_PRINT(id));
}

static int write_recipients(struct writer *w)
{
    const struct compose_letter *letter = w->letter;
    if (letter->to.count == 0 && letter->cc.count == 0)
        return buffer_append_text(w->out, "To: undisclosed-recipients:;\r\n");
    int rc = write_list(w, SPAN("To"), &letter->to);
    return rc < 0 ? rc : write_list(w, SPAN("Cc"), &letter->cc);
}

static int write_header(struct writer *w)
{
    const struct compose_letter *letter = w->letter;
    int rc = write_list(w, SPAN("From"), &letter->from);
    if (rc == 0)
        rc = write_list(w, SPAN("Sender"), &letter->sender);
    if (rc == 0)
        rc = write_list(w, SPAN("Reply-To"), &letter->reply_to);
    if (rc == 0)
        rc = write_recipients(w);
    if (rc == 0 && letter->subject.len)
        rc = write_text(w, SPAN("Subject"), letter->subject);
    if (rc == 0)
        rc = trace_date(w->out, letter->date_ms);
    if (rc == 0)
        rc = write_message_id(w);
    for (size_t i = 0; rc == 0 && i < letter->header_count; i++)
        rc = write_extra(w, i, compose_header_kind(letter->headers[i].name));
    return rc < 0 ? rc : buffer_append_text(w->out, "MIME-Version: 1.0\r\n");
}

/* Finds again what write_message_id wrote. */
static struct span written_id(struct span header)
{
    static const struct span start = {"\r\nMessage-ID: ", 14};
    header = span_from(header, (size_t)span_find_span(header, start) + start.len);
    return span_first(header, (size_t)span_find(header, '\r'));
}

int compose_open(const struct compose_letter *letter, struct arena *arena,
                 struct compose *ret_compose, struct compose_fault *ret_fault)
{
    AUTO_BUFFER header = BUFFER(COMPOSE_HEADER_MAX);
    struct compose c = {0};
    struct writer w = {.letter = letter, .arena = arena, .fault = ret_fault, .out = &header};
    int rc = compose_check(letter, ret_fault);
    if (rc == 0)
        rc = write_header(&w);
    if (rc == 0)
        rc = compose_plan(letter, arena, &header, &c);
    if (rc == -ENOBUFS) {
        *ret_fault = (struct compose_fault){COMPOSE_HEADERS, 0, NULL, "the header is too large"};
        return -E2BIG;
    }
    if (rc < 0)
        return rc;
    c.header = arena_copy(arena, buffer_span(&header));
    if (!c.header.at)
        return -ENOMEM;
    c.message_id = written_id(c.header);
    c.smtputf8 = w.smtputf8;
    *ret_compose = c;
    return 0;
}

/* --- the body -------------------------------------------------------------------------------- */

void compose_rewind(struct compose *c)
{
    c->at = 0;
    c->begun = false;
}

int compose_next(struct compose *c, struct buffer *out)
{
    size_t start = out->len;
    int rc = 0;
    while (rc == 0 && c->at < c->step_count && out->len - start < PIECE_MAX) {
        const struct compose_step *step = &c->steps[c->at];
        if (!c->begun) {
            rc = buffer_append(out, step->text);
            transfer_begin(&c->transfer, step->encoding, step->content);
            c->begun = true;
        }
        if (rc == 0 && c->transfer.rest.len)
            rc = transfer_next(&c->transfer, PIECE_MAX / 2, out);
        if (c->transfer.rest.len == 0) {
            c->at++;
            c->begun = false;
        }
    }
    return rc < 0 ? rc : c->at < c->step_count;
}

int compose_co_write(struct compose *c, int (*co_append)(void *arg, struct span bytes), void *arg)
{
    AUTO_BUFFER piece = BUFFER((size_t)1 << 20);
    int more = 1;
    while (more == 1) {
        buffer_clear(&piece);
        more = compose_next(c, &piece);
        int rc = more < 0 ? more : co_append(arg, buffer_span(&piece));
        if (rc < 0)
            return rc;
    }
    return 0;
}
