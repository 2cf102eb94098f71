/*
 * The mailbox simulator: addresses that behave as those of Amazon SES do, so that an application
 * can be tried without letters that leave the machine. Pure but for the judging.
 *
 *   success@, ooto@simulator.amazonses.com               delivered
 *   complaint@                                           delivered, then complained of
 *   bounce@                                              bounced, and not suppressed afterwards
 *   suppressionlist@                                     on everybody's suppression list, which the
 *                                                        door looks at (reputation/suppression.h)
 *
 * A "+label" behind the name makes no difference. Other names there bounce.
 */
#ifndef DELIVER_SIMULATOR_INTERNAL_H
#define DELIVER_SIMULATOR_INTERNAL_H

#include "deliver/internal.h"

bool simulator_has(struct span domain); /* folded */
bool simulator_complains(struct span forward_path);
/* For recipient i of a task, whose domain it has. */
void simulator_judge(struct deliver *d, struct task *t, size_t i);

#endif
