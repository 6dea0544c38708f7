/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the wire room share: cmocka with its includes, and a player
 * that feeds a byte stream in given cuts and writes down what came out as text,
 * so that "any chunking gives the same" is one string comparison.
 *
 * A transcript reads: head(POST /a) body(hello) end error(3,400). Adjacent body slices
 * are joined. Every slice of input is copied into memory of its own size, so that a
 * sanitizer sees reads past it. One thread.
 */
#ifndef WIRE_TEST_H
#define WIRE_TEST_H

/* cmocka needs these in front of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "portcullis/wire.h"
#include <stdio.h>
#include <stdlib.h>

struct play {
    enum wire_kind kind;
    const struct wire_limits *limits; /* NULL: defaults */
    bool is_head_request;
    bool is_finished;  /* call wire_parser_finish at the end */
    bool stops_at_end; /* responses: nothing is read behind one message */
};

static inline void play_slice(struct wire_parser *p, const struct play *how, struct str bytes,
                              struct buf *out, bool *is_body_open, bool *is_stopped)
{
    char *copy = malloc(bytes.len > 0 ? bytes.len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes.ptr, bytes.len);
    struct str in = {copy, bytes.len};
    struct wire_event ev = {.type = WIRE_HEAD};
    while (ev.type != WIRE_NEED_MORE && !*is_stopped) {
        enum err err = wire_parser_next(p, &in, &ev);
        if (*is_body_open && (err != ERR_OK || ev.type == WIRE_END)) {
            buf_add(out, STR(") "));
            *is_body_open = false;
        }
        if (err != ERR_OK) {
            assert_non_null(p->refusal_reason);
            assert_true(p->refusal_status >= 400);
            buf_printf(out, "error(%s,%u)", err_name(err), p->refusal_status);
            *is_stopped = true;
            break;
        }
        if (ev.type == WIRE_HEAD && how->kind == WIRE_REQUEST) {
            buf_printf(out, "head(%s %.*s) ", wire_method_name(p->head->method),
                       STR_ARG(p->head->target));
        } else if (ev.type == WIRE_HEAD) {
            buf_printf(out, "head(%u) ", p->head->status);
        } else if (ev.type == WIRE_BODY) {
            assert_true(ev.body.len > 0);
            buf_add(out, *is_body_open ? STR("") : STR("body("));
            buf_add(out, ev.body);
            *is_body_open = true;
        } else if (ev.type == WIRE_END) {
            buf_add(out, STR("end "));
            *is_stopped = how->stops_at_end;
        } else {
            assert_int_equal(in.len, 0);
        }
    }
    free(copy);
}

/* Plays `bytes` cut at `cut` (0: not at all), or byte by byte when cut is SIZE_MAX. */
static inline char *play_cut(const struct play *how, struct str bytes, size_t cut)
{
    struct wire_parser p;
    struct buf out;
    bool is_body_open = false;
    bool is_stopped = false;
    buf_init(&out, 64 * 1024 * 1024);
    wire_parser_init(&p, how->kind, how->limits == NULL ? &wire_limits_default : how->limits);
    p.is_head_request = how->is_head_request;
    size_t step = cut == SIZE_MAX ? 1 : cut == 0 ? bytes.len : cut;
    for (size_t at = 0; at < bytes.len && !is_stopped;) {
        play_slice(&p, how, str_sub(bytes, at, at + step), &out, &is_body_open, &is_stopped);
        at += step;
        step = cut == SIZE_MAX ? 1 : bytes.len;
    }
    bool is_complete = false;
    if (!is_stopped && how->is_finished) {
        enum err err = wire_parser_finish(&p, &is_complete);
        if (err != ERR_OK) {
            buf_printf(&out, "%scut", is_body_open ? ") " : "");
            assert_int_equal(err, ERR_CORRUPT);
        } else if (is_complete) {
            play_slice(&p, how, STR(""), &out, &is_body_open, &is_stopped);
        }
    }
    buf_add_byte(&out, '\0');
    assert_int_equal(out.err, ERR_OK);
    wire_parser_fini(&p);
    return out.ptr;
}

/* The transcript of the uncut stream, after checking that every cut in two and one
 * byte at a time give the same. The caller frees it. */
static inline char *play(const struct play *how, struct str bytes)
{
    char *whole = play_cut(how, bytes, 0);
    char *single = play_cut(how, bytes, SIZE_MAX);
    assert_string_equal(whole, single);
    free(single);
    for (size_t cut = 1; cut < bytes.len && bytes.len < 4096; cut++) {
        char *again = play_cut(how, bytes, cut);
        assert_string_equal(whole, again);
        free(again);
    }
    return whole;
}

static inline void expect(const struct play *how, struct str bytes, const char *transcript)
{
    char *got = play(how, bytes);
    if (strcmp(got, transcript) != 0) {
        print_error("stream: %.*s\n", STR_ARG(str_sub(bytes, 0, 400)));
    }
    assert_string_equal(got, transcript);
    free(got);
}

#endif
