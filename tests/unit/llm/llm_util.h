/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of this room share: one arena per test, a request parsed from a
 * literal, and a list of SSE events run through a relay. Test code only.
 */
#ifndef LLM_UTIL_H
#define LLM_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "portcullis/llm.h"

struct fixture {
    struct arena arena;
    struct llm_request request;
    struct llm_upstream upstream;
    struct issue issue;
    struct buf out;
};

static inline int fixture_setup(void **state)
{
    static struct fixture f;
    memset(&f, 0, sizeof(f));
    arena_init(&f.arena, 64u * 1024 * 1024);
    buf_init(&f.out, 16u * 1024 * 1024);
    *state = &f;
    return 0;
}

static inline int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    arena_fini(&f->arena);
    buf_fini(&f->out);
    return 0;
}
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

static inline void expect_str(struct str got, const char *want)
{
    if (got.len != strlen(want) || (got.len > 0 && memcmp(got.ptr, want, got.len) != 0)) {
        print_error("got:  %.*s\nwant: %s\n", (int)got.len, got.ptr == NULL ? "" : got.ptr, want);
        fail();
    }
}

static inline enum err parse(struct fixture *f, enum llm_endpoint e, const char *body,
                             bool want_texts)
{
    arena_reset(&f->arena);
    memset(&f->issue, 0, sizeof(f->issue));
    return llm_request_parse(&f->arena, e, str_from(body), want_texts, &f->request, &f->issue);
}

static inline void parse_ok(struct fixture *f, enum llm_endpoint e, const char *body,
                            bool want_texts)
{
    enum err err = parse(f, e, body, want_texts);
    if (err != ERR_OK) {
        print_error("%s: %s at '%s' for %s\n", err_name(err), f->issue.message, f->issue.pointer,
                    body);
        fail();
    }
}

static inline void parse_bad(struct fixture *f, enum llm_endpoint e, const char *body,
                             enum err want, const char *pointer)
{
    for (int texts = 0; texts < 2; texts++) {
        enum err err = parse(f, e, body, texts == 1);
        if (err != want || strcmp(f->issue.pointer, pointer) != 0) {
            print_error("%s at '%s' (%s) instead of %s at '%s' for %s\n", err_name(err),
                        f->issue.pointer, f->issue.message, err_name(want), pointer, body);
            fail();
        }
    }
}

static inline enum err render(struct fixture *f, enum llm_dialect d, const char *model)
{
    return llm_request_render(&f->arena, &f->request, d, str_from(model), &f->upstream, &f->issue);
}

static inline void render_as(struct fixture *f, enum llm_dialect d, const char *model,
                             const char *want)
{
    enum err err = render(f, d, model);
    if (err != ERR_OK) {
        print_error("%s: %s at '%s'\n", err_name(err), f->issue.message, f->issue.pointer);
        fail();
    }
    struct str sent = arena_printf(&f->arena, "%.*s%.*s", STR_ARG(f->upstream.front),
                                   STR_ARG(f->upstream.body));
    expect_str(sent, want);
    /* Whatever is sent must be JSON that our own strict reader takes. */
    struct json_doc doc;
    assert_int_equal(json_parse(&f->arena, sent, &json_limits_default, &doc, &f->issue), ERR_OK);
}

/* Runs a whole stream through the SSE parser and a relay. */
static inline enum err relay_stream(struct fixture *f, struct llm_relay *r, const char *stream)
{
    struct sse_parser p;
    struct sse_event ev;
    enum err err = ERR_OK;
    sse_parser_init(&p, 1u << 20);
    sse_parser_feed(&p, str_from(stream));
    while (err == ERR_OK && sse_parser_next(&p, &ev) == ERR_OK) {
        err = llm_relay_event(r, &ev, &f->out, &f->issue);
    }
    sse_parser_fini(&p);
    return err;
}

#endif
