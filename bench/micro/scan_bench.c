/* SPDX-License-Identifier: Apache-2.0
 *
 * Micro-benchmark of core/scan on a clean 2 KB prompt: the 14 types of the third
 * dialect, all entities, 10,000 terms, both; injection; and a sieve fed in tokens.
 * usage: scan_bench [filter]
 */
#define _POSIX_C_SOURCE 200809L
#include "portcullis/scan.h"

#include "bench.h"

#include <stdlib.h>

struct job {
    struct scan_set *set;
    struct scan_scratch *scratch;
    struct scan_engine *engine;
    struct str text;
    unsigned views;
};

static const char paragraph[] =
    "Could you help me plan a week in the mountains? We are four adults and two children, and we "
    "would like to walk for three or four hours a day, not more. The cabin has a small kitchen, so "
    "simple meals are fine; one of us does not eat meat. Last year we spent about 900 in total and "
    "the weather was mixed: two days of rain, then sun. Please write a plan day by day, with what "
    "to pack, and add a list of things that are easy to forget (charger, cards, torch). Thanks! ";

static struct scan_set *make(struct job *j, const char *types, size_t terms)
{
    static char words[10000][24];
    struct scan_term *list = calloc(terms + 1, sizeof(*list));
    struct issue issue;
    struct scan_spec spec = {.terms = list, .terms_count = terms};
    struct str names = str_from(types);
    while (names.len > 0) {
        ASSERT(scan_types_add(&spec.types, str_cut(&names, ','), &issue) == ERR_OK);
    }
    uint64_t dice = 88172645463325252U;
    for (size_t i = 0; i < terms; i++) {
        size_t n = 0;
        for (size_t k = 0; k < 13; k++) {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            words[i][n++] = k == 6 && i % 3 == 0 ? ' ' : (char)('a' + dice % 26);
        }
        list[i] = (struct scan_term){.text = {words[i], n}, .id = (uint32_t)i};
    }
    struct scan_set *set;
    double from = bench_now_ns();
    ASSERT(scan_set_new(j->engine, &spec, &set, &issue) == ERR_OK);
    if (terms > 0) {
        printf("%-40s %10.1f ms\n", "compile 10,000 terms", (bench_now_ns() - from) / 1e6);
    }
    ASSERT(scan_scratch_fit(j->scratch, set) == ERR_OK);
    free(list);
    return set;
}

static void scan_once(void *context)
{
    struct job *j = context;
    struct scan_finding items[64];
    struct scan_findings found = {.items = items, .capacity = 64};
    ASSERT(scan_text(j->set, j->scratch, j->text, j->views, &found) == ERR_OK);
    bench_keep(&found);
}

static void injection_once(void *context)
{
    struct job *j = context;
    struct scan_injection in;
    ASSERT(scan_injection(j->engine, j->scratch, j->text, &in) == ERR_OK);
    bench_keep(&in);
}

static void topics_once(void *context)
{
    struct job *j = context;
    unsigned scores[SCAN_TOPICS_MAX];
    ASSERT(scan_topics(j->engine, j->scratch, j->text, scores) == ERR_OK);
    bench_keep(scores);
}

static void sieve_once(void *context)
{
    struct job *j = context;
    static struct scan_keys keys;
    struct scan_action action = {.kind = SCAN_REDACT};
    struct scan_plan plan;
    struct scan_types all;
    struct buf out;
    struct scan_sieve sieve;
    memset(&all, 0xff, sizeof(all));
    buf_init(&out, 1U << 20);
    scan_plan_init(&plan, &action, 1);
    scan_plan_set(&plan, &all, 0);
    scan_sieve_init(&sieve, j->set, &plan, &keys, j->views, 1U << 16);
    for (size_t at = 0; at < j->text.len; at += 4) {
        ASSERT(scan_sieve_feed(&sieve, str_sub(j->text, at, at + 4), &out, NULL) ==
               ERR_OK);
    }
    ASSERT(scan_sieve_close(&sieve, &out, NULL) == ERR_OK);
    bench_keep(&out);
    scan_sieve_fini(&sieve);
    buf_fini(&out);
}

int main(int argc, char **argv)
{
    static const char fourteen[] =
        "ssn,ssn_no_dash,credit_card,email,phone_us,phone,ip_address,date_of_birth,passport,iban,"
        "drivers_license,bank_account,tax_id,api_key";
    bench_filter = argc > 1 ? argv[1] : NULL;
    char text[2048];
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = paragraph[i % (sizeof(paragraph) - 1)];
    }
    struct job j = {.text = {text, sizeof(text)}, .views = SCAN_VIEW_FOLD};
    double from = bench_now_ns();
    ASSERT(scan_engine_new(&j.engine) == ERR_OK);
    printf("%-40s %10.1f ms\n", "compile the engine", (bench_now_ns() - from) / 1e6);
    ASSERT(scan_scratch_new(&j.scratch) == ERR_OK);
    struct scan_set *sets[] = {make(&j, fourteen, 0), make(&j, "default", 0), make(&j, "", 10000),
                               make(&j, fourteen, 10000)};
    static const char *const names[] = {"2 KB, 14 types", "2 KB, all entities",
                                        "2 KB, 10,000 terms", "2 KB, 14 types and 10,000 terms"};
    for (size_t i = 0; i < 4; i++) {
        j.set = sets[i];
        bench_run(names[i], scan_once, &j, sizeof(text));
    }
    j.set = sets[1];
    j.views = SCAN_VIEW_ALL;
    bench_run("2 KB, all entities, all views", scan_once, &j, sizeof(text));
    bench_run("2 KB, injection", injection_once, &j, sizeof(text));
    bench_run("2 KB, topics", topics_once, &j, sizeof(text));
    bench_run("2 KB sieve, all entities, by 4 bytes", sieve_once, &j, sizeof(text));
    j.set = sets[3];
    bench_run("2 KB sieve, 14 types, 10,000 terms", sieve_once, &j, sizeof(text));
    for (size_t i = 0; i < 4; i++) {
        scan_set_free(sets[i]);
    }
    scan_scratch_free(j.scratch);
    scan_engine_free(j.engine);
    return 0;
}
