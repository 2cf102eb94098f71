/*
 * LIST, LSUB, NAMESPACE (RFC 9051 6.3.9, RFC 5258, RFC 5819, RFC 6154, RFC 2342).
 *
 * All names of the user, those that exist and those only subscribed to, are walked in order once,
 * together with the levels above them that are no mailboxes themselves. Special-use attributes are
 * told unless SPECIAL-USE is hidden: phones expect them in a plain LIST.
 */
#include "imap/session.h"

#include "imap/status.h"
#include "mail/modified_utf7.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PATTERNS_MAX 16

struct listing {
    struct span patterns[PATTERNS_MAX];
    size_t pattern_count;
    bool select_subscribed, select_special, recursive; /* what is chosen */
    bool return_subscribed, return_children;
    bool has_status;
    unsigned status; /* items of STATUS */
    bool lsub;
};

struct name {
    struct span text;
    const struct box_mailbox *mailbox; /* NULL: it does not exist */
    bool subscribed, has_children;
    bool has_match_below; /* of LSUB: subscribed; of LIST: with all that is selected by */
};

/* --- all names ------------------------------------------------------------------------------- */

struct names {
    struct name *list;
    size_t count, room;
};

static int names_add(struct names *names, struct span text, const struct box_mailbox *mailbox,
                     bool subscribed)
{
    if (names->count == names->room) {
        size_t room = names->room ? names->room * 2 : 64;
        struct name *grown = realloc(names->list, room * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        names->list = grown;
        names->room = room;
    }
    names->list[names->count++] =
        (struct name){.text = text, .mailbox = mailbox, .subscribed = subscribed};
    return 0;
}

static int imap_co_read_names(struct imap_session *s, struct names *names)
{
    struct box_mailbox *mailboxes;
    struct span *subscribed, after = SPAN("");
    size_t count;
    int rc;
    do {
        rc = box_co_mailboxes(s->settings->store, s->who.tenant, s->who.user, after, &s->arena,
                              &mailboxes, &count);
        for (size_t i = 0; rc == 0 && i < count; i++)
            rc = names_add(names, mailboxes[i].name, &mailboxes[i], false);
        after = rc == 0 && count ? mailboxes[count - 1].name : after;
    } while (rc == 0 && count == BOX_PAGE);
    after = SPAN("");
    while (rc == 0) {
        rc = box_co_subscriptions(s->settings->store, s->who.tenant, s->who.user, after, &s->arena,
                                  &subscribed, &count);
        for (size_t i = 0; rc == 0 && i < count; i++)
            rc = names_add(names, subscribed[i], NULL, true);
        if (rc < 0 || count < BOX_PAGE)
            break;
        after = subscribed[count - 1];
    }
    return rc;
}

static int add_levels_above(struct names *names)
{
    size_t count = names->count;
    int rc = 0;
    for (size_t i = 0; i < count; i++) {
        struct span text = names->list[i].text;
        for (size_t at = 0; rc == 0 && at < text.len; at++)
            if (text.at[at] == '/')
                rc = names_add(names, span_first(text, at), NULL, false);
    }
    return rc;
}

static int by_text(const void *a, const void *b)
{
    const struct name *x = a, *y = b;
    return span_compare(x->text, y->text);
}

static void join_same(struct names *names)
{
    size_t kept = 0;
    for (size_t i = 0; i < names->count; i++) {
        const struct name *next = &names->list[i];
        struct name *last = kept ? &names->list[kept - 1] : NULL;
        if (!last || !span_equal(last->text, next->text)) {
            names->list[kept++] = *next;
            continue;
        }
        last->mailbox = last->mailbox ? last->mailbox : next->mailbox;
        last->subscribed = last->subscribed || next->subscribed;
    }
    names->count = kept;
}

static struct name *find_name(const struct names *names, struct span text)
{
    struct name key = {.text = text};
    return bsearch(&key, names->list, names->count, sizeof key, by_text);
}

/* Selection options are all to be true of a name (RFC 5258 3.1, RFC 6154 2). */
static bool is_selected(const struct listing *l, const struct name *name)
{
    bool special = name->mailbox && name->mailbox->use != BOX_USE_NONE;
    return (name->subscribed || !(l->lsub || l->select_subscribed)) &&
           (special || !l->select_special);
}

/* Tells every level above of its children. */
static void look_below(const struct listing *l, struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        const struct name *below = &names->list[i];
        for (size_t at = 0; at < below->text.len; at++) {
            struct name *above =
                below->text.at[at] == '/' ? find_name(names, span_first(below->text, at)) : NULL;
            if (!above)
                continue;
            above->has_children = above->has_children || below->mailbox;
            above->has_match_below = above->has_match_below || is_selected(l, below);
        }
    }
}

/* --- patterns -------------------------------------------------------------------------------- */

/* '*' takes anything, '%' anything but the separator. Without recursion: falls back to the last
 * '*', or to the last '%' behind it, so the time is bounded by the product of the lengths. */
static bool matches(struct span pattern, struct span name)
{
    size_t p = 0, n = 0, star_p = SIZE_MAX, star_n = 0, percent_p = SIZE_MAX, percent_n = 0;
    while (n < name.len || p < pattern.len) {
        char c = p < pattern.len ? pattern.at[p] : '\0';
        if (c == '*') {
            star_p = p++;
            star_n = n;
            percent_p = SIZE_MAX;
        } else if (c == '%') {
            percent_p = p++;
            percent_n = n;
        } else if (p < pattern.len && n < name.len && c == name.at[n]) {
            p++;
            n++;
        } else if (percent_p != SIZE_MAX && percent_n < name.len && name.at[percent_n] != '/') {
            p = percent_p + 1;
            n = ++percent_n;
        } else if (star_p != SIZE_MAX && star_n < name.len) {
            p = star_p + 1;
            n = ++star_n;
            percent_p = SIZE_MAX;
        } else {
            return false;
        }
    }
    return true;
}

static bool matches_any(const struct listing *l, struct span name)
{
    for (size_t i = 0; i < l->pattern_count; i++)
        if (matches(l->patterns[i], name))
            return true;
    return false;
}

/* --- answering ------------------------------------------------------------------------------- */

/* A pattern that ends in % stops at the level above what is subscribed, and is told of it (RFC 3501
 * 6.3.9); one that reaches down to it is not. */
static bool stops_at_a_level(const struct listing *l)
{
    struct span pattern = l->patterns[0];
    return pattern.len && pattern.at[pattern.len - 1] == '%' && span_find(pattern, '*') < 0;
}

static bool is_chosen(const struct listing *l, const struct name *name)
{
    if (l->lsub || l->select_subscribed || l->select_special)
        return is_selected(l, name) ||
               (name->has_match_below && (l->lsub ? stops_at_a_level(l) : l->recursive));
    return name->mailbox || name->has_children;
}

static int write_attributes(const struct imap_session *s, const struct listing *l,
                            const struct name *name, struct buffer *out)
{
    size_t start = out->len;
    int rc = 0;
    if (!name->mailbox || (l->lsub && !name->subscribed))
        rc = buffer_append_text(out, s->rev2 || l->select_subscribed ? "\\NonExistent \\Noselect "
                                                                     : "\\Noselect ");
    if (rc == 0 && !l->lsub && !imap_hides(&s->hidden, "CHILDREN"))
        rc = buffer_append_text(out, name->has_children ? "\\HasChildren " : "\\HasNoChildren ");
    if (rc == 0 && name->subscribed && (l->return_subscribed || l->select_subscribed))
        rc = buffer_append_text(out, "\\Subscribed ");
    if (rc == 0 && name->mailbox && name->mailbox->use != BOX_USE_NONE &&
        !imap_hides(&s->hidden, "SPECIAL-USE"))
        rc = buffer_printf(out, "%s ", box_use_names[name->mailbox->use]);
    if (rc == 0 && out->len > start)
        out->len--; /* the last blank */
    return rc;
}

static int write_name(const struct imap_session *s, const struct listing *l,
                      const struct name *name, struct buffer *out)
{
    int rc = buffer_append_text(out, l->lsub ? "* LSUB (" : "* LIST (");
    if (rc == 0)
        rc = write_attributes(s, l, name, out);
    if (rc == 0)
        rc = buffer_append_text(out, ") \"/\" ");
    if (rc == 0)
        rc = imap_write_mailbox(s, out, name->text);
    if (rc == 0 && l->recursive && name->has_match_below)
        rc = buffer_printf(out, " (\"CHILDINFO\" (%s%s%s))",
                           l->select_subscribed ? "\"SUBSCRIBED\"" : "",
                           l->select_subscribed && l->select_special ? " " : "",
                           l->select_special ? "\"SPECIAL-USE\"" : "");
    if (rc == 0)
        rc = buffer_append_text(out, "\r\n");
    if (rc == 0 && l->has_status && name->mailbox)
        rc = imap_write_status(s, out, name->mailbox, l->status);
    return rc;
}

static int imap_co_answer(struct imap_session *s, const struct listing *l)
{
    struct names names = {0};
    AUTO_BUFFER out = BUFFER((size_t)64 * 1024 * 1024);
    int rc = imap_co_read_names(s, &names);
    if (rc == 0)
        rc = add_levels_above(&names);
    if (rc == 0 && names.count) {
        qsort(names.list, names.count, sizeof *names.list, by_text);
        join_same(&names);
        look_below(l, &names);
    }
    for (size_t i = 0; rc == 0 && i < names.count; i++)
        if (is_chosen(l, &names.list[i]) && matches_any(l, names.list[i].text))
            rc = write_name(s, l, &names.list[i], &out);
    free(names.list);
    if (rc < 0)
        return imap_co_fail(s, rc);
    rc = imap_co_say(s, buffer_span(&out));
    return rc < 0 ? rc : imap_co_ok(s, "Done");
}

/* --- arguments ------------------------------------------------------------------------------- */

/* (SUBSCRIBED RECURSIVEMATCH …) in front of the reference */
static int parse_selection(struct imap_parser *p, struct listing *l)
{
    bool remote = false;
    do {
        if (imap_take_word(p, "SUBSCRIBED"))
            l->select_subscribed = true;
        else if (imap_take_word(p, "SPECIAL-USE"))
            l->select_special = true;
        else if (imap_take_word(p, "RECURSIVEMATCH"))
            l->recursive = true;
        else if (imap_take_word(p, "REMOTE"))
            remote = true;
        else if (p->at < p->end && *p->at == ')')
            break;
        else
            return IMAP_BAD;
    } while (imap_take(p, ' '));
    (void)remote; /* there are none */
    bool alone = l->recursive && !l->select_subscribed && !l->select_special;
    return !imap_take(p, ')') || alone ? IMAP_BAD : 0;
}

static int parse_return(const struct imap_session *s, struct imap_parser *p, struct listing *l)
{
    if (imap_at_end(p))
        return 0;
    if (imap_parse_sp(p) < 0 || !imap_take_word(p, "RETURN") || imap_parse_sp(p) < 0 ||
        !imap_take(p, '('))
        return IMAP_BAD;
    while (!imap_take(p, ')')) {
        if (imap_take_word(p, "SUBSCRIBED"))
            l->return_subscribed = true;
        else if (imap_take_word(p, "CHILDREN"))
            l->return_children = true;
        else if (imap_take_word(p, "STATUS") && imap_parse_sp(p) == 0 &&
                 imap_parse_status_items(s, p, &l->status) == 0)
            l->has_status = true;
        else if (!imap_take_word(p, "SPECIAL-USE"))
            return IMAP_BAD;
        imap_take(p, ' ');
    }
    return imap_parse_end(p);
}

/* reference and pattern, joined; as UTF-8. */
static int add_pattern(struct imap_session *s, struct listing *l, struct span reference,
                       struct span pattern)
{
    AUTO_BUFFER joined = BUFFER(2 * BOX_NAME_MAX), decoded = BUFFER(8 * BOX_NAME_MAX);
    struct span inbox = SPAN(BOX_INBOX);
    if (l->pattern_count == PATTERNS_MAX)
        return IMAP_BAD;
    int rc = buffer_append(&joined, reference);
    if (rc == 0)
        rc = buffer_append(&joined, pattern);
    if (rc < 0)
        return IMAP_BAD;
    bool raw = s->utf8 || s->rev2 || modified_utf7_decode(buffer_span(&joined), &decoded) < 0;
    struct span text = arena_copy(&s->arena, buffer_span(raw ? &joined : &decoded));
    if (!text.at)
        return -ENOMEM;
    if (text.len > 1 && text.at[text.len - 1] == '/')
        text.len--; /* some clients end names so */
    if (span_starts_nocase(text, inbox) && (text.len == inbox.len || text.at[inbox.len] == '/'))
        memcpy((char *)text.at, inbox.at, inbox.len);
    l->patterns[l->pattern_count++] = text;
    return 0;
}

static int parse_patterns(struct imap_session *s, struct imap_parser *p, struct listing *l)
{
    struct span reference, pattern;
    int rc = 0;
    if (imap_parse_astring(p, &reference) < 0 || imap_parse_sp(p) < 0)
        return IMAP_BAD;
    bool many = !l->lsub && imap_take(p, '(');
    do {
        if (imap_parse_list_mailbox(p, &pattern) < 0)
            return IMAP_BAD;
        rc = add_pattern(s, l, reference, pattern);
    } while (rc == 0 && many && imap_take(p, ' '));
    return rc == 0 && many && !imap_take(p, ')') ? IMAP_BAD : rc;
}

int imap_co_list(struct imap_session *s, struct imap_parser *p)
{
    struct listing *l = arena_zero(&s->arena, sizeof *l);
    if (!l)
        return -ENOMEM;
    if (imap_parse_sp(p) < 0)
        return IMAP_BAD;
    if (imap_take(p, '(') && (parse_selection(p, l) < 0 || imap_parse_sp(p) < 0))
        return IMAP_BAD;
    int rc = parse_patterns(s, p, l);
    if (rc == 0 && parse_return(s, p, l) < 0)
        return IMAP_BAD;
    if (rc < 0)
        return rc;
    if (l->pattern_count == 1 && l->patterns[0].len == 0) { /* what is the separator? */
        rc = imap_co_say(s, SPAN("* LIST (\\Noselect) \"/\" \"\"\r\n"));
        return rc < 0 ? rc : imap_co_ok(s, "Done");
    }
    return imap_co_answer(s, l);
}

int imap_co_lsub(struct imap_session *s, struct imap_parser *p)
{
    struct listing *l = arena_zero(&s->arena, sizeof *l);
    if (!l)
        return -ENOMEM;
    l->lsub = true;
    if (imap_parse_sp(p) < 0)
        return IMAP_BAD;
    int rc = parse_patterns(s, p, l);
    if (rc == 0 && !imap_at_end(p))
        return IMAP_BAD;
    return rc < 0 ? rc : imap_co_answer(s, l);
}

int imap_co_namespace(struct imap_session *s, struct imap_parser *p)
{
    if (imap_parse_end(p) < 0)
        return IMAP_BAD;
    int rc = imap_co_say(s, SPAN("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n"));
    return rc < 0 ? rc : imap_co_ok(s, "Done");
}
