/* POP3 commands; see command.h. */
#include "pop3/command.h"

enum arguments { NONE, TEXT, MAYBE_TEXT, NUMBER, MAYBE_NUMBER, TWO_NUMBERS };

static const struct {
    const char *name;
    enum arguments arguments;
} verbs[POP3_VERBS] = {
    [POP3_USER] = {"USER", TEXT},         [POP3_PASS] = {"PASS", TEXT},
    [POP3_AUTH] = {"AUTH", MAYBE_TEXT},   [POP3_STLS] = {"STLS", NONE},
    [POP3_CAPA] = {"CAPA", NONE},         [POP3_STAT] = {"STAT", NONE},
    [POP3_LIST] = {"LIST", MAYBE_NUMBER}, [POP3_UIDL] = {"UIDL", MAYBE_NUMBER},
    [POP3_RETR] = {"RETR", NUMBER},       [POP3_TOP] = {"TOP", TWO_NUMBERS},
    [POP3_DELE] = {"DELE", NUMBER},       [POP3_RSET] = {"RSET", NONE},
    [POP3_NOOP] = {"NOOP", NONE},         [POP3_UTF8] = {"UTF8", NONE},
    [POP3_LANG] = {"LANG", MAYBE_TEXT},   [POP3_QUIT] = {"QUIT", NONE},
};

static struct span without_blanks_behind(struct span text)
{
    while (text.len && text.at[text.len - 1] == ' ')
        text.len--;
    return text;
}

static bool parse_number(struct span text, uint32_t least, uint32_t *ret_number)
{
    uint64_t value;
    if (!span_to_uint(text, UINT32_MAX, &value) || value < least)
        return false;
    *ret_number = (uint32_t)value;
    return true;
}

static bool parse_two_numbers(struct span text, struct pop3_command *command)
{
    struct span first;
    return span_cut(&text, ' ', &first) && parse_number(first, 1, &command->number) &&
           parse_number(span_trim(text), 0, &command->lines);
}

static bool parse_arguments(enum arguments kind, struct span text, struct pop3_command *command)
{
    struct span plain = without_blanks_behind(text);
    switch (kind) {
    case NONE:
        return plain.len == 0;
    case TEXT:
        return text.len > 0;
    case MAYBE_TEXT:
        return true;
    case NUMBER:
        return parse_number(plain, 1, &command->number);
    case MAYBE_NUMBER:
        return plain.len == 0 || parse_number(plain, 1, &command->number);
    default:
        return parse_two_numbers(plain, command);
    }
}

int pop3_parse_command(struct span line, struct pop3_command *ret_command)
{
    struct span rest = line, word = SPAN("");
    span_cut(&rest, ' ', &word);
    for (unsigned i = 0; i < POP3_VERBS; i++) {
        if (!span_equal_nocase(word, span_of(verbs[i].name)))
            continue;
        struct pop3_command command = {.verb = (enum pop3_verb)i, .argument = rest};
        if (!parse_arguments(verbs[i].arguments, rest, &command))
            return POP3_BAD_ARGUMENT;
        *ret_command = command;
        return 0;
    }
    return POP3_BAD_COMMAND;
}
