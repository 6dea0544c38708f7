/* SPDX-License-Identifier: Apache-2.0
 *
 * What is hidden in several ways at once is found and redacted, whole and in a stream: signs of
 * full width, zero width and look-alikes inside an encoding, encodings in encodings, markup in
 * them and they in markup. How deep is bounded, and that a text is deeper is told.
 */
#include "scan_test.h"

static const struct scan_term terms[] = {{.text = STR_INIT("secret project"), .id = 1}};

/* Ways to hide a text; of a case one after the other, the innermost first. */
enum way {
    WIDE = 'w',     /* signs of full width */
    ZERO = 'z',     /* U+200B between all */
    LIKE = 'l',     /* Cyrillic a, e, o, c, p */
    TAGS = 't',     /* a tag in the middle */
    BOLD = 'b',     /* ** between all, two by two */
    REMARK = 'r',   /* a comment in the middle */
    PERCENT = 'p',
    ENTITY = 'e',
    UNICODE = 'u',
    SLASHES = 's',  /* the same in JSON in JSON */
    BASE64 = '6'
};

static const char ssn[] = "123-45-6789";
static const char mail[] = "jane.doe@example.com";
static const char term[] = "secret project";

static const struct {
    const char *value, *ways;
} cases[] = {
    /* inside an encoding */
    {ssn, "wp"}, {ssn, "we"}, {ssn, "wu"}, {ssn, "w6"}, {ssn, "zp"}, {ssn, "ze"}, {ssn, "zu"},
    {ssn, "s"}, {mail, "ls"},
    {ssn, "z6"}, {ssn, "wzp"}, {ssn, "wze"}, {ssn, "wzu"}, {ssn, "wz6"}, {term, "lp"}, {term, "le"},
    {term, "lu"}, {term, "l6"}, {mail, "lp"}, {mail, "l6"}, {mail, "tp"}, {mail, "te"},
    {mail, "tu"}, {mail, "t6"}, {term, "lbp"}, {term, "lbu"}, {term, "lb6"}, {mail, "r6"},
    /* cut by markup */
    {ssn, "pt"}, {ssn, "et"}, {ssn, "ut"}, {mail, "6b"}, {mail, "pr"}, {mail, "6t"},
    /* an encoding in an encoding */
    {ssn, "wpp"}, {ssn, "wpe"}, {ssn, "wpu"}, {ssn, "wp6"}, {ssn, "wep"}, {ssn, "wee"},
    {ssn, "weu"}, {ssn, "we6"}, {ssn, "wup"}, {ssn, "wue"}, {ssn, "wuu"}, {ssn, "wu6"},
    {ssn, "w6p"}, {ssn, "w6e"}, {ssn, "w6u"}, {ssn, "w66"}, {mail, "666"}, {mail, "ppp"},
    {mail, "pue"}, {mail, "lt6p"}, {mail, "z6up"},
    /* none */
    {mail, "lt"}, {term, "zlb"}, {term, "lr"}, {term, "lzr"},
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

static uint32_t code_point(struct str s)
{
    unsigned char lead = (unsigned char)s.ptr[0];
    uint32_t cp = s.len == 1 ? lead : lead & (0x7fU >> s.len);
    for (size_t i = 1; i < s.len; i++) {
        cp = cp << 6 | ((unsigned char)s.ptr[i] & 0x3fU);
    }
    return cp;
}

static void add_code_point(struct buf *to, uint32_t cp)
{
    char bytes[4];
    buf_add(to, (struct str){bytes, str_utf8_of(cp, bytes)});
}

/* One code point, the number `i` of `count`. */
static void hide_sign(struct buf *to, struct str sign, enum way way, size_t i, size_t count)
{
    static const char latin[] = "aeocp";
    static const uint32_t like[] = {0x430, 0x435, 0x43e, 0x441, 0x440};
    uint32_t cp = code_point(sign);
    const char *found = cp < 0x80 && cp > 0 ? strchr(latin, (char)cp) : NULL;
    bool is_middle = i + 1 == count / 2;
    switch (way) {
    case WIDE:
        add_code_point(to, cp > ' ' && cp < 0x7f ? cp + 0xfee0 : cp);
        break;
    case LIKE:
        add_code_point(to, found != NULL ? like[found - latin] : cp);
        break;
    case PERCENT:
        for (size_t k = 0; k < sign.len; k++) {
            buf_printf(to, "%%%02X", (unsigned)(unsigned char)sign.ptr[k]);
        }
        break;
    case ENTITY:
        buf_printf(to, "&#x%x;", (unsigned)cp);
        break;
    case UNICODE:
        buf_printf(to, "\\u%04x", (unsigned)cp);
        break;
    case SLASHES:
        buf_printf(to, "\\\\u%04x", (unsigned)cp);
        break;
    case ZERO:
    case TAGS:
    case BOLD:
    case REMARK:
    case BASE64:
        buf_add(to, sign);
        break;
    }
    buf_add(to, way == ZERO && i + 1 < count              ? STR("\xe2\x80\x8b")
                : way == BOLD && i % 2 == 1 && i + 1 < count ? STR("**")
                : way == TAGS && is_middle                ? STR("<b>")
                : way == REMARK && is_middle              ? STR("<!-- no -->")
                                                          : STR(""));
}

static void hide(struct buf *text, enum way way)
{
    struct buf to;
    size_t count = 0;
    buf_init(&to, 1U << 16);
    for (size_t at = 0; at < text->len; count++) {
        at += str_utf8_step(str_sub(buf_str(text), at, text->len));
    }
    for (size_t i = 0, at = 0; way != BASE64 && i < count; i++) {
        size_t step = str_utf8_step(str_sub(buf_str(text), at, text->len));
        hide_sign(&to, str_sub(buf_str(text), at, at + step), way, i, count);
        at += step;
    }
    if (way == BASE64) {
        add_base64(&to, buf_str(text));
        buf_add(&to, str_sub(STR("=="), 0, (3 - text->len % 3) % 3));
    }
    buf_clear(text);
    buf_add(text, buf_str(&to));
    buf_fini(&to);
}

static bool feed(struct scan_world *w, struct str text, size_t step, struct buf *out)
{
    struct scan_sieve sieve;
    w->keys.names_count = 0;
    buf_clear(out);
    scan_sieve_init(&sieve, w->set, &w->plan, &w->keys, SCAN_VIEW_ALL, 1U << 17);
    for (size_t at = 0; at < text.len; at += step) {
        assert_int_equal(scan_sieve_feed(&sieve, str_sub(text, at, at + step), out, NULL), ERR_OK);
    }
    assert_int_equal(scan_sieve_close(&sieve, out, NULL), ERR_OK);
    bool is_too_deep = sieve.is_too_deep;
    scan_sieve_fini(&sieve);
    return is_too_deep;
}

static void test_layers_are_taken_off(void **state)
{
    (void)state;
    static struct scan_world w;
    struct str wanted = STR("so it is # and no more");
    struct buf hidden;
    struct buf text;
    struct buf got;
    unsigned failed = 0;
    scan_world_init(&w, "default", terms, 1);
    w.action.format = STR("#");
    buf_init(&hidden, 1U << 16);
    buf_init(&text, 1U << 16);
    buf_init(&got, 1U << 16);
    for (size_t i = 0; i < CASES; i++) {
        buf_clear(&hidden);
        buf_clear(&text);
        buf_clear(&got);
        buf_add(&hidden, str_from(cases[i].value));
        for (const char *way = cases[i].ways; *way != '\0'; way++) {
            hide(&hidden, (enum way)*way);
        }
        buf_printf(&text, "so it is %.*s and no more", STR_ARG(buf_str(&hidden)));
        scan_world_redact(&w, buf_str(&text), SCAN_VIEW_ALL, &got);
        for (size_t step = 1; str_eq(buf_str(&got), wanted) && step < 9; step++) {
            (void)feed(&w, buf_str(&text), step, &got);
        }
        if (!str_eq(buf_str(&got), wanted)) {
            print_error("%s %s: %.*s\n", cases[i].value, cases[i].ways, STR_ARG(buf_str(&got)));
            failed++;
        }
    }
    assert_int_equal(failed, 0);
    buf_fini(&hidden);
    buf_fini(&text);
    buf_fini(&got);
    scan_world_free(&w);
}

/* Up to three encodings one in the other say nothing but what they hide. The fourth is undone
 * as well, but what it hides may be encoded again: so it is told, of a whole text and in a
 * stream, however deep it is. */
static void test_what_is_too_deep_is_told(void **state)
{
    (void)state;
    static const char ways[] = {PERCENT, ENTITY, UNICODE, BASE64};
    static struct scan_world w;
    struct buf text;
    struct buf got;
    scan_world_init(&w, "default", terms, 1);
    buf_init(&text, 1U << 20);
    buf_init(&got, 1U << 20);
    for (size_t i = 0; i < sizeof(ways); i++) {
        buf_clear(&text);
        buf_add(&text, str_from(mail));
        for (unsigned depth = 1; depth <= 5; depth++) {
            hide(&text, (enum way)ways[i]);
            w.found.is_too_deep = false;
            scan_world_scan(&w, buf_str(&text), SCAN_VIEW_ALL);
            assert_int_equal(w.found.is_too_deep, depth >= 4);
            assert_true(w.found.count > 0 || depth > 4);
            for (size_t step = 7; step < 900; step *= 11) {
                assert_int_equal(feed(&w, buf_str(&text), step, &got), depth >= 4);
            }
        }
    }
    buf_fini(&text);
    buf_fini(&got);
    scan_world_free(&w);
}

/* A bare text of one encoding, however much of it there is, is not deep. */
static void test_long_is_not_deep(void **state)
{
    (void)state;
    static struct scan_world w;
    struct buf text;
    struct buf got;
    scan_world_init(&w, "default", terms, 1);
    buf_init(&text, 1U << 20);
    buf_init(&got, 1U << 20);
    for (unsigned i = 0; i < 300; i++) {
        buf_add(&text, STR("100%25 of \\u0041 &amp; <b>U1NOIDEyMy00NS02Nzg5</b> **x** "));
        buf_add(&text, STR("f\xd0\xb0r "));
    }
    scan_world_scan(&w, buf_str(&text), SCAN_VIEW_ALL);
    assert_false(w.found.is_too_deep);
    assert_true(w.found.count >= 300);
    for (size_t step = 7; step < 900; step *= 11) {
        assert_false(feed(&w, buf_str(&text), step, &got));
    }
    buf_fini(&text);
    buf_fini(&got);
    scan_world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layers_are_taken_off),
        cmocka_unit_test(test_what_is_too_deep_is_told),
        cmocka_unit_test(test_long_is_not_deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
