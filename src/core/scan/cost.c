/* SPDX-License-Identifier: Apache-2.0
 *
 * What a regular expression costs, found out by running it: over some prose, code, one
 * letter, digits, and over text that is nearly what it looks for, all of it deterministic.
 * Steps are counted, not time, so a policy is accepted on every machine or on none. What
 * is too dear, or matches ordinary text everywhere, is refused with the figure.
 */
#include "cost.h"

#define PROBE_BYTES 512U
#define STEPS_MAX 64U        /* for each byte of ordinary text */
#define STEPS_WORST_MAX 512U /* for each byte of text that is nearly it */
#define MATCH_BYTES_MIN 8U
#define NS_PER_STEP_TENTHS 15U

static const char prose[] =
    "Could you help me plan a week in the mountains? We are four adults and two children, and we "
    "would like to walk for three or four hours a day, not more. Last year we spent about 900 in "
    "total and the weather was mixed: two days of rain, then sun. The quarterly report says that "
    "revenue grew by 4.2 percent in Europe, mainly because the new subscription plans were sold "
    "together with support. Please summarise it for Anna (Board Office) before Friday, thanks!";
static const char code[] =
    "for (size_t i = 0; i < count; i++) {\n    total += items[i].price * 1.19;\n}\n{\"id\": 17, "
    "\"name\": \"main\", \"tags\": [\"a\", \"b\"], \"url\": \"https://example.com/a/b?c=1&d=2\"}\n"
    "SELECT name, COUNT(*) FROM orders WHERE created_at > '2024-01-01' GROUP BY name;\n";

struct probe {
    size_t bytes, steps, matches;
};

static struct probe run_over(const struct regex *r, struct str text);
static unsigned per_kb(size_t n, size_t bytes);
static void nearly(const struct pattern *p, char *ret, size_t bytes);
static unsigned char some_byte(const struct byte_set *s);

enum err regex_cost(const struct regex *r, struct scan_cost *ret, struct issue *issue)
{
    char letters[PROBE_BYTES];
    char digits[PROBE_BYTES];
    char near[PROBE_BYTES];
    memset(letters, 'a', sizeof(letters));
    for (size_t i = 0; i < sizeof(digits); i++) {
        digits[i] = i % 5 == 4 ? ' ' : (char)('0' + i % 10);
    }
    nearly(&r->pattern, near, sizeof(near));
    const struct str texts[] = {STR(prose),
                                STR(code),
                                {letters, sizeof(letters)},
                                {digits, sizeof(digits)},
                                {near, sizeof(near)}};
    memset(ret, 0, sizeof(*ret));
    ret->width_max =
        r->pattern.width_max < SCAN_TERM_BYTES_MAX ? r->pattern.width_max : SCAN_TERM_BYTES_MAX;
    ret->instructions = r->pattern.insts_count;
    ret->has_factor = r->is_factored;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct probe p = run_over(r, texts[i]);
        unsigned steps = per_kb(p.steps, p.bytes);
        unsigned matches = per_kb(p.matches, p.bytes);
        bool is_ordinary = i < 2;
        unsigned *most = is_ordinary ? &ret->steps_per_kb : &ret->worst_steps_per_kb;
        *most = steps > *most ? steps : *most;
        ret->matches_per_kb =
            is_ordinary && matches > ret->matches_per_kb ? matches : ret->matches_per_kb;
    }
    ret->ns_per_kb = ret->steps_per_kb * NS_PER_STEP_TENTHS / 10;
    if (ret->steps_per_kb > STEPS_MAX * 1024 || ret->worst_steps_per_kb > STEPS_WORST_MAX * 1024) {
        bool is_ordinary = ret->steps_per_kb > STEPS_MAX * 1024;
        issue_set(issue, "",
                  "the expression is too costly: about %u steps for each byte of %s, and at most "
                  "%u are allowed; repeats inside of repeats, or of classes that overlap, do that",
                  (is_ordinary ? ret->steps_per_kb : ret->worst_steps_per_kb) / 1024,
                  is_ordinary ? "ordinary text" : "text that is nearly what it wants",
                  is_ordinary ? STEPS_MAX : STEPS_WORST_MAX);
        return ERR_LIMIT;
    }
    if (ret->matches_per_kb > 1024 / MATCH_BYTES_MIN) {
        issue_set(issue, "",
                  "the expression matches ordinary text about every %u bytes; it would find "
                  "something everywhere",
                  1024 / ret->matches_per_kb);
        return ERR_INVALID;
    }
    return ERR_OK;
}

static unsigned per_kb(size_t n, size_t bytes)
{
    return (unsigned)(n * 1024 / (bytes > 0 ? bytes : 1));
}

/* As regex.c runs it in a stream, up to the place where it is dear enough to be refused. */
static struct probe run_over(const struct regex *r, struct str text)
{
    struct probe p = {.bytes = 0};
    struct match_input in = {.text = text.ptr, .len = text.len, .is_final = true};
    size_t at = 0;
    while (at < text.len && in.steps < (size_t)2 * STEPS_WORST_MAX * PROBE_BYTES) {
        size_t start;
        size_t end;
        if (!regex_may_begin(&r->pattern, &in, at)) {
            at++;
            continue;
        }
        in.steps++;
        in.is_cut = false;
        enum match_result result =
            pattern_match(&r->pattern, &in, at, SCAN_TERM_BYTES_MAX, &start, &end);
        p.matches += result == MATCH_YES;
        at = result == MATCH_YES            ? (end > at ? end : at + 1)
             : r->is_lead_run && !in.is_cut ? regex_behind_lead(r, &in, at)
                                            : at + 1;
    }
    p.bytes = at;
    p.steps = in.steps;
    return p;
}

/* What the first way through the program matches, but for its last byte, again and again. */
static void nearly(const struct pattern *p, char *ret, size_t bytes)
{
    size_t n = 0;
    size_t pc = 0;
    while (p->insts[pc].op != OP_MATCH && n < bytes) {
        const struct pattern_inst *inst = &p->insts[pc];
        if (inst->op == OP_SET || inst->op == OP_RUN) {
            size_t times = inst->op == OP_SET ? 1 : inst->max > 8 ? inst->min + 8U : inst->max;
            for (size_t i = 0; i < times && n < bytes; i++) {
                ret[n++] = (char)some_byte(&p->sets[inst->set]);
            }
        }
        bool is_back = inst->op == OP_JUMP && inst->to <= pc;
        pc = inst->op == OP_JUMP && !is_back ? inst->to
             : is_back                       ? p->insts[inst->to].other
                                             : pc + 1;
    }
    n = n > 1 ? n - 1 : 1;
    for (size_t i = n; i < bytes; i++) {
        ret[i] = ret[i - n];
    }
}

static unsigned char some_byte(const struct byte_set *s)
{
    static const char likely[] = "xa0 -@";
    for (size_t i = 0; likely[i] != '\0'; i++) {
        if (byte_set_has(s, (unsigned char)likely[i])) {
            return (unsigned char)likely[i];
        }
    }
    unsigned c = 0;
    while (c < 255 && !byte_set_has(s, (unsigned char)c)) {
        c++;
    }
    return (unsigned char)c;
}
