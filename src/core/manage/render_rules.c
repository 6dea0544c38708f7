/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers of the rule list dialect (S1): everything inside `data`, lists with a page,
 * and versions that say what they hold, what they changed, when they were active and
 * whether one can go back to them (S1-13, S1-24..S1-27). Pure.
 */
#include "manage_private.h"

#define VERSION_BYTES_MAX (32u << 20)
#define PAGE_SIZE_DEFAULT 100

/* Rules of `in` for which there is none of the same key in `against`, or another one. */
struct rule_change {
    yyjson_val *in, *against;
    bool is_other;
};

static void write_version(struct arena *a, struct buf *out, const struct manage_version *v,
                          yyjson_val *shown, yyjson_val *before);
static yyjson_val *shown_of(struct arena *a, const struct manage_version *v);
static void write_member(struct buf *out, yyjson_val *shown, const char *name);
static void write_changes(struct arena *a, struct buf *out, yyjson_val *now, yyjson_val *before);
static struct str key_of(struct arena *a, yyjson_val *rule, size_t index);
static void write_rule_changes(struct arena *a, struct buf *out, const char *lead,
                               const struct rule_change *change);

void manage_rules_list_write(struct buf *out, const struct manage_command *c,
                             const struct manage_result *r)
{
    size_t size = c->filter.page_size != 0 ? c->filter.page_size : PAGE_SIZE_DEFAULT;
    size_t page = c->filter.page != 0 ? c->filter.page : 1;
    size_t total = r->policies_count, from = (page - 1) * size;
    buf_add(out, STR("{\"data\":["));
    for (size_t i = from; i < total && i < from + size; i++) {
        buf_add(out, i == from ? STR("") : STR(","));
        manage_view_write(out, MANAGE_RULES, &r->policies[i]);
    }
    buf_printf(out,
               "],\"meta\":{\"page\":%zu,\"pageSize\":%zu,\"total\":%zu,\"totalPages\":%zu}}", page,
               size, total, (total + size - 1) / size);
}

/* The members this dialect's clients read (code, message, statusCode, details) beside
 * those every other error of the API has. */
void manage_rules_error_write(struct buf *out, const struct manage_refusal *r)
{
    struct buf extra;
    buf_init(&extra, 4096);
    buf_printf(&extra, ",\"statusCode\":%u,\"details\":[", r->status);
    if (r->param[0] != 0) {
        buf_add(&extra, STR("{\"pointer\":"));
        json_write_str(&extra, str_from(r->param));
        buf_add(&extra, STR(",\"message\":"));
        json_write_str(&extra, str_from(r->message));
        buf_add_byte(&extra, '}');
    }
    buf_add_byte(&extra, ']');
    struct llm_error e = {.status = r->status,
                          .type = r->type,
                          .code = r->code,
                          .message = str_from(r->message),
                          .param = r->param[0] != 0 ? str_from(r->param) : STR_NONE,
                          .extra = extra.err == ERR_OK ? buf_str(&extra) : STR_NONE};
    llm_error_write(out, LLM_OPENAI, &e);
    buf_fini(&extra);
}

/* Newest first; each is compared with the one after it, which it was made from. */
void manage_rules_versions_write(struct arena *a, struct buf *out, const struct manage_result *r,
                                 bool is_list)
{
    yyjson_val *shown = r->versions_count != 0 ? shown_of(a, &r->versions[0]) : NULL;
    buf_add(out, is_list ? STR("{\"data\":[") : STR("{\"data\":"));
    for (size_t i = 0; i < r->versions_count; i++) {
        bool is_last = i + 1 == r->versions_count;
        yyjson_val *before = is_last ? NULL : shown_of(a, &r->versions[i + 1]);
        buf_add(out, i == 0 ? STR("") : STR(","));
        write_version(a, out, &r->versions[i], shown, before);
        shown = before;
    }
    buf_add(out, is_list ? STR("]}") : STR("}"));
}

static void write_version(struct arena *a, struct buf *out, const struct manage_version *v,
                          yyjson_val *shown, yyjson_val *before)
{
    bool is_fitting = shown != NULL && json_get(shown, STR("rules")) != NULL;
    buf_printf(out, "{\"version\":%u,\"active\":%s", (unsigned)v->version,
               v->is_active ? "true" : "false");
    write_member(out, shown, "name");
    write_member(out, shown, "rules");
    if (is_fitting && (v->parent == 0 || before != NULL)) {
        write_changes(a, out, shown, before);
    }
    const struct {
        const char *name;
        struct str value;
    } texts[] = {{"author", v->author},
                 {"note", v->note},
                 {"createdAt", v->created_at},
                 {"activatedAt", v->activated_at},
                 {"deactivatedAt", v->deactivated_at}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].value.len != 0) {
            buf_printf(out, ",\"%s\":", texts[i].name);
            json_write_str(out, texts[i].value);
        }
    }
    if (v->rolled_back_from != 0) {
        buf_printf(out, ",\"rolledBackFrom\":%u", (unsigned)v->rolled_back_from);
    }
    buf_printf(out, ",\"canRollback\":%s%s}", v->is_active ? "false" : "true",
               is_fitting ? "" : ",\"x_unrendered\":true");
}

/* The version in this dialect, as JSON; NULL when its body cannot be read here. */
static yyjson_val *shown_of(struct arena *a, const struct manage_version *v)
{
    struct policy p;
    struct issue issue;
    struct json_doc doc;
    struct buf text;
    if (codec_canonical_parse(a, v->body, NULL, &p, &issue) != ERR_OK) {
        return NULL;
    }
    buf_init(&text, VERSION_BYTES_MAX);
    manage_view_write(&text, MANAGE_RULES, &p);
    struct str copy = text.err == ERR_OK ? arena_str(a, buf_str(&text)) : STR_NONE;
    buf_fini(&text);
    bool is_read = copy.ptr != NULL &&
                   json_parse(a, copy, &json_limits_default, &doc, &issue) == ERR_OK;
    return is_read ? doc.root : NULL;
}

static void write_member(struct buf *out, yyjson_val *shown, const char *name)
{
    yyjson_val *v = json_get(shown, str_from(name));
    if (v != NULL) {
        buf_printf(out, ",\"%s\":", name);
        json_write_val(out, v);
    }
}

static void write_changes(struct arena *a, struct buf *out, yyjson_val *now, yyjson_val *before)
{
    static const char *const members[] = {"name", "description", "active"};
    yyjson_val *rules = json_get(now, STR("rules")), *old = json_get(before, STR("rules"));
    const struct rule_change changes[] = {
        {rules, old, false}, {old, rules, false}, {rules, old, true}};
    write_rule_changes(a, out, ",\"changes\":{\"added\":[", &changes[0]);
    write_rule_changes(a, out, "],\"removed\":[", &changes[1]);
    write_rule_changes(a, out, "],\"changed\":[", &changes[2]);
    buf_add(out, STR("],\"members\":["));
    bool is_first = true;
    for (size_t i = 0; before != NULL && i < sizeof(members) / sizeof(members[0]); i++) {
        yyjson_val *x = json_get(now, str_from(members[i]));
        yyjson_val *y = json_get(before, str_from(members[i]));
        if ((x == NULL) != (y == NULL) || (x != NULL && !yyjson_equals(x, y))) {
            buf_printf(out, "%s\"%s\"", is_first ? "" : ",", members[i]);
            is_first = false;
        }
    }
    buf_add(out, STR("]}"));
}

static struct str key_of(struct arena *a, yyjson_val *rule, size_t index)
{
    struct str id = json_str(json_get(rule, STR("id")));
    return id.ptr != NULL ? id : arena_printf(a, "r%zu", index + 1);
}

static void write_rule_changes(struct arena *a, struct buf *out, const char *lead,
                               const struct rule_change *change)
{
    struct map others;
    size_t i, n;
    yyjson_val *rule;
    bool is_first = true;
    buf_add(out, str_from(lead));
    if (map_init(&others, a, yyjson_arr_size(change->against)) != ERR_OK) {
        out->err = ERR_MEMORY;
        return;
    }
    yyjson_arr_foreach(change->against, i, n, rule)
    {
        if (map_put(&others, a, key_of(a, rule, i), rule) == ERR_MEMORY) {
            out->err = ERR_MEMORY;
        }
    }
    yyjson_arr_foreach(change->in, i, n, rule)
    {
        struct str key = key_of(a, rule, i);
        yyjson_val *other = map_get(&others, key);
        bool is_told = change->is_other ? other != NULL && !yyjson_equals(rule, other)
                                        : other == NULL;
        if (is_told) {
            buf_add(out, is_first ? STR("") : STR(","));
            json_write_str(out, key);
            is_first = false;
        }
    }
}
