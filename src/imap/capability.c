/* The table of capabilities; see capability.h. */
#include "imap/capability.h"

#include <assert.h>

enum told { ALWAYS = 1, AFTER_LOGIN = 2, BY_SESSION = 4, FIXED = 8 };

/* Lists have commas between. needs: what hides this one, too. commands: "MOVE,UID MOVE". words:
 * command and word, "STATUS SIZE". FIXED ones are told before anybody has logged in, and are part
 * of how commands are read. */
static const struct {
    const char *name;
    unsigned told;
    const char *needs, *commands, *words;
} table[] = {
    {"IMAP4rev2", ALWAYS, "ENABLE", "", ""},
    {"IMAP4rev1", ALWAYS | FIXED, "", "", ""},
    {"ID", ALWAYS, "", "ID", ""},
    {"ENABLE", ALWAYS, "", "ENABLE", ""},
    {"SASL-IR", ALWAYS | FIXED, "", "", ""},
    {"LITERAL-", BY_SESSION | FIXED, "", "", ""},
    {"LITERAL+", BY_SESSION | FIXED, "", "", ""},
    {"IDLE", AFTER_LOGIN, "", "IDLE", ""},
    {"NAMESPACE", AFTER_LOGIN, "", "NAMESPACE", ""},
    {"CHILDREN", AFTER_LOGIN, "", "", "LIST CHILDREN"},
    {"UIDPLUS", AFTER_LOGIN, "", "UID EXPUNGE", ""},
    {"UNSELECT", AFTER_LOGIN, "", "UNSELECT", ""},
    {"MOVE", AFTER_LOGIN, "", "MOVE,UID MOVE", ""},
    {"SPECIAL-USE", AFTER_LOGIN, "", "", "LIST SPECIAL-USE"},
    {"CREATE-SPECIAL-USE", AFTER_LOGIN, "SPECIAL-USE", "", "CREATE USE"},
    {"LIST-EXTENDED", AFTER_LOGIN, "", "",
     "LIST RETURN,LIST SUBSCRIBED,LIST RECURSIVEMATCH,LIST REMOTE"},
    {"LIST-STATUS", AFTER_LOGIN, "LIST-EXTENDED", "", "LIST STATUS"},
    {"ESEARCH", AFTER_LOGIN, "", "", "SEARCH RETURN"},
    {"SEARCHRES", AFTER_LOGIN, "ESEARCH", "", "SEARCH SAVE"},
    {"CONDSTORE", AFTER_LOGIN, "", "",
     "SELECT CONDSTORE,EXAMINE CONDSTORE,FETCH MODSEQ,FETCH CHANGEDSINCE,STORE UNCHANGEDSINCE,"
     "SEARCH MODSEQ,STATUS HIGHESTMODSEQ,LIST HIGHESTMODSEQ"},
    {"QRESYNC", AFTER_LOGIN, "CONDSTORE,ENABLE", "",
     "SELECT QRESYNC,EXAMINE QRESYNC,FETCH VANISHED"},
    {"STATUS=SIZE", AFTER_LOGIN, "", "", "STATUS SIZE,LIST SIZE"},
    {"UTF8=ACCEPT", AFTER_LOGIN, "ENABLE", "", "APPEND UTF8"},
    {"BINARY", AFTER_LOGIN, "", "", "FETCH BINARY,FETCH BINARY.PEEK,FETCH BINARY.SIZE"},
    {"OBJECTID", AFTER_LOGIN, "", "",
     "STATUS MAILBOXID,LIST MAILBOXID,FETCH EMAILID,FETCH THREADID,SEARCH EMAILID,SEARCH THREADID"},
    {"PREVIEW", AFTER_LOGIN, "", "", "FETCH PREVIEW"},
    {"SORT", AFTER_LOGIN, "", "SORT,UID SORT", ""},
    {"SORT=DISPLAY", AFTER_LOGIN, "SORT", "", "SORT DISPLAYFROM,SORT DISPLAYTO"},
    {"ESORT", AFTER_LOGIN, "SORT", "", "SORT RETURN"},
    {"THREAD=ORDEREDSUBJECT", AFTER_LOGIN, "", "", "THREAD ORDEREDSUBJECT"},
    {"THREAD=REFERENCES", AFTER_LOGIN, "", "", "THREAD REFERENCES"},
    {"WITHIN", AFTER_LOGIN, "", "", "SEARCH YOUNGER,SEARCH OLDER"},
    {"MULTIAPPEND", AFTER_LOGIN, "", "", ""},
    {"SAVEDATE", AFTER_LOGIN, "", "",
     "FETCH SAVEDATE,SEARCH SAVEDBEFORE,SEARCH SAVEDON,SEARCH SAVEDSINCE,SEARCH SAVEDATESUPPORTED"},
    {"INPROGRESS", AFTER_LOGIN, "", "", ""},
    {"COMPRESS=DEFLATE", BY_SESSION, "", "COMPRESS", ""},
    {"QUOTA", AFTER_LOGIN, "", "GETQUOTA,GETQUOTAROOT,SETQUOTA", ""},
    {"QUOTA=RES-STORAGE", AFTER_LOGIN, "QUOTA", "", "STATUS DELETED-STORAGE,LIST DELETED-STORAGE"},
    {"QUOTA=RES-MESSAGE", AFTER_LOGIN, "QUOTA", "", ""},
    {"APPENDLIMIT", BY_SESSION, "", "", "STATUS APPENDLIMIT,LIST APPENDLIMIT"},
};
#define ROWS (sizeof table / sizeof *table)
static_assert(ROWS <= 64, "one bit for each");

static bool is_hidden(const struct imap_hidden *hidden, size_t row)
{
    return hidden->rows & UINT64_C(1) << row;
}

/* Is "first second" (or first alone) one of a list? */
static bool list_has(const char *list, struct span first, struct span second)
{
    struct span rest = span_of(list), entry;
    while (rest.len && span_cut(&rest, ',', &entry)) {
        struct span head = span_first(entry, first.len);
        if (!span_equal_nocase(head, first))
            continue;
        struct span tail = span_from(entry, first.len);
        if (second.len == 0
                ? tail.len == 0
                : tail.len && tail.at[0] == ' ' && span_equal_nocase(span_from(tail, 1), second))
            return true;
    }
    return false;
}

/* --- what is hidden -------------------------------------------------------------------------- */

/* What needs a hidden one is hidden, too: a chain is no longer than the table. */
static uint64_t add_dependents(uint64_t rows)
{
    for (uint64_t before = ~rows; before != rows;) {
        before = rows;
        for (size_t i = 0; i < ROWS; i++)
            for (size_t k = 0; k < ROWS; k++)
                if (rows & UINT64_C(1) << k &&
                    list_has(table[i].needs, span_of(table[k].name), SPAN("")))
                    rows |= UINT64_C(1) << i;
    }
    return rows;
}

static uint64_t row_of(struct span name)
{
    for (size_t i = 0; i < ROWS; i++)
        if (!(table[i].told & FIXED) && span_equal_nocase(name, span_of(table[i].name)))
            return UINT64_C(1) << i;
    return 0;
}

uint64_t imap_hide(struct span names, struct span *ret_wrong)
{
    struct span wrong = SPAN("");
    uint64_t rows = 0;
    while (names.len) {
        size_t len = 0;
        while (len < names.len && names.at[len] != ',' && names.at[len] != ' ')
            len++;
        struct span name = span_first(names, len);
        uint64_t row = row_of(name);
        if (name.len && row == 0 && wrong.len == 0)
            wrong = name;
        rows |= row;
        names = span_from(names, len < names.len ? len + 1 : len);
    }
    if (ret_wrong)
        *ret_wrong = wrong;
    return add_dependents(rows);
}

int imap_write_hidden(uint64_t rows, bool all, char separator, struct buffer *out)
{
    bool first = true;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ROWS; i++) {
        if (all ? table[i].told & FIXED : !(rows & UINT64_C(1) << i))
            continue;
        if (!first)
            rc = buffer_append_byte(out, separator);
        if (rc == 0)
            rc = buffer_append_text(out, table[i].name);
        first = false;
    }
    return rc;
}

/* --- asking ---------------------------------------------------------------------------------- */

bool imap_hides(const struct imap_hidden *hidden, const char *capability)
{
    return hidden->rows && hidden->rows & row_of(span_of(capability));
}

bool imap_hides_command(const struct imap_hidden *hidden, struct span command, bool uid)
{
    for (size_t i = 0; hidden->rows && i < ROWS; i++)
        if (is_hidden(hidden, i) && (uid ? list_has(table[i].commands, SPAN("UID"), command)
                                         : list_has(table[i].commands, command, SPAN(""))))
            return true;
    return false;
}

bool imap_hides_word(const struct imap_hidden *hidden, const char *word)
{
    for (size_t i = 0; hidden && hidden->rows && i < ROWS; i++)
        if (is_hidden(hidden, i) && list_has(table[i].words, hidden->command, span_of(word)))
            return true;
    return false;
}

int imap_write_told(const struct imap_hidden *hidden, bool logged_in, struct buffer *out)
{
    unsigned told = logged_in ? ALWAYS | AFTER_LOGIN : ALWAYS;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ROWS; i++)
        if (table[i].told & told && !is_hidden(hidden, i))
            rc = buffer_printf(out, "%s%s", out->len && out->at[out->len - 1] != ' ' ? " " : "",
                               table[i].name);
    return rc;
}
