/* Chunked bodies and gzip. */
#include "../expect.h"
#include "http/chunk.h"
#include "http/gzip.h"
#include "suite.h"

#include <errno.h>
#include <zlib.h>

/* Reads it in pieces of so many bytes; "body|rest", or what is wrong. */
static void read_chunks(struct span wire, size_t step, struct buffer *out)
{
    struct chunk_reader reader = {0};
    int rc = CHUNK_MORE;
    buffer_clear(out);
    while (wire.len && rc >= 0 && rc != CHUNK_END) {
        struct span input = span_first(wire, step), data;
        struct span copy = exact_copy(input), left = copy;
        rc = chunk_read(&reader, &left, &data);
        wire = span_from(wire, copy.len - left.len);
        if (rc == CHUNK_DATA)
            assert_int_equal(buffer_append(out, data), 0);
        test_free((void *)copy.at);
    }
    if (rc < 0 || rc != CHUNK_END)
        buffer_clear(out);
    const char *end = rc == CHUNK_END ? "|" : rc == -EMSGSIZE ? "long" : rc < 0 ? "bad" : "more";
    assert_int_equal(buffer_append_text(out, end), 0);
    if (rc == CHUNK_END)
        assert_int_equal(buffer_append(out, wire), 0);
}

static void expect_chunks_at(struct span wire, const char *expected, int line)
{
    AUTO_BUFFER out = BUFFER(100000);
    for (size_t step = 1; step < 9; step += 3) {
        read_chunks(wire, step, &out);
        expect_span_at(buffer_span(&out), expected, __FILE__, line);
    }
    read_chunks(wire, wire.len, &out);
    expect_span_at(buffer_span(&out), expected, __FILE__, line);
}
#define expect_chunks(wire, expected) expect_chunks_at(SPAN(wire), expected, __LINE__)

static void test_chunks(void **state)
{
    (void)state;
    expect_chunks("5\r\nhello\r\n0\r\n\r\nGET", "hello|GET");
    expect_chunks("a\r\n0123456789\r\n1\r\nx\r\n000\r\n\r\n", "0123456789x|");
    expect_chunks("0B\r\n01234567890\r\n0\r\n\r\n", "01234567890|");
    expect_chunks("1;name=value;x\r\nx\r\n0;last\r\n\r\n", "x|");
    expect_chunks("1\r\nx\r\n0\r\nTrailer: t\r\nOther:\r\n\r\n", "x|");
    expect_chunks("5\r\nhel", "more");
    expect_chunks("0\r\n", "more");
}

static void test_chunks_of_two_meanings(void **state)
{
    (void)state;
    expect_chunks("5\nhello\r\n0\r\n\r\n", "bad");
    expect_chunks("5\rhello\r\n0\r\n\r\n", "bad");
    expect_chunks("5\r\nhello\n0\r\n\r\n", "bad");
    expect_chunks("5\r\nhello0\r\n\r\n", "bad");
    expect_chunks("5\r\nhellox\r\n0\r\n\r\n", "bad");
    expect_chunks("5 \r\nhello\r\n0\r\n\r\n", "bad");
    expect_chunks(" 5\r\nhello\r\n0\r\n\r\n", "bad");
    expect_chunks("0x5\r\nhello\r\n0\r\n\r\n", "bad");
    expect_chunks("+5\r\nhello\r\n0\r\n\r\n", "bad");
    expect_chunks("-1\r\nhello\r\n0\r\n\r\n", "bad");
    expect_chunks("\r\nhello\r\n0\r\n\r\n", "bad");
    expect_chunks("5;\r\nhello\r\n0\r\n\r\n", "bad");
    expect_chunks("5;a\nb\r\nhello\r\n0\r\n\r\n", "bad");
    expect_chunks("5;a\rb\r\nhello\r\n0\r\n\r\n", "bad");
    expect_chunks("5;\"\n\"\r\nhello\r\n0\r\n\r\n", "bad");
    expect_chunks("5;a=\"\r\nhello\r\n0\r\n\r\n", "bad");
    expect_chunks("5;a=\"\\\"\"\r\nhello\r\n0\r\n\r\n", "bad");
    expect_chunks("5;@\r\nhello\r\n0\r\n\r\n", "bad");
    expect_chunks("5;a b\r\nhello\r\n0\r\n\r\n", "bad");
    expect_chunks("5;a=\"q\"x\r\nhello\r\n0\r\n\r\n", "bad");
    expect_chunks("5;a=\r\nhello\r\n0\r\n\r\n", "bad");
    expect_chunks("5;a=\"q\"\r\nhello\r\n0\r\n\r\n", "hello|");
    expect_chunks("5;\0\r\nhello\r\n0\r\n\r\n", "bad");
    expect_chunks("5;\377\r\nhello\r\n0\r\n\r\n", "bad");
    expect_chunks("0\r\n X: y\r\n\r\n", "bad");
    expect_chunks("0\r\nX : y\r\n\r\n", "bad");
    expect_chunks("0\r\nX: y\n\r\n", "bad");
    expect_chunks("0\r\n\n", "bad");
    expect_chunks("1000000000000000\r\nx", "long");
    expect_chunks("0000000000000000\r\n\r\n", "long");
    expect_chunks("ffffffffffffffffff\r\nx", "long");
}

static void test_extensions_have_a_limit(void **state)
{
    (void)state;
    AUTO_BUFFER wire = BUFFER(100000), out = BUFFER(100000);
    int rc = buffer_append_text(&wire, "1;");
    for (int i = 0; i < 300; i++)
        rc |= buffer_append_byte(&wire, 'e');
    read_chunks(buffer_span(&wire), 100, &out);
    expect_span(buffer_span(&out), "long");
    buffer_clear(&wire);
    for (int i = 0; i < 100; i++)
        rc |= buffer_printf(&wire, "1;%0100d\r\nx\r\n", i);
    read_chunks(buffer_span(&wire), 1000, &out);
    expect_span(buffer_span(&out), "long");
    assert_int_equal(rc, 0);
}

/* --- gzip ------------------------------------------------------------------------------------ */

static void pack(struct span text, struct buffer *out)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(buffer_reserve(out, deflateBound(&z, text.len)), 0);
    z.next_in = (unsigned char *)text.at;
    z.avail_in = (unsigned)text.len;
    z.next_out = (unsigned char *)out->at + out->len;
    z.avail_out = (unsigned)(out->size - out->len);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len += z.total_out;
    deflateEnd(&z);
}

/* Unpacks in steps: 1 complete, 0 not, or an error. */
static int unpack(struct span packed, size_t step, struct buffer *out)
{
    struct gzip_reader *reader;
    struct span piece;
    int rc = 0;
    assert_int_equal(gzip_open(&reader), 0);
    buffer_clear(out);
    while (packed.len && rc == 0) {
        struct span input = span_first(packed, step);
        packed = span_from(packed, input.len);
        while ((rc = gzip_read(reader, &input, &piece)) > 0)
            assert_int_equal(buffer_append(out, piece), 0);
    }
    if (rc == 0)
        rc = gzip_is_complete(reader);
    gzip_close(reader);
    return rc;
}

static void test_gzip(void **state)
{
    (void)state;
    AUTO_BUFFER text = BUFFER(1 << 20), packed = BUFFER(1 << 20), out = BUFFER(1 << 21);
    for (int i = 0; i < 50000; i++)
        assert_int_equal(buffer_printf(&text, "%d ", i * 7919 % 1000), 0);
    pack(buffer_span(&text), &packed);
    for (size_t step = 1; step < 100000; step = step * 7 + 3) {
        assert_int_equal(unpack(buffer_span(&packed), step, &out), 1);
        assert_true(span_equal(buffer_span(&out), buffer_span(&text)));
    }
    assert_int_equal(unpack(span_first(buffer_span(&packed), packed.len - 1), 100, &out), 0);
    size_t one = packed.len;
    pack(SPAN("a second member"), &packed);
    assert_int_equal(unpack(buffer_span(&packed), 1000, &out), 1);
    assert_int_equal(out.len, text.len + 15);
    packed.len = one;
    assert_int_equal(buffer_append_text(&packed, "behind"), 0);
    assert_true(unpack(buffer_span(&packed), 1000, &out) < 1);
    assert_int_equal(unpack(SPAN("no gzip at all"), 5, &out), ERR_SYNTAX);
}

int chunk_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_chunks_of_two_meanings),
        cmocka_unit_test(test_extensions_have_a_limit),
        cmocka_unit_test(test_gzip),
    };
    return cmocka_run_group_tests_name("HTTP bodies", tests, NULL, NULL);
}
