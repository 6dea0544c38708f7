/* SPDX-License-Identifier: Apache-2.0
 *
 * What the rules of a policy cost, for `portcullis policy lint`: how much there is to
 * look for, how big it is compiled and how long that took (in a child, with a gateway's
 * limits), how often it matches in the worst text that was tried, and how much of a
 * stream it may hold back. Rules that look at no text are a row of bits in the index.
 */
#include "cli.h"

#include <stdio.h>
#include <time.h>

struct lint_rule {
    const struct cli_context *cli;
    size_t patterns, expressions, bytes; /* as written */
    size_t words, compiled_bytes;        /* literals, and what they became */
    uint64_t compile_us;
    struct scan_terms_cost cost;
    size_t hold_bytes, memory_bytes;
};

static enum err measure(const struct cli_context *c, const struct policy_rule *rule,
                        struct lint_rule *ret, struct issue *issue);
static void count_list(const struct content_list *list, struct lint_rule *ret);
static enum err compile(void *context, struct str source, struct buf *ret_database,
                        struct issue *issue);
static void write_text(const struct policy_rule *rule, const struct lint_rule *l);
static void write_json(struct buf *out, const struct policy_rule *rule, const struct lint_rule *l);
static uint64_t mono_us(void);

bool cli_lint_policy(const struct cli_context *c, const char *file, const struct policy *p,
                     bool is_json)
{
    struct buf out;
    bool is_good = true;
    buf_init(&out, 64U << 20);
    buf_add(&out, STR("{\"file\":"));
    json_write_str(&out, str_from(file));
    buf_add(&out, STR(",\"ok\":true,\"rules\":["));
    if (!is_json) {
        printf("%s\n", file);
    }
    for (size_t i = 0; i < p->rules_count; i++) {
        struct lint_rule l = {.cli = c};
        struct issue issue = {.offset = UINT64_MAX};
        enum err e = measure(c, &p->rules[i], &l, &issue);
        if (e != ERR_OK) {
            struct issue inner = issue; /* its pointer begins with the number of a rule: 0 */
            struct str rest = str_sub(str_from(inner.pointer), 2, sizeof(inner.pointer));
            snprintf(issue.pointer, sizeof(issue.pointer), "/rules/%zu/params%.*s", i,
                     (int)(rest.len < 200 ? rest.len : 200), rest.len != 0 ? rest.ptr : "");
            cli_print_issue(file, e, &issue);
            is_good = false;
            break;
        }
        buf_add(&out, i > 0 ? STR(",") : STR(""));
        write_json(&out, &p->rules[i], &l);
        if (!is_json) {
            write_text(&p->rules[i], &l);
        }
    }
    if (is_json && is_good) {
        printf("%.*s]}\n", STR_ARG(buf_str(&out)));
    }
    buf_fini(&out);
    return is_good;
}

static enum err measure(const struct cli_context *c, const struct policy_rule *rule,
                        struct lint_rule *ret, struct issue *issue)
{
    struct content_compiler compiler = {compile, ret};
    struct content_build build = {.engine = c->engine, .compiler = &compiler,
                                  .services = &c->config.recognisers};
    struct content *content = NULL;
    const struct content_rule *r = rule->content;
    if (r == NULL) {
        return ERR_OK;
    }
    count_list(&r->patterns, ret);
    count_list(&r->except, ret);
    for (size_t i = 0; i < r->entities_count; i++) {
        ret->patterns++;
        ret->expressions++;
        ret->bytes += r->entities[i].pattern.len;
    }
    TRY(content_new(&r, 1, &build, &content, issue));
    ret->hold_bytes = content_hold_bytes_max(content);
    ret->memory_bytes = content_bytes(content);
    content_unref(content);
    return ERR_OK;
}

static void count_list(const struct content_list *list, struct lint_rule *ret)
{
    for (size_t i = 0; i < list->count; i++) {
        struct str s = list->items[i];
        ret->patterns++;
        ret->expressions += s.len > 2 && s.ptr[0] == '/' && s.ptr[s.len - 1] == '/';
        ret->bytes += s.len;
    }
}

static enum err compile(void *context, struct str source, struct buf *ret_database,
                        struct issue *issue)
{
    struct lint_rule *l = context;
    const struct content_compiler *c = &l->cli->compiler;
    uint64_t from_us = mono_us();
    TRY(c->compile(c->context, source, ret_database, issue));
    l->compile_us = mono_us() - from_us;
    l->words = scan_terms_count(source);
    l->compiled_bytes = ret_database->len;
    return scan_terms_probe(source, buf_str(ret_database), &l->cost);
}

static void write_text(const struct policy_rule *rule, const struct lint_rule *l)
{
    printf("  %-20.*s %-20s %-7s", STR_ARG(rule->key), policy_rule_type_name(rule->type),
           policy_effect_name(rule->effect));
    if (rule->content == NULL) {
        printf(" looks at no text\n");
        return;
    }
    if (l->patterns > 0) {
        printf(" %zu patterns, %zu of them expressions, %zu bytes;", l->patterns, l->expressions,
               l->bytes);
    }
    if (l->words > 0) {
        printf(" %zu words compiled: %zu KiB in %.1f ms, at most %u matches in 1 KiB;", l->words,
               (l->compiled_bytes + 1023) >> 10, (double)l->compile_us / 1000.0, l->cost.per_kib);
    }
    printf(" holds back at most %zu bytes of a stream, %zu KiB of memory\n", l->hold_bytes,
           (l->memory_bytes + 1023) >> 10);
}

static void write_json(struct buf *out, const struct policy_rule *rule, const struct lint_rule *l)
{
    buf_add(out, STR("{\"key\":"));
    json_write_str(out, rule->key);
    buf_printf(out, ",\"type\":\"%s\",\"effect\":\"%s\"", policy_rule_type_name(rule->type),
               policy_effect_name(rule->effect));
    if (rule->content != NULL) {
        buf_printf(out,
                   ",\"patterns\":%zu,\"expressions\":%zu,\"bytes\":%zu,\"words\":%zu,"
                   "\"compiled_bytes\":%zu,\"compile_us\":%llu,\"matches_per_kib\":%u,"
                   "\"hold_bytes\":%zu,\"memory_bytes\":%zu",
                   l->patterns, l->expressions, l->bytes, l->words, l->compiled_bytes,
                   (unsigned long long)l->compile_us, l->cost.per_kib, l->hold_bytes,
                   l->memory_bytes);
    }
    buf_add_byte(out, '}');
}

static uint64_t mono_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000U + (uint64_t)t.tv_nsec / 1000U;
}
