/*
 * A letter's template and footer, once all else of it has been read; see sendgrid_mail.h.
 *
 * A dynamic template ("d-…") is Handlebars: what it has stands in for what the call has. A legacy
 * one takes the call's content in where it says <%body%> and <%subject%>, and tags are replaced.
 */
#include "api/sendgrid_mail.h"

#include "mail/html_text.h"
#include "submit/templates.h"
#include "template/substitute.h"
#include "template/template.h"

#include <errno.h>
#include <stdio.h>

#define APPLIED_MAX ((size_t)16 * 1024 * 1024)
#define TEXT_MAX    ((size_t)256 * 1024)

/* --- legacy templates ------------------------------------------------------------------------ */

static int put_into(struct sendgrid_mail *m, struct span template, const char *tag,
                    struct span value, struct span *ret_text)
{
    AUTO_BUFFER out = BUFFER(APPLIED_MAX);
    char tight[32], loose[32];
    snprintf(tight, sizeof tight, "<%%%s%%>", tag);
    snprintf(loose, sizeof loose, "<%% %s %%>", tag);
    struct substitution tags[] = {{span_of(tight), value}, {span_of(loose), value}};
    int rc = template_substitute(template, tags, 2, &out);
    if (rc == -ENOBUFS)
        return sendgrid_wrong(m, "Must be a valid template.", "template_id");
    if (rc < 0)
        return rc;
    *ret_text = arena_copy(&m->arena, buffer_span(&out));
    return ret_text->at ? 0 : -ENOMEM;
}

/* Text as HTML shows it. */
static int make_html(struct sendgrid_mail *m, struct span text, struct span *ret_html)
{
    static const struct substitution tags[] = {
        {{"&", 1}, {"&amp;", 5}},       {{"<", 1}, {"&lt;", 4}},    {{">", 1}, {"&gt;", 4}},
        {{"\r\n", 2}, {"<br>\r\n", 6}}, {{"\n", 1}, {"<br>\n", 5}},
    };
    AUTO_BUFFER out = BUFFER(APPLIED_MAX);
    int rc = template_substitute(text, tags, sizeof tags / sizeof *tags, &out);
    *ret_html = arena_copy(&m->arena, buffer_span(&out));
    return rc < 0 ? rc : ret_html->at ? 0 : -ENOMEM;
}

static int make_text(struct sendgrid_mail *m, struct span html, struct span *ret_text)
{
    AUTO_BUFFER out = BUFFER(TEXT_MAX);
    int rc = html_text(html, &out);
    *ret_text = arena_copy(&m->arena, buffer_span(&out));
    return rc < 0 ? rc : ret_text->at ? 0 : -ENOMEM;
}

static int put_subjects(struct sendgrid_mail *m, struct span template)
{
    struct compose_letter *letter = &m->content.letter;
    int rc = 0;
    if (template.len == 0)
        return 0;
    for (size_t i = 0; rc == 0 && i < m->send.group_count; i++)
        if (m->groups[i].subject.len)
            rc = put_into(m, template, "subject", m->groups[i].subject, &m->groups[i].subject);
    return rc < 0 ? rc : put_into(m, template, "subject", letter->subject, &letter->subject);
}

static int apply_legacy(struct sendgrid_mail *m, const struct stored_version *version)
{
    struct compose_letter *letter = &m->content.letter;
    struct span text = letter->text, html = letter->html;
    int rc = put_subjects(m, version->subject);
    if (rc == 0 && version->text.len && text.len == 0)
        rc = make_text(m, html, &text);
    if (rc == 0 && version->html.len && html.len == 0)
        rc = make_html(m, text, &html);
    if (rc == 0 && version->text.len)
        rc = put_into(m, version->text, "body", text, &letter->text);
    if (rc == 0 && version->html.len)
        rc = put_into(m, version->html, "body", html, &letter->html);
    return rc;
}

/* --- dynamic templates ----------------------------------------------------------------------- */

static int apply_dynamic(struct sendgrid_mail *m, const struct stored_version *version)
{
    struct compose_letter *letter = &m->content.letter;
    if (version->subject.len) {
        letter->subject = version->subject;
        for (size_t i = 0; i < m->send.group_count; i++)
            m->groups[i].subject = SPAN("");
    }
    if (version->html.len || version->text.len) {
        letter->html = version->html;
        letter->text = version->text;
        letter->amp = version->amp;
    }
    return 0;
}

static int co_apply_template(struct sendgrid_mail *m)
{
    struct stored_version version;
    if (m->template_id.len == 0)
        return 0;
    int rc = templates_co_version_find(m->api->store, m->send.who->tenant,
                                       sendgrid_space(m->template_id), m->template_id, SPAN(""),
                                       &m->arena, &version);
    if (rc == ERR_ABSENT)
        return sendgrid_wrong(
            m, sendgrid_words(m, SENDGRID_NO_TEMPLATE, SPAN_PRINT(m->template_id)), "template_id");
    if (rc == 0)
        rc = m->content.syntax == CONTENT_HANDLEBARS ? apply_dynamic(m, &version)
                                                     : apply_legacy(m, &version);
    if (rc == 0 && m->content.letter.text.len == 0 && m->content.letter.html.len == 0)
        return sendgrid_wrong(m, "Must be a valid template.", "template_id");
    return rc;
}

/* --- footer ---------------------------------------------------------------------------------- */

static int join(struct sendgrid_mail *m, struct span first, struct span second, struct span third,
                struct span *ret_text)
{
    AUTO_BUFFER out = BUFFER(first.len + second.len + third.len);
    int rc = buffer_append(&out, first);
    if (rc == 0)
        rc = buffer_append(&out, second);
    if (rc == 0)
        rc = buffer_append(&out, third);
    *ret_text = arena_copy(&m->arena, buffer_span(&out));
    return rc < 0 ? rc : ret_text->at ? 0 : -ENOMEM;
}

/* Before the last </body>, or at the end. */
static size_t end_of_html(struct span html)
{
    static const struct span end = {"</body", 6};
    for (size_t i = html.len; i-- > 0;)
        if (html.at[i] == '<' && span_starts_nocase(span_from(html, i), end))
            return i;
    return html.len;
}

static int apply_footer(struct sendgrid_mail *m)
{
    struct compose_letter *letter = &m->content.letter;
    size_t end = end_of_html(letter->html);
    int rc = 0;
    if (letter->text.len && m->footer_text.len) {
        bool ended = letter->text.at[letter->text.len - 1] == '\n';
        rc = join(m, letter->text, ended ? SPAN("") : SPAN("\n"), m->footer_text, &letter->text);
    }
    if (rc == 0 && letter->html.len && m->footer_html.len)
        rc = join(m, span_first(letter->html, end), m->footer_html, span_from(letter->html, end),
                  &letter->html);
    return rc;
}

/* --- all of it ------------------------------------------------------------------------------- */

static int check_subjects(struct sendgrid_mail *m)
{
    for (size_t i = 0; m->content.letter.subject.len == 0 && i < m->send.group_count; i++)
        if (m->groups[i].subject.len == 0)
            return sendgrid_wrong(m,
                                  "The subject is required. You can get around this requirement if"
                                  " you use a template with a subject defined or if every"
                                  " personalization has a subject defined.",
                                  "subject");
    return 0;
}

int sendgrid_co_apply(struct sendgrid_mail *m)
{
    int rc = co_apply_template(m);
    if (rc == 0)
        rc = apply_footer(m);
    return rc < 0 ? rc : check_subjects(m);
}
