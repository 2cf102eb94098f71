/* Letters and envelopes one by one, in read jobs; see box.h. */
#include "box/box.h"

#include <errno.h>

static const struct db_statement read_envelope = {
    .sql = "SELECT envelope FROM summary WHERE tenant = :tenant AND mailbox = :mailbox"
           " AND uid = :uid"};

int box_read_envelope(struct db_tx *tx, int64_t tenant, int64_t mailbox, int64_t uid,
                      struct buffer *out)
{
    struct db_query *q;
    int rc = db_prepare(tx, &read_envelope, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "mailbox", mailbox);
    db_bind_int(q, "uid", uid);
    rc = db_step(q);
    return rc == DB_ROW ? buffer_append(out, db_column_bytes(q, 0)) : rc;
}

int box_read_letter(struct db_tx *tx, int64_t tenant, const struct box_message *message, size_t max,
                    struct buffer *out)
{
    size_t octets = (size_t)(message->octets - message->head.len);
    int rc = buffer_append(out, message->head);
    if (rc == 0)
        rc = blob_read(tx, tenant, message->blob, 0, octets < max ? octets : max, out);
    return rc == -ENOENT ? ERR_ABSENT : rc;
}
