/* SPDX-License-Identifier: Apache-2.0
 *
 * The gate in front of a content: nothing is compiled that would not run as it says.
 * And the hash over all that rules say, by which two versions are told apart. Pure.
 */
#include <stdarg.h>
#include <stdio.h>

#include "compile.h"

#define SOURCE_BYTES_MAX ((size_t)512 << 20)
#define ENTITY_NAME_BYTES_MAX 64U

struct checked {
    const struct content_rule *rule;
    size_t number;
    struct issue *issue;
    const struct recognise_services *services;
};

static enum err check_rule(const struct checked *c);
static enum err check_pii(const struct checked *c);
static enum err check_entity(const struct checked *c, size_t i);
static enum err check_topics(const struct checked *c);
static enum err refuse(const struct checked *c, enum err err, const char *where,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));
static void add_list(struct buf *b, const struct content_list *list);
static void add_text(struct buf *b, struct str text);

enum err compile_check(const struct compile_rules *rules, struct issue *issue)
{
    for (size_t i = 0; i < rules->count; i++) {
        TRY(check_rule(&(struct checked){rules->items[i], i, issue, rules->services}));
    }
    return ERR_OK;
}

static enum err check_rule(const struct checked *c)
{
    const struct content_rule *r = c->rule;
    bool has_terms = r->kind == CONTENT_TERMS || r->kind == CONTENT_REQUIRED_TERMS;

    if ((unsigned)r->kind >= CONTENT_KINDS || (unsigned)r->effect > CONTENT_BLOCK) {
        return refuse(c, ERR_UNSUPPORTED, "", "a kind or effect is unknown to this build");
    }
    if (r->stages == 0 || (r->stages & ~(unsigned)(CONTENT_REQUEST | CONTENT_RESPONSE)) != 0) {
        return refuse(c, ERR_INVALID, "", "a content rule runs on requests, on responses or both");
    }
    if (r->effect == CONTENT_MODIFY) {
        if (!content_kind_may_modify(r->kind)) {
            return refuse(c, ERR_UNSUPPORTED, "", "only 'pii' and 'terms' can modify a text");
        }
        if (r->method < SCAN_MASK || r->method > SCAN_PSEUDONYM) {
            return refuse(c, ERR_INVALID, "/method", "to modify takes a method");
        }
    }
    if (r->format.len > 0 && scan_format_check(r->format, c->issue) != ERR_OK) {
        char why[sizeof(c->issue->message)];
        memcpy(why, c->issue->message, sizeof(why));
        return refuse(c, ERR_INVALID, "/format", "%s", why);
    }
    if (r->threshold > 1000) {
        return refuse(c, ERR_INVALID, "/threshold", "a threshold is at most 1");
    }
    if ((unsigned)r->on_unscannable > CONTENT_UNSCANNABLE_BLOCK) {
        return refuse(c, ERR_INVALID, "/on_unscannable", "is allow, warn or block");
    }
    if ((unsigned)r->on_recogniser_failure > CONTENT_UNSCANNABLE_BLOCK) {
        return refuse(c, ERR_INVALID, "/on_recogniser_failure", "is allow, warn or block");
    }
    if (has_terms && r->patterns.count == 0) {
        return refuse(c, ERR_INVALID, "/patterns", "needs at least one pattern");
    }
    if (r->kind == CONTENT_TOPICS) {
        return check_topics(c);
    }
    return r->kind == CONTENT_PII ? check_pii(c) : ERR_OK;
}

bool content_kind_may_modify(enum content_kind kind)
{
    return kind == CONTENT_PII || kind == CONTENT_TERMS;
}

bool content_kind_is_buffered(enum content_kind kind)
{
    return kind == CONTENT_REQUIRED_TERMS; /* what is absent is known at the end */
}

static enum err check_pii(const struct checked *c)
{
    const struct content_rule *r = c->rule;
    struct scan_types types = {{0}};
    bool is_asking = false;

    if (r->types.count == 0 && r->entities_count == 0) {
        return refuse(c, ERR_INVALID, "/types", "needs at least one type");
    }
    for (size_t i = 0; i < r->types.count; i++) {
        char where[80];
        struct term t;
        bool is_recognised = compile_is_recognised(r, i, c->services, &t);
        is_asking = is_asking || is_recognised;
        if (is_recognised || compile_is_entity(r, r->types.items[i])) {
            continue;
        }
        if (scan_types_add(&types, r->types.items[i], c->issue) != ERR_OK) {
            char why[sizeof(c->issue->message)];
            memcpy(why, c->issue->message, sizeof(why));
            (void)snprintf(where, sizeof(where), "/types/%zu", i);
            return refuse(c, ERR_INVALID, where,
                          "%s (no recogniser of this gateway offers it either)", why);
        }
    }
    if (r->on_recogniser_failure != CONTENT_UNSCANNABLE_DEFAULT && !is_asking) {
        return refuse(c, ERR_INVALID, "/on_recogniser_failure",
                      "no recogniser of this gateway offers one of the rule's types");
    }
    for (size_t i = 0; i < r->entities_count; i++) {
        TRY(check_entity(c, i));
    }
    return ERR_OK;
}

static enum err check_entity(const struct checked *c, size_t i)
{
    const struct content_entity *e = &c->rule->entities[i];
    struct scan_types types = {{0}};
    struct issue none;
    char where[80];
    bool is_name = e->name.len >= 1 && e->name.len <= ENTITY_NAME_BYTES_MAX;

    (void)snprintf(where, sizeof(where), "/entities/%zu/name", i);
    for (size_t k = 0; is_name && k < e->name.len; k++) {
        char b = e->name.ptr[k];
        is_name = (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') || b == '_';
    }
    if (!is_name) {
        return refuse(c, ERR_INVALID, where, "a name is 1 to %u of A-Z, 0-9 and _",
                      ENTITY_NAME_BYTES_MAX);
    }
    if (scan_types_add(&types, e->name, &none) == ERR_OK) {
        return refuse(c, ERR_INVALID, where, "this is the name of a type that is built in");
    }
    for (size_t k = 0; k < i; k++) {
        if (str_eq(c->rule->entities[k].name, e->name)) {
            return refuse(c, ERR_INVALID, where, "two types must not have one name");
        }
    }
    for (size_t k = 0; k < e->context.count; k++) {
        if (e->context.items[k].len == 0 || e->context.items[k].len > 64) {
            (void)snprintf(where, sizeof(where), "/entities/%zu/context/%zu", i, k);
            return refuse(c, ERR_INVALID, where, "a context word is 1 to 64 bytes");
        }
    }
    return ERR_OK;
}

bool compile_is_entity(const struct content_rule *r, struct str name)
{
    for (size_t i = 0; i < r->entities_count; i++) {
        if (str_eq(r->entities[i].name, name)) {
            return true;
        }
    }
    return false;
}

bool compile_is_recognised(const struct content_rule *r, size_t i,
                           const struct recognise_services *services, struct term *ret)
{
    size_t service, type;
    if (r->kind != CONTENT_PII || compile_is_entity(r, r->types.items[i]) ||
        !recognise_find(services, r->types.items[i], &service, &type)) {
        return false;
    }
    *ret = (struct term){.use = TERM_RECOGNISED,
                         .service = (uint8_t)service,
                         .type = (uint8_t)type,
                         .what = services->items[service].types[type]};
    return true;
}

static enum err check_topics(const struct checked *c)
{
    if (c->rule->topics.count == 0) {
        return refuse(c, ERR_INVALID, "/topics", "needs at least one topic");
    }
    for (size_t i = 0; i < c->rule->topics.count; i++) {
        if (compile_topic(c->rule->topics.items[i]) == SCAN_TOPICS_MAX) {
            char where[80];
            (void)snprintf(where, sizeof(where), "/topics/%zu", i);
            return refuse(c, ERR_INVALID, where, "there is no topic of this name");
        }
    }
    return ERR_OK;
}

size_t compile_topic(struct str name)
{
    for (size_t i = 0; i < SCAN_TOPICS_MAX && scan_topic_name(i) != NULL; i++) {
        if (str_eq(name, str_from(scan_topic_name(i)))) {
            return i;
        }
    }
    return SCAN_TOPICS_MAX;
}

static enum err refuse(const struct checked *c, enum err err, const char *where,
                       const char *format, ...)
{
    char pointer[96], what[sizeof(c->issue->message)];
    va_list args;

    (void)snprintf(pointer, sizeof(pointer), "/%zu%s", c->number, where);
    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    issue_set(c->issue, pointer, "%s", what);
    return err;
}

enum err compile_source(const struct content_rule *const *rules, size_t count, struct sha256 *ret)
{
    struct buf b;
    buf_init(&b, SOURCE_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct content_rule *r = rules[i];
        buf_printf(&b, "%d %d %u %d %d%d%d %u %d %d %zu;", (int)r->kind, (int)r->effect, r->stages,
                   (int)r->method, r->is_substring, r->is_case_sensitive, r->is_buffered,
                   r->threshold, (int)r->on_unscannable, (int)r->on_recogniser_failure,
                   r->entities_count);
        add_text(&b, r->format);
        add_list(&b, &r->types);
        add_list(&b, &r->patterns);
        add_list(&b, &r->except);
        add_list(&b, &r->topics);
        for (size_t k = 0; k < r->entities_count; k++) {
            add_text(&b, r->entities[k].name);
            add_text(&b, r->entities[k].pattern);
            add_list(&b, &r->entities[k].context);
        }
    }
    enum err err = b.err;
    if (err == ERR_OK) {
        *ret = sha256_of(buf_str(&b));
    }
    buf_fini(&b);
    return err;
}

static void add_list(struct buf *b, const struct content_list *list)
{
    buf_printf(b, "%zu:", list->count);
    for (size_t i = 0; i < list->count; i++) {
        add_text(b, list->items[i]);
    }
}

static void add_text(struct buf *b, struct str text)
{
    buf_printf(b, "%zu:", text.len);
    buf_add(b, text);
}
