/* The mailbox simulator; see simulator_internal.h. */
#include "deliver/simulator_internal.h"

#include "reputation/suppression.h"

bool simulator_has(struct span domain)
{
    return span_equal(domain, SPAN(SUPPRESSION_SIMULATOR));
}

/* Without its "+label"; empty: not of the simulator. */
static struct span local_of(struct span forward_path)
{
    struct span local, domain;
    if (!address_split(forward_path, &local, &domain) ||
        !span_equal_nocase(domain, SPAN(SUPPRESSION_SIMULATOR)))
        return SPAN("");
    ptrdiff_t plus = span_find(local, '+');
    return plus < 0 ? local : span_first(local, (size_t)plus);
}

bool simulator_complains(struct span forward_path)
{
    return span_equal_nocase(local_of(forward_path), SPAN("complaint"));
}

void simulator_judge(struct deliver *d, struct task *t, size_t i)
{
    static const struct {
        struct span name;
        int code;
        struct span words;
    } known[] = {
        {SPAN("success"), 250, SPAN("2.1.5 Simulated: delivered")},
        {SPAN("complaint"), 250, SPAN("2.1.5 Simulated: delivered, and its reader complains")},
        {SPAN("ooto"), 250, SPAN("2.1.5 Simulated: delivered, its reader is out of the office")},
        {SPAN("bounce"), 550, SPAN("5.1.1 Simulated: user unknown")},
        {SPAN("suppressionlist"), 550, SPAN("5.1.1 Simulated: on the suppression list")},
    };
    struct span local = local_of(t->recipients[i].forward_path);
    t->host = NULL;
    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
        if (span_equal_nocase(local, known[k].name)) {
            task_judge(d, t, i, known[k].code, known[k].words);
            return;
        }
    task_judge(d, t, i, 550, SPAN("5.1.1 Simulated: there is no such address"));
}
