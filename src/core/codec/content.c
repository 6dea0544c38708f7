/* SPDX-License-Identifier: Apache-2.0
 *
 * Params of the rules about texts (pii, terms, required_terms, topics, injection) in the
 * canonical form, read strictly and written byte-stable. One table of members for all:
 * a type sees the members that mean something for it. Whether patterns compile is found
 * out when a policy is to run (content_new), not here. Pure.
 */
#include "codec_private.h"

#define MEMBERS 13
#define ENTITIES_MAX 64

/* Which types a member belongs to: bits of enum content_kind. */
#define PII (1U << CONTENT_PII)
#define TERMS (1U << CONTENT_TERMS)
#define REQUIRED (1U << CONTENT_REQUIRED_TERMS)
#define TOPICS (1U << CONTENT_TOPICS)
#define INJECTION (1U << CONTENT_INJECTION)

struct params {
    struct policy_list types, except, topics;
    yyjson_val *patterns, *entities, *threshold;
    struct str format;
    int method, on_unscannable, on_failure, buffer;
    bool has_method, is_word, is_case_sensitive, is_buffered;
};

static const char *const methods[] = {"mask", "redact", "hash", "pseudonym", NULL};
static const char *const unscannable[] = {"allow", "warn", "block", NULL};
static const char *const buffers[] = {"full", NULL};

static size_t members_of(struct params *p, unsigned kind, struct codec_member ret[MEMBERS]);
static enum err take(struct codec_reader *r, const struct params *p, struct str pointer,
                     struct policy_rule *rule);
static enum err read_types(struct codec_reader *r, const struct params *p, struct str pointer,
                           struct content_rule *content);
static enum err read_patterns(struct codec_reader *r, yyjson_val *array, struct str pointer,
                              struct content_list *ret);
static enum err read_pattern(struct codec_reader *r, yyjson_val *v, struct str pointer,
                             struct str *ret);
static enum err read_entities(struct codec_reader *r, yyjson_val *array, struct str pointer,
                              struct content_rule *content);
static void write_entities(struct buf *out, const struct content_rule *content);

enum err codec_content_read(struct codec_reader *r, yyjson_val *v, struct str pointer,
                            struct policy_rule *rule)
{
    struct params p = {.is_word = true};
    struct codec_member members[MEMBERS];
    enum content_kind kind = CONTENT_PII;

    ASSERT(policy_rule_type_kind(rule->type, &kind));
    size_t count = members_of(&p, 1U << kind, members);
    TRY(codec_object_read(r, v, pointer, members, count));
    return take(r, &p, pointer, rule);
}

static size_t members_of(struct params *p, unsigned kind, struct codec_member ret[MEMBERS])
{
    const struct {
        unsigned kinds;
        struct codec_member member;
    } all[MEMBERS] = {
        {PII, {.name = "types", .kind = CODEC_LIST, .ret = &p->types, .is_required = true}},
        {TERMS | REQUIRED,
         {.name = "patterns", .kind = CODEC_VAL, .ret = &p->patterns, .is_required = true}},
        {TOPICS, {.name = "topics", .kind = CODEC_LIST, .ret = &p->topics, .is_required = true}},
        {PII | TERMS,
         {.name = "method", .kind = CODEC_WORD, .ret = &p->method, .words = methods,
          .ret_is_set = &p->has_method}},
        {PII | TERMS,
         {.name = "format", .kind = CODEC_STR, .ret = &p->format, .min = 1,
          .max = CONTENT_FORMAT_BYTES_MAX}},
        {PII, {.name = "entities", .kind = CODEC_VAL, .ret = &p->entities}},
        {PII | TERMS,
         {.name = "except", .kind = CODEC_LIST, .ret = &p->except, .max = CODEC_TERM_BYTES_MAX}},
        {TERMS, {.name = "word", .kind = CODEC_BOOL, .ret = &p->is_word}},
        {TERMS, {.name = "case_sensitive", .kind = CODEC_BOOL, .ret = &p->is_case_sensitive}},
        {PII | TOPICS | INJECTION,
         {.name = "threshold", .kind = CODEC_VAL, .ret = &p->threshold}},
        {PII | TERMS | REQUIRED | TOPICS | INJECTION,
         {.name = "on_unscannable", .kind = CODEC_WORD, .ret = &p->on_unscannable,
          .words = unscannable}},
        {PII,
         {.name = "on_recogniser_failure", .kind = CODEC_WORD, .ret = &p->on_failure,
          .words = unscannable}},
        {PII | TERMS | TOPICS,
         {.name = "buffer", .kind = CODEC_WORD, .ret = &p->buffer, .words = buffers,
          .ret_is_set = &p->is_buffered}},
    };
    size_t count = 0;
    p->on_unscannable = p->on_failure = -1;
    for (size_t i = 0; i < MEMBERS; i++) {
        if ((all[i].kinds & kind) != 0) {
            ret[count++] = all[i].member;
        }
    }
    return count;
}

static enum err take(struct codec_reader *r, const struct params *p, struct str pointer,
                     struct policy_rule *rule)
{
    static const enum scan_action_kind kinds[] = {SCAN_MASK, SCAN_REDACT, SCAN_HASH,
                                                  SCAN_PSEUDONYM};
    static const enum content_unscannable answers[] = {
        CONTENT_UNSCANNABLE_ALLOW, CONTENT_UNSCANNABLE_WARN, CONTENT_UNSCANNABLE_BLOCK};
    struct content_rule content = {
        .method = rule->effect == POLICY_MODIFY ? SCAN_REDACT : SCAN_KEEP,
        .format = p->format,
        .except = codec_content_list(&p->except),
        .topics = codec_content_list(&p->topics),
        .is_substring = !p->is_word,
        .is_case_sensitive = p->is_case_sensitive,
        .is_buffered = p->is_buffered,
    };

    if (p->has_method) {
        content.method = kinds[p->method];
    }
    if (p->on_unscannable >= 0) {
        content.on_unscannable = answers[p->on_unscannable];
    }
    if (p->on_failure >= 0) {
        content.on_recogniser_failure = answers[p->on_failure];
    }
    if (p->threshold != NULL) {
        TRY(codec_share_read(r, p->threshold, codec_pointer(r, pointer, STR("threshold")),
                             &content.threshold));
    }
    if (p->patterns != NULL) {
        TRY(read_patterns(r, p->patterns, codec_pointer(r, pointer, STR("patterns")),
                          &content.patterns));
    }
    if (rule->type == POLICY_TOPICS) {
        struct str at = codec_pointer(r, pointer, STR("topics"));
        TRY(codec_check_not_empty(r, &p->topics, at));
        TRY(codec_check_topics(r, &p->topics, at));
    }
    if (rule->type == POLICY_PII) {
        TRY(read_entities(r, p->entities, codec_pointer(r, pointer, STR("entities")), &content));
        TRY(read_types(r, p, codec_pointer(r, pointer, STR("types")), &content));
    }
    return codec_content_set(r, rule, &content);
}

/* Each is a type the scanner knows or one of the rule's own. */
static enum err read_types(struct codec_reader *r, const struct params *p, struct str pointer,
                           struct content_rule *content)
{
    TRY(codec_check_not_empty(r, &p->types, pointer));
    for (size_t i = 0; i < p->types.count; i++) {
        const struct policy_list one = {&p->types.items[i], 1, true};
        bool is_own = false;
        for (size_t k = 0; k < content->entities_count; k++) {
            is_own = is_own || str_eq(content->entities[k].name, p->types.items[i]);
        }
        enum err err = is_own ? ERR_OK : codec_check_types(r, &one, pointer);
        if (err != ERR_OK) {
            char message[sizeof(r->issue->message)];
            memcpy(message, r->issue->message, sizeof(message));
            issue_set(r->issue, codec_pointer_at(r, pointer, i).ptr, "%s", message);
            return err;
        }
    }
    content->types = codec_content_list(&p->types);
    return ERR_OK;
}

static enum err read_patterns(struct codec_reader *r, yyjson_val *array, struct str pointer,
                              struct content_list *ret)
{
    size_t count = yyjson_arr_size(array);
    if (!yyjson_is_arr(array) || count == 0 || count > CODEC_LIST_MAX) {
        issue_set(r->issue, pointer.ptr,
                  "must be an array of 1 to %d words, \"/regular expressions/\" or {\"regex\": "
                  "...}",
                  CODEC_LIST_MAX);
        return ERR_INVALID;
    }
    struct str *items = ARENA_ARRAY(r->arena, count, struct str);
    if (items == NULL) {
        return ERR_MEMORY;
    }
    yyjson_arr_iter it = yyjson_arr_iter_with(array);
    for (size_t i = 0; i < count; i++) {
        TRY(read_pattern(r, yyjson_arr_iter_next(&it), codec_pointer_at(r, pointer, i),
                         &items[i]));
    }
    *ret = (struct content_list){items, count, true};
    return ERR_OK;
}

/* {"regex": "x"} is another way to write "/x/". */
static enum err read_pattern(struct codec_reader *r, yyjson_val *v, struct str pointer,
                             struct str *ret)
{
    struct str regex;
    const struct codec_member regex_member = {.name = "regex", .kind = CODEC_STR, .ret = &regex,
                                              .is_required = true, .min = 1,
                                              .max = SCAN_REGEX_BYTES_MAX};
    if (yyjson_is_obj(v)) {
        TRY(codec_object_read(r, v, pointer, &regex_member, 1));
        *ret = arena_printf(r->arena, "/%.*s/", STR_ARG(regex));
        return ret->ptr != NULL ? ERR_OK : ERR_MEMORY;
    }
    const struct codec_member word = {.kind = CODEC_STR, .ret = ret, .min = 1,
                                      .max = CODEC_TERM_BYTES_MAX};
    return codec_value_read(r, v, pointer, &word);
}

static enum err read_entities(struct codec_reader *r, yyjson_val *array, struct str pointer,
                              struct content_rule *content)
{
    size_t count = yyjson_arr_size(array);
    if (array == NULL) {
        return ERR_OK;
    }
    if (!yyjson_is_arr(array) || count > ENTITIES_MAX) {
        issue_set(r->issue, pointer.ptr, "must be an array of at most %d types", ENTITIES_MAX);
        return ERR_INVALID;
    }
    struct content_entity *entities = ARENA_ARRAY(r->arena, count, struct content_entity);
    if (entities == NULL) {
        return ERR_MEMORY;
    }
    yyjson_arr_iter it = yyjson_arr_iter_with(array);
    for (size_t i = 0; i < count; i++) {
        struct policy_list context = {0};
        const struct codec_member members[] = {
            {.name = "name", .kind = CODEC_STR, .ret = &entities[i].name, .is_required = true,
             .min = 1, .max = 64},
            {.name = "pattern", .kind = CODEC_STR, .ret = &entities[i].pattern,
             .is_required = true, .min = 1, .max = CODEC_TERM_BYTES_MAX},
            {.name = "context", .kind = CODEC_LIST, .ret = &context, .max = 64},
        };
        TRY(codec_object_read(r, yyjson_arr_iter_next(&it), codec_pointer_at(r, pointer, i),
                              members, 3));
        entities[i].context = codec_content_list(&context);
    }
    content->entities = entities;
    content->entities_count = count;
    return ERR_OK;
}

void codec_content_write(struct buf *out, const struct content_rule *content)
{
    static const char *const method_names[] = {
        [SCAN_MASK] = "mask", [SCAN_REDACT] = "redact", [SCAN_HASH] = "hash",
        [SCAN_PSEUDONYM] = "pseudonym"};
    static const char *const answers[] = {[CONTENT_UNSCANNABLE_ALLOW] = "allow",
                                          [CONTENT_UNSCANNABLE_WARN] = "warn",
                                          [CONTENT_UNSCANNABLE_BLOCK] = "block"};

    codec_content_list_write(out, ",\"types\":", &content->types);
    codec_content_list_write(out, ",\"patterns\":", &content->patterns);
    codec_content_list_write(out, ",\"topics\":", &content->topics);
    if (content->method >= SCAN_MASK && content->method <= SCAN_PSEUDONYM) {
        codec_str_write(out, "method", str_from(method_names[content->method]));
    }
    codec_str_write(out, "format", content->format);
    write_entities(out, content);
    codec_content_list_write(out, ",\"except\":", &content->except);
    if (content->is_substring) {
        buf_add(out, STR(",\"word\":false"));
    }
    if (content->is_case_sensitive) {
        buf_add(out, STR(",\"case_sensitive\":true"));
    }
    codec_share_write(out, "threshold", content->threshold);
    if (content->on_unscannable != CONTENT_UNSCANNABLE_DEFAULT) {
        codec_str_write(out, "on_unscannable", str_from(answers[content->on_unscannable]));
    }
    if (content->on_recogniser_failure != CONTENT_UNSCANNABLE_DEFAULT) {
        codec_str_write(out, "on_recogniser_failure",
                        str_from(answers[content->on_recogniser_failure]));
    }
    if (content->is_buffered) {
        buf_add(out, STR(",\"buffer\":\"full\""));
    }
}

static void write_entities(struct buf *out, const struct content_rule *content)
{
    if (content->entities_count == 0) {
        return;
    }
    buf_add(out, STR(",\"entities\":["));
    for (size_t i = 0; i < content->entities_count; i++) {
        const struct content_entity *e = &content->entities[i];
        buf_add(out, i == 0 ? STR("{\"name\":") : STR(",{\"name\":"));
        json_write_str(out, e->name);
        codec_str_write(out, "pattern", e->pattern);
        codec_content_list_write(out, ",\"context\":", &e->context);
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, ']');
}
