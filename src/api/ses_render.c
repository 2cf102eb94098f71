/* TestRenderEmailTemplate: a template as its letter will be, and nothing sent; see ses.h. */
#include "api/ses.h"

#include "base/id.h"
#include "run/lane.h"
#include "submit/merge.h"

#define RENDERED_MAX ((size_t)16 * 1024 * 1024)

struct rendering {
    const char *hostname;
    struct content content;
    struct content_group group;
    struct buffer out;
    struct arena *arena;
    struct merge_fault fault;
};

/* A letter has a From; what is shown has none, as it is nobody's yet. */
static int print_letter(struct rendering *g, struct compose *compose)
{
    int rc = ses_headers_without(compose->header, SPAN("From"), &g->out);
    if (rc == 0)
        rc = buffer_append_text(&g->out, "\r\n");
    for (int more = 1; rc == 0 && more > 0;) {
        more = compose_next(compose, &g->out);
        rc = more < 0 ? more : 0;
    }
    return rc;
}

static int render(void *arg)
{
    struct rendering *g = arg;
    char id[SEND_MESSAGE_ID];
    int64_t number = id_next();
    struct merge_letter letter = {.id = number,
                                  .msg_id =
                                      span_of(send_message_id(number, 0, false, g->hostname, id)),
                                  .domain = g->hostname,
                                  .date_ms = id_wall_ms(number)};
    struct compose compose;
    struct merge *merge;
    int rc = merge_open(&g->content, &merge, &g->fault);
    if (rc < 0)
        return rc;
    rc = merge_group(merge, &g->group, &letter, g->arena, &compose, &g->fault);
    if (rc == 0)
        rc = print_letter(g, &compose);
    merge_free(merge);
    return rc;
}

static int co_render(struct ses_call *c, struct rendering *g)
{
    int rc = lane_co_run(api_of(c->r)->door->signing, render, g, CO_FOREVER);
    if (rc < 0 && g->fault.compose.why)
        return ses_refuse(c, SES_BAD_DATA, "%s", g->fault.compose.why);
    if (rc < 0 && g->fault.text[0])
        return ses_refuse_template(c, g->fault.variable, g->fault.text);
    return rc;
}

int ses_template_co_render(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    struct rendering g = {
        .hostname = api_of(c->r)->hostname, .out = BUFFER(RENDERED_MAX), .arena = &c->arena};
    const struct mailbox nobody = {SPAN(""), SPAN("template"), span_of(g.hostname)};
    struct stored_version parts;
    struct span name, data;
    int rc = ses_need_text(c, in, "TemplateName", &name);
    if (rc == 0)
        rc = ses_need_text(c, in, "TemplateData", &data);
    if (rc == 0)
        rc = ses_co_find_template(c, name, &parts);
    if (rc == 0)
        rc = ses_read_data(c, data, &g.group.data);
    if (rc == 0) {
        ses_set_template(&g.content, &parts);
        g.content.letter.from = (struct compose_list){&nobody, 1};
        rc = co_render(c, &g);
    }
    if (rc == 0)
        member_put_text(out, "RenderedTemplate", buffer_span(&g.out));
    json_object_put(g.group.data);
    buffer_free(&g.out);
    return rc;
}
