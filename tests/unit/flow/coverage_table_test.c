/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of the coverage itself: no operation, way or part without a place; what is not
 * read is what need not be read; what the table says does not exist is refused; and the
 * types of rules that look at no text decide every operation, streamed or not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "covered.h"

/* ---- types that decide before the call ------------------------------------------------------- */

static void test_decided_before_the_call(void **state)
{
    (void)state;
    static const struct str none[] = {STR_INIT("gpt-4.1-nano")};
    static const struct str providers[] = {STR_INIT("mistral")};
    static const enum policy_rule_type deciding[] = {POLICY_PROVIDER_REQUIREMENT,
                                                     POLICY_PROVIDER_LIST, POLICY_MODEL_LIST};
    size_t decided = 0;
    for (unsigned t = 0; t < POLICY_RULE_TYPES_COUNT; t++) {
        struct flow_coverage c = {.reading = FLOW_READ_WHOLE};
        decided +=
            flow_cell_of((enum policy_rule_type)t, flow_place_at(0), &c) == FLOW_CELL_DECIDED;
    }
    assert_int_equal(decided, COUNT(deciding));
    for (size_t i = 0; i < COUNT(deciding); i++) {
        struct policy_rule rule = {.key = STR("it"),
                                   .type = deciding[i],
                                   .effect = POLICY_BLOCK,
                                   .stage = POLICY_SELECT,
                                   .is_enabled = true};
        struct policy policy = {.id = STR("it"),
                                .name = STR("It"),
                                .origin = POLICY_NATIVE,
                                .status = POLICY_ACTIVE,
                                .version = 1,
                                .rules = &rule,
                                .rules_count = 1};
        rule.block_countries = (struct policy_list){0};
        if (deciding[i] == POLICY_PROVIDER_REQUIREMENT) {
            static const struct str usa[] = {STR_INIT("US")};
            rule.block_countries = (struct policy_list)LIST(usa);
        } else if (deciding[i] == POLICY_PROVIDER_LIST) {
            rule.allow = (struct policy_list)LIST(providers);
        } else {
            rule.allow = (struct policy_list)LIST(none);
        }
        path_set_up_with(&p, governance, &policy, 1);
        for (unsigned e = 0; e < LLM_ENDPOINTS_COUNT; e++) {
            bool has_stream = flow_way_exists((enum llm_endpoint)e, FLOW_STREAM);
            for (unsigned is_stream = 0; is_stream <= (has_stream ? 1u : 0u); is_stream++) {
                ask((enum llm_endpoint)e, asks[e].model, is_stream == 1);
                assert_int_equal(p.calls, 0);
                if (!path_client_has(&p, "HTTP/1.1 403 ")) {
                    fail_msg("%s %s: %.*s", policy_rule_type_name(deciding[i]),
                             llm_endpoint_name((enum llm_endpoint)e), STR_ARG(buf_str(&p.client)));
                }
            }
        }
        path_tear_down(&p);
    }
}

/* A type that has no rule in this version is refused where it is stored. */
static void test_no_rule(void **state)
{
    (void)state;
    path_set_up(&p, governance);
    for (unsigned t = 0; t < POLICY_RULE_TYPES_COUNT; t++) {
        struct flow_coverage c = {.reading = FLOW_READ_WHOLE};
        struct policy_org *org = NULL;
        struct issue issue;
        struct policy_rule rule = {
            .key = STR("it"), .type = (enum policy_rule_type)t, .is_enabled = true};
        struct policy policy = {.id = STR("it"),
                                .name = STR("It"),
                                .origin = POLICY_NATIVE,
                                .status = POLICY_ACTIVE,
                                .rules = &rule,
                                .rules_count = 1};
        struct policy_org_rows rows = {
            .id = STR("org"), .name = STR("o"), .policies = &policy, .policies_count = 1};
        struct policy_build build = {.catalog = p.catalog, .engine = p.engine};
        if (flow_cell_of(rule.type, flow_place_at(0), &c) == FLOW_CELL_NO_RULE) {
            assert_int_equal(policy_org_new(&rows, &build, &org, &issue), ERR_UNSUPPORTED);
        } else {
            assert_true(policy_rule_type_runs(rule.type));
        }
    }
    path_tear_down(&p);
}

/* ---- is the table complete? --------------------------------------------------------------------
 */

#define PART(x) (1u << FLOW_PART_##x)
#define SPEECH (PART(TEXT) | PART(REASONING) | PART(REFUSAL) | PART(OTHER))
#define TOOLS (PART(TOOL) | PART(ARGUMENTS))

static const unsigned needed[LLM_ENDPOINTS_COUNT][FLOW_WAYS] = {
    [LLM_CHAT] = {SPEECH | TOOLS | PART(RESULT) | PART(MEDIA),
                  SPEECH | TOOLS | PART(REPEAT) | PART(MEDIA),
                  SPEECH | TOOLS | PART(REPEAT) | PART(MEDIA)},
    [LLM_COMPLETIONS] = {PART(TEXT) | PART(OTHER) | PART(MEDIA),
                         PART(TEXT) | PART(REPEAT) | PART(OTHER),
                         PART(TEXT) | PART(REPEAT) | PART(OTHER)},
    [LLM_RESPONSES] = {SPEECH | TOOLS | PART(RESULT) | PART(MEDIA) | PART(REPEAT),
                       SPEECH | TOOLS | PART(RESULT) | PART(MEDIA) | PART(REPEAT),
                       SPEECH | TOOLS | PART(RESULT) | PART(MEDIA) | PART(REPEAT)},
    [LLM_MESSAGES] =
        {PART(TEXT) | PART(REASONING) | TOOLS | PART(RESULT) | PART(MEDIA) | PART(OTHER),
         PART(TEXT) | PART(REASONING) | TOOLS | PART(RESULT) | PART(MEDIA) | PART(OTHER),
         PART(TEXT) | PART(REASONING) | TOOLS | PART(RESULT) | PART(MEDIA) | PART(OTHER)},
    [LLM_EMBEDDINGS] = {PART(TEXT) | PART(MEDIA) | PART(OTHER), PART(REPEAT) | PART(OTHER), 0},
    [LLM_MODERATIONS] = {PART(TEXT) | PART(MEDIA) | PART(OTHER), PART(OTHER), 0},
    [LLM_COUNT_TOKENS] = {PART(TEXT) | PART(REASONING) | TOOLS | PART(RESULT) | PART(MEDIA) |
                              PART(OTHER),
                          PART(OTHER), 0},
    [LLM_INPUT_TOKENS] = {SPEECH | TOOLS | PART(RESULT) | PART(MEDIA) | PART(REPEAT), PART(OTHER),
                          0},
};

static void test_every_part_has_a_place(void **state)
{
    (void)state;
    const struct flow_place *place;
    for (unsigned e = 0; e < LLM_ENDPOINTS_COUNT; e++) {
        unsigned parts[FLOW_WAYS] = {0};
        for (size_t i = 0; (place = flow_place_at(i)) != NULL; i++) {
            parts[place->way] |= (place->endpoints >> e & 1) << place->part;
            for (size_t k = 0; k < i; k++) {
                const struct flow_place *other = flow_place_at(k);
                assert_true(other->way != place->way || strcmp(other->name, place->name) != 0 ||
                            (other->endpoints & place->endpoints) == 0);
            }
        }
        for (unsigned w = 0; w < FLOW_WAYS; w++) {
            assert_int_equal(parts[w], needed[e][w]);
            assert_int_equal(parts[w] != 0,
                             flow_way_exists((enum llm_endpoint)e, (enum flow_way)w));
        }
    }
}

/* What need not be read: ciphertext that only the provider can read, vectors, what an answer
 * repeats of the request, and numbers outside of schemas and of what tools are called with:
 * settings of the call. */
static void test_what_need_not_be_read(void **state)
{
    (void)state;
    static const char *const unread[] = {
        "messages[].content[].signature",
        "content[].signature",
        "content_block_delta (signature_delta)",
        "output[].encrypted_content",
        "content[].content[].encrypted_content (web_search_tool_result)",
        "data[].embedding (base64)",
        "instructions",
        "tools",
        "metadata",
        "response.created (instructions)",
        "(any other number)",
    };
    const struct flow_place *place;
    size_t seen = 0;
    for (size_t i = 0; (place = flow_place_at(i)) != NULL; i++) {
        for (unsigned e = 0; e < LLM_ENDPOINTS_COUNT; e++) {
            struct flow_coverage c;
            bool is_listed = false;
            if ((place->endpoints >> e & 1) == 0) {
                continue;
            }
            assert_int_equal(flow_coverage_of(place, (enum llm_endpoint)e, &c), ERR_OK);
            for (size_t k = 0; k < COUNT(unread); k++) {
                is_listed =
                    is_listed || (strcmp(unread[k], place->name) == 0 &&
                                  (place->way != FLOW_REQUEST || k == 0 || k == COUNT(unread) - 1));
            }
            bool is_wrong = (c.reading == FLOW_NOT_READ) != is_listed ||
                            (place->part == FLOW_PART_MEDIA && !c.is_unscannable);
            if (is_wrong) {
                fail_msg("%s %s %s: %s", llm_endpoint_name((enum llm_endpoint)e),
                         flow_way_name(place->way), place->name, flow_reading_name(c.reading));
            }
            seen++;
        }
    }
    assert_true(seen > 450);
}

static bool says(const char *text, const char *word)
{
    return strstr(text, word) != NULL;
}

/* What the readers must make of a place, whatever they do make of it. */
static const char *misread(const struct flow_place *place, const struct flow_coverage *c)
{
    bool is_read = c->reading == FLOW_READ_WHOLE || c->reading == FLOW_READ_GROWING;
    bool is_speech = place->part == FLOW_PART_TEXT || place->part == FLOW_PART_ARGUMENTS ||
                     place->part == FLOW_PART_REASONING || place->part == FLOW_PART_REFUSAL;
    bool is_kept = c->reading == FLOW_NOT_READ || says(place->name, "content_block_start (input)");
    bool is_from_outside =
        place->way != FLOW_REQUEST || place->part == FLOW_PART_RESULT ||
        (place->part == FLOW_PART_TOOL && !says(place->name, "tool_calls") &&
         strcmp(place->name, "input[].name") != 0 &&
         strcmp(place->name, "messages[].content[].name") != 0) ||
        (place->part == FLOW_PART_TEXT && !says(place->name, "(system)") &&
         !says(place->name, "(developer)") && !says(place->name, "(assistant)") &&
         strncmp(place->name, "system", 6) != 0 && strcmp(place->name, "instructions") != 0);
    enum flow_cell found = c->reading == FLOW_READ_GROWING ? FLOW_CELL_ENDS : FLOW_CELL_BLOCKS;
    if (says(place->example, "{`") != c->is_json && !says(place->name, "not JSON")) {
        return "is JSON in a string, or is none";
    }
    if ((says(place->name, "'s name)") || says(place->name, "metadata (name)")) && !c->is_key) {
        return "is the name of a member";
    }
    if (place->is_number && place->part != FLOW_PART_MEDIA && !c->is_number &&
        c->reading != FLOW_NOT_READ) {
        return "is a number";
    }
    if (says(place->name, "(any other type)") && place->way == FLOW_REQUEST &&
        c->reading != FLOW_REFUSED) {
        return "nobody knows what it is, so it is refused";
    }
    if (place->way == FLOW_STREAM && is_speech && !is_kept && c->reading != FLOW_READ_GROWING) {
        return "grows";
    }
    if (is_read && (flow_cell_of(POLICY_PII, place, c) != FLOW_CELL_EDITS ||
                    flow_cell_of(POLICY_TERMS, place, c) != FLOW_CELL_EDITS ||
                    flow_cell_of(POLICY_REQUIRED_TERMS, place, c) != FLOW_CELL_BLOCKS)) {
        return "is read, so what is found there is replaced or blocked";
    }
    if (is_read && is_from_outside && !c->is_key && !place->is_number &&
        (flow_cell_of(POLICY_TOPICS, place, c) != found ||
         flow_cell_of(POLICY_INJECTION, place, c) != found)) {
        return "comes from outside, so it is judged";
    }
    return NULL;
}

static void test_how_places_are_read(void **state)
{
    (void)state;
    const struct flow_place *place;
    size_t wrong = 0;
    for (size_t i = 0; (place = flow_place_at(i)) != NULL; i++) {
        for (unsigned e = 0; e < LLM_ENDPOINTS_COUNT; e++) {
            struct flow_coverage c;
            if ((place->endpoints >> e & 1) == 0) {
                continue;
            }
            assert_int_equal(flow_coverage_of(place, (enum llm_endpoint)e, &c), ERR_OK);
            const char *why = misread(place, &c);
            if (why != NULL) {
                print_error("%s %s %s: %s\n", llm_endpoint_name((enum llm_endpoint)e),
                            flow_way_name(place->way), place->name, why);
                wrong++;
            }
        }
    }
    assert_int_equal(wrong, 0);
}

/* ---- what nobody thought of ---------------------------------------------------------- */

#define STRANGE "a strange word"

/* The body with a member, or an element, that nobody knows behind the bracket at `at`. */
static void put_strange(struct buf *out, struct str body, size_t at)
{
    bool is_empty = body.ptr[at + 1] == '}' || body.ptr[at + 1] == ']';
    buf_clear(out);
    buf_add(out, str_sub(body, 0, at + 1));
    buf_add(out, body.ptr[at] == '{' ? STR("\"strange\":\"" STRANGE "\"") : STR("\"" STRANGE "\""));
    buf_add(out, is_empty ? STR("") : STR(","));
    buf_add(out, str_sub(body, at + 1, body.len));
    ASSERT(out->err == ERR_OK);
}

static bool is_among(const struct llm_text *texts, size_t count)
{
    bool is_found = false;
    for (size_t i = 0; i < count; i++) {
        is_found = is_found || str_eq(texts[i].value, STR(STRANGE));
    }
    return is_found;
}

/* Is it read, told as what nobody can read, taken out, or is the whole refused? */
static bool is_seen(struct arena *a, const struct flow_place *place, enum llm_endpoint e,
                    struct str body)
{
    struct issue issue;
    struct llm_said said;
    if (place->way == FLOW_REQUEST) {
        struct llm_request r;
        enum err err = llm_request_parse(a, e, body, true, &r, &issue);
        return err == ERR_INVALID || (err == ERR_OK && is_among(r.texts, r.texts_count)) ||
               (r.opaques_count > 0 && place->part == FLOW_PART_REPEAT);
    }
    if (place->way == FLOW_ANSWER) {
        assert_int_equal(llm_answer_read(a, body, &said, &issue), ERR_OK);
    } else {
        struct llm_event event;
        assert_int_equal(llm_event_read(a, e, body, &event, &issue), ERR_OK);
        said = event.said;
    }
    ptrdiff_t at = str_find_str(body, STR(STRANGE));
    bool is_dropped = false;
    for (size_t i = 0; i < said.drops_count; i++) {
        is_dropped = is_dropped ||
                     ((size_t)at > said.drops[i].span.from && (size_t)at < said.drops[i].span.to);
    }
    return is_dropped || is_among(said.texts, said.texts_count);
}

static size_t check_strange(const struct flow_place *place, enum llm_endpoint e, struct str body)
{
    struct arena arena;
    struct buf changed;
    size_t wrong = 0;
    bool is_in_string = false;
    arena_init(&arena, 1u << 20);
    buf_init(&changed, 1u << 20);
    for (size_t i = 0; i + 1 < body.len; i++) {
        is_in_string = is_in_string != (body.ptr[i] == '"' && (i == 0 || body.ptr[i - 1] != '\\'));
        if (is_in_string || (body.ptr[i] != '{' && body.ptr[i] != '[')) {
            continue;
        }
        put_strange(&changed, body, i);
        arena_reset(&arena);
        if (!is_seen(&arena, place, e, buf_str(&changed))) {
            print_error("%s %s %s: not seen in %.*s\n", llm_endpoint_name(e),
                        flow_way_name(place->way), place->name, STR_ARG(buf_str(&changed)));
            wrong++;
        }
    }
    arena_fini(&arena);
    buf_fini(&changed);
    return wrong;
}

/* At every level of every example: a member or an element that is no part of any API. */
static void test_what_nobody_thought_of(void **state)
{
    (void)state;
    const struct flow_place *place;
    size_t wrong = 0;
    const struct str one = STR("1");
    for (size_t i = 0; (place = flow_place_at(i)) != NULL; i++) {
        for (unsigned e = 0; e < LLM_ENDPOINTS_COUNT; e++) {
            struct buf all;
            struct flow_coverage c;
            struct flow_saying s = {place, (enum llm_endpoint)e, "m", &one, 1};
            if ((place->endpoints >> e & 1) == 0) {
                continue;
            }
            assert_int_equal(flow_coverage_of(place, (enum llm_endpoint)e, &c), ERR_OK);
            if (c.reading == FLOW_NOT_READ && place->part == FLOW_PART_REPEAT) {
                continue; /* an answer's echo of the request, at any level */
            }
            buf_init(&all, 1u << 20);
            flow_place_write(&all, &s);
            struct str lines = buf_str(&all);
            while (lines.len > 0) {
                struct str line = str_cut(&lines, '\n');
                bool is_data = str_starts(line, STR("data: {"));
                if (is_data || place->way != FLOW_STREAM) {
                    wrong += check_strange(place, (enum llm_endpoint)e,
                                           str_sub(line, is_data ? 6 : 0, line.len));
                }
            }
            buf_fini(&all);
        }
    }
    assert_int_equal(wrong, 0);
}

/* ---- what does not exist ---------------------------------------------------------------- */

/* An operation without streams refuses to be asked for one, whatever the policies. */
static void test_no_such_stream(void **state)
{
    (void)state;
    path_set_up(&p, governance);
    for (unsigned e = 0; e < LLM_ENDPOINTS_COUNT; e++) {
        bool has_stream = flow_way_exists((enum llm_endpoint)e, FLOW_STREAM);
        ask((enum llm_endpoint)e, asks[e].model, true);
        assert_int_equal(p.calls, has_stream ? 1 : 0);
        assert_int_equal(path_client_has(&p, "HTTP/1.1 400 "), !has_stream);
        if (!p.is_done) {
            path_answer_end(&p, FLOW_END_REFUSED);
        }
    }
    path_tear_down(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decided_before_the_call),
        cmocka_unit_test(test_no_rule),
        cmocka_unit_test(test_every_part_has_a_place),
        cmocka_unit_test(test_what_need_not_be_read),
        cmocka_unit_test(test_how_places_are_read),
        cmocka_unit_test(test_what_nobody_thought_of),
        cmocka_unit_test(test_no_such_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
