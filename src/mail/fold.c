/* Writing a folded header field; see fold.h. */
#include "mail/fold.h"

int fold_begin(struct fold *f, struct buffer *out, struct span name)
{
    *f = (struct fold){.out = out, .column = name.len + 1};
    int rc = buffer_append(out, name);
    return rc < 0 ? rc : buffer_append_byte(out, ':');
}

size_t fold_room(const struct fold *f)
{
    return f->column < FOLD_COLUMN ? FOLD_COLUMN - f->column : 0;
}

int fold_line(struct fold *f)
{
    if (f->column == 0)
        return 0;
    f->column = 0;
    return buffer_append_text(f->out, "\r\n");
}

int fold_word(struct fold *f, struct span blanks, struct span word)
{
    size_t len = blanks.len + word.len;
    bool first = !f->begun && f->column + len <= LINE_LIMIT;
    int rc = blanks.len && len > fold_room(f) && !first ? fold_line(f) : 0;
    if (rc == 0)
        rc = buffer_append(f->out, blanks);
    if (rc == 0)
        rc = buffer_append(f->out, word);
    f->begun = true;
    f->column += len;
    return rc;
}

int fold_end(struct fold *f)
{
    return buffer_append_text(f->out, "\r\n");
}
