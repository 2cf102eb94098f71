/*
 * The table of parts; see structure.h. A byte with the version; then for each part a byte of bits
 * (kind, encoding, type, attachment) and numbers of seven bits a byte, low ones first: how far back
 * its parent is, header from the header before, body from header, end from body, lines.
 */
#include "mail/structure_internal.h"

#define VERSION    1
#define NUMBER_MAX 10 /* bytes */

static int add_number(struct buffer *table, uint64_t value)
{
    int rc = 0;
    while (rc == 0 && value > 127) {
        rc = buffer_append_byte(table, (char)(value | 128));
        value >>= 7;
    }
    return rc < 0 ? rc : buffer_append_byte(table, (char)value);
}

static bool take_number(struct span *rest, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < NUMBER_MAX && i < rest->len; i++) {
        unsigned char byte = (unsigned char)rest->at[i];
        value |= (uint64_t)(byte & 127) << (7 * i);
        if (byte < 128) {
            *ret_value = value;
            *rest = span_from(*rest, i + 1);
            return value <= SIZE_MAX / 2;
        }
    }
    return false;
}

int structure_table_begin(struct buffer *table)
{
    return buffer_append_byte(table, VERSION);
}

int structure_table_add(struct buffer *table, const struct structure_part *part, size_t before)
{
    int bits = (int)part->kind | (int)part->encoding << 2 | (int)part->type << 4 |
               (int)part->attachment << 6;
    uint64_t numbers[] = {(uint64_t)(part->number ? part->number - part->parent : 0),
                          part->header - before, part->body - part->header, part->end - part->body,
                          part->lines};
    int rc = buffer_append_byte(table, (char)bits);
    for (size_t i = 0; rc == 0 && i < sizeof numbers / sizeof *numbers; i++)
        rc = add_number(table, numbers[i]);
    return rc;
}

int structure_begin(struct span table, struct structure_walk *ret_walk)
{
    if (table.len == 0 || table.at[0] != VERSION)
        return ERR_CORRUPT;
    *ret_walk = (struct structure_walk){.rest = span_from(table, 1)};
    return 0;
}

int structure_next(struct structure_walk *walk, struct structure_part *ret_part)
{
    uint64_t back, header, body, end, lines;
    if (walk->rest.len == 0)
        return 0;
    unsigned bits = (unsigned char)walk->rest.at[0];
    struct span rest = span_from(walk->rest, 1);
    if ((bits & 3) > MIME_MESSAGE || bits > 127 || !take_number(&rest, &back) ||
        !take_number(&rest, &header) || !take_number(&rest, &body) || !take_number(&rest, &end) ||
        !take_number(&rest, &lines))
        return ERR_CORRUPT;
    if (back > (uint64_t)walk->count || (back == 0) != (walk->count == 0))
        return ERR_CORRUPT;
    *ret_part = (struct structure_part){
        .kind = bits & 3,
        .encoding = bits >> 2 & 3,
        .type = bits >> 4 & 3,
        .attachment = bits >> 6 & 1,
        .number = walk->count,
        .parent = walk->count ? walk->count - (int)back : -1,
        .header = walk->at + header,
        .body = walk->at + header + body,
        .end = walk->at + header + body + end,
        .lines = lines,
    };
    walk->rest = rest;
    walk->at = ret_part->header;
    walk->count++;
    return 1;
}
