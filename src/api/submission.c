/* Applications' letters by SMTP; see submission.h. */
#include "api/submission.h"

#include "directory/key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MEMORY ((size_t)1024 * 1024)

static void say(struct smtpd_verdict *verdict, int code, const char *enhanced, const char *text)
{
    verdict->code = code;
    snprintf(verdict->enhanced, sizeof verdict->enhanced, "%s", enhanced);
    snprintf(verdict->text, sizeof verdict->text, "%s", text);
}

void submission_judge(int rc, const struct send_result *result, struct smtpd_verdict *ret_verdict)
{
    static const struct {
        int code;
        const char *enhanced;
    } known[] = {
        [SEND_NO_RECIPIENTS] = {554, "5.5.1"}, [SEND_TOO_MANY_RECIPIENTS] = {552, "5.5.3"},
        [SEND_TOO_LARGE] = {552, "5.3.4"},     [SEND_BAD_ADDRESS] = {550, "5.1.3"},
        [SEND_BAD_CONTENT] = {550, "5.6.0"},   [SEND_BAD_RAW] = {550, "5.6.0"},
        [SEND_BAD_TEMPLATE] = {550, "5.6.0"},  [SEND_NOT_ALLOWED] = {550, "5.7.1"},
        [SEND_FOREIGN_FROM] = {550, "5.7.1"},  [SEND_OVER_QUOTA] = {451, "4.7.1"},
        [SEND_NO_CHANNEL] = {550, "5.7.1"},    [SEND_KEY_REUSED] = {550, "5.7.0"},
    };
    char text[100], id[ID_TEXT];
    if (rc == 0) {
        snprintf(text, sizeof text, "Ok: stored as %s", id_text(result->letter, id));
        say(ret_verdict, 250, "2.0.0", text);
    } else if (result->problem != SEND_OK) {
        say(ret_verdict, known[result->problem].code, known[result->problem].enhanced,
            result->text);
    } else if (rc == -ENOSPC || rc == ERR_FULL) {
        say(ret_verdict, 452, "4.3.1", "No room now, try again later");
    } else {
        say(ret_verdict, 451, "4.3.0", "Cannot store the letter now, try again later");
    }
}

int submission_co_send_raw(const struct api *api, const struct smtpd_handover *handover,
                           const struct send *change, struct send_result *ret_result)
{
    AUTO_ARENA arena = ARENA(MEMORY);
    struct content_group group = {0};
    struct mailbox *to = arena_zero(&arena, handover->recipient_count * sizeof *to);
    *ret_result = (struct send_result){0};
    if (!to)
        return -ENOMEM;
    for (size_t i = 0; i < handover->recipient_count; i++)
        if (!address_split(handover->recipients[i].forward_path, &to[i].local, &to[i].domain))
            return ERR_SYNTAX;
    group.to = (struct compose_list){to, handover->recipient_count};
    struct send send = change ? *change : (struct send){0};
    send.who = handover->who;
    send.source = send.source ? send.source : "smtp";
    send.raw = send.raw.len ? send.raw : handover->letter;
    send.groups = &group;
    send.group_count = 1;
    send.reverse_path = handover->reverse_path;
    send.null_path = handover->reverse_path.len == 0;
    return submit_co_send(api->door, &send, ret_result);
}

static void co_take_native(const struct api *api, const struct smtpd_handover *handover,
                           struct smtpd_verdict *ret_verdict)
{
    struct send_result result;
    int rc = submission_co_send_raw(api, handover, NULL, &result);
    submission_judge(rc, &result, ret_verdict);
}

void submission_co_take_over(void *arg, const struct smtpd_handover *handover,
                             struct smtpd_verdict *ret_verdict)
{
    static void (*const dialects[KEY_DIALECTS])(const struct api *, const struct smtpd_handover *,
                                                struct smtpd_verdict *) = {
        [KEY_NATIVE] = co_take_native,
        [KEY_SENDGRID] = sendgrid_smtp_co_take_over,
        [KEY_MAILGUN] = mailgun_smtp_co_take_over,
        [KEY_SES] = ses_smtp_co_take_over,
        [KEY_SMTPCOM] = smtpcom_smtp_co_take_over,
    };
    dialects[handover->who->dialect](arg, handover, ret_verdict);
}
