/* Time-ordered ids; see id.h. */
#include "base/id.h"

#include "base/clock.h"

#include <stdatomic.h>

#define ID_EPOCH_MS   INT64_C(1704067200000) /* 2024-01-01 */
#define ID_SEQ_BITS   14
#define ID_NODE_BITS  8
#define ID_TICK_SHIFT (ID_SEQ_BITS + ID_NODE_BITS)

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
/* Milliseconds and sequence of the last id, node bits left out, so that "plus one" carries over. */
static atomic_int_fast64_t id_last;
static unsigned id_node;

void id_set_node(unsigned node)
{
    id_node = node & ((1U << ID_NODE_BITS) - 1);
}

int64_t id_next(void)
{
    int64_t now = (clock_wall_ms() - ID_EPOCH_MS) << ID_SEQ_BITS;
    int64_t last = atomic_load(&id_last), next;
    do {
        next = now > last ? now : last + 1;
    } while (!atomic_compare_exchange_weak(&id_last, &last, next));
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
    return tick > INT64_MAX >> ID_TICK_SHIFT ? INT64_MAX : tick << ID_TICK_SHIFT;
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
