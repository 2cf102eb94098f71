/* Letters and their ids, linked as step 1 of REFERENCES says (RFC 5256 3); see thread.h. */
#include "mail/thread.h"

#include "base/random.h"
#include "mail/message_id.h"
#include "mail/thread_internal.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 1024

int thread_open(struct thread **ret_thread)
{
    struct thread *t = calloc(1, sizeof *t);
    if (!t)
        return -ENOMEM;
    random_bytes(t->key, sizeof t->key);
    *ret_thread = t;
    return 0;
}

void thread_free(struct thread *t)
{
    if (!t)
        return;
    free(t->nodes);
    free(t->letters);
    free(t->table.slots);
    free(t);
}

static struct thread_hash hash_of(const struct thread *t, struct span text)
{
    struct thread_hash hash;
    unsigned char bytes[crypto_shorthash_siphashx24_BYTES];
    crypto_shorthash_siphashx24(bytes, (const unsigned char *)text.at, text.len, t->key);
    memcpy(&hash.a, bytes, sizeof hash.a);
    memcpy(&hash.b, bytes + sizeof hash.a, sizeof hash.b);
    return hash;
}

/* Room for one more in a growing array. */
static int reserve(void **array, size_t count, size_t size, size_t *room)
{
    if (count < *room)
        return 0;
    size_t more = *room ? 2 * *room : 256;
    void *grown = more < THREAD_NONE ? realloc(*array, more * size) : NULL;
    if (!grown)
        return -ENOMEM;
    *array = grown;
    *room = more;
    return 0;
}

/* --- ids ------------------------------------------------------------------------------------- */

/* Where the id stands, or may be put. */
static size_t find_slot(const struct thread *t, const struct thread_hash *id)
{
    size_t i = (size_t)id->a & (t->table.size - 1);
    while (t->table.slots[i] != THREAD_NONE) {
        const struct thread_hash *there = &t->nodes[t->table.slots[i]].id;
        if (there->a == id->a && there->b == id->b)
            break;
        i = (i + 1) & (t->table.size - 1);
    }
    return i;
}

static int grow_table(struct thread *t)
{
    struct thread_table old = t->table;
    if (old.count < old.size / 2)
        return 0;
    t->table.size = old.size ? 2 * old.size : FIRST_SLOTS;
    t->table.slots = malloc(t->table.size * sizeof *t->table.slots);
    if (!t->table.slots) {
        t->table = old;
        return -ENOMEM;
    }
    memset(t->table.slots, 0xff, t->table.size * sizeof *t->table.slots);
    for (size_t i = 0; i < old.size; i++)
        if (old.slots[i] != THREAD_NONE)
            t->table.slots[find_slot(t, &t->nodes[old.slots[i]].id)] = old.slots[i];
    free(old.slots);
    return 0;
}

static int make_node(struct thread *t, struct thread_hash id, uint32_t *ret_node)
{
    void *nodes = t->nodes;
    int rc = reserve(&nodes, t->node_count, sizeof *t->nodes, &t->node_room);
    t->nodes = nodes;
    if (rc < 0)
        return rc;
    *ret_node = (uint32_t)t->node_count++;
    t->nodes[*ret_node] = (struct thread_node){.id = id,
                                               .parent = THREAD_NONE,
                                               .letter = THREAD_NONE,
                                               .up = THREAD_NONE,
                                               .left = THREAD_NONE,
                                               .right = THREAD_NONE};
    return 0;
}

/* The node of an id, made where there is none; NONE past the limit of what is missing. */
static int node_of(struct thread *t, struct span text, bool missing, uint32_t *ret_node)
{
    struct thread_hash id = hash_of(t, text);
    int rc = grow_table(t);
    if (rc < 0)
        return rc;
    size_t slot = find_slot(t, &id);
    *ret_node = t->table.slots[slot];
    if (*ret_node != THREAD_NONE || (missing && t->missing == THREAD_MISSING_MAX))
        return 0;
    rc = make_node(t, id, ret_node);
    if (rc < 0)
        return rc;
    t->table.slots[slot] = *ret_node;
    t->table.count++;
    t->missing += missing;
    return 0;
}

/* --- links ----------------------------------------------------------------------------------- */

/* The child has no parent. */
static bool makes_loop(struct thread *t, uint32_t child, uint32_t parent)
{
    return child == parent ||
           (t->nodes[child].is_parent && thread_find_root(t->nodes, parent) == child);
}

static void adopt(struct thread *t, uint32_t child, uint32_t parent)
{
    if (t->nodes[child].parent != THREAD_NONE || makes_loop(t, child, parent))
        return;
    t->nodes[child].parent = parent;
    t->nodes[parent].is_parent = true;
    thread_link(t->nodes, child, parent);
}

/* Step 1.A: each reference is the parent of the next. */
static int link_references(struct thread *t, struct span ids, uint32_t *ret_last)
{
    uint32_t last = THREAD_NONE, node;
    struct span id;
    while (message_ids_next(&ids, &id)) {
        int rc = node_of(t, id, true, &node);
        if (rc < 0)
            return rc;
        if (node == THREAD_NONE)
            continue;
        if (last != THREAD_NONE)
            adopt(t, node, last);
        last = node;
    }
    *ret_last = last;
    return 0;
}

/* Step 1.B: what the letter itself says of its parent counts more than what others said. */
static void link_letter(struct thread *t, uint32_t node, uint32_t parent)
{
    struct thread_node *n = &t->nodes[node];
    if (n->parent != THREAD_NONE && n->parent != parent) {
        thread_cut(t->nodes, node);
        n->parent = THREAD_NONE;
    }
    if (parent != THREAD_NONE)
        adopt(t, node, parent);
}

/* The letter's own node: of letters with the same id the first has it. */
static int own_node(struct thread *t, struct span id, uint32_t *ret_node)
{
    static const struct thread_hash nobodys;
    int rc = id.len ? node_of(t, id, false, ret_node) : 0;
    if (rc < 0)
        return rc;
    if (id.len && t->nodes[*ret_node].letter == THREAD_NONE)
        return 0;
    return make_node(t, nobodys, ret_node);
}

int thread_add(struct thread *t, const struct thread_letter *letter)
{
    struct span ids = letter->ids, own = SPAN("");
    void *letters = t->letters;
    uint32_t node, parent;
    int rc = reserve(&letters, t->letter_count, sizeof *t->letters, &t->letter_room);
    t->letters = letters;
    (void)message_ids_next(&ids, &own);
    if (rc == 0)
        rc = own_node(t, own, &node);
    if (rc < 0)
        return rc;
    t->nodes[node].letter = (uint32_t)t->letter_count;
    t->letters[t->letter_count++] = (struct thread_known){.subject = hash_of(t, letter->subject),
                                                          .sent_ms = letter->sent_ms,
                                                          .number = letter->number,
                                                          .node = node,
                                                          .has_subject = letter->subject.len > 0,
                                                          .reply = letter->reply};
    rc = link_references(t, ids, &parent);
    if (rc == 0)
        link_letter(t, node, parent);
    return rc;
}
