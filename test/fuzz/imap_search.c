/* Search programs: within their limits, and every node has what its kind needs. */
#include "fuzz.h"

#include "imap/program.h"

static void check_children(const struct program *program, unsigned depth);

static void check(const struct program *program, unsigned depth)
{
    unsigned children = 0;
    CLAIM(depth <= 2 * PROGRAM_DEPTH_MAX);
    for (const struct program *child = program->children; child; child = child->next)
        children++;
    CLAIM(program->kind != PROGRAM_OR || children == 2);
    CLAIM(program->kind != PROGRAM_NOT || children == 1);
    CLAIM(program->kind <= PROGRAM_NOT || children == 0);
    if (program->kind == PROGRAM_UIDS || program->kind == PROGRAM_NUMBERS)
        for (size_t i = 0; i < program->set.count; i++)
            CLAIM(program->set.ranges[i].first <= program->set.ranges[i].last);
    check_children(program, depth + 1);
}

/* As deep as PROGRAM_DEPTH_MAX. */
static void check_children(const struct program *program, unsigned depth)
{
    for (const struct program *child = program->children; child; child = child->next)
        check(child, depth);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA arena = ARENA((size_t)16 * 1024 * 1024);
    static struct imap_selected selected;
    static struct imap_session session;
    struct span text = span_make(data, size);
    struct imap_parser p = {text.at, text.at + text.len, &arena};
    struct program *program;
    selected = (struct imap_selected){.messages = 10, .uidnext = 11};
    session = (struct imap_session){.selected = &selected, .uid = size % 2};
    if (program_parse(&session, &p, &program) == 0)
        check(program, 0);
    return 0;
}
