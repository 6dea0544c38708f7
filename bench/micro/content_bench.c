/* SPDX-License-Identifier: Apache-2.0
 *
 * Micro-benchmark of core/content: what a check costs besides scanning, with few rules
 * and with 10,000 in force, and a clean 2 KB chat from check to edits.
 * usage: content_bench [filter]
 */
#define _POSIX_C_SOURCE 200809L
#include "portcullis/content.h"

#include "bench.h"

#include <stdlib.h>

#define RULES_MAX 10006U

struct job {
    struct scan_engine *engine;
    struct scan_scratch *scratch;
    struct content *content;
    struct arena arena;
    uint64_t applies[RULES_MAX / 64 + 1];
    struct llm_text texts[8];
    size_t texts_count;
};

static const char paragraph[] =
    "Could you help me plan a week in the mountains? We are four adults and two children, and we "
    "would like to walk for three or four hours a day, not more. The cabin has a small kitchen, so "
    "simple meals are fine; one of us does not eat meat. Last year we spent about 900 in total and "
    "the weather was mixed: two days of rain, then sun. Please write a plan day by day, with what "
    "to pack, and add a list of things that are easy to forget (charger, cards, torch). Thanks! ";

static const struct str fourteen[] = {
    STR_INIT("ssn"),           STR_INIT("ssn_no_dash"), STR_INIT("credit_card"),
    STR_INIT("email"),         STR_INIT("phone_us"),    STR_INIT("phone"),
    STR_INIT("ip_address"),    STR_INIT("passport"),    STR_INIT("iban"),
    STR_INIT("date_of_birth"), STR_INIT("tax_id"),      STR_INIT("drivers_license"),
    STR_INIT("bank_account"),  STR_INIT("api_key")};

static void compile(struct job *j, size_t terms, bool has_meaning)
{
    static struct content_rule rules[RULES_MAX];
    static const struct content_rule *list[RULES_MAX];
    static char words[RULES_MAX][16];
    static struct str texts[RULES_MAX];
    size_t count = 0;
    uint64_t dice = 88172645463325252U;
    struct issue issue;
    rules[count++] = (struct content_rule){.kind = CONTENT_PII,
                                           .effect = CONTENT_MODIFY,
                                           .stages = CONTENT_REQUEST | CONTENT_RESPONSE,
                                           .method = SCAN_MASK,
                                           .types = {fourteen, 14, true}};
    rules[count++] = (struct content_rule){.kind = CONTENT_PII,
                                           .effect = CONTENT_BLOCK,
                                           .stages = CONTENT_REQUEST,
                                           .types = {fourteen, 3, true}};
    if (has_meaning) {
        rules[count++] = (struct content_rule){
            .kind = CONTENT_INJECTION, .effect = CONTENT_BLOCK, .stages = CONTENT_REQUEST};
    }
    for (size_t i = 0; i < terms; i++) {
        for (size_t k = 0; k < 13; k++) {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            words[i][k] = k == 6 && i % 3 == 0 ? ' ' : (char)('a' + dice % 26);
        }
        texts[i] = (struct str){words[i], 13};
        rules[count++] = (struct content_rule){.kind = CONTENT_TERMS,
                                               .effect = CONTENT_BLOCK,
                                               .stages = CONTENT_REQUEST | CONTENT_RESPONSE,
                                               .patterns = {&texts[i], 1, true}};
    }
    for (size_t i = 0; i < count; i++) {
        list[i] = &rules[i];
    }
    const struct content_build build = {.engine = j->engine};
    content_unref(j->content);
    double from = bench_now_ns();
    ASSERT(content_new(list, count, &build, &j->content, &issue) == ERR_OK);
    printf("%5zu rules: compiled in %.1f ms, %zu KiB\n", count, (bench_now_ns() - from) / 1e6,
           content_bytes(j->content) >> 10);
    ASSERT(scan_scratch_fit(j->scratch, content_set(j->content)) == ERR_OK);
    memset(j->applies, 0, sizeof(j->applies));
    for (size_t i = 0; i < count; i++) {
        j->applies[i / 64] |= UINT64_C(1) << (i % 64);
    }
}

static void new_once(void *context)
{
    struct job *j = context;
    const struct content_env env = {.scratch = j->scratch, .hash_key = STR("key")};
    struct content_check *k;
    arena_reset(&j->arena);
    ASSERT(content_check_new(&j->arena, j->content, j->applies, &env, &k) == ERR_OK);
    bench_keep(k);
    content_check_fini(k);
}

static void check_once(void *context)
{
    struct job *j = context;
    const struct content_env env = {.scratch = j->scratch, .hash_key = STR("key")};
    struct content_check *k;
    const struct llm_edit *edits;
    size_t count;
    arena_reset(&j->arena);
    ASSERT(content_check_new(&j->arena, j->content, j->applies, &env, &k) == ERR_OK);
    for (size_t i = 0; i < j->texts_count; i++) {
        ASSERT(content_request_add(k, &j->texts[i]) == ERR_OK);
    }
    ASSERT(content_run(k, 1U << 20) == ERR_OK);
    ASSERT(content_edits(k, &edits, &count) == ERR_OK && count == 0);
    bench_keep(edits);
    content_check_fini(k);
}

int main(int argc, char **argv)
{
    static struct job j;
    char text[2048];
    bench_filter = argc > 1 ? argv[1] : NULL;
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = paragraph[i % (sizeof(paragraph) - 1)];
    }
    arena_init(&j.arena, 64U << 20);
    ASSERT(scan_engine_new(&j.engine) == ERR_OK && scan_scratch_new(&j.scratch) == ERR_OK);
    static const size_t terms[] = {0, 10, 1000, 10000};
    for (size_t i = 0; i < 4; i++) {
        compile(&j, terms[i], false);
        j.texts[0] = (struct llm_text){.value = {text, sizeof(text)},
                                       .pointer = STR("/messages/0/content"),
                                       .role = LLM_ROLE_USER};
        j.texts_count = 1;
        bench_run("  a check, nothing read", new_once, &j, 0);
        bench_run("  2 KB in one message", check_once, &j, sizeof(text));
        for (size_t k = 0; k < 8; k++) {
            j.texts[k] = (struct llm_text){.value = {text + 256 * k, 256},
                                           .pointer = STR("/messages/0/content"),
                                           .role = k % 2 == 0 ? LLM_ROLE_USER
                                                              : LLM_ROLE_ASSISTANT};
        }
        j.texts_count = 8;
        bench_run("  2 KB in eight messages", check_once, &j, sizeof(text));
    }
    compile(&j, 10, true);
    j.texts[0].value.len = sizeof(text);
    j.texts_count = 1;
    bench_run("  2 KB in one message, injection", check_once, &j, sizeof(text));
    content_unref(j.content);
    scan_scratch_free(j.scratch);
    scan_engine_free(j.engine);
    arena_fini(&j.arena);
    return 0;
}
