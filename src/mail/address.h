/*
 * Addresses: folding for look-up, and the lists of header fields (RFC 5322 3.4, 4.4).
 *
 * Pure. Local parts compare in lower case here (RFC 5321 2.4 lets the receiving host decide);
 * domains in lower case and A-label form (RFC 5890).
 */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"

#define ADDRESS_LOCAL_MAX  64
#define ADDRESS_DOMAIN_MAX 255
#define ADDRESS_TEXT_MAX   (ADDRESS_LOCAL_MAX + 1 + ADDRESS_DOMAIN_MAX + 1)
#define ADDRESS_NAME_MAX   ((size_t)1000) /* of a display name */

/* At the last '@'; false when either side is empty or too long. */
bool address_split(struct span address, struct span *ret_local, struct span *ret_domain);
/* A domain name in A-labels and lower case, terminated; an address literal in lower case. Hosts
 * without a dot are fine. ERR_SYNTAX when it is no domain name. */
must_check int address_fold_domain(struct span domain, char ret_text[ADDRESS_DOMAIN_MAX + 1]);
/* "local@domain", both folded, terminated. ERR_SYNTAX: no address, or bytes that no local part
 * without quotes can have beyond a space. */
must_check int address_fold(struct span local, struct span domain, char ret_text[ADDRESS_TEXT_MAX]);

/* One mailbox of an address list; the spans live in the arena. */
struct mailbox {
    struct span name;          /* display name, quotes and folding removed; may be empty */
    struct span local, domain; /* local part unquoted */
};
/* The mailboxes of a From, To, Cc … body; groups are opened, comments and routes skipped. At most
 * max; -E2BIG beyond. ERR_SYNTAX: what came before the fault is in ret_list. Count, or an error. */
must_check int address_parse_list(struct span body, struct arena *arena, struct mailbox *ret_list,
                                  size_t max);

/* --- as programs give addresses (address_given.c) --- */

/* What is wrong with a list: words for the caller's error, and where. */
struct address_fault {
    size_t item;   /* 0 is the first; empty items do not count */
    size_t offset; /* of the item, or of the byte, within the text */
    const char *why;
};
/* A list in UTF-8 as programs write it: "Anna <a@b.example>, c@d.example". Beside what
 * address_parse_list takes, names need no quotes for any byte but a comma, '<', '>' and '"'; every
 * address is checked (address_check). CR, LF and control characters are refused. Count, or an
 * error: ERR_SYNTAX and -E2BIG fill *ret_fault. */
must_check int address_parse_given(struct span text, struct arena *arena, struct mailbox *ret_list,
                                   size_t max, struct address_fault *ret_fault);
/* NULL: a letter may carry this mailbox; else why not. */
const char *address_check(const struct mailbox *box);
/* A local part that only SMTPUTF8 carries (RFC 6531). */
bool address_needs_utf8(const struct mailbox *box);
/* "local@domain" of a mailbox that passed address_check: the local part quoted where it must be;
 * the domain in A-labels unless the address needs UTF-8 anyway. */
must_check int address_write(const struct mailbox *box, struct buffer *out);

#endif
