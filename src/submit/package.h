/*
 * Packages: a content and its groups as they stand in the store, from a call until they leave.
 *
 * JSON with a version. The content is a blob of the letter; what differs for a recipient is in that
 * recipient's row, and short: "To" is left out where it is the recipient's own address alone.
 */
#ifndef SUBMIT_PACKAGE_H
#define SUBMIT_PACKAGE_H

#include "base/buffer.h"
#include "submit/content.h"

must_check int package_write(const struct content *content, struct buffer *out);
/* What it points at lives in the arena. ERR_CORRUPT. */
must_check int package_read(struct span bytes, struct arena *arena, struct content *ret_content);

/* number: the group's, for its Message-ID; recipient: whose row it is for. */
must_check int package_write_group(const struct content_group *group, size_t number,
                                   struct span recipient, struct buffer *out);
/* package_release_group must follow: it gives the data back. ERR_CORRUPT. */
must_check int package_read_group(struct span bytes, struct span recipient, struct arena *arena,
                                  struct content_group *ret_group, size_t *ret_number);
void package_release_group(struct content_group *group);

#endif
