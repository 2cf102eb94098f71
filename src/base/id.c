/* Time-ordered ids; see id.h. */
#include "base/id.h"

#include "base/clock.h"

#include <stdatomic.h>

#define ID_EPOCH_MS   INT64_C(1704067200000) /* 2024-01-01 */
#define ID_SEQ_BITS   14
#define ID_NODE_BITS  8
#define ID_TICK_SHIFT (ID_SEQ_BITS + ID_NODE_BITS)
#define ID_TICK_MAX   (INT64_MAX >> ID_TICK_SHIFT)

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
/* Milliseconds and sequence of the last id, node bits left out, so that "plus one" carries over. */
static _Atomic int64_t id_last_here;
static _Atomic int64_t *id_last = &id_last_here;
static unsigned id_node;

void id_set_node(unsigned node)
{
    id_node = node & ((1U << ID_NODE_BITS) - 1);
}

/* A clock that is past 2093, whose milliseconds have no room, counts as one before all ids. */
static int64_t tick_now(void)
{
    int64_t since = clock_wall_ms() - ID_EPOCH_MS;
    return since > 0 && since < ID_TICK_MAX ? since << ID_SEQ_BITS : 0;
}

/* The minute: a power failure may take back what was written to the mapped file last. */
bool id_keep(_Atomic int64_t *last)
{
    int64_t kept = atomic_load(last), here = atomic_load(&id_last_here), now = tick_now();
    bool behind = kept > now + (INT64_C(1000) << ID_SEQ_BITS);
    if (kept < 0 || kept >> (62 - ID_NODE_BITS))
        kept = 0; /* no id of ours */
    if (behind && kept)
        kept += INT64_C(60000) << ID_SEQ_BITS;
    atomic_store(last, kept > here ? kept : here);
    id_last = last;
    return behind;
}

int64_t id_next(void)
{
    int64_t now = tick_now();
    int64_t last = atomic_load(id_last), next;
    do {
        next = now > last ? now : last + 1;
    } while (!atomic_compare_exchange_weak(id_last, &last, next));
    int64_t sequence = next & ((1 << ID_SEQ_BITS) - 1);
    return next >> ID_SEQ_BITS << ID_TICK_SHIFT | (int64_t)id_node << ID_SEQ_BITS | sequence;
}

int64_t id_wall_ms(int64_t id)
{
    return (id >> ID_TICK_SHIFT) + ID_EPOCH_MS;
}

int64_t id_at(int64_t wall_ms)
{
    if (wall_ms <= ID_EPOCH_MS)
        return 0;
    int64_t tick = wall_ms - ID_EPOCH_MS;
    return tick > ID_TICK_MAX ? INT64_MAX : tick << ID_TICK_SHIFT;
}

const char *id_text(int64_t id, char text[ID_TEXT])
{
    uint64_t rest = (uint64_t)id;
    for (int i = ID_TEXT - 2; i >= 0; i--, rest >>= 5)
        text[i] = alphabet[rest & 31];
    text[ID_TEXT - 1] = '\0';
    return text;
}

bool id_parse(struct span text, int64_t *ret_id)
{
    uint64_t id = 0;
    if (text.len != ID_TEXT - 1)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        ptrdiff_t digit =
            span_find(SPAN("0123456789abcdefghjkmnpqrstvwxyz"), ascii_lower(text.at[i]));
        if (digit < 0 || id >> 58)
            return false;
        id = id << 5 | (uint64_t)digit;
    }
    *ret_id = (int64_t)id;
    return true;
}
