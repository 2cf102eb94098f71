/* Views; see view.h. */
#include "imap/view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void view_free(struct view *v)
{
    free(v->runs);
    *v = (struct view){0};
}

static int reserve(struct view *v)
{
    if (v->runs && v->count < v->room)
        return 0;
    size_t room = v->room ? v->room * 2 : 4;
    struct view_run *grown = realloc(v->runs, room * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    v->runs = grown;
    v->room = room;
    return 0;
}

int view_add(struct view *v, uint32_t uid)
{
    struct view_run *last = v->count ? &v->runs[v->count - 1] : NULL;
    if (last && uid == last->uid + last->count) {
        last->count++;
        v->messages++;
        return 0;
    }
    int rc = reserve(v);
    if (rc == 0)
        v->runs[v->count++] = (struct view_run){uid, 1, ++v->messages};
    return rc;
}

/* The first run that ends at or behind uid. */
static size_t run_at(const struct view *v, uint32_t uid)
{
    size_t low = 0, high = v->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (v->runs[middle].uid + (v->runs[middle].count - 1) < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void shift(struct view *v, size_t from, int by)
{
    for (size_t i = from; i < v->count; i++)
        v->runs[i].number += (uint32_t)by;
    v->messages += (uint32_t)by;
}

int view_insert(struct view *v, uint32_t uid)
{
    size_t i = run_at(v, uid);
    if (i == v->count)
        return view_add(v, uid);
    if (v->runs[i].uid <= uid)
        return 0;
    int rc = reserve(v);
    if (rc < 0)
        return rc;
    memmove(v->runs + i + 1, v->runs + i, (v->count - i) * sizeof *v->runs);
    v->count++;
    v->runs[i] = (struct view_run){uid, 1, v->runs[i + 1].number};
    shift(v, i + 1, 1);
    return 0;
}

int64_t view_remove(struct view *v, uint32_t uid)
{
    size_t i = run_at(v, uid);
    if (i == v->count || v->runs[i].uid > uid)
        return 0;
    struct view_run *run = &v->runs[i];
    uint32_t before = uid - run->uid, number = run->number + before;
    if (run->count == 1) {
        memmove(run, run + 1, (v->count - i - 1) * sizeof *run);
        v->count--;
        shift(v, i, -1);
    } else if (before == 0 || before == run->count - 1) {
        run->uid += before == 0;
        run->count--;
        shift(v, i + 1, -1);
    } else {
        if (reserve(v) < 0)
            return -ENOMEM;
        run = &v->runs[i];
        memmove(run + 1, run, (v->count - i) * sizeof *run);
        v->count++;
        run[0].count = before;
        run[1] = (struct view_run){uid + 1, run[1].count - before - 1, number + 1};
        shift(v, i + 1, -1);
    }
    return number;
}

uint32_t view_number(const struct view *v, uint32_t uid)
{
    size_t i = run_at(v, uid);
    if (i == v->count || v->runs[i].uid > uid)
        return 0;
    return v->runs[i].number + (uid - v->runs[i].uid);
}

uint32_t view_uid(const struct view *v, uint32_t number)
{
    size_t low = 0, high = v->count;
    if (number == 0 || number > v->messages)
        return 0;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (v->runs[middle].number <= number)
            low = middle;
        else
            high = middle;
    }
    return v->runs[low].uid + (number - v->runs[low].number);
}

uint32_t view_highest(const struct view *v)
{
    return v->count ? v->runs[v->count - 1].uid + (v->runs[v->count - 1].count - 1) : 0;
}

uint32_t view_next(const struct view *v, uint32_t uid)
{
    size_t i = run_at(v, uid);
    if (i == v->count)
        return 0;
    return v->runs[i].uid > uid ? v->runs[i].uid : uid;
}

uint32_t view_next_absent(const struct view *v, uint32_t uid)
{
    for (size_t i = run_at(v, uid); i < v->count && v->runs[i].uid <= uid; i++)
        uid = v->runs[i].uid + v->runs[i].count; /* 0 behind the last UID of all */
    return uid;
}
