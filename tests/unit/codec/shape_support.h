/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the three list-like shapes (S1, S2, S4) share: a body goes in, the
 * written object comes out; a wrong body is refused with a pointer and a word.
 */
#ifndef PORTCULLIS_TEST_SHAPE_SUPPORT_H
#define PORTCULLIS_TEST_SHAPE_SUPPORT_H

#include "support.h"

static inline enum err shape_parse(struct fixture *f, const struct codec_shape *s,
                                   const char *body)
{
    struct codec_reader r = {&f->arena, f->catalog, &f->issue, NULL};
    enum err e = codec_shape_parse(s, &r, support_json(f, body), &f->policy);
    f->policy.id = STR("a1");
    f->policy.org_id = STR("org_1");
    return e;
}

/* Parses; what is written. */
static inline const char *shape_written(struct fixture *f, const struct codec_shape *s,
                                        const char *body)
{
    if (shape_parse(f, s, body) != ERR_OK) {
        fail_msg("%s: %s %s", body, f->issue.pointer, f->issue.message);
    }
    codec_shape_write(s, &f->out, &f->policy);
    return support_text(f);
}

static inline enum err shape_patch(struct fixture *f, const struct codec_shape *s,
                                   const char *patch, struct policy *ret)
{
    struct codec_reader r = {&f->arena, f->catalog, &f->issue, NULL};
    return codec_shape_patch(s, &r, &f->policy, support_json(f, patch), ret);
}

struct refusal {
    const char *body, *pointer;
    const char *word; /* in the message */
};

static inline void shape_refuses(struct fixture *f, const struct codec_shape *s, enum err err,
                                 const struct refusal *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        f->issue = (struct issue){.message = ""};
        enum err e = shape_parse(f, s, list[i].body);
        if (e != err || strcmp(f->issue.pointer, list[i].pointer) != 0 ||
            strstr(f->issue.message, list[i].word) == NULL) {
            fail_msg("%s: %s at %s: %s", list[i].body, err_name(e), f->issue.pointer,
                     f->issue.message);
        }
    }
}
#define REFUSES(f, s, err, list) shape_refuses(f, s, err, list, sizeof(list) / sizeof((list)[0]))

static inline bool list_is(const struct content_list *list, const char *joined)
{
    struct str rest = str_from(joined);
    size_t i = 0;
    while (rest.len != 0) {
        struct str item = str_cut(&rest, ',');
        if (i >= list->count || !str_eq(list->items[i++], item)) {
            return false;
        }
    }
    return i == list->count;
}

#endif
