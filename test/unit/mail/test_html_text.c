/* Text made from HTML. */
#include "suite.h"

#include "../expect.h"
#include "base/utf8.h"
#include "mail/entity.h"
#include "mail/html_text.h"

static const struct {
    const char *html, *text;
} cases[] = {
    {"", ""},
    {"plain", "plain\r\n"},
    {"<p>One\n two</p><p>Three<br>four</p>", "One two\r\n\r\nThree\r\nfour\r\n"},
    {"<div>a<div>b</div></div>c<br><br><br><br><br>d", "a\r\nb\r\nc\r\n\r\n\r\nd\r\n"},
    {"<h1>Head</h1>text<hr>more", "Head\r\n\r\ntext\r\n"
                                  "----------------------------------------\r\nmore\r\n"},
    /* links */
    {"See <a href='https://x.test/?a=1&amp;b=2'>the page</a>, please",
     "See the page (https://x.test/?a=1&b=2), please\r\n"},
    {"<a href=https://x.test/>x.test</a> <A HREF=\"mailto:a@b.test\">a@b.test</A>",
     "x.test a@b.test\r\n"},
    {"<a href='#top'>up</a> <a href='javascript:x()'>run</a> <a name=x>name</a> <a href=u></a>.",
     "up run name .\r\n"},
    {"<a href='/a'>one<a href='/b'>two</a> <a href='/c'><div>three</div></a>four",
     "one (/a)two (/b)\r\nthree (/c)\r\nfour\r\n"},
    {"<a href='/i'><img src=x alt='A &amp; B'></a><img src=y>", "A & B (/i)\r\n"},
    {"foo<a href=/x>bar</a>baz", "foobar (/x)baz\r\n"},
    /* lists */
    {"a<ul><li>one<li>two<ol><li>x</li><li>y<br>z</ol></ul>b",
     "a\r\n\r\n- one\r\n- two\r\n  1. x\r\n  2. y\r\n    z\r\n\r\nb\r\n"},
    {"<ul><li><p>p</p></li><li></li><li><p>q</p></li></ul>", "- p\r\n\r\n- q\r\n"},
    /* tables */
    {"<table><tr><th>Item<th>Price</tr><tr><td>Tea</td><td>2&nbsp;&euro;</td></tr></table>z",
     "Item | Price\r\nTea | 2 \342\202\254\r\n\r\nz\r\n"},
    {"<table><tr><td></td><td><table><tr><td>in</td></tr></table></td></tr></table>", "in\r\n"},
    /* quotations, preformatted text */
    {"a<blockquote>b<blockquote><p>c<p>d</blockquote>e</blockquote>f",
     "a\r\n\r\n> b\r\n>\r\n> > c\r\n>>\r\n> > d\r\n>\r\n> e\r\n\r\nf\r\n"},
    {"x<pre>\n  two  blanks \nnext\n\nlast</pre>",
     "x\r\n\r\n  two  blanks\r\nnext\r\n\r\nlast\r\n"},
    /* what is left out */
    {"<!doctype html><html><head><title>T</title><style>p { a: \"</p>\" }</style>"
     "<script>if (a < b) x('</p>')</script></head><body>seen<!-- not --></body></html>",
     "seen\r\n"},
    {"a<!--[if mso]><p>outlook</p><![endif]-->b<!-->c<? x ?>d<svg/>e<svg><text>no</text></svg>f",
     "abcdef\r\n"},
    {"<div style='display:none'>Preheader &zwnj;&nbsp;&#8203;&zwnj; &shy;&#xfeff;</div>Hi",
     "Preheader\r\nHi\r\n"},
    {"\331\205\333\214\342\200\214\330\256", "\331\205\333\214\342\200\214\330\256\r\n"},
    /* references */
    {"&lt;b&gt; &amp;amp; &eacute;&Eacute; &hearts; &#233;&#xE9; &#150; &#0;&#xd800;&#99999999;",
     "<b> &amp; \303\251\303\211 \342\231\245 \303\251\303\251 \342\200\223"
     " \357\277\275\357\277\275\357\277\275\r\n"},
    {"AT&T &copy &amp x &nosuch; &", "AT&T &copy & x &nosuch; &\r\n"},
    /* broken */
    {"a < b and <3 > c", "a < b and <3 > c\r\n"},
    {"a<b", "a\r\n"},
    {"a<a href=\"x>never closed", "a\r\n"},
    {"a<!-- never closed", "a\r\n"},
    {"a<script>never closed", "a\r\n"},
    {"</p></ul></ol></blockquote></pre></a>a\200\303", "a\357\277\275\357\277\275\r\n"},
    {"<p <b>x</p =\"'>\">y", "x\r\n\r\n\">y\r\n"},
};

static void test_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_BUFFER out = BUFFER(10000);
        struct span html = exact_copy(span_of(cases[i].html));
        assert_int_equal(html_text(html, &out), 0);
        expect_span(buffer_span(&out), cases[i].text);
        test_free((void *)(uintptr_t)html.at);
    }
}

static void test_nul_is_a_blank(void **state)
{
    (void)state;
    AUTO_BUFFER out = BUFFER(100);
    assert_int_equal(html_text(SPAN("a\0\0b\x1b"), &out), 0);
    expect_span(buffer_span(&out), "a b\r\n");
}

static void test_cap(void **state)
{
    (void)state;
    for (size_t cap = 0; cap < 40; cap++) {
        AUTO_BUFFER out = BUFFER(cap);
        assert_int_equal(html_text(SPAN("<ul><li>\303\251\303\251 \303\251<li>bb</ul>c"), &out), 0);
        assert_true(out.len <= cap && utf8_is_text(buffer_span(&out)));
        assert_true(out.len == 0 || span_ends_nocase(buffer_span(&out), SPAN("\r\n")));
    }
}

/* Depths and repetitions that would cost a quadratic reader minutes. */
static void test_hostile_input_is_read_in_one_pass(void **state)
{
    static const char *const pieces[] = {
        "<a href='", "<!--", "<script>",    "<svg>", "<ul><li>", "<blockquote>x", "&#",
        "<",         "</",   "<a href=x>y", "<p a=", "<br>\n",   "&amp",          "<td>x"};
    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        AUTO_BUFFER html = BUFFER((size_t)1 << 22), out = BUFFER((size_t)1 << 16);
        while (html.len < (size_t)1 << 20)
            assert_int_equal(buffer_append_text(&html, pieces[i]), 0);
        assert_int_equal(html_text(buffer_span(&html), &out), 0);
        assert_true(utf8_is_text(buffer_span(&out)));
    }
}

int html_text_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_nul_is_a_blank),
        cmocka_unit_test(test_cap),
        cmocka_unit_test(test_hostile_input_is_read_in_one_pass),
    };
    return cmocka_run_group_tests_name("text made from HTML", tests, NULL, NULL);
}
