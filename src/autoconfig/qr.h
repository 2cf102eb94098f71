/* QR codes (libqrencode) as SVG. Pure. */
#ifndef AUTOCONFIG_QR_H
#define AUTOCONFIG_QR_H

#include "base/buffer.h"

/* An <svg> element that holds the text, quiet zone included: one path, a square of 1 for each
 * module, black on white. -E2BIG: the text does not fit into one; -ENOMEM, -ENOBUFS. */
must_check int qr_write_svg(struct span text, struct buffer *out);

#endif
