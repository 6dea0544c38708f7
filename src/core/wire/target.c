/* SPDX-License-Identifier: Apache-2.0
 *
 * From the request line's target to path and query. Routing, authorisation and
 * audit all use what comes out here, so there is one spelling or a refusal.
 *
 * Absolute-form is taken only when its authority is the Host field's value, and
 * reduced to origin-form; "OPTIONS *" names no resource of ours (404). One spelling has an
 * exception: the slash in a model's name, see model_name_at. The query
 * is not judged beyond its bytes. Views into the head. Bad inputs 28, 29, 35.
 */
#include "wire_parts.h"

static size_t scheme_len(struct str target);
static enum err reduce_absolute(struct wire_parser *p, struct str *target);
static size_t model_name_at(struct str path);

enum err guard_target_form(struct wire_parser *p, struct str target)
{
    bool is_star = str_eq(target, STR("*")) && p->state->head.method == WIRE_OPTIONS;
    if (target.ptr[0] != '/' && !is_star && scheme_len(target) == 0) {
        return parser_refuse(p, ERR_SYNTAX, 400, "the request target must begin with '/'");
    }
    return ERR_OK;
}

/* Of "http://" or "https://" in front, or 0. */
static size_t scheme_len(struct str target)
{
    if (target.len >= 7 && chars_equal_lower(target.ptr, "http://", 7)) {
        return 7;
    }
    return target.len >= 8 && chars_equal_lower(target.ptr, "https://", 8) ? 8 : 0;
}

/* SDKs write a '/' in the name of a model as %2F, and no other path has names with one. */
static size_t model_name_at(struct str path)
{
    static const struct str fronts[] = {{"/v1/models/", 11}, {"/llm/v1/models/", 15}};
    for (size_t i = 0; i < 2; i++) {
        if (str_starts(path, fronts[i])) {
            return fronts[i].len;
        }
    }
    return SIZE_MAX;
}

enum err guard_target(struct wire_parser *p)
{
    struct wire_parser_state *s = p->state;
    struct wire_head *head = &s->head;
    struct str target = {s->bytes.ptr + s->target_at, s->target_len};
    if (target.ptr[0] != '/') {
        if (target.ptr[0] == '*') {
            return parser_refuse(p, ERR_INVALID, 404, "there is no resource '*'");
        }
        TRY(reduce_absolute(p, &target));
    }
    head->target = target;
    head->path = target;
    head->query = STR_NONE;
    ptrdiff_t mark = str_find(target, '?');
    if (mark >= 0) {
        head->path = str_sub(target, 0, (size_t)mark);
        head->query = str_sub(target, (size_t)mark + 1, target.len);
    }
    if (s->alike > 0) {
        return ERR_OK; /* the request line of the head before, which was accepted */
    }
    switch (path_judge(head->path, model_name_at(head->path))) {
    case PATH_CANONICAL:
        return ERR_OK;
    case PATH_AMBIGUOUS:
        return parser_refuse(p, ERR_SYNTAX, 400, "the path is not in its canonical spelling");
    case PATH_UNKNOWN_BYTE:
        break;
    }
    return parser_refuse(p, ERR_INVALID, 404, "no resource has such a byte or escape in its path");
}

static enum err reduce_absolute(struct wire_parser *p, struct str *target)
{
    struct str host = p->state->head.host;
    struct str rest = str_sub(*target, scheme_len(*target), target->len);
    size_t len = 0;
    while (len < rest.len && rest.ptr[len] != '/' && rest.ptr[len] != '?') {
        len++;
    }
    if (host.len == 0 || !str_eq_nocase(str_sub(rest, 0, len), host)) {
        return parser_refuse(p, ERR_SYNTAX, 400, "the target's authority is not that of Host");
    }
    *target = str_sub(rest, len, rest.len);
    if (target->len == 0) {
        *target = STR("/");
    } else if (target->ptr[0] != '/') {
        return parser_refuse(p, ERR_SYNTAX, 400, "the target has a query but no path");
    }
    return ERR_OK;
}
