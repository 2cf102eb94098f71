/*
 * Threads made of linked letters: steps 2 to 6 of REFERENCES, and ORDEREDSUBJECT (RFC 5256 3).
 *
 * Letters are sorted once, by sent date and place: each list of siblings is a part of that order,
 * and where a dummy stands its first child says. The letters come first among the items, then
 * dummies that stay.
 */
#include "mail/thread_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct item {
    uint32_t parent; /* an item */
    uint32_t first;  /* a dummy's first child by date */
    uint32_t into;   /* a dummy whose children went to another */
};

struct ordering {
    struct thread *t;
    uint32_t *sorted; /* letters by date */
    struct item *items;
    size_t count;  /* of items */
    uint32_t *top; /* the root's children in order, before they are gathered by subject */
    size_t top_count;
    struct thread_table subjects; /* places in top or, above them, items */
};

static int compare_letters(const void *a, const void *b, void *arg)
{
    const struct thread_known *letters = arg;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    if (letters[x].sent_ms != letters[y].sent_ms)
        return letters[x].sent_ms < letters[y].sent_ms ? -1 : 1;
    return x < y ? -1 : x > y;
}

static void free_ordering(struct ordering *o)
{
    free(o->sorted);
    free(o->items);
    free(o->top);
    free(o->subjects.slots);
}

static void *fill(size_t count, size_t size)
{
    void *made = malloc(count * size + 1);
    return made ? memset(made, 0xff, count * size) : NULL; /* NONE everywhere */
}

/* A dummy that stays has two letters below, one that is made has two threads: half as many as there
 * are letters, each. */
static int begin(struct ordering *o, struct thread *t)
{
    size_t n = t->letter_count, table = 16;
    while (table < 2 * n)
        table *= 2;
    *o = (struct ordering){.t = t,
                           .sorted = fill(n, sizeof *o->sorted),
                           .items = fill(2 * n, sizeof *o->items),
                           .count = n,
                           .top = fill(n, sizeof *o->top)};
    o->subjects =
        (struct thread_table){.slots = fill(table, sizeof *o->subjects.slots), .size = table};
    if (!o->sorted || !o->items || !o->top || !o->subjects.slots)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        o->sorted[i] = (uint32_t)i;
    qsort_r(o->sorted, n, sizeof *o->sorted, compare_letters, t->letters);
    return 0;
}

/* --- steps 2 and 3: dummies go --------------------------------------------------------------- */

static bool is_dummy_node(const struct thread *t, uint32_t node)
{
    return t->nodes[node].letter == THREAD_NONE;
}

/* The next above that is a letter, or the dummy at the top; kept in up for all on the way. */
static uint32_t find_real(struct thread *t, uint32_t dummy)
{
    uint32_t at = dummy, found;
    while (is_dummy_node(t, at) && t->nodes[at].up == THREAD_NONE &&
           t->nodes[at].parent != THREAD_NONE)
        at = t->nodes[at].parent;
    found = is_dummy_node(t, at) && t->nodes[at].up != THREAD_NONE ? t->nodes[at].up : at;
    for (at = dummy; at != found && is_dummy_node(t, at) && t->nodes[at].up == THREAD_NONE;
         at = t->nodes[at].parent)
        t->nodes[at].up = found;
    return found;
}

/* The node above a letter, without dummies between; NONE at the top. */
static uint32_t real_parent(struct thread *t, size_t letter)
{
    uint32_t parent = t->nodes[t->letters[letter].node].parent;
    return parent == THREAD_NONE ? THREAD_NONE : find_real(t, parent);
}

/* A dummy at the top with one child gives it its place; left counts, right is its item. */
static void prune(struct ordering *o)
{
    struct thread *t = o->t;
    for (size_t i = 0; i < t->node_count; i++) {
        t->nodes[i].up = t->nodes[i].right = THREAD_NONE;
        t->nodes[i].left = 0;
    }
    for (size_t i = 0; i < t->letter_count; i++) {
        uint32_t parent = real_parent(t, i);
        if (parent != THREAD_NONE)
            t->nodes[parent].left++;
    }
    for (size_t i = 0; i < t->letter_count; i++) {
        uint32_t parent = real_parent(t, i);
        if (parent == THREAD_NONE)
            continue;
        struct thread_node *node = &t->nodes[parent];
        if (node->letter != THREAD_NONE)
            o->items[i].parent = node->letter;
        else if (node->left > 1) {
            if (node->right == THREAD_NONE)
                node->right = (uint32_t)o->count++;
            o->items[i].parent = node->right;
        }
    }
}

/* --- step 4: the top by date ----------------------------------------------------------------- */

static bool is_dummy(const struct ordering *o, uint32_t item)
{
    return item >= o->t->letter_count;
}

static void sort_top(struct ordering *o)
{
    for (size_t i = 0; i < o->t->letter_count; i++) {
        uint32_t letter = o->sorted[i], parent = o->items[letter].parent;
        if (parent == THREAD_NONE) {
            o->top[o->top_count++] = letter;
        } else if (is_dummy(o, parent) && o->items[parent].first == THREAD_NONE) {
            o->items[parent].first = letter;
            o->top[o->top_count++] = parent;
        }
    }
}

/* --- step 5: one subject, one thread --------------------------------------------------------- */

/* The letter whose subject a thread has. */
static const struct thread_known *subject_of(const struct ordering *o, uint32_t item)
{
    return &o->t->letters[is_dummy(o, item) ? o->items[item].first : item];
}

/* Of the item in the table that has this subject, or of the free slot. */
static uint32_t *find_subject(const struct ordering *o, const struct thread_known *letter)
{
    size_t mask = o->subjects.size - 1, i = (size_t)letter->subject.a & mask;
    while (o->subjects.slots[i] != THREAD_NONE) {
        const struct thread_known *there = subject_of(o, o->subjects.slots[i]);
        if (there->subject.a == letter->subject.a && there->subject.b == letter->subject.b)
            break;
        i = (i + 1) & mask;
    }
    return &o->subjects.slots[i];
}

static bool is_reply(const struct ordering *o, uint32_t item)
{
    return !is_dummy(o, item) && o->t->letters[item].reply;
}

/* Step 5.B: dummies first, then letters that are no replies. */
static void fill_subjects(struct ordering *o)
{
    for (size_t i = 0; i < o->top_count; i++) {
        uint32_t item = o->top[i], *slot;
        const struct thread_known *letter = subject_of(o, item);
        if (!letter->has_subject)
            continue;
        slot = find_subject(o, letter);
        if (*slot == THREAD_NONE ||
            (!is_dummy(o, *slot) &&
             (is_dummy(o, item) || (is_reply(o, *slot) && !is_reply(o, item)))))
            *slot = item;
    }
}

static void put_below_new(struct ordering *o, uint32_t *slot, uint32_t item)
{
    uint32_t dummy = (uint32_t)o->count++;
    o->items[dummy].first = *slot; /* both have that subject */
    o->items[*slot].parent = dummy;
    o->items[item].parent = dummy;
    *slot = dummy;
}

/* Step 5.C. */
static void merge_subjects(struct ordering *o)
{
    for (size_t i = 0; i < o->top_count; i++) {
        uint32_t item = o->top[i];
        const struct thread_known *letter = subject_of(o, item);
        uint32_t *slot = letter->has_subject ? find_subject(o, letter) : NULL;
        if (!slot || *slot == item || o->items[item].parent != THREAD_NONE)
            continue;
        if (is_dummy(o, *slot) && is_dummy(o, item))
            o->items[item].into = *slot;
        else if (is_dummy(o, *slot) || (is_reply(o, item) && !is_reply(o, *slot)))
            o->items[item].parent = *slot;
        else
            put_below_new(o, slot, item);
    }
}

/* --- step 6: siblings by date ---------------------------------------------------------------- */

static uint32_t final_parent(const struct ordering *o, uint32_t item)
{
    uint32_t parent = o->items[item].parent;
    if (parent != THREAD_NONE && o->items[parent].into != THREAD_NONE)
        return o->items[parent].into;
    return parent;
}

static int write_tree(const struct ordering *o, struct buffer *out)
{
    struct thread_tree tree = {.items = fill(o->count, sizeof *tree.items),
                               .count = o->count,
                               .first = THREAD_NONE,
                               .last = THREAD_NONE};
    if (!tree.items)
        return -ENOMEM;
    for (size_t i = 0; i < o->t->letter_count; i++) {
        uint32_t letter = o->sorted[i], parent = final_parent(o, letter);
        bool begins =
            parent != THREAD_NONE && is_dummy(o, parent) && tree.items[parent].first == THREAD_NONE;
        tree.items[letter].parent = parent;
        if (begins)
            thread_tree_append(&tree, parent);
        thread_tree_append(&tree, letter);
    }
    int rc = thread_tree_write(o->t, &tree, out);
    free(tree.items);
    return rc;
}

int thread_by_references(struct thread *t, struct buffer *out)
{
    struct ordering o;
    int rc = begin(&o, t);
    if (rc == 0) {
        prune(&o);
        sort_top(&o);
        fill_subjects(&o);
        merge_subjects(&o);
        rc = write_tree(&o, out);
    }
    free_ordering(&o);
    return rc;
}

/* --- ORDEREDSUBJECT -------------------------------------------------------------------------- */

/* The first letter of a subject, and all others below it. */
int thread_by_subject(struct thread *t, struct buffer *out)
{
    struct ordering o;
    int rc = begin(&o, t);
    for (size_t i = 0; rc == 0 && i < t->letter_count; i++) {
        uint32_t letter = o.sorted[i], *slot = find_subject(&o, &t->letters[letter]);
        if (*slot == THREAD_NONE)
            *slot = letter;
        else
            o.items[letter].parent = *slot;
    }
    if (rc == 0)
        rc = write_tree(&o, out);
    free_ordering(&o);
    return rc;
}
