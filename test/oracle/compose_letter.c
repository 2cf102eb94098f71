/*
 * Composes letters for test_compose.py: a JSON object a line on standard input, a letter each on
 * standard output behind a line with its length. What is refused: length -1, and the fault's words.
 */
#include "base/base64.h"
#include "mail/compose.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX 64

struct lists {
    struct mailbox boxes[5][LIST_MAX];
    struct compose_header headers[LIST_MAX];
    struct compose_body bodies[LIST_MAX];
    struct compose_attachment attachments[LIST_MAX];
};

static void must(int rc)
{
    if (rc < 0) {
        fprintf(stderr, "compose_letter: %s\n", error_text(rc));
        exit(2);
    }
}

static struct span text_of(struct json_object *object, const char *name)
{
    struct json_object *value;
    if (!json_object_object_get_ex(object, name, &value))
        return SPAN("");
    return span_make(json_object_get_string(value), (size_t)json_object_get_string_len(value));
}

static bool flag_of(struct json_object *object, const char *name)
{
    return json_object_get_boolean(json_object_object_get(object, name));
}

static struct json_object *item_of(struct json_object *object, const char *name, size_t index)
{
    struct json_object *list;
    bool there = json_object_object_get_ex(object, name, &list) &&
                 index < json_object_array_length(list) && index < LIST_MAX;
    return there ? json_object_array_get_idx(list, index) : NULL;
}

static struct compose_list list_of(struct json_object *letter, const char *name,
                                   struct mailbox *boxes)
{
    struct compose_list list = {boxes, 0};
    struct json_object *item;
    while ((item = item_of(letter, name, list.count)))
        boxes[list.count++] = (struct mailbox){text_of(item, "name"), text_of(item, "local"),
                                               text_of(item, "domain")};
    return list;
}

static struct span bytes_of(struct json_object *item, struct arena *arena)
{
    struct span text = text_of(item, "bytes");
    AUTO_BUFFER bytes = BUFFER(text.len + 1);
    must(base64_decode(&bytes, text));
    return arena_copy(arena, buffer_span(&bytes));
}

static void read_parts(struct json_object *json, struct lists *lists, struct arena *arena,
                       struct compose_letter *letter)
{
    struct json_object *item;
    while ((item = item_of(json, "headers", letter->header_count)))
        lists->headers[letter->header_count++] =
            (struct compose_header){text_of(item, "name"), text_of(item, "value")};
    while ((item = item_of(json, "bodies", letter->body_count)))
        lists->bodies[letter->body_count++] =
            (struct compose_body){text_of(item, "type"), text_of(item, "text")};
    while ((item = item_of(json, "attachments", letter->attachment_count)))
        lists->attachments[letter->attachment_count++] =
            (struct compose_attachment){.name = text_of(item, "name"),
                                        .type = text_of(item, "type"),
                                        .content_id = text_of(item, "content_id"),
                                        .bytes = bytes_of(item, arena),
                                        .is_inline = flag_of(item, "inline")};
    letter->headers = lists->headers;
    letter->bodies = lists->bodies;
    letter->attachments = lists->attachments;
}

static struct compose_letter read_letter(struct json_object *json, struct lists *lists,
                                         struct arena *arena)
{
    struct compose_letter letter = {
        .id = json_object_get_int64(json_object_object_get(json, "id")),
        .domain = "mail.example.test",
        .date_ms = json_object_get_int64(json_object_object_get(json, "date_ms")),
        .message_id = text_of(json, "message_id"),
        .from = list_of(json, "from", lists->boxes[0]),
        .sender = list_of(json, "sender", lists->boxes[1]),
        .reply_to = list_of(json, "reply_to", lists->boxes[2]),
        .to = list_of(json, "to", lists->boxes[3]),
        .cc = list_of(json, "cc", lists->boxes[4]),
        .subject = text_of(json, "subject"),
        .text = text_of(json, "text"),
        .amp = text_of(json, "amp"),
        .html = text_of(json, "html"),
        .html_alone = flag_of(json, "html_alone"),
    };
    read_parts(json, lists, arena, &letter);
    return letter;
}

static int append(void *arg, struct span bytes)
{
    return buffer_append(arg, bytes);
}

static void co_write_letter(const struct compose_letter *letter, struct arena *arena)
{
    AUTO_BUFFER out = BUFFER((size_t)1 << 30);
    struct compose_fault fault;
    struct compose c;
    int rc = compose_open(letter, arena, &c, &fault);
    if (rc == ERR_SYNTAX || rc == -E2BIG) {
        printf("-1 %d %zu %s: %s\n", (int)fault.field, fault.index,
               fault.member ? fault.member : "-", fault.why);
        return;
    }
    must(rc);
    must(buffer_append(&out, c.header));
    must(buffer_append_text(&out, "\r\n"));
    must(compose_co_write(&c, append, &out));
    printf("%zu %d %.*s\n", out.len, c.smtputf8, SPAN_PRINT(c.message_id));
    fwrite(out.at, 1, out.len, stdout);
}

int main(void)
{
    struct lists *lists = calloc(1, sizeof *lists);
    size_t size = 0;
    char *line = NULL;
    while (lists && getline(&line, &size, stdin) > 0) {
        AUTO_ARENA arena = ARENA((size_t)1 << 28);
        struct json_object *json = json_tokener_parse(line);
        struct compose_letter letter = read_letter(json, lists, &arena);
        co_write_letter(&letter, &arena);
        json_object_put(json);
    }
    free(line);
    free(lists);
    return lists ? 0 : 2;
}
