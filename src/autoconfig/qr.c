/* QR codes; see qr.h. */
#include "autoconfig/qr.h"

#include <errno.h>
#include <qrencode.h>

#define QUIET    4    /* modules around the code (ISO 18004 6.3.8) */
#define TEXT_MAX 2331 /* bytes of the largest code with correction M */

static unsigned run_length(const unsigned char *modules, unsigned count)
{
    unsigned run = 0;
    while (run < count && modules[run] & 1)
        run++;
    return run;
}

/* Each run of black modules in a line is a rectangle. */
static int write_line(const unsigned char *modules, unsigned width, unsigned y, struct buffer *out)
{
    int rc = 0;
    for (unsigned x = 0; rc == 0 && x < width;) {
        unsigned run = run_length(modules + x, width - x);
        if (run)
            rc = buffer_printf(out, "M%u %uh%uv1h-%uz", x + QUIET, y + QUIET, run, run);
        x += run ? run : 1;
    }
    return rc;
}

static int write_code(const QRcode *code, struct buffer *out)
{
    unsigned width = (unsigned)code->width, side = width + 2 * QUIET;
    int rc = buffer_printf(out,
                           "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %u %u\" "
                           "shape-rendering=\"crispEdges\" role=\"img\" aria-label=\"QR code\">"
                           "<path fill=\"#fff\" d=\"M0 0h%uv%uH0z\"/><path d=\"",
                           side, side, side, side);
    for (unsigned y = 0; rc == 0 && y < width; y++)
        rc = write_line(code->data + (size_t)y * width, width, y, out);
    return rc < 0 ? rc : buffer_append_text(out, "\"/></svg>\n");
}

int qr_write_svg(struct span text, struct buffer *out)
{
    if (text.len == 0 || text.len > TEXT_MAX)
        return -E2BIG;
    QRcode *code =
        QRcode_encodeData((int)text.len, (const unsigned char *)text.at, 0, QR_ECLEVEL_M);
    if (!code)
        return errno == ENOMEM ? -ENOMEM : -E2BIG;
    int rc = write_code(code, out);
    QRcode_free(code);
    return rc;
}
