/*
 * Threads of letters, for test_thread.py. On standard input, for each case, a line "references N"
 * or "subject N" and N lines "number sent-ms reply subject own-id reference …" ("-": none), words
 * separated by blanks; on standard output a line with the threads.
 */
#include "mail/thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_ ((size_t)16 * 1024 * 1024)

static void must(int rc)
{
    if (rc < 0) {
        fprintf(stderr, "thread_letters: %s\n", error_text(rc));
        exit(2);
    }
}

static struct span take_word(struct span *line)
{
    struct span word = SPAN("");
    (void)span_cut(line, ' ', &word);
    return span_equal(word, SPAN("-")) ? SPAN("") : word;
}

static int64_t take_number(struct span *line)
{
    return strtoll(take_word(line).at, NULL, 10);
}

static void add(struct thread *t, struct span line)
{
    AUTO_BUFFER ids = BUFFER(LINE_MAX_);
    struct thread_letter letter = {.number = (uint32_t)take_number(&line)};
    letter.sent_ms = take_number(&line);
    letter.reply = take_number(&line) != 0;
    letter.subject = take_word(&line);
    do {
        must(buffer_append(&ids, take_word(&line)));
        must(buffer_append_byte(&ids, '\n'));
    } while (line.len);
    letter.ids = buffer_span(&ids);
    must(thread_add(t, &letter));
}

static bool read_line(char **line, size_t *room, struct span *ret_line)
{
    ssize_t len = getline(line, room, stdin);
    if (len <= 0)
        return false;
    *ret_line = span_make(*line, (size_t)len - ((*line)[len - 1] == '\n'));
    return true;
}

int main(void)
{
    char *text = NULL;
    size_t room = 0;
    struct span line, how;
    while (read_line(&text, &room, &line)) {
        AUTO_BUFFER out = BUFFER(LINE_MAX_ * 16);
        struct thread *t;
        how = take_word(&line);
        bool references = span_equal(how, SPAN("references"));
        int64_t count = take_number(&line);
        must(thread_open(&t));
        while (count-- > 0 && read_line(&text, &room, &line))
            add(t, line);
        must(references ? thread_by_references(t, &out) : thread_by_subject(t, &out));
        thread_free(t);
        fwrite(buffer_span(&out).at, 1, out.len, stdout);
        putchar('\n');
    }
    free(text);
    return 0;
}
