/* Lines of a server's answers: bounded, clean, and told once complete. */
#include "fuzz.h"

#include "smtp/response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_make(data, size), line, words;
    struct smtp_response r = {0};
    int more = 1;
    while (more > 0 && span_cut(&rest, '\n', &line)) {
        more = smtp_take_response_line(&r, line, &words);
        CLAIM(more < 0 || (r.code >= 200 && r.code <= 599 && r.lines <= SMTP_RESPONSE_LINES));
        CLAIM(r.len < SMTP_RESPONSE_TEXT && r.text[r.len] == '\0');
        for (size_t i = 0; i < r.len; i++)
            CLAIM(r.text[i] >= 32 && r.text[i] < 127);
        CLAIM(more < 0 || words.len <= line.len);
    }
    return 0;
}
