/*
 * Which mailbox each copy of a letter goes into, and which recipients got none; see
 * copy_internal.h.
 */
#include "submit/copy_internal.h"

#include <stdlib.h>
#include <string.h>

/* A letter to more details of one user than this goes to INBOX for the others: a stranger shall not
 * have a user's folders searched by the thousand. */
#define DETAILS_MAX 32

/* --- order ----------------------------------------------------------------------------------- */

int copy_compare(const void *a, const void *b)
{
    const struct copy *x = a, *y = b;
    if (x->tenant != y->tenant)
        return x->tenant < y->tenant ? -1 : 1;
    if (x->user != y->user)
        return x->user < y->user ? -1 : 1;
    if (x->user)
        return span_compare(x->detail, y->detail);
    int order = span_compare(x->domain, y->domain);
    return order ? order : span_compare(x->forward_path, y->forward_path);
}

bool copy_stays(const struct copy *copy)
{
    return copy->user && copy->refused == 0 && !copy->twin && !copy->waits;
}

bool copy_leaves(const struct copy *copy)
{
    return copy->user == 0 || (copy->waits && !copy->twin);
}

const struct copy *copy_find(const struct copy *copies, size_t count,
                             const struct directory_target *target)
{
    struct copy key = {.tenant = target->tenant, .user = target->user, .detail = target->detail};
    return bsearch(&key, copies, count, sizeof *copies, copy_compare);
}

/* --- placing --------------------------------------------------------------------------------- */

/* One user, while their copies are placed. */
struct home {
    int64_t tenant, user, inbox;
    unsigned searches;
    const struct copy *taken[DETAILS_MAX + 1];
    unsigned taken_count;
};

/* ERR_ABSENT: there is no such user any more. */
static int find_inbox(struct db_tx *tx, struct home *home)
{
    struct span inbox = SPAN(BOX_INBOX);
    if (home->inbox)
        return 0;
    int rc = box_find(tx, home->tenant, home->user, inbox, &home->inbox);
    if (rc != ERR_ABSENT)
        return rc;
    rc = directory_has_user(tx, home->tenant, home->user);
    if (rc <= 0)
        return rc < 0 ? rc : ERR_ABSENT;
    rc = box_make(tx, home->tenant, home->user, inbox, BOX_USE_NONE);
    return rc < 0 ? rc : box_find(tx, home->tenant, home->user, inbox, &home->inbox);
}

static int find_mailbox(struct db_tx *tx, struct home *home, struct copy *copy)
{
    int rc = ERR_ABSENT;
    if (copy->detail.len && home->searches++ < DETAILS_MAX) {
        rc = box_find_detail(tx, home->tenant, home->user, copy->detail, &copy->mailbox,
                             copy->folder);
        copy->name = span_make(copy->folder, copy->detail.len);
    }
    if (rc != ERR_ABSENT)
        return rc;
    rc = find_inbox(tx, home);
    copy->mailbox = home->inbox;
    copy->name = SPAN(BOX_INBOX);
    return rc;
}

/* Several details may mean one folder; INBOX is the place of all that mean none. */
static bool is_taken(struct home *home, struct copy *copy)
{
    for (unsigned i = 0; i < home->taken_count; i++) {
        const struct copy *other = home->taken[i];
        if (other->mailbox != copy->mailbox)
            continue;
        copy->refused = other->refused;
        copy->waits = other->waits;
        return true;
    }
    home->taken[home->taken_count++] = copy;
    return false;
}

/* Of two letters at once only one gets the last room. */
static int take_room(struct db_tx *tx, struct copy *copy)
{
    int rc = box_take_room(tx, copy->tenant, copy->user, 1, copy->octets, &copy->quota);
    if (rc != ERR_QUOTA)
        return rc;
    copy->waits = copy->may_wait;
    copy->refused = copy->may_wait ? 0 : rc;
    return 0;
}

static int place(struct db_tx *tx, struct home *home, struct copy *copy)
{
    copy->twin = copy->dropped = copy->waits = false;
    copy->refused = 0;
    if (home->tenant != copy->tenant || home->user != copy->user)
        *home = (struct home){.tenant = copy->tenant, .user = copy->user};
    int rc = find_mailbox(tx, home, copy);
    if (rc == ERR_ABSENT)
        copy->refused = rc;
    else if (rc == 0 && !(copy->twin = is_taken(home, copy)))
        rc = take_room(tx, copy);
    return rc == ERR_ABSENT ? 0 : rc;
}

/* Does the letter go to one of the recipient's targets? */
static bool is_served(const struct letter_recipient *recipient, const struct copy *copies,
                      size_t count)
{
    for (size_t i = 0; i < recipient->count; i++)
        if (recipient->targets[i].user == 0 ||
            copy_find(copies, count, &recipient->targets[i])->refused == 0)
            return true;
    return recipient->count == 0;
}

/* A recipient whose letter went to some is accepted: that it did not go to the others is told by
 * events alone. */
static void mark_dropped(const struct letter *letter, struct copy *copies, size_t count)
{
    for (size_t i = 0; i < letter->recipient_count; i++) {
        const struct letter_recipient *recipient = &letter->recipients[i];
        if (letter->apart && !letter->final && !is_served(recipient, copies, count))
            continue;
        for (size_t k = 0; k < recipient->count; k++) {
            const struct directory_target *target = &recipient->targets[k];
            struct copy *copy =
                target->user ? (struct copy *)copy_find(copies, count, target) : NULL;
            if (copy && copy->refused)
                copy->dropped = true;
        }
    }
}

/* A letter that would only wait is refused, unless it comes from us: strangers shall not fill the
 * queue with what no mailbox has room for. */
static void refuse_waiting(const struct letter *letter, struct copy *copies, size_t count)
{
    if (letter->full_waits || letter->final)
        return;
    for (size_t i = 0; i < count; i++)
        if (copies[i].user == 0 || copy_stays(&copies[i]))
            return;
    for (size_t i = 0; i < count; i++) {
        copies[i].refused = copies[i].waits ? ERR_QUOTA : copies[i].refused;
        copies[i].waits = false;
    }
}

int copies_place(struct db_tx *tx, const struct letter *letter, struct copy *copies, size_t count)
{
    struct home home = {0};
    int going = 0, rc = 0;
    bool any_refused = false, any_full = false;
    for (size_t i = 0; rc == 0 && i < count; i++)
        if (copies[i].user)
            rc = place(tx, &home, &copies[i]);
    if (rc == 0)
        refuse_waiting(letter, copies, count);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        going += copy_stays(&copies[i]) || copy_leaves(&copies[i]);
        any_refused = any_refused || copies[i].refused;
        any_full = any_full || copies[i].refused == ERR_QUOTA;
    }
    if (rc < 0)
        return rc;
    if (any_full && !letter->apart) /* who brings it has it still, and is told at once */
        return ERR_QUOTA;
    if (count && !going && !letter->apart && !letter->final)
        return copies[0].refused;
    if (any_refused)
        mark_dropped(letter, copies, count);
    return going;
}

/* --- telling --------------------------------------------------------------------------------- */

static void tell(struct letter_recipient *recipient, const struct copy *copies, size_t count)
{
    const struct directory_target *first = recipient->targets;
    const struct copy *copy =
        recipient->count && first->user ? copy_find(copies, count, first) : NULL;
    recipient->refused = copy && !is_served(recipient, copies, count) ? copy->refused : 0;
    if (!recipient->mailbox)
        return;
    size_t len = copy && copy->refused == 0 && !copy->waits ? copy->name.len : 0;
    if (len)
        memcpy(recipient->mailbox, copy->name.at, len);
    recipient->mailbox[len] = '\0';
}

void copies_tell(const struct letter *letter, const struct copy *copies, size_t count)
{
    for (size_t i = 0; i < letter->recipient_count; i++)
        tell(&letter->recipients[i], copies, count);
}
