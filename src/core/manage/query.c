/* SPDX-License-Identifier: Apache-2.0
 *
 * Query parameters of lists: which a route takes, decoded and checked. An unknown
 * parameter is refused: a filter that is ignored shows an auditor the wrong list.
 */
#include "manage_private.h"

static enum err decode(struct arena *a, struct str text, struct str *ret);
static enum err take(struct manage_filter *f, struct str name, struct str value,
                     const struct manage_route *route, struct manage_refusal *refusal);
static enum err take_policy_status(struct str value, struct manage_filter *f,
                                   struct manage_refusal *refusal);
static enum err take_number(struct str value, unsigned max, const char *name, unsigned *ret,
                            struct manage_refusal *refusal);
static enum err take_time(struct str value, bool *ret_has, int64_t *ret_ms, const char *name,
                          struct manage_refusal *refusal);

enum err manage_filter_read(struct arena *a, struct str query, const struct manage_route *route,
                            struct manage_filter *ret, struct manage_refusal *refusal)
{
    /* The documented forms of policies list all of them, so ours do as well unless told. */
    *ret = (struct manage_filter){.limit = route->kind == MANAGE_POLICY_LIST ? 0 : 100};
    bool is_audit = route->kind == MANAGE_AUDIT_LIST;
    bool is_list = is_audit || route->kind == MANAGE_POLICY_LIST ||
                   route->kind == MANAGE_ITEM_LIST || route->kind == MANAGE_VERSION_LIST;
    while (query.len != 0) {
        struct str value = str_cut(&query, '&');
        struct str name = str_cut(&value, '=');
        struct str text;
        if (!is_list && !(route->view == MANAGE_OWN && str_eq(name, STR("view")))) {
            manage_refuse(refusal, 400, "invalid_request", "",
                          "This request takes no query parameters");
            return ERR_INVALID;
        }
        enum err e = decode(a, value, &text);
        if (e != ERR_OK || !str_is_utf8(text)) {
            manage_refuse(refusal, 400, "invalid_request", "",
                          "A query parameter is not well percent-encoded UTF-8");
            return ERR_INVALID;
        }
        TRY(take(ret, name, text, route, refusal));
    }
    return ERR_OK;
}

static enum err take(struct manage_filter *f, struct str name, struct str value,
                     const struct manage_route *route, struct manage_refusal *refusal)
{
    bool is_audit = route->kind == MANAGE_AUDIT_LIST;
    bool is_policies = route->kind == MANAGE_POLICY_LIST;
    const struct {
        const char *name;
        struct str *ret;
        bool is_audit;
    } texts[] = {
        {"cursor", &f->cursor, false},
        {"status", &f->status, false},
        {"decision", &f->decision, true},
        {"policy", &f->policy, true},
        {"user", &f->user, true},
        {"environment", &f->environment, true},
        {"request_id", &f->request_id, true},
        {"trace_id", &f->trace_id, true},
        {"client_request_id", &f->client_request_id, true},
    };
    if (is_policies && str_eq(name, STR("status"))) {
        return take_policy_status(value, f, refusal);
    }
    if (route->view == MANAGE_OWN && str_eq(name, STR("view"))) {
        f->view = value;
        return ERR_OK;
    }
    if (is_policies && route->view == MANAGE_RULES && str_eq(name, STR("page"))) {
        return take_number(value, 1000000, "page", &f->page, refusal);
    }
    if (is_policies && route->view == MANAGE_RULES && str_eq(name, STR("pageSize"))) {
        return take_number(value, MANAGE_LIMIT_MAX, "pageSize", &f->page_size, refusal);
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (str_eq(name, str_from(texts[i].name)) && (is_audit || !texts[i].is_audit)) {
            *texts[i].ret = value;
            return ERR_OK;
        }
    }
    if (str_eq(name, STR("limit"))) {
        return take_number(value, MANAGE_LIMIT_MAX, "limit", &f->limit, refusal);
    }
    if (is_audit && str_eq(name, STR("since"))) {
        return take_time(value, &f->has_since, &f->since_ms, "since", refusal);
    }
    if (is_audit && str_eq(name, STR("until"))) {
        return take_time(value, &f->has_until, &f->until_ms, "until", refusal);
    }
    manage_refuse(refusal, 400, "invalid_request", "", "Unknown query parameter '%.*s'",
                  (int)(name.len < 64 ? name.len : 64), name.ptr);
    return ERR_INVALID;
}

static enum err take_number(struct str value, unsigned max, const char *name, unsigned *ret,
                            struct manage_refusal *refusal)
{
    uint64_t number;
    if (str_to_u64(value, &number) != ERR_OK || number < 1 || number > max) {
        manage_refuse(refusal, 400, "invalid_request", name, "%s must be from 1 to %u", name, max);
        return ERR_INVALID;
    }
    *ret = (unsigned)number;
    return ERR_OK;
}

/* S1-9. A status that does not exist would show an empty list, not an error. */
static enum err take_policy_status(struct str value, struct manage_filter *f,
                                   struct manage_refusal *refusal)
{
    bool is_known = str_eq(value, STR("all"));
    for (int s = 0; s <= POLICY_ARCHIVED && !is_known; s++) {
        is_known = str_eq(value, str_from(policy_status_name((enum policy_status)s)));
    }
    if (!is_known) {
        manage_refuse(refusal, 400, "invalid_request", "status",
                      "status must be one of: active, inactive, draft, archived, all");
        return ERR_INVALID;
    }
    f->status = value;
    return ERR_OK;
}

static enum err take_time(struct str value, bool *ret_has, int64_t *ret_ms, const char *name,
                          struct manage_refusal *refusal)
{
    if (time_parse_rfc3339(value, ret_ms) != ERR_OK) {
        manage_refuse(refusal, 400, "invalid_request", name,
                      "%s must be a time such as 2025-01-10T14:30:00Z", name);
        return ERR_INVALID;
    }
    *ret_has = true;
    return ERR_OK;
}

static enum err decode(struct arena *a, struct str text, struct str *ret)
{
    char *out = arena_alloc(a, text.len + 1);
    size_t used = 0;
    if (out == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            bool is_whole = text.len - i > 2;
            int high = is_whole ? hex_value(text.ptr[i + 1]) : -1;
            int low = is_whole ? hex_value(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return ERR_SYNTAX;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == 0) {
            return ERR_SYNTAX;
        }
        out[used++] = c;
    }
    *ret = (struct str){out, used};
    return ERR_OK;
}
