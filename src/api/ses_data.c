/* Template data of SES: a string that holds a JSON object; and what the door refuses. See ses.h. */
#include "api/ses.h"

#include "http/json.h"

#include <errno.h>

#define DEPTH_MAX JSON_DEPTH_MAX

/* SES fills this itself; there is no picture here, so it is empty. */
#define OPEN_TRACKER "ses:openTracker"

int ses_read_data(struct ses_call *c, struct span text, struct json_object **ret_data)
{
    struct json_object *data = NULL;
    struct json_error error = {.what = "it is no object"};
    if (text.len > SES_DATA_MAX)
        return ses_refuse(c, SES_BAD_DATA, "Template data is longer than %d characters.",
                          SES_DATA_MAX);
    int rc = text.len ? json_read(text, &data, &error) : 0;
    if (text.len == 0)
        data = json_object_new_object();
    if (rc == -ENOMEM)
        return rc;
    if (rc < 0 || !json_object_is_type(data, json_type_object)) {
        json_object_put(data);
        return ses_refuse(c, SES_BAD_DATA, "Template rendering data is invalid: %s", error.what);
    }
    if (!json_object_object_get_ex(data, OPEN_TRACKER, NULL))
        member_put(data, OPEN_TRACKER, json_object_new_string(""));
    *ret_data = data;
    return 0;
}

/* base is ours to change; values of over are shared. */
static int merge_into(struct json_object *base, struct json_object *over, int depth)
{
    if (depth == DEPTH_MAX + 1)
        return -E2BIG;
    json_object_object_foreach(over, name, value)
    {
        struct json_object *old = json_object_object_get(base, name);
        int rc = 0;
        if (json_object_is_type(old, json_type_object) &&
            json_object_is_type(value, json_type_object))
            rc = merge_into(old, value, depth + 1);
        else
            rc = json_object_object_add(base, name, json_object_get(value));
        if (rc < 0)
            return rc;
    }
    return 0;
}

int ses_merge_data(struct json_object *base, struct json_object *over,
                   struct json_object **ret_data)
{
    struct json_object *copy = NULL;
    if (json_object_deep_copy(base, &copy, NULL) < 0)
        return -ENOMEM;
    int rc = merge_into(copy, over, 0);
    if (rc < 0)
        json_object_put(copy);
    else
        *ret_data = copy;
    return rc;
}

/* --- the door's refusals ---------------------------------------------------------------------- */

int ses_refuse_template(struct ses_call *c, const char *variable, const char *text)
{
    if (variable[0])
        return ses_refuse(c, SES_MISSING_VARIABLE,
                          "Attribute '%s' is not present in the rendering data.", variable);
    return ses_refuse(c, SES_BAD_DATA, "%s", text);
}

int ses_refuse_send(struct ses_call *c, const struct ses_letter *l,
                    const struct send_result *result)
{
    switch (result->problem) {
    case SEND_NO_RECIPIENTS:
        return ses_refuse(c, SES_BAD_REQUEST, "Missing required header 'To'.");
    case SEND_TOO_MANY_RECIPIENTS:
        return ses_refuse(c, SES_BAD_REQUEST, "Recipient count exceeds %d.", SES_RECIPIENTS_MAX);
    case SEND_TOO_LARGE:
        return ses_refuse(c, SES_BAD_REQUEST, "Message length is more than %d bytes long.",
                          SEND_OCTETS_MAX);
    case SEND_BAD_ADDRESS:
        return ses_refuse(c, SES_BAD_REQUEST, "Illegal address: %s", result->text);
    case SEND_BAD_TEMPLATE:
        return ses_refuse_template(c, result->variable, result->text);
    case SEND_NOT_ALLOWED:
        return ses_refuse(c, SES_DENIED, "User: %s is not authorized: %s", c->who.login,
                          result->text);
    case SEND_FOREIGN_FROM:
        return ses_refuse(c, SES_REJECTED, "Email address is not verified. %s", result->text);
    case SEND_OVER_QUOTA:
        return ses_refuse(c, SES_THROTTLED, "Daily message quota exceeded.");
    case SEND_BAD_RAW:
    case SEND_BAD_CONTENT:
    case SEND_KEY_REUSED:
    default:
        return ses_refuse(c, SES_BAD_REQUEST, "%s%s",
                          l->content.letter.attachment_count &&
                                  result->fault.field == COMPOSE_ATTACHMENTS
                              ? "Attachment: "
                              : "",
                          result->text);
    }
}
