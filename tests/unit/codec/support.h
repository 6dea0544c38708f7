/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of this room share: the real catalogue, an arena, a buffer, and
 * short ways to say "this text parses" and "this is written". One fixture per
 * executable; single-threaded.
 */
#ifndef PORTCULLIS_TEST_CODEC_SUPPORT_H
#define PORTCULLIS_TEST_CODEC_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "portcullis/codec.h"

struct fixture {
    struct arena arena;
    struct buf out;
    struct issue issue;
    struct policy policy;
    struct buf providers, models;
    struct route_catalog *catalog;
};

static inline void support_load(struct buf *b, const char *name)
{
    char path[1024];
    const char *root = getenv("PORTCULLIS_SOURCE_ROOT");
    snprintf(path, sizeof(path), "%s/src/core/route/catalog/%s", root != NULL ? root : ".", name);
    buf_init(b, 64u << 20);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char part[65536];
    for (size_t n; (n = fread(part, 1, sizeof(part), f)) > 0;) {
        buf_add(b, (struct str){part, n});
    }
    fclose(f);
}

/* A body of a client. */
static inline enum err support_native(struct fixture *f, yyjson_val *body,
                                      const struct route_catalog *catalog, struct policy *ret)
{
    struct codec_reader r = {&f->arena, catalog, &f->issue, NULL};
    return codec_native_parse(&r, body, ret);
}

static inline int support_set_up(void **state)
{
    static struct fixture f;
    memset(&f, 0, sizeof(f));
    arena_init(&f.arena, 64u << 20);
    buf_init(&f.out, 4u << 20);
    support_load(&f.providers, "providers.json");
    support_load(&f.models, "models.json");
    assert_int_equal(route_catalog_new(buf_str(&f.providers), buf_str(&f.models), &f.catalog,
                                       &f.issue),
                     ERR_OK);
    *state = &f;
    return 0;
}

static inline int support_tear_down(void **state)
{
    struct fixture *f = *state;
    route_catalog_free(f->catalog);
    buf_fini(&f->providers);
    buf_fini(&f->models);
    buf_fini(&f->out);
    arena_fini(&f->arena);
    return 0;
}

static inline yyjson_val *support_json(struct fixture *f, const char *text)
{
    struct json_doc doc;
    struct str copy = arena_str(&f->arena, str_from(text));
    assert_int_equal(json_parse(&f->arena, copy, &json_limits_default, &doc, &f->issue), ERR_OK);
    return doc.root;
}

/* What was written since the last call, NUL-terminated. */
static inline const char *support_text(struct fixture *f)
{
    assert_int_equal(f->out.err, ERR_OK);
    const char *text = arena_str(&f->arena, buf_str(&f->out)).ptr;
    buf_clear(&f->out);
    return text;
}

/* Everything that is written must be JSON of our own strict reader. */
static inline yyjson_val *support_written(struct fixture *f)
{
    return support_json(f, support_text(f));
}

#endif
