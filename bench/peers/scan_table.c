/* SPDX-License-Identifier: Apache-2.0
 *
 * The figures of bench/scan: what a clean prompt costs, beside PCRE2 and RE2 with the
 * same shapes and terms, what a whole check costs at the median and at its worst, and
 * the longest step of a long prompt. CPU time; the engines take turns, round by round.
 * One line per figure, tab-separated, for the script: kind, row, column, values in ns.
 * usage: scan_table ROUNDS clean|peers|evaluation|steps
 */
#define _POSIX_C_SOURCE 200809L
#include "portcullis/content.h"

#include "peers.h"
#include "texts.h"

#include <stdlib.h>
#include <time.h>

#define MEGABYTE ((size_t)1 << 20)
#define TERMS_MAX 100000U
#define TERM_BYTES 16U
#define ROUNDS_MAX 31U
#define JOBS_MAX 3U
#define BATCH_NS 10e6
#define PATIENCE_NS 3e8 /* what takes longer is measured once */
#define STEP_BYTES (8U << 10) /* as the path reads */
#define EVALUATIONS 20000U

static const char fourteen[] =
    "ssn,ssn_no_dash,credit_card,email,phone_us,phone,ip_address,date_of_birth,passport,iban,"
    "drivers_license,bank_account,tax_id,api_key";
/* Their shapes alone, for engines that know nothing else. */
static const char *const shapes[] = {
    "\\b[0-9]{3}-[0-9]{2}-[0-9]{4}\\b",
    "\\b[0-9]{9}\\b",
    "\\b(?:[0-9][ -]?){12,18}[0-9]\\b",
    "\\b[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\\.[A-Za-z]{2,24}\\b",
    "(?:\\+1[ .-]?)?\\(?\\b[0-9]{3}\\)?[ .-][0-9]{3}[ .-][0-9]{4}\\b",
    "\\+[0-9]{1,3}(?:[ ().-]?[0-9]){7,13}\\b",
    "\\b(?:[0-9]{1,3}\\.){3}[0-9]{1,3}\\b|\\b(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}\\b",
    "\\b(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}[./][0-9]{1,2}[./][0-9]{4})\\b",
    "\\b[A-Z]{1,2}[0-9]{6,8}\\b",
    "\\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\\b",
    "\\b[A-Z][0-9]{7,12}\\b",
    "\\b[0-9]{8,17}\\b",
    "\\b[0-9]{2}-[0-9]{7}\\b",
    "\\b(?:sk-[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{36}|AKIA[0-9A-Z]{16}|xox[abprs]-[0-9A-Za-z-]"
    "{10,}|AIza[0-9A-Za-z_-]{35}|glpat-[0-9A-Za-z_-]{20})\\b",
};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static const struct {
    const char *name;
    size_t bytes;
} sizes[] = {{"2 KB", 2048}, {"32 KB", 32768}, {"1 MB", 1U << 20}};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

struct bench {
    struct scan_engine *engine;
    struct scan_scratch *scratch;
    struct arena arena;
    unsigned rounds;
    char (*words)[TERM_BYTES];
    const char **list;
    char *text;
};

/* What is timed: a scan of `text`, and what else is asked about it. */
struct job {
    struct bench *b;
    struct scan_set *set; /* NULL = none */
    struct str text;
    unsigned views;
    bool has_injection, has_topics;
    const struct peer_kind *kind; /* not NULL: these instead of all that */
    struct peer *peer;
};

static double now_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void keep(const void *p)
{
    __asm__ volatile("" : : "r"(p) : "memory");
}

static void make_words(struct bench *b)
{
    uint64_t dice = 88172645463325252U;
    b->words = calloc(TERMS_MAX, sizeof(*b->words));
    b->list = calloc(TERMS_MAX, sizeof(*b->list));
    ASSERT(b->words != NULL && b->list != NULL);
    for (size_t i = 0; i < TERMS_MAX; i++) {
        for (size_t k = 0; k < 13; k++) {
            bool is_blank = k == 6 && i % 3 == 0;
            b->words[i][k] = is_blank ? ' ' : (char)('a' + text_roll(&dice) % 26);
        }
        b->list[i] = b->words[i];
    }
}

static struct scan_set *make_set(struct bench *b, const char *types, size_t terms)
{
    struct scan_term *list = calloc(terms + 1, sizeof(*list));
    struct issue issue;
    struct scan_spec spec = {.terms = list, .terms_count = terms};
    struct str names = str_from(types);
    struct scan_set *set;
    ASSERT(list != NULL);
    while (names.len > 0) {
        ASSERT(scan_types_add(&spec.types, str_cut(&names, ','), &issue) == ERR_OK);
    }
    for (size_t i = 0; i < terms; i++) {
        list[i] = (struct scan_term){.text = str_from(b->list[i]), .id = (uint32_t)i};
    }
    ASSERT(scan_set_new(b->engine, &spec, &set, &issue) == ERR_OK);
    ASSERT(scan_scratch_fit(b->scratch, set) == ERR_OK);
    free(list);
    return set;
}

static void run_once(const struct job *j)
{
    struct scan_finding items[64];
    struct scan_findings found = {.items = items, .capacity = 64};
    unsigned topics[SCAN_TOPICS_MAX];
    struct scan_injection injection;
    if (j->kind != NULL) {
        size_t n = j->kind->count(j->peer, j->text.ptr, j->text.len);
        keep(&n);
        return;
    }
    if (j->set != NULL) {
        ASSERT(scan_text(j->set, j->b->scratch, j->text, j->views, &found) == ERR_OK);
    }
    if (j->has_injection) {
        ASSERT(scan_injection(j->b->engine, j->b->scratch, j->text, &injection) == ERR_OK);
        keep(&injection);
    }
    if (j->has_topics) {
        ASSERT(scan_topics(j->b->engine, j->b->scratch, j->text, topics) == ERR_OK);
        keep(topics);
    }
    keep(&found);
}

/* How many make a batch that can be timed; 0: one alone takes longer than we wait, and
 * this once was its measurement. */
static unsigned batch_of(const struct job *j, double *ret_ns)
{
    double ns = 0;
    for (unsigned i = 0; i < 2 && ns < PATIENCE_NS; i++) {
        double from = now_ns(CLOCK_PROCESS_CPUTIME_ID);
        run_once(j);
        ns = now_ns(CLOCK_PROCESS_CPUTIME_ID) - from;
    }
    *ret_ns = ns;
    return ns > PATIENCE_NS ? 0 : ns > BATCH_NS ? 1 : (unsigned)(BATCH_NS / ns) + 1;
}

static double batch_ns(const struct job *j, unsigned times)
{
    double from = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (unsigned i = 0; i < times; i++) {
        run_once(j);
    }
    return (now_ns(CLOCK_PROCESS_CPUTIME_ID) - from) / times;
}

/* One figure of each job for each round, round by round. */
static void measure(const char *section, const char *row, const char *column, struct job *jobs,
                    size_t count, unsigned rounds)
{
    unsigned times[JOBS_MAX] = {0};
    static double ns[JOBS_MAX][ROUNDS_MAX];
    double once[JOBS_MAX];
    for (size_t i = 0; i < count; i++) {
        once[i] = -1;
        if (jobs[i].kind == NULL || jobs[i].peer != NULL) {
            times[i] = batch_of(&jobs[i], &once[i]);
        }
    }
    for (unsigned r = 0; r < rounds; r++) {
        for (size_t i = 0; i < count; i++) {
            ns[i][r] = times[i] > 0 ? batch_ns(&jobs[i], times[i]) : once[i];
        }
    }
    for (size_t i = 0; i < count; i++) {
        printf("%s\t%s\t%s\t%s", section, row, column,
               jobs[i].kind != NULL ? jobs[i].kind->name : "ours");
        for (unsigned r = 0; r < rounds; r++) {
            printf("\t%.0f", ns[i][r]);
        }
        printf("\n");
    }
    fflush(stdout);
}

/* ---- a clean prompt ---------------------------------------------------------------- */

static void clean(struct bench *b)
{
    static const struct {
        const char *name, *types;
        size_t terms;
        unsigned views;
        bool has_injection, has_topics;
    } rows[] = {
        {"14 documented types", fourteen, 0, SCAN_VIEW_FOLD, false, false},
        {"all entities", "default", 0, SCAN_VIEW_FOLD, false, false},
        {"10 terms", "", 10, SCAN_VIEW_FOLD, false, false},
        {"1,000 terms", "", 1000, SCAN_VIEW_FOLD, false, false},
        {"10,000 terms", "", 10000, SCAN_VIEW_FOLD, false, false},
        {"100,000 terms", "", 100000, SCAN_VIEW_FOLD, false, false},
        {"14 types, 10,000 terms", fourteen, 10000, SCAN_VIEW_FOLD, false, false},
        {"all entities, all views, 10,000 terms", "default", 10000, SCAN_VIEW_ALL, false, false},
        {"injection", NULL, 0, 0, true, false},
        {"topics", NULL, 0, 0, false, true},
        {"all of it: entities, views, terms, injection, topics", "default", 10000, SCAN_VIEW_ALL,
         true, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scan_set *set =
            rows[i].types != NULL ? make_set(b, rows[i].types, rows[i].terms) : NULL;
        struct job j = {.b = b, .set = set, .views = rows[i].views};
        j.has_injection = rows[i].has_injection;
        j.has_topics = rows[i].has_topics;
        for (size_t k = 0; k < SIZES; k++) {
            text_fill(0, b->text, sizes[k].bytes);
            j.text = (struct str){b->text, sizes[k].bytes};
            measure("clean", rows[i].name, sizes[k].name, &j, 1, b->rounds);
        }
        scan_set_free(set);
    }
}

/* ---- beside others ------------------------------------------------------------------- */

static void peers_row(struct bench *b, const char *name, size_t terms)
{
    const struct peer_kind *const kinds[] = {peer_pcre2, peer_re2};
    const struct peer_list list = {terms > 0 ? b->list : shapes, terms > 0 ? terms : SHAPES};
    struct job jobs[JOBS_MAX] = {{.b = b, .views = SCAN_VIEW_FOLD}};
    size_t count = 1;
    jobs[0].set = make_set(b, terms > 0 ? "" : fourteen, terms);
    for (size_t i = 0; i < 2; i++) {
        if (kinds[i] != NULL) {
            const char *why = "";
            jobs[count].kind = kinds[i];
            jobs[count].peer = kinds[i]->make(&list, terms > 0, &why);
            if (jobs[count].peer == NULL) {
                printf("cannot\t%s\t%s\t%s\n", name, kinds[i]->name, why);
            }
            count++;
        }
    }
    for (size_t k = 0; k < SIZES; k++) {
        text_fill(0, b->text, sizes[k].bytes);
        for (size_t i = 0; i < count; i++) {
            jobs[i].text = (struct str){b->text, sizes[k].bytes};
        }
        measure("peers", name, sizes[k].name, jobs, count, b->rounds);
    }
    for (size_t i = 1; i < count; i++) {
        if (jobs[i].peer != NULL) {
            jobs[i].kind->drop(jobs[i].peer);
        }
    }
    scan_set_free(jobs[0].set);
}

static void peers(struct bench *b)
{
    peers_row(b, "shapes of the 14 types", 0);
    peers_row(b, "10 terms", 10);
    peers_row(b, "1,000 terms", 1000);
    peers_row(b, "10,000 terms", 10000);
    peers_row(b, "100,000 terms", 100000);
}

/* ---- the whole check ----------------------------------------------------------------- */

static struct content *make_content(struct bench *b, bool is_all, enum scan_action_kind method,
                                    uint64_t *applies)
{
    static const struct str all[] = {STR_INIT("default")};
    static const struct str topics[] = {STR_INIT("weapons"), STR_INIT("medical_advice")};
    static struct str names[16];
    static struct str patterns[10000];
    size_t count = 0;
    struct str rest = str_from(fourteen);
    while (rest.len > 0) {
        names[count++] = str_cut(&rest, ',');
    }
    for (size_t i = 0; i < 10000; i++) {
        patterns[i] = str_from(b->list[i]);
    }
    const struct content_rule rules[] = {
        {.kind = CONTENT_PII,
         .effect = CONTENT_MODIFY,
         .stages = method == SCAN_REDACT ? CONTENT_REQUEST | CONTENT_RESPONSE : CONTENT_REQUEST,
         .method = method,
         .types = {is_all ? all : names, is_all ? 1 : count, true}},
        {.kind = CONTENT_TERMS,
         .effect = CONTENT_WARN,
         .stages = CONTENT_REQUEST,
         .patterns = {patterns, 10000, true}},
        {.kind = CONTENT_INJECTION, .effect = CONTENT_WARN, .stages = CONTENT_REQUEST},
        {.kind = CONTENT_TOPICS,
         .effect = CONTENT_WARN,
         .stages = CONTENT_REQUEST,
         .topics = {topics, 2, true}},
    };
    const struct content_rule *list[] = {&rules[0], &rules[1], &rules[2], &rules[3]};
    const struct content_build build = {.engine = b->engine};
    struct content *c;
    struct issue issue;
    ASSERT(content_new(list, is_all ? 4 : 2, &build, &c, &issue) == ERR_OK);
    ASSERT(scan_scratch_fit(b->scratch, content_set(c)) == ERR_OK);
    *applies = is_all ? 15 : 3;
    return c;
}

static struct content_check *make_check(struct bench *b, const struct content *c,
                                        const uint64_t *applies, const struct llm_text *text)
{
    const struct content_env env = {
        .scratch = b->scratch, .hash_key = STR("key"), .may_work = true};
    struct content_check *k;
    arena_reset(&b->arena);
    ASSERT(content_check_new(&b->arena, c, applies, &env, &k) == ERR_OK);
    ASSERT(content_request_add(k, text) == ERR_OK);
    return k;
}

static int compare_ns(const void *x, const void *y)
{
    double a = *(const double *)x;
    double b = *(const double *)y;
    return a < b ? -1 : a > b;
}

/* Each is timed alone, on the wall: what a request waits. */
static void evaluation(struct bench *b)
{
    static double ns[EVALUATIONS];
    for (unsigned is_all = 0; is_all < 2; is_all++) {
        uint64_t applies;
        struct content *c = make_content(b, is_all != 0, SCAN_PSEUDONYM, &applies);
        text_fill(0, b->text, MEGABYTE);
        for (size_t i = 0; i < EVALUATIONS; i++) {
            size_t from = i * 997 % (MEGABYTE - 2048);
            const struct llm_text text = {.value = {b->text + from, 2048},
                                          .pointer = STR("/messages/0/content"),
                                          .role = LLM_ROLE_USER};
            const struct llm_edit *edits;
            size_t count;
            double begin = now_ns(CLOCK_MONOTONIC);
            struct content_check *k = make_check(b, c, &applies, &text);
            ASSERT(content_run(k, MEGABYTE) == ERR_OK);
            ASSERT(content_edits(k, &edits, &count) == ERR_OK);
            content_check_fini(k);
            ns[i] = now_ns(CLOCK_MONOTONIC) - begin;
        }
        qsort(ns, EVALUATIONS, sizeof(ns[0]), compare_ns);
        printf("evaluation\t%s\t2 KB\tours\t%.0f\t%.0f\t%.0f\n",
               is_all ? "all entities, all views, 10,000 terms, injection, topics"
                      : "14 types, all views, 10,000 terms",
               ns[EVALUATIONS / 2], ns[EVALUATIONS / 100 * 99], ns[EVALUATIONS / 1000 * 999]);
        content_unref(c);
    }
}

/* ---- steps of a long prompt ----------------------------------------------------------- */

static double step_ns(double from, double *longest)
{
    double to = now_ns(CLOCK_THREAD_CPUTIME_ID);
    *longest = to - from > *longest ? to - from : *longest;
    return to - from;
}

struct stepping {
    const char *name;
    double longest, longest_edit, longest_work, total; /* work: on another thread */
    size_t steps;
};

/* What was added, to its end. */
static void run_steps(struct content_check *k, struct stepping *s, const struct llm_edit **ret,
                      size_t *ret_count)
{
    enum err err;
    do {
        double from = now_ns(CLOCK_THREAD_CPUTIME_ID);
        err = content_run(k, STEP_BYTES);
        s->total += step_ns(from, &s->longest);
        s->steps++;
        if (content_has_work(k)) {
            from = now_ns(CLOCK_THREAD_CPUTIME_ID);
            content_work(k);
            s->total += step_ns(from, &s->longest_work);
        }
    } while (err == ERR_AGAIN);
    ASSERT(err == ERR_OK);
    double from = now_ns(CLOCK_THREAD_CPUTIME_ID);
    ASSERT(content_edits(k, ret, ret_count) == ERR_OK);
    s->total += step_ns(from, &s->longest_edit);
}

static void print_steps(struct content_check *k, struct stepping *s, enum content_stage stage)
{
    double from = now_ns(CLOCK_THREAD_CPUTIME_ID);
    uint64_t count = content_edits_count(k, stage);
    content_check_fini(k);
    s->total += step_ns(from, &s->longest_edit);
    printf("steps\t%s\t1 MB\tours\t%.0f\t%.0f\t%.0f\t%.0f\t%zu\t%llu\n", s->name, s->longest,
           s->longest_edit, s->longest_work, s->total, s->steps, (unsigned long long)count);
    fflush(stdout);
}

static void steps_of(struct bench *b, const struct content *c, uint64_t applies,
                     const struct llm_text *text, const char *name)
{
    struct stepping s = {.name = name};
    const struct llm_edit *edits;
    size_t count;
    struct content_check *k = make_check(b, c, &applies, text);
    run_steps(k, &s, &edits, &count);
    print_steps(k, &s, CONTENT_REQUEST);
}

/* An answer that says again what the request said: its tokens become values again. */
static void restoring_steps_of(struct bench *b, const struct content *c, uint64_t applies,
                               const struct llm_text *text, const char *name)
{
    struct stepping s = {.name = ""};
    const struct llm_edit *edits;
    struct json_doc said;
    size_t count;
    struct content_check *k = make_check(b, c, &applies, text);
    run_steps(k, &s, &edits, &count);
    ASSERT(count == 1);
    ASSERT(json_parse(&b->arena, edits[0].with, &json_limits_default, &said, NULL) == ERR_OK);
    const struct llm_text answer = {.value = json_str(said.root),
                                    .pointer = text->pointer,
                                    .role = LLM_ROLE_ASSISTANT,
                                    .is_json = text->is_json};
    s = (struct stepping){.name = name};
    ASSERT(content_response_add(k, &answer) == ERR_OK);
    run_steps(k, &s, &edits, &count);
    ASSERT(count == 1);
    print_steps(k, &s, CONTENT_REQUEST);
}

static void json_steps(struct bench *b, const struct content *c, uint64_t applies)
{
    uint64_t redacts;
    struct content *redacting = make_content(b, true, SCAN_REDACT, &redacts);
    for (size_t kind = 0; kind < JSON_KINDS; kind++) {
        const struct llm_text text = {.value = {b->text, json_fill(kind, b->text, MEGABYTE)},
                                      .pointer = STR("/messages/0/tool_calls/0/arguments"),
                                      .role = LLM_ROLE_ASSISTANT,
                                      .is_json = true};
        for (unsigned r = 0; r < b->rounds; r++) {
            steps_of(b, c, applies, &text, json_kinds[kind]);
        }
        for (unsigned r = 0; kind == JSON_NAMES && r < b->rounds; r++) {
            steps_of(b, redacting, redacts, &text, "the same redacted: equal names are numbered");
        }
        for (unsigned r = 0; kind == JSON_NAMES && r < b->rounds; r++) {
            restoring_steps_of(b, c, applies, &text, "the same in an answer: tokens restored");
        }
    }
    content_unref(redacting);
}

static void steps(struct bench *b)
{
    uint64_t applies;
    struct content *c = make_content(b, true, SCAN_PSEUDONYM, &applies);
    for (size_t kind = 0; kind < TEXT_KINDS; kind++) {
        const struct llm_text text = {.value = {b->text, MEGABYTE},
                                      .pointer = STR("/messages/0/content"),
                                      .role = LLM_ROLE_USER};
        text_fill(kind, b->text, MEGABYTE);
        for (unsigned r = 0; r < b->rounds; r++) {
            steps_of(b, c, applies, &text, text_kinds[kind]);
        }
    }
    json_steps(b, c, applies);
    content_unref(c);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(struct bench *b);
    } sections[] = {
        {"clean", clean}, {"peers", peers}, {"evaluation", evaluation}, {"steps", steps}};
    struct bench b = {.rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 5};
    b.rounds = b.rounds < 1 ? 1 : b.rounds > ROUNDS_MAX ? ROUNDS_MAX : b.rounds;
    arena_init(&b.arena, (size_t)512 << 20);
    b.text = malloc(MEGABYTE);
    ASSERT(b.text != NULL && scan_engine_new(&b.engine) == ERR_OK);
    ASSERT(scan_scratch_new(&b.scratch) == ERR_OK);
    make_words(&b);
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        if (argc <= 2 || strcmp(argv[2], sections[i].name) == 0) {
            sections[i].run(&b);
        }
    }
    scan_scratch_free(b.scratch);
    scan_engine_free(b.engine);
    arena_fini(&b.arena);
    free(b.text);
    free(b.words);
    free(b.list);
    return 0;
}
