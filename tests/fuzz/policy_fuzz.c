/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: every documented policy shape from the same bytes. What is accepted
 * must survive: written, read again and written once more it is the same bytes, and
 * an empty patch changes nothing. What is refused must say why.
 */
#include "portcullis/codec.h"

#define TEXT_BYTES_MAX (32u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct shape {
    enum err (*parse)(struct arena *a, yyjson_val *body, const struct route_catalog *catalog,
                      struct policy *ret, struct issue *ret_issue);
};

static const struct codec_shape *const lists[] = {&codec_rules_shape, &codec_config_shape,
                                                  &codec_enforcement_shape};
#define LISTS (sizeof(lists) / sizeof(lists[0]))

static enum err parse_native(struct arena *a, yyjson_val *body,
                             const struct route_catalog *catalog, struct policy *ret,
                             struct issue *issue)
{
    struct codec_reader r = {a, catalog, issue, NULL};
    return codec_native_parse(&r, body, ret);
}

static struct str canonical(struct arena *a, const struct policy *p)
{
    struct buf out;
    buf_init(&out, TEXT_BYTES_MAX);
    codec_canonical_write(&out, p);
    ASSERT(out.err == ERR_OK);
    struct str text = arena_str(a, buf_str(&out));
    buf_fini(&out);
    ASSERT(text.ptr != NULL);
    return text;
}

static struct str rendered(struct arena *a, const struct policy *p,
                           void (*write)(struct buf *out, const struct policy *p))
{
    struct buf out;
    struct json_doc doc;
    struct issue issue;
    buf_init(&out, TEXT_BYTES_MAX);
    write(&out, p);
    ASSERT(out.err == ERR_OK);
    struct str text = arena_str(a, buf_str(&out));
    buf_fini(&out);
    ASSERT(json_parse(a, text, &json_limits_default, &doc, &issue) == ERR_OK);
    return text;
}

/* Shown in one of the shapes of S1, S2, S4: always JSON, and changed there only if it is
 * shown whole. */
static void check_shown(struct arena *a, const struct codec_shape *shape, const struct policy *p,
                        yyjson_val *empty)
{
    struct buf out;
    struct json_doc doc;
    struct issue issue;
    struct policy patched;
    struct codec_reader r = {a, NULL, &issue, NULL};
    buf_init(&out, TEXT_BYTES_MAX);
    codec_shape_write(shape, &out, p);
    ASSERT(out.err == ERR_OK);
    struct str text = arena_str(a, buf_str(&out));
    buf_fini(&out);
    ASSERT(json_parse(a, text, &json_limits_default, &doc, &issue) == ERR_OK);
    bool is_whole = json_get(doc.root, STR("x_unrendered")) == NULL;
    ASSERT(is_whole == codec_shape_fits(shape, p));
    ASSERT(codec_shape_patch(shape, &r, p, empty, &patched) ==
           (is_whole ? ERR_OK : ERR_CONFLICT));
    if (is_whole) {
        ASSERT(codec_shape_fits(shape, &patched));
    }
}

/* A policy as stored: what the store would have set is there. */
static void check_stored(struct arena *a, const struct policy *p)
{
    struct policy again, patched;
    struct issue issue;
    struct json_doc empty;
    struct str text = canonical(a, p);
    ASSERT(codec_canonical_parse(a, text, NULL, &again, &issue) == ERR_OK);
    ASSERT(str_eq(canonical(a, &again), text));
    ASSERT(str_eq(rendered(a, p, codec_governance_write),
                  rendered(a, &again, codec_governance_write)));
    ASSERT(str_eq(rendered(a, p, codec_compliance_write),
                  rendered(a, &again, codec_compliance_write)));
    ASSERT(json_parse(a, STR("{}"), &json_limits_default, &empty, &issue) == ERR_OK);
    struct codec_reader native = {a, NULL, &issue, NULL};
    ASSERT(codec_native_patch(&native, &again, empty.root, &patched) == ERR_OK);
    ASSERT(str_eq(canonical(a, &patched), text));
    for (size_t i = 0; i < LISTS; i++) {
        check_shown(a, lists[i], p, empty.root);
    }
    enum err e = codec_governance_patch(a, &again, empty.root, NULL, &patched, &issue);
    ASSERT(e == ERR_OK || e == ERR_CONFLICT);
    if (e == ERR_OK) {
        ASSERT(str_eq(canonical(a, &patched), text));
    }
}

static void check_shape(struct arena *a, const struct shape *shape, yyjson_val *root)
{
    struct policy p;
    struct issue issue = {.message = ""};
    enum err e = shape->parse(a, root, NULL, &p, &issue);
    if (e != ERR_OK) {
        ASSERT(e == ERR_MEMORY || ((e == ERR_INVALID || e == ERR_UNSUPPORTED) &&
                                   issue.message[0] != 0));
        return;
    }
    p.id = STR("01ABC");
    p.org_id = STR("org_1");
    check_stored(a, &p);
}

/* What a shape accepts fits it. */
static void check_list(struct arena *a, const struct codec_shape *shape, yyjson_val *root)
{
    struct policy p;
    struct issue issue = {.message = ""};
    struct codec_reader r = {a, NULL, &issue, NULL};
    enum err e = codec_shape_parse(shape, &r, root, &p);
    if (e != ERR_OK) {
        ASSERT(e == ERR_MEMORY || ((e == ERR_INVALID || e == ERR_UNSUPPORTED) &&
                                   issue.message[0] != 0));
        return;
    }
    p.id = STR("01ABC");
    p.org_id = STR("org_1");
    ASSERT(codec_shape_fits(shape, &p));
    check_stored(a, &p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct arena a;
    struct json_doc doc;
    struct issue issue;
    struct policy p;
    if (size > 64u * 1024) {
        return 0;
    }
    arena_init(&a, 256u << 20);
    if (codec_canonical_parse(&a, text, NULL, &p, &issue) == ERR_OK) {
        check_stored(&a, &p);
    }
    if (json_parse(&a, text, &json_limits_default, &doc, &issue) == ERR_OK) {
        static const struct shape shapes[] = {
            {parse_native}, {codec_governance_parse}, {codec_compliance_parse}};
        for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
            check_shape(&a, &shapes[i], doc.root);
        }
        for (size_t i = 0; i < LISTS; i++) {
            check_list(&a, lists[i], doc.root);
        }
        struct codec_reader r = {&a, NULL, &issue, NULL};
        issue.message[0] = 0;
        if (codec_config_from_template(&r, doc.root, &p) != ERR_OK) {
            ASSERT(issue.message[0] != 0);
        }
        issue.message[0] = 0;
        if (codec_governance_parse_rules(&a, doc.root, NULL, &p, &issue) != ERR_OK) {
            ASSERT(issue.message[0] != 0);
        }
    }
    arena_fini(&a);
    return 0;
}
