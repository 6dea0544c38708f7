/* SPDX-License-Identifier: Apache-2.0
 *
 * A head is read the same whatever stood before it on the connection: after every other
 * one, after itself, and with any byte of it changed, all that a caller sees of it is
 * what a fresh parser shows.
 */
#include "wire_test.h"

#define BODY "Content-Length: 2\r\n\r\nhi"
#define POST "POST /v1/chat/completions HTTP/1.1\r\n"

static const struct str requests[] = {
    STR_INIT(POST "Host: a\r\nAuthorization: Bearer one\r\nX-Id: 1\r\n" BODY),
    STR_INIT(POST "Host: a\r\nAuthorization: Bearer one\r\nX-Id: 12\r\n" BODY),
    STR_INIT(POST "Host: a\r\nAuthorization: Bearer two\r\nX-Id: 1\r\n" BODY),
    STR_INIT(POST "Host: a\r\nX-Id: 1\r\n" BODY),
    STR_INIT(POST "Host: a\r\nX-Id: 1\r\nX-Id: 1\r\n" BODY),
    STR_INIT(POST "Host: a\r\n" BODY),
    STR_INIT(POST "Host: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
    STR_INIT(POST "Host: a\r\nX-Api-Key:\tk\t\r\n" BODY),
    STR_INIT(POST "Host: a\r\nX-Api-Key: k \r\n" BODY),
    STR_INIT(POST "Host: a\r\nExpect: 100-continue\r\n" BODY),
    STR_INIT("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    STR_INIT("\r\nGET /?q HTTP/1.1\r\nHost: a\r\n\r\n"),
    STR_INIT("HEAD http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    STR_INIT("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
    STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
};

/* What only ends a connection: refused behind whatever comes before. */
static const struct str bad_requests[] = {
    STR_INIT(POST "Host: a\r\nHost: a\r\n" BODY),
    STR_INIT(POST "Host: a\r\nAuthorization: Bearer one\r\nAuthorization: Bearer one\r\n" BODY),
    STR_INIT(POST "Host: a\r\nAuthorization: Bearer one\r\nX-Id: 1\r\nContent-Length: 2\r\n" BODY),
    STR_INIT(POST "Host: a\r\nAuthorization: Bearer one\r\n X-Id: 1\r\n" BODY),
    STR_INIT(POST "Host: a\r\n\nX-Id: 1\r\n" BODY),
    STR_INIT(POST "Authorization: Bearer one\r\n" BODY),
    STR_INIT("GET / HTTP/1.1\r\nHost: b\r\nHost: a\r\n\r\n"),
};

static const struct str answers[] = {
    STR_INIT("HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nX-Request-Id: 1\r\n" BODY),
    STR_INIT("HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nX-Request-Id: 2\r\n" BODY),
    STR_INIT("HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nX-Request-Id: 1\r\nX: \r\n" BODY),
    STR_INIT("HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n"
             "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
    STR_INIT("HTTP/1.1 404 No\r\nContent-Type: a/b\r\n" BODY),
    STR_INIT("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nLink: a\r\n\r\n"
             "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n" BODY),
    STR_INIT("HTTP/1.1 204 No Content\r\nContent-Type: a/b\r\n\r\n"),
};
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static void tell_head(const struct wire_head *h, struct buf *out)
{
    buf_printf(out, "%s %u target %.*s path %.*s query %.*s host %.*s ",
               wire_method_name(h->method), h->status, STR_ARG(h->target), STR_ARG(h->path),
               STR_ARG(h->query), STR_ARG(h->host));
    for (size_t i = 0; i < h->headers_count; i++) {
        buf_printf(out, "[%.*s|%.*s]", STR_ARG(h->headers[i].name), STR_ARG(h->headers[i].value));
    }
    buf_printf(out, "%llx %llx length %d %llu chunked %d alive %d old %d expects %d\n",
               (unsigned long long)h->names, (unsigned long long)h->repeats,
               h->has_content_length, (unsigned long long)h->content_length, h->is_chunked,
               h->is_keep_alive, h->is_http10, h->expects_continue);
}

/* Feeds one message, cut once, and tells all that is seen. False: nothing may follow. */
static bool say(struct wire_parser *p, struct str bytes, size_t cut, struct buf *out)
{
    for (unsigned half = 0; half < 2; half++) {
        struct str in = half == 0 ? str_sub(bytes, 0, cut) : str_sub(bytes, cut, bytes.len);
        struct wire_event ev = {.type = WIRE_HEAD};
        while (in.len > 0 || ev.type != WIRE_NEED_MORE) {
            enum err e = wire_parser_next(p, &in, &ev);
            if (e != ERR_OK) {
                buf_printf(out, "error %s %u %s", err_name(e), p->refusal_status,
                           p->refusal_reason);
                return false;
            }
            if (ev.type == WIRE_HEAD) {
                tell_head(p->head, out);
            } else if (ev.type == WIRE_BODY) {
                buf_add(out, ev.body);
            } else if (ev.type == WIRE_END) {
                buf_printf(out, " end, left %zu\n", in.len);
                return p->kind == WIRE_REQUEST ? !p->is_closed : wire_parser_is_reusable(p);
            }
        }
    }
    buf_add(out, STR("more\n"));
    return false;
}

/* The last of `list`, with others before it on the same connection or alone, is told alike. */
static void expect_alike(enum wire_kind kind, const struct str *list, size_t count, size_t cut)
{
    struct wire_parser p, fresh;
    struct buf told, wanted;
    struct str last = list[count - 1];
    buf_init(&told, 1u << 20);
    buf_init(&wanted, 1u << 20);
    wire_parser_init(&p, kind, &wire_limits_default);
    wire_parser_init(&fresh, kind, &wire_limits_default);
    bool may_follow = true;
    for (size_t i = 0; i + 1 < count && may_follow; i++) {
        may_follow = say(&p, list[i], list[i].len, &told);
    }
    if (may_follow) {
        buf_clear(&told);
        (void)say(&p, last, cut, &told);
        (void)say(&fresh, last, cut, &wanted);
        buf_add_byte(&told, '\0');
        buf_add_byte(&wanted, '\0');
        assert_int_equal(told.err, ERR_OK);
        assert_string_equal(told.ptr, wanted.ptr);
    }
    wire_parser_fini(&p);
    wire_parser_fini(&fresh);
    buf_fini(&told);
    buf_fini(&wanted);
}

static void expect_pairs(enum wire_kind kind, const struct str *list, size_t count,
                         const struct str *lasts, size_t lasts_count)
{
    for (size_t a = 0; a < count; a++) {
        for (size_t b = 0; b < lasts_count; b++) {
            const struct str pair[] = {list[a], lasts[b]};
            const struct str twice[] = {list[a], list[a], lasts[b]};
            const struct str turned[] = {list[a], list[(a + b) % count], list[a], lasts[b]};
            for (size_t cut = 0; cut <= lasts[b].len; cut++) {
                expect_alike(kind, pair, 2, cut);
            }
            expect_alike(kind, twice, 3, lasts[b].len);
            expect_alike(kind, twice, 3, lasts[b].len / 2);
            expect_alike(kind, turned, 4, lasts[b].len);
        }
    }
}

static void test_pairs(void **unused)
{
    (void)unused;
    expect_pairs(WIRE_REQUEST, requests, COUNT(requests), requests, COUNT(requests));
    expect_pairs(WIRE_REQUEST, requests, COUNT(requests), bad_requests, COUNT(bad_requests));
    expect_pairs(WIRE_RESPONSE, answers, COUNT(answers), answers, COUNT(answers));
}

/* The same head with one byte changed, left out or put in. */
static void expect_changes(enum wire_kind kind, struct str head)
{
    static const char bytes[] = "\r\n \t:,a0/\x01\xc3";
    char *changed = malloc(head.len + 1);
    assert_non_null(changed);
    for (size_t at = 0; at < head.len; at++) {
        for (size_t c = 0; c + 1 < 2 * sizeof(bytes); c++) {
            /* c: which byte, put in or in the place of the one there; last: left out. */
            bool is_more = c % 2 == 1, is_less = c + 2 == 2 * sizeof(bytes);
            size_t behind = at + (is_more ? 0 : 1);
            memcpy(changed, head.ptr, at);
            changed[at] = bytes[c / 2];
            memcpy(changed + at + (is_less ? 0 : 1), head.ptr + behind, head.len - behind);
            size_t len = at + (is_less ? 0 : 1) + head.len - behind;
            const struct str list[] = {head, head, {changed, len}};
            expect_alike(kind, list, 3, len);
            expect_alike(kind, list + 1, 2, at);
        }
    }
    free(changed);
}

static void test_changes(void **unused)
{
    (void)unused;
    expect_changes(WIRE_REQUEST, requests[0]);
    expect_changes(WIRE_REQUEST, requests[6]);
    expect_changes(WIRE_RESPONSE, answers[0]);
}

/* Reads one head, cut once, and its body; NULL: it was refused. */
static const struct wire_head *read_one(struct wire_parser *p, struct str bytes, size_t cut)
{
    struct buf told;
    buf_init(&told, 1u << 16);
    (void)say(p, bytes, cut, &told);
    buf_fini(&told);
    return p->err == ERR_OK ? p->head : NULL;
}

static struct str authorization(const struct wire_head *head)
{
    return wire_header_get(head, "authorization");
}

/* The number noted about the field; 0: none. */
static uint64_t noted(const struct wire_head *head, struct str field)
{
    const struct wire_note *n = wire_head_noted(head, field);
    return n == NULL ? 0 : n->number;
}

/* It is known again when its bytes came again in the same place, never otherwise. */
static void test_notes(void **unused)
{
    (void)unused;
    struct wire_parser p;
    for (size_t a = 0; a < COUNT(requests); a++) {
        for (size_t cut = 0; cut <= requests[a].len; cut++) {
            wire_parser_init(&p, WIRE_REQUEST, &wire_limits_default);
            const struct wire_head *h = read_one(&p, requests[0], requests[0].len);
            assert_int_equal(noted(h, authorization(h)), 0);
            wire_head_note(h, authorization(h), (struct wire_note){7, &p});
            assert_int_equal(noted(h, authorization(h)), 7);
            assert_ptr_equal(wire_head_noted(h, authorization(h))->what, &p);
            assert_int_equal(noted(h, h->host), 0);
            assert_int_equal(noted(h, str_sub(authorization(h), 0, 5)), 0);
            assert_int_equal(noted(h, STR_NONE), 0);
            h = read_one(&p, requests[a], cut);
            bool is_same = a <= 1; /* up to the line behind it */
            bool is_there = authorization(h).len > 0 && noted(h, authorization(h)) == 7;
            if (cut == requests[a].len) { /* cut in between, it may be forgotten */
                assert_int_equal(is_there, is_same);
            }
            assert_true(is_same || !is_there);
            h = p.is_closed ? NULL : read_one(&p, requests[0], requests[0].len);
            if (h != NULL) {
                /* not known once more behind a head that did not have it */
                assert_int_equal(noted(h, authorization(h)), is_there ? 7 : 0);
            }
            wire_parser_fini(&p);
        }
    }
}

/* Gone with any change of a byte up to its end, with the state, and of a head by hand. */
static void test_notes_are_forgotten(void **unused)
{
    (void)unused;
    struct wire_parser p;
    struct wire_head by_hand = {0};
    char text[256];
    struct str first = requests[0];
    size_t end = (size_t)str_find_str(first, STR("\r\nX-Id"));
    for (size_t at = 0; at < end; at++) {
        wire_parser_init(&p, WIRE_REQUEST, &wire_limits_default);
        const struct wire_head *h = read_one(&p, first, first.len);
        wire_head_note(h, authorization(h), (struct wire_note){7, NULL});
        memcpy(text, first.ptr, first.len);
        text[at] ^= 1;
        h = read_one(&p, (struct str){text, first.len}, first.len);
        for (size_t i = 0; h != NULL && i < h->headers_count; i++) {
            assert_int_equal(noted(h, h->headers[i].value), 0);
        }
        wire_parser_fini(&p);
    }
    wire_parser_init(&p, WIRE_REQUEST, &wire_limits_default);
    const struct wire_head *h = read_one(&p, first, first.len);
    wire_head_note(h, authorization(h), (struct wire_note){7, NULL});
    wire_parser_idle(&p);
    h = read_one(&p, first, first.len);
    assert_int_equal(noted(h, authorization(h)), 0);
    wire_parser_fini(&p);
    wire_head_note(&by_hand, STR("x"), (struct wire_note){7, NULL});
    assert_int_equal(noted(&by_hand, STR("x")), 0);
}

/* An answer without a body because of its request, and one with it. */
static void test_head_requests(void **unused)
{
    (void)unused;
    struct wire_parser p;
    struct buf told;
    buf_init(&told, 1u << 16);
    wire_parser_init(&p, WIRE_RESPONSE, &wire_limits_default);
    struct str whole = answers[0], bare = str_sub(whole, 0, whole.len - 2);
    for (unsigned i = 0; i < 4; i++) {
        p.is_head_request = i % 2 == 0;
        buf_clear(&told);
        assert_true(say(&p, p.is_head_request ? bare : whole, whole.len, &told));
        assert_int_equal(str_find_str(buf_str(&told), STR("\nhi")) >= 0, !p.is_head_request);
    }
    wire_parser_fini(&p);
    buf_fini(&told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_notes),
        cmocka_unit_test(test_notes_are_forgotten),
        cmocka_unit_test(test_head_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
