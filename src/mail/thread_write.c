/* Threads as THREAD answers them (RFC 5256 4, thread-data), without recursion: a thread may be as
 * deep as the mailbox is long. See thread_internal.h. */
#include "mail/thread_internal.h"

void thread_tree_append(struct thread_tree *tree, uint32_t item)
{
    struct thread_item *items = tree->items;
    uint32_t parent = items[item].parent;
    uint32_t *first = parent == THREAD_NONE ? &tree->first : &items[parent].first;
    uint32_t *last = parent == THREAD_NONE ? &tree->last : &items[parent].last;
    if (*first == THREAD_NONE)
        *first = item;
    else
        items[*last].next = item;
    *last = item;
}

/* Children stand in brackets unless there is only one; at the top all do. */
static bool has_brackets(const struct thread_tree *tree, uint32_t item)
{
    uint32_t parent = tree->items[item].parent;
    return parent == THREAD_NONE || tree->items[parent].first != tree->items[parent].last;
}

/* "(" or what separates it from its parent, and its number. */
static int write_begin(const struct thread *t, const struct thread_tree *tree, uint32_t item,
                       struct buffer *out)
{
    uint32_t parent = tree->items[item].parent;
    bool brackets = has_brackets(tree, item);
    bool first = parent != THREAD_NONE && tree->items[parent].first == item;
    bool behind_letter = parent != THREAD_NONE && parent < t->letter_count;
    int rc = first && behind_letter ? buffer_append_byte(out, ' ') : 0;
    if (rc == 0 && brackets)
        rc = buffer_append_byte(out, '(');
    if (rc == 0 && item < t->letter_count)
        rc = buffer_append_uint(out, t->letters[item].number);
    return rc;
}

/* What comes behind an item and all below it: the next one, or NONE at the end. */
static int write_end(const struct thread_tree *tree, uint32_t item, struct buffer *out,
                     uint32_t *ret_next)
{
    uint32_t next = THREAD_NONE;
    int rc = 0;
    while (rc == 0 && item != THREAD_NONE) {
        if (has_brackets(tree, item))
            rc = buffer_append_byte(out, ')');
        next = tree->items[item].next;
        if (next != THREAD_NONE)
            break;
        item = tree->items[item].parent;
    }
    *ret_next = next;
    return rc;
}

int thread_tree_write(const struct thread *t, const struct thread_tree *tree, struct buffer *out)
{
    uint32_t item = tree->first;
    int rc = 0;
    while (rc == 0 && item != THREAD_NONE) {
        rc = write_begin(t, tree, item, out);
        if (rc == 0 && tree->items[item].first != THREAD_NONE)
            item = tree->items[item].first;
        else if (rc == 0)
            rc = write_end(tree, item, out, &item);
    }
    return rc;
}
