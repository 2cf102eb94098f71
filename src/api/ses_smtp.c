/*
 * SES by SMTP: letters of its keys lose their X-SES fields, and replies have SES's words, without
 * enhanced codes. See ses.h.
 */
#include "api/ses.h"

#include "api/submission.h"
#include "http/json.h"
#include "mail/header.h"

#include <errno.h>
#include <stdio.h>

#define MEMORY ((size_t)SEND_OCTETS_MAX + 1024 * 1024)

static void say(struct smtpd_verdict *verdict, int code, const char *text, const char *more)
{
    verdict->code = code;
    verdict->enhanced[0] = '\0';
    snprintf(verdict->text, sizeof verdict->text, "%s%.200s", text, more);
}

static void judge(int rc, const struct send_result *result, struct smtpd_verdict *ret_verdict)
{
    char id[ID_TEXT];
    submission_judge(rc, result, ret_verdict);
    if (rc == 0) {
        say(ret_verdict, 250, "Ok ", id_text(result->letter, id));
        return;
    }
    switch (result->problem) {
    case SEND_OK: /* of the server: the common words */
        return;
    case SEND_OVER_QUOTA:
        say(ret_verdict, 454, "Throttling failure: Daily message quota exceeded", "");
        return;
    case SEND_TOO_LARGE:
        say(ret_verdict, 552, "Message is too long.", "");
        return;
    case SEND_FOREIGN_FROM:
        say(ret_verdict, 554, "Message rejected: Email address is not verified. ", result->text);
        return;
    case SEND_NOT_ALLOWED:
        say(ret_verdict, 554, "Access denied: ", result->text);
        return;
    default:
        say(ret_verdict, 554, "Transaction failed: ", result->text);
    }
}

static int strip(struct span letter, struct json_object *meta, struct arena *arena,
                 struct span *ret_letter)
{
    AUTO_BUFFER out = BUFFER(letter.len + 1);
    size_t header = header_length(letter);
    int rc = ses_headers_strip(span_first(letter, header), meta, &out);
    if (rc == 0)
        rc = buffer_append(&out, span_from(letter, header));
    if (rc < 0)
        return rc;
    *ret_letter = arena_copy(arena, buffer_span(&out));
    return ret_letter->at ? 0 : -ENOMEM;
}

void ses_smtp_co_take_over(const struct api *api, const struct smtpd_handover *handover,
                           struct smtpd_verdict *ret_verdict)
{
    AUTO_ARENA arena = ARENA(MEMORY);
    struct send change = {.source = "ses"};
    struct send_result result = {.problem = SEND_OK};
    struct json_object *meta = json_object_new_object();
    int rc = meta ? strip(handover->letter, meta, &arena, &change.raw) : -ENOMEM;
    if (rc == 0) {
        change.meta = member_print(meta, &arena);
        rc = change.meta.at ? 0 : -ENOMEM;
    }
    json_object_put(meta);
    if (rc == 0 && handover->recipient_count > SES_RECIPIENTS_MAX) {
        say(ret_verdict, 554, "Transaction failed: Recipient count exceeds 50.", "");
        return;
    }
    if (rc == 0)
        rc = submission_co_send_raw(api, handover, &change, &result);
    judge(rc, &result, ret_verdict);
}
