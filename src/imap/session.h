/*
 * What the files of the IMAP server share.
 *
 * session.c greets and runs commands, input.c reads them, answer.c writes, sync.c tells what
 * others changed; each command has a file. A command function takes its arguments off the parser
 * and answers the client itself: it returns what imap_co_ok or imap_co_no returned, IMAP_BAD for
 * wrong arguments (the loop says so), or an error that ends the session.
 */
#ifndef IMAP_SESSION_H
#define IMAP_SESSION_H

#include "box/box.h"
#include "box/keyword.h"
#include "box/watch.h"
#include "imap/parse.h"
#include "imap/server.h"
#include "imap/set.h"
#include "imap/view.h"

#include "directory/sasl.h"

#define IMAP_END     (-2300) /* the session ends, all is said */
#define IMAP_BAD     (-2301) /* wrong arguments */
#define IMAP_RENAMED (-2303) /* INBOX is another mailbox now */
#define IMAP_REFUSED (-2302) /* a command was not read, and that has been answered */

#define IMAP_LINE_MAX_BEFORE_LOGIN ((size_t)8 * 1024)
#define IMAP_COMMAND_MAX           ((size_t)64 * 1024) /* literals included */
#define IMAP_TAG_MAX               126
#define IMAP_ARENA_MAX             ((size_t)16 * 1024 * 1024)

/* The mailbox that is selected. */
struct imap_selected {
    int64_t id, uidvalidity;
    bool read_only, inbox; /* inbox: selected by that name */
    struct box_watch *watch;
    int64_t modseq;  /* told up to here */
    int64_t uidnext; /* at that moment */
    uint32_t messages;
    struct view view; /* valid when loaded; read when a command first needs it */
    bool loaded;
    int64_t *gone; /* taken out, but the client may not be told yet */
    size_t gone_count, gone_room;
    struct arena names; /* of keywords */
    struct keywords keywords;
    struct imap_set saved; /* the last SEARCH's SAVE; malloc'ed ranges */
};

struct imap_session {
    struct stream *st;
    const struct imap_settings *settings;
    struct identity who;       /* who.user is 0 before login */
    struct imap_hidden hidden; /* from this user's clients; read at login */
    struct imap_selected *selected;
    struct sasl_dialogue sasl;
    int64_t opened_ms;
    unsigned mistakes;
    bool utf8, condstore, qresync, rev2; /* enabled */
    struct buffer command;               /* the one that runs, see input.c */
    struct span tag; /* of that command, in tag_text: APPEND reads on while it runs */
    char tag_text[IMAP_TAG_MAX];
    bool appending;     /* what follows a literal is another message */
    bool announced;     /* a message of APPEND that was not read yet */
    bool uid;           /* the command came with UID in front */
    struct arena arena; /* of the command */
};

/* --- answers (answer.c) ----------------------------------------------------------------------- */

must_check int imap_co_say(struct imap_session *s, struct span bytes);
must_check int imap_co_printf(struct imap_session *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Keeps the command's tag, cut at IMAP_TAG_MAX. */
void imap_keep_tag(struct imap_session *s, struct span tag);
/* "tag OK text" after what is new in the mailbox. text may begin with "[CODE …] ". */
must_check int imap_co_ok(struct imap_session *s, const char *text);
/* The same where no EXPUNGE may come before it (RFC 9051 7.5.1). */
must_check int imap_co_ok_keep(struct imap_session *s, const char *text);
must_check int imap_co_no(struct imap_session *s, const char *text);
/* "tag BAD text", counted; too many end the session. */
must_check int imap_co_bad(struct imap_session *s, struct span tag, const char *text);
/* NO for an error of the store or the box. */
must_check int imap_co_fail(struct imap_session *s, int rc);
/* A string of any bytes: quoted where that is possible, else a literal. */
must_check int imap_write_string(struct buffer *out, struct span bytes);
/* A mailbox name as this client reads it: UTF-8, or modified UTF-7. */
must_check int imap_write_mailbox(const struct imap_session *s, struct buffer *out,
                                  struct span name);
/* "(\Seen $Forwarded)" */
must_check int imap_write_flags(const struct imap_selected *selected, struct buffer *out,
                                uint64_t flags);
/* "\"17-Jul-1996 02:44:25 +0000\"" */
must_check int imap_write_date_time(struct buffer *out, int64_t wall_ms);

/* --- input (input.c) ---------------------------------------------------------------------------
 */

/* The next command, literals included, into s->command; APPEND up to its message. 0, IMAP_REFUSED,
 * IMAP_BAD (not lines, or too long ones: thrown away, the tag is kept), or an error. Yields. */
must_check int imap_co_read_command(struct imap_session *s);
/* The rest of a command behind a literal that the command read itself: appended to s->command. */
must_check int imap_co_read_on(struct imap_session *s);
/* Throws away APPEND's message, which was announced at the end of s->command, and all behind it,
 * unless the client waits: a command refused before its message must not leave it to be run. */
must_check int imap_co_skip_message(struct imap_session *s);

/* A literal that comes unasked and is larger than any message may be is not thrown away: IMAP_END,
 * and that has been said (RFC 7888 4). */
must_check int imap_co_stop_flood(struct imap_session *s, const struct imap_literal *literal);

/* --- the selected mailbox (sync.c, select.c) ---------------------------------------------------
 */

/* Tells what happened since: EXISTS, FETCH of flags, and where expunges may be told, EXPUNGE or
 * VANISHED. Where that cannot be told, the session ends: the mailbox was removed, INBOX has been
 * renamed (new letters come to another mailbox now), or what went is forgotten. A store that cannot
 * be read is no error: it is told later. */
must_check int imap_co_sync(struct imap_session *s, bool expunges);
/* Makes the view valid: before message numbers are used. */
must_check int imap_co_load(struct imap_session *s);
/* Whether the client may know the UID: an empty set means all of them. */
bool imap_uid_is_known(const struct imap_set *known, uint32_t uid);
/* VANISHED (EARLIER): of the UIDs known to the client, those that went after modseq; where the
 * memory does not reach back, all that are not there (RFC 7162 3.2.5.2, 3.2.6). Yields. */
must_check int imap_co_tell_vanished_since(struct imap_session *s, int64_t modseq,
                                           const struct imap_set *known);
/* Reads the mailbox's keywords again and tells their names: before flags that hold new ones. */
must_check int imap_co_tell_keywords(struct imap_session *s);
/* Our own change made this MODSEQ; when nothing else lies between, it is not told again. */
void imap_own_change(struct imap_session *s, int64_t modseq);
void imap_unselect(struct imap_session *s);
/* Mailbox argument: an astring, decoded (modified UTF-7 where not UTF-8) and folded. IMAP_BAD, or
 * ERR_SYNTAX: no possible name. */
must_check int imap_parse_mailbox(struct imap_session *s, struct imap_parser *p,
                                  struct span *ret_name);
/* The UIDs of a sequence set of the command (numbers, or UIDs after UID), those that are there, in
 * order, in the command's arena. IMAP_BAD: a message number that does not exist. */
struct imap_uids {
    int64_t *list;
    size_t count;
};
must_check int imap_co_parse_uids(struct imap_session *s, struct imap_parser *p,
                                  struct imap_uids *ret_uids);
/* "(\Seen name)", or flags without brackets: known ones in *ret_flags. New keywords are made in
 * the mailbox. IMAP_BAD. */
must_check int imap_co_parse_flags(struct imap_session *s, struct imap_parser *p, int64_t mailbox,
                                   uint64_t *ret_flags);

/* quota.c. What the user may have, and what there is (asked where there is a limit). Yields. */
must_check int imap_co_read_quota(struct imap_session *s, struct directory_quota *ret_quota,
                                  struct box_usage *ret_usage);
/* Untagged OVERQUOTA for who has no room left (RFC 9208 4.3.1): told when a mailbox is selected. */
must_check int imap_co_tell_full(struct imap_session *s);

bool imap_may_log_in(const struct imap_session *s);
bool imap_offers_tls(const struct imap_session *s);
must_check int imap_write_capabilities(const struct imap_session *s, struct buffer *out);

/* --- commands, one file each -------------------------------------------------------------------
 */

typedef int imap_command(struct imap_session *s, struct imap_parser *p);
imap_command imap_co_capability, imap_co_noop, imap_co_logout, imap_co_id, imap_co_enable;
imap_command imap_co_compress;
imap_command imap_co_starttls, imap_co_login, imap_co_authenticate;
imap_command imap_co_select, imap_co_examine, imap_co_close, imap_co_unselect;
imap_command imap_co_create, imap_co_delete, imap_co_rename, imap_co_subscribe, imap_co_unsubscribe;
imap_command imap_co_list, imap_co_lsub, imap_co_status, imap_co_namespace;
imap_command imap_co_append, imap_co_idle, imap_co_check;
imap_command imap_co_expunge, imap_co_fetch, imap_co_store, imap_co_copy, imap_co_move;
imap_command imap_co_search, imap_co_sort, imap_co_thread;
imap_command imap_co_getquota, imap_co_getquotaroot, imap_co_setquota;

#endif
