/* Sequence sets; see set.h. */
#include "imap/set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int parse_number_or_star(struct imap_parser *p, uint32_t highest, uint32_t *ret_number)
{
    if (!imap_take(p, '*'))
        return imap_parse_nz_number(p, ret_number);
    *ret_number = highest ? highest : UINT32_MAX;
    return 0;
}

static int by_first(const void *a, const void *b)
{
    const struct imap_range *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

static void merge(struct imap_set *set)
{
    size_t kept = 0;
    qsort(set->ranges, set->count, sizeof *set->ranges, by_first);
    for (size_t i = 1; i < set->count; i++) {
        struct imap_range *last = &set->ranges[kept], *next = &set->ranges[i];
        if (next->first > last->last && next->first - last->last > 1)
            set->ranges[++kept] = *next;
        else if (next->last > last->last)
            last->last = next->last;
    }
    set->count = kept + 1;
}

static size_t count_ranges(const struct imap_parser *p)
{
    size_t count = 1;
    for (const char *at = p->at;
         at < p->end && (ascii_is_digit(*at) || *at == ',' || *at == ':' || *at == '*'); at++)
        count += *at == ',';
    return count;
}

int imap_parse_set(struct imap_parser *p, uint32_t highest, struct imap_set *ret_set)
{
    struct imap_set set = {0};
    if (imap_take(p, '$')) {
        set.saved = true;
        *ret_set = set;
        return 0;
    }
    size_t room = count_ranges(p);
    if (room > IMAP_RANGES_MAX)
        return ERR_SYNTAX;
    set.ranges = arena_alloc(p->arena, room * sizeof *set.ranges);
    if (!set.ranges)
        return -ENOMEM;
    do {
        struct imap_range *range = &set.ranges[set.count++];
        if (parse_number_or_star(p, highest, &range->first) < 0)
            return ERR_SYNTAX;
        range->last = range->first;
        if (imap_take(p, ':') && parse_number_or_star(p, highest, &range->last) < 0)
            return ERR_SYNTAX;
        if (range->first > range->last)
            *range = (struct imap_range){range->last, range->first};
    } while (set.count < room && imap_take(p, ','));
    merge(&set);
    *ret_set = set;
    return 0;
}

bool imap_set_has(const struct imap_set *set, uint32_t number)
{
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (set->ranges[middle].last < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < set->count && set->ranges[low].first <= number;
}

uint64_t imap_set_size(const struct imap_set *set)
{
    uint64_t size = 0;
    for (size_t i = 0; i < set->count; i++)
        size += (uint64_t)set->ranges[i].last - set->ranges[i].first + 1;
    return size;
}

static int write_range(const struct imap_set_writer *w, struct buffer *out)
{
    int rc = out->len && out->at[out->len - 1] >= '0' && out->at[out->len - 1] <= '9'
                 ? buffer_append_byte(out, ',')
                 : 0;
    if (rc == 0)
        rc = buffer_append_uint(out, w->first);
    if (rc == 0 && w->last != w->first)
        rc = buffer_append_byte(out, ':');
    if (rc == 0 && w->last != w->first)
        rc = buffer_append_uint(out, w->last);
    return rc;
}

int imap_set_add(struct imap_set_writer *w, uint32_t number, struct buffer *out)
{
    int rc = 0;
    if (w->first && number == w->last + 1) {
        w->last = number;
        return 0;
    }
    if (w->first)
        rc = write_range(w, out);
    w->first = w->last = number;
    return rc;
}

int imap_set_add_range(struct imap_set_writer *w, uint32_t first, uint32_t last, struct buffer *out)
{
    int rc = imap_set_add(w, first, out);
    w->last = last;
    return rc;
}

int imap_set_end(struct imap_set_writer *w, struct buffer *out)
{
    int rc = w->first ? write_range(w, out) : 0;
    w->first = 0;
    return rc;
}
