/*
 * A link-cut forest: each path to a root is kept in splay trees by depth; see thread_internal.h.
 *
 * left and right are within the splay tree (left is nearer to the root), up is the node above in
 * it, or, at its top, the parent of the path's first node.
 */
#include "mail/thread_internal.h"

static bool is_top(const struct thread_node *n, uint32_t x)
{
    uint32_t up = n[x].up;
    return up == THREAD_NONE || (n[up].left != x && n[up].right != x);
}

/* Changes places with the node above. */
static void rotate(struct thread_node *n, uint32_t x)
{
    uint32_t up = n[x].up, above = n[up].up, moved;
    bool up_is_top = is_top(n, up);
    if (n[up].left == x) {
        moved = n[x].right;
        n[up].left = moved;
        n[x].right = up;
    } else {
        moved = n[x].left;
        n[up].right = moved;
        n[x].left = up;
    }
    if (moved != THREAD_NONE)
        n[moved].up = up;
    if (!up_is_top && n[above].left == up)
        n[above].left = x;
    else if (!up_is_top)
        n[above].right = x;
    n[x].up = above;
    n[up].up = x;
}

static void splay(struct thread_node *n, uint32_t x)
{
    while (!is_top(n, x)) {
        uint32_t up = n[x].up;
        if (!is_top(n, up)) {
            bool same = (n[up].left == x) == (n[n[up].up].left == up);
            rotate(n, same ? up : x);
        }
        rotate(n, x);
    }
}

/* The path from the root to x becomes one splay tree, with x at its top. */
static void expose(struct thread_node *n, uint32_t x)
{
    uint32_t below = THREAD_NONE;
    for (uint32_t at = x; at != THREAD_NONE; at = n[at].up) {
        splay(n, at);
        n[at].right = below;
        below = at;
    }
    splay(n, x);
}

uint32_t thread_find_root(struct thread_node *nodes, uint32_t node)
{
    expose(nodes, node);
    while (nodes[node].left != THREAD_NONE)
        node = nodes[node].left;
    splay(nodes, node);
    return node;
}

void thread_link(struct thread_node *nodes, uint32_t child, uint32_t parent)
{
    expose(nodes, child);
    nodes[child].up = parent;
}

void thread_cut(struct thread_node *nodes, uint32_t child)
{
    expose(nodes, child);
    uint32_t above = nodes[child].left;
    nodes[child].left = THREAD_NONE;
    if (above != THREAD_NONE)
        nodes[above].up = THREAD_NONE;
}
