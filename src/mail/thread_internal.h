/* What the files of threading share: thread.c gathers letters and links them by their ids,
 * thread_order.c makes threads of them, thread_link.c finds loops, thread_write.c writes. */
#ifndef MAIL_THREAD_INTERNAL_H
#define MAIL_THREAD_INTERNAL_H

#include "mail/thread.h"

#define THREAD_NONE UINT32_MAX

struct thread_hash {
    uint64_t a, b;
};

/* A Message-ID, and the letter that has it. */
struct thread_node {
    struct thread_hash id;
    uint32_t parent;
    uint32_t letter;          /* NONE: nobody has it, a dummy */
    uint32_t up, left, right; /* thread_link.c; afterwards thread_order.c's */
    bool is_parent;           /* it is one, or was */
};

struct thread_known { /* a letter */
    struct thread_hash subject;
    int64_t sent_ms;
    uint32_t number, node;
    bool has_subject, reply;
};

/* From hash to place in an array: open addressing, at most half full. */
struct thread_table {
    uint32_t *slots;
    size_t size, count;
};

struct thread {
    unsigned char key[16];
    struct thread_node *nodes;
    size_t node_count, node_room, missing;
    struct thread_known *letters;
    size_t letter_count, letter_room;
    struct thread_table table; /* of nodes */
};

/* --- thread_link.c: a forest whose roots are found in O(log n), amortised (Sleator and Tarjan
 * 1983)
 */

uint32_t thread_find_root(struct thread_node *nodes, uint32_t node);
/* The child is a root, and the parent is not in its tree. */
void thread_link(struct thread_node *nodes, uint32_t child, uint32_t parent);
void thread_cut(struct thread_node *nodes, uint32_t child); /* from its parent */

/* --- thread_write.c */

/* A tree to be written: letters, then dummies; lists of children are in their order. */
struct thread_item {
    uint32_t parent, first, last, next; /* NONE */
};
struct thread_tree {
    struct thread_item *items;
    size_t count;         /* letters and dummies */
    uint32_t first, last; /* of the top */
};
/* Puts an item at the end of its parent's children, or of the top. */
void thread_tree_append(struct thread_tree *tree, uint32_t item);
must_check int thread_tree_write(const struct thread *t, const struct thread_tree *tree,
                                 struct buffer *out);

#endif
