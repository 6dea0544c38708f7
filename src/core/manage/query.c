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
static enum err take_decision(struct str value, struct manage_filter *f,
                              struct manage_refusal *refusal);
static enum err refuse_unknown(struct str name, const struct manage_route *route,
                               struct manage_refusal *refusal);
static bool is_named_again(struct str query, struct str name);
static enum err take_number(struct str value, unsigned max, const char *name, unsigned *ret,
                            struct manage_refusal *refusal);
static enum err take_time(struct str value, bool *ret_has, int64_t *ret_ms, const char *name,
                          struct manage_refusal *refusal);

enum err manage_filter_read(struct arena *a, struct str query, const struct manage_route *route,
                            struct manage_filter *ret, struct manage_refusal *refusal)
{
    /* The documented forms of policies list all of them, so ours do as well unless told. */
    *ret = (struct manage_filter){.limit = route->kind == MANAGE_POLICY_LIST ? 0 : 100};
    const char *const *names = manage_query_names(route);
    while (query.len != 0) {
        struct str value = str_cut(&query, '&');
        struct str name = str_cut(&value, '=');
        struct str text;
        if (names == NULL) {
            manage_refuse(refusal, 400, "invalid_request", "",
                          "This request takes no query parameters");
            return ERR_INVALID;
        }
        if (is_named_again(query, name)) {
            manage_refuse(refusal, 400, "invalid_request", "",
                          "The query parameter '%.*s' is given twice; give it once",
                          (int)(name.len < 64 ? name.len : 64), name.ptr);
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

/* What a list understands, in the order in which the document shows it; NULL: nothing.
 * A name that stands here and does nothing would be a filter that is ignored. */
const char *const *manage_query_names(const struct manage_route *r)
{
    static const char *const items[] = {"limit", "cursor", NULL};
    static const char *const policies[] = {"limit", "cursor", "status", NULL};
    static const char *const own_policies[] = {"limit", "cursor", "status", "view", NULL};
    static const char *const pages[] = {"status", "page", "pageSize", NULL};
    static const char *const own[] = {"view", NULL};
    static const char *const audit[] = {
        "limit",    "cursor", "since",       "until",      "decision",
        "policy",   "user",   "environment", "request_id", "client_request_id",
        "trace_id", NULL};
    if (r->kind == MANAGE_POLICY_LIST) {
        return r->view == MANAGE_RULES ? pages : r->view == MANAGE_OWN ? own_policies : policies;
    }
    return r->kind == MANAGE_AUDIT_LIST  ? audit
           : r->kind == MANAGE_ITEM_LIST ? items
           : r->view == MANAGE_OWN       ? own
                                         : NULL;
}

static enum err take(struct manage_filter *f, struct str name, struct str value,
                     const struct manage_route *route, struct manage_refusal *refusal)
{
    const struct {
        const char *name;
        struct str *ret;
    } texts[] = {
        {"cursor", &f->cursor},           {"view", &f->view},
        {"policy", &f->policy},           {"user", &f->user},
        {"environment", &f->environment}, {"request_id", &f->request_id},
        {"trace_id", &f->trace_id},       {"client_request_id", &f->client_request_id},
    };
    const char *const *names = manage_query_names(route);
    /* The cursor of records is one of their ids: anything else shows the first or no page. */
    if (route->kind == MANAGE_AUDIT_LIST && str_eq(name, STR("cursor")) &&
        !str_starts(value, STR("req_"))) {
        manage_refuse(refusal, 400, "invalid_request", "cursor",
                      "cursor must be the next_cursor of such a list");
        return ERR_INVALID;
    }
    while (*names != NULL && !str_eq(name, str_from(*names))) {
        names++;
    }
    if (*names == NULL) {
        return refuse_unknown(name, route, refusal);
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (str_eq(name, str_from(texts[i].name))) {
            *texts[i].ret = value;
            return ERR_OK;
        }
    }
    if (str_eq(name, STR("status"))) {
        return take_policy_status(value, f, refusal);
    }
    if (str_eq(name, STR("decision"))) {
        return take_decision(value, f, refusal);
    }
    if (str_eq(name, STR("page"))) {
        return take_number(value, 1000000, "page", &f->page, refusal);
    }
    if (str_eq(name, STR("pageSize"))) {
        return take_number(value, MANAGE_LIMIT_MAX, "pageSize", &f->page_size, refusal);
    }
    if (str_eq(name, STR("limit"))) {
        return take_number(value, MANAGE_LIMIT_MAX, "limit", &f->limit, refusal);
    }
    return str_eq(name, STR("since"))
               ? take_time(value, &f->has_since, &f->since_ms, "since", refusal)
               : take_time(value, &f->has_until, &f->until_ms, "until", refusal);
}

static enum err refuse_unknown(struct str name, const struct manage_route *route,
                               struct manage_refusal *refusal)
{
    const char *near = issue_did_you_mean(name, manage_query_names(route));
    manage_refuse(refusal, 400, "invalid_request", "", "Unknown query parameter '%.*s'%s%s%s",
                  (int)(name.len < 64 ? name.len : 64), name.ptr,
                  near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                  near != NULL ? "'?" : "");
    return ERR_INVALID;
}

static bool is_named_again(struct str query, struct str name)
{
    while (query.len != 0) {
        struct str value = str_cut(&query, '&');
        if (str_eq(str_cut(&value, '='), name)) {
            return true;
        }
    }
    return false;
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

/* The words of a record. A typing error would show that nothing was blocked. */
static enum err take_decision(struct str value, struct manage_filter *f,
                              struct manage_refusal *refusal)
{
    static const char *const words[] = {"allow", "info", "warn", "modify", "block", "error", NULL};
    for (size_t i = 0; words[i] != NULL; i++) {
        if (str_eq(value, str_from(words[i]))) {
            f->decision = value;
            return ERR_OK;
        }
    }
    manage_refuse(refusal, 400, "invalid_request", "decision",
                  "decision must be one of: allow, info, warn, modify, block, error");
    return ERR_INVALID;
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
