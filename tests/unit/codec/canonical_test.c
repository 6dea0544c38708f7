/* SPDX-License-Identifier: Apache-2.0
 *
 * The stored form: every documented policy that runs comes back byte for byte, a
 * client's body is read strictly (each member once wrong, with its pointer), and a
 * patch merges as RFC 7396 says.
 */
#include "support.h"

#define HEAD "{\"id\":\"pol_abc123\",\"org_id\":\"org_x\",\"name\":\"n\",\"origin\":"
#define REST ",\"status\":\"active\",\"mode\":\"enforce\",\"priority\":100,\"selection\":\"slot\""
#define RULES(word, effect, severity, params)                                                      \
    ",\"rules\":[{\"key\":\"requirements\",\"type\":\"provider_requirement\",\"effect\":\"" effect \
    "\",\"severity\":\"" severity "\",\"stage\":\"select\",\"source_word\":\"" word                \
    "\",\"params\":" params "}],\"version\":1}"
#define ORG ",\"scope\":{\"level\":\"org\"}"

/* The bodies of the documented policies whose rule types run, in stored form. */
static const char *const stored[] = {
    /* S0-28, S0-30, S0-32, S0-34, S0-35, S0-52 */
    HEAD "\"governance\"" ORG REST
         ",\"slot\":1,\"is_default\":true,\"policy_type\":\"compliance\"" RULES(
             "hard_block", "block", "security_event",
             "{\"min_trust_tier\":\"most_trusted\",\"block_countries\":[\"CN\"],\"require\":["
             "\"hipaa\",\"baa\"]}"),
    HEAD "\"governance\"" ORG REST RULES(
        "hard_block", "block", "security_event",
        "{\"min_trust_tier\":\"trusted\",\"block_countries\":[\"CN\"],\"require\":[\"soc2\"]}"),
    HEAD "\"governance\"" ORG REST RULES("warn", "warn", "violation",
                                         "{\"min_trust_tier\":\"trusted\",\"block_countries\":["
                                         "\"CN\"]}"),
    HEAD "\"governance\"" ORG REST RULES("soft_block", "block", "violation",
                                         "{\"block_countries\":[\"CN\"]}"),
    HEAD "\"governance\"" ORG REST
         ",\"slot\":3,\"rules\":[{\"key\":\"requirements\",\"type\":\"provider_requirement\","
         "\"effect\":\"block\",\"severity\":\"security_event\",\"stage\":\"select\","
         "\"source_word\":\"hard_block\",\"params\":{\"block_countries\":[\"CN\"]}},{\"key\":"
         "\"providers\",\"type\":\"provider_list\",\"effect\":\"block\",\"severity\":"
         "\"security_event\",\"stage\":\"select\",\"source_word\":\"hard_block\",\"params\":{"
         "\"allow\":[\"anthropic\",\"mistral\",\"deepinfra\",\"azure\"]}}],\"version\":1}",
    /* S2 google-only */
    HEAD "\"config\",\"scope\":{\"level\":\"project\",\"project\":\"p1\"},\"status\":\"active\","
         "\"mode\":\"enforce\",\"priority\":10,\"selection\":\"always\",\"policy_type\":"
         "\"routing\",\"rules\":[{\"key\":\"providers\",\"type\":\"provider_list\",\"effect\":"
         "\"block\",\"severity\":\"security_event\",\"stage\":\"select\",\"source_word\":"
         "\"hard_block\",\"params\":{\"allow\":[\"google\"]}}],\"version\":1}",
    /* S3 */
    HEAD "\"compliance\"" ORG
         ",\"status\":\"active\",\"mode\":\"enforce\",\"priority\":0,\"selection\":\"always\","
         "\"locked\":true,\"policy_type\":\"compliance\"" RULES(
             "block", "block", "security_event",
             "{\"require\":[\"soc2_or_iso27001\",\"gdpr\",\"no_training\",\"no_logging\"]}"),
    /* S4: model access, escalation word (S1), and everything a match can hold */
    HEAD "\"enforcement\",\"scope\":{\"level\":\"environment\",\"environment\":\"development\"},"
         "\"match\":{\"providers\":[\"openai\"],\"models\":[\"gpt-4o-mini\"],\"endpoints\":["
         "\"chat\"],\"roles\":[\"member\"],\"tags\":{\"a\":\"1\",\"b\":\"\"},\"metadata\":{\"t\":"
         "\"x\"}},\"status\":\"draft\",\"mode\":\"shadow\",\"priority\":5,\"selection\":\"always\","
         "\"overrides\":[\"model_access\",\"abc:rule\"],\"template\":\"t1\",\"rules\":[{\"key\":"
         "\"model_access\",\"type\":\"model_list\",\"effect\":\"block\",\"severity\":\"alert\","
         "\"stage\":\"select\",\"enabled\":false,\"when\":{\"roles\":[]},\"source_word\":\"block\","
         "\"params\":{\"allow\":[\"gpt-4o-mini\"],\"block\":[],\"substitute\":\"gpt-4o-mini\"}}],"
         "\"version\":7,\"created_at\":\"2025-01-10T14:30:00Z\",\"updated_at\":"
         "\"2025-01-11T14:30:00Z\",\"created_by\":\"user_1\"}",
};

static void test_stored_form_is_byte_stable(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(stored) / sizeof(stored[0]); i++) {
        enum err e = codec_canonical_parse(&f->arena, str_from(stored[i]), f->catalog, &f->policy,
                                           &f->issue);
        if (e != ERR_OK) {
            print_error("%zu: %s: %s\n", i, f->issue.pointer, f->issue.message);
        }
        assert_int_equal(e, ERR_OK);
        codec_canonical_write(&f->out, &f->policy);
        assert_string_equal(support_text(f), stored[i]);
    }
    assert_true(str_eq(f->policy.id, STR("abc123")));
    assert_int_equal(f->policy.level, POLICY_ENVIRONMENT);
    assert_int_equal(f->policy.overrides.count, 2);
    assert_true(f->policy.is_shadow);
}

static void test_C_17_every_prefix_is_the_same_identity(void **state)
{
    struct fixture *f = *state;
    static const char *const ids[] = {"gpol_k1", "policy_k1", "pol_k1"};
    for (size_t i = 0; i < 3; i++) {
        char text[256];
        snprintf(text, sizeof(text),
                 "{\"id\":\"%s\",\"org_id\":\"o\",\"name\":\"n\",\"scope\":{\"level\":\"org\"},"
                 "\"rules\":[],\"version\":1}",
                 ids[i]);
        assert_int_equal(
            codec_canonical_parse(&f->arena, str_from(text), NULL, &f->policy, &f->issue), ERR_OK);
        assert_true(str_eq(f->policy.id, STR("k1")));
    }
}

static void test_identities_are_plain(void **state)
{
    struct fixture *f = *state;
    static const char *const ids[] = {"pol_",    "ab_",     "pol_a\\\"b",
                                      "pol_a b", "pol_a/b", "pol_\xc3\xa9"};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text),
                 "{\"id\":\"%s\",\"org_id\":\"o\",\"name\":\"n\",\"scope\":{\"level\":\"org\"},"
                 "\"rules\":[],\"version\":1}",
                 ids[i]);
        assert_int_equal(
            codec_canonical_parse(&f->arena, str_from(text), NULL, &f->policy, &f->issue),
            ERR_INVALID);
        assert_string_equal(f->issue.pointer, "/id");
    }
}

static void test_times_are_kept_in_seconds(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *in;
        bool is_good, is_written;
    } cases[] = {
        {"2025-01-10T14:30:00.999Z", true, true}, {"1970-01-01T00:00:00.500Z", true, false},
        {"1970-01-01T00:00:00Z", true, false},    {"1969-12-31T23:59:59.999Z", false, false},
        {"2025-13-10T14:30:00Z", false, false},   {"", false, false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[300];
        snprintf(text, sizeof(text),
                 "{\"id\":\"pol_1\",\"org_id\":\"o\",\"name\":\"n\",\"scope\":{\"level\":\"org\"},"
                 "\"rules\":[],\"version\":1,\"created_at\":\"%s\"}",
                 cases[i].in);
        struct str copy = arena_str(&f->arena, str_from(text));
        enum err e = codec_canonical_parse(&f->arena, copy, NULL, &f->policy, &f->issue);
        assert_int_equal(e, cases[i].is_good ? ERR_OK : ERR_INVALID);
        if (e == ERR_OK) {
            codec_canonical_write(&f->out, &f->policy);
            assert_int_equal(strstr(support_text(f), "created_at") != NULL, cases[i].is_written);
        } else {
            assert_string_equal(f->issue.pointer, "/created_at");
        }
    }
}

#define N(rest) "{\"name\":\"n\",\"scope\":{\"level\":\"org\"},\"rules\":[]" rest "}"
#define S(scope) "{\"name\":\"n\",\"rules\":[],\"scope\":" scope "}"
#define R(rule) "{\"name\":\"n\",\"scope\":{\"level\":\"org\"},\"rules\":[" rule "]}"
#define RQ(params)                                                                                 \
    R("{\"key\":\"k\",\"type\":\"provider_requirement\",\"effect\":\"block\",\"stage\":"           \
      "\"select\",\"params\":" params "}")
#define ML(params)                                                                                 \
    R("{\"key\":\"k\",\"type\":\"model_list\",\"effect\":\"block\",\"stage\":\"select\","          \
      "\"params\":" params "}")
#define RM(rest) R("{\"type\":\"model_list\",\"params\":{}" rest "}")

static const struct {
    const char *text, *pointer, *word; /* word: must stand in the message */
} bad[] = {
    {"[]", "", "object"},
    {"7", "", "object"},
    {"{\"scope\":{\"level\":\"org\"},\"rules\":[]}", "/name", "required"},
    {"{\"name\":\"n\",\"rules\":[]}", "/scope", "required"},
    {"{\"name\":\"n\",\"scope\":{\"level\":\"org\"}}", "/rules", "required"},
    {"{\"name\":\"\",\"scope\":{\"level\":\"org\"},\"rules\":[]}", "/name", "string"},
    {"{\"name\":\"a\\nb\",\"scope\":{\"level\":\"org\"},\"rules\":[]}", "/name", "control"},
    {N(",\"descripton\":\"x\""), "/descripton", "'description'"},
    {N(",\"description\":1"), "/description", "string"},
    {N(",\"origin\":\"mine\""), "/origin", "governance"},
    {N(",\"match\":[]"), "/match", "object"},
    {N(",\"match\":{\"provider\":[]}"), "/match/provider", "'providers'"},
    {N(",\"match\":{\"providers\":\"openai\"}"), "/match/providers", "array"},
    {N(",\"match\":{\"providers\":[\"opanai\"]}"), "/match/providers/0", "'openai'"},
    {N(",\"match\":{\"models\":[\"gpt-99\"]}"), "/match/models/0", "catalogue"},
    {N(",\"match\":{\"endpoints\":[\"chat\",\"\"]}"), "/match/endpoints/1", "string"},
    {N(",\"match\":{\"roles\":[1]}"), "/match/roles/0", "string"},
    {N(",\"match\":{\"tags\":[]}"), "/match/tags", "object"},
    {N(",\"match\":{\"tags\":{\"a/b\":1}}"), "/match/tags/a~1b", "string"},
    {N(",\"match\":{\"metadata\":{\"\":\"x\"}}"), "/match/metadata/", "bytes"},
    {N(",\"status\":\"on\""), "/status", "active"},
    {N(",\"mode\":\"Shadow\""), "/mode", "enforce, shadow"},
    {N(",\"priority\":-1"), "/priority", "from 0"},
    {N(",\"priority\":1.5"), "/priority", "whole"},
    {N(",\"selection\":\"maybe\""), "/selection", "slot"},
    {N(",\"selection\":\"slot\",\"slot\":13"), "/slot", "12"},
    {N(",\"slot\":1"), "/slot", "selection"},
    {N(",\"is_default\":true"), "/is_default", "selection"},
    {N(",\"selection\":\"slot\",\"is_default\":true,\"status\":\"draft\""), "/status", "active"},
    {N(",\"is_default\":1"), "/is_default", "true or false"},
    {N(",\"locked\":\"yes\""), "/locked", "true or false"},
    {N(",\"overrides\":\"x\""), "/overrides", "array"},
    {N(",\"overrides\":[null]"), "/overrides/0", "string"},
    {N(",\"policy_type\":\"other\""), "/policy_type", "routing"},
    {N(",\"template\":7"), "/template", "string"},
    /* only the store sets these (S0-2) */
    {N(",\"id\":\"pol_1\""), "/id", "unknown"},
    {N(",\"org_id\":\"o\""), "/org_id", "unknown"},
    {N(",\"version\":1"), "/version", "unknown"},
    {N(",\"created_at\":\"2025-01-10T14:30:00Z\""), "/created_at", "unknown"},
    {N(",\"created_by\":\"me\""), "/created_by", "unknown"},
    {S("1"), "/scope", "object"},
    {S("{}"), "/scope/level", "required"},
    {S("{\"level\":\"galaxy\"}"), "/scope/level", "team"},
    {S("{\"level\":\"team\"}"), "/scope", "team"},
    {S("{\"level\":\"key\",\"team\":\"t\"}"), "/scope", "key"},
    {S("{\"level\":\"team\",\"team\":\"\"}"), "/scope/team", "string"},
    {S("{\"level\":\"org\",\"teams\":\"t\"}"), "/scope/teams", "'team'"},
    {"{\"name\":\"n\",\"scope\":{\"level\":\"org\"},\"rules\":{}}", "/rules", "array"},
    {R("1"), "/rules/0", "object"},
    {RM(",\"effect\":\"block\",\"stage\":\"select\""), "/rules/0/key", "required"},
    {RM(",\"key\":\"k\",\"stage\":\"select\""), "/rules/0/effect", "required"},
    {RM(",\"key\":\"k\",\"effect\":\"block\""), "/rules/0/stage", "required"},
    {RM(",\"key\":\"k\",\"effect\":\"deny\",\"stage\":\"select\""), "/rules/0/effect", "block"},
    {RM(",\"key\":\"k\",\"effect\":\"block\",\"stage\":\"now\""), "/rules/0/stage", "select"},
    {RM(",\"key\":\"k\",\"effect\":\"block\",\"stage\":\"select\",\"severity\":\"high\""),
     "/rules/0/severity", "alert"},
    {RM(",\"key\":\"k\",\"effect\":\"block\",\"stage\":\"select\",\"enabled\":0"),
     "/rules/0/enabled", "true or false"},
    {RM(",\"key\":\"k\",\"effect\":\"block\",\"stage\":\"select\",\"when\":{\"model\":[]}"),
     "/rules/0/when/model", "'models'"},
    {RM(",\"key\":\"k\",\"effect\":\"block\",\"stage\":\"select\",\"param\":{}"), "/rules/0/param",
     "'params'"},
    {R("{\"key\":\"k\",\"type\":\"model_list\",\"effect\":\"block\",\"stage\":\"select\"}"),
     "/rules/0/params", "required"},
    {R("{\"key\":\"k\",\"type\":\"models\",\"effect\":\"block\",\"stage\":\"select\"}"),
     "/rules/0/type", "model_list"},
    {RQ("[]"), "/rules/0/params", "object"},
    {RQ("{\"min_trust_tier\":\"high\"}"), "/rules/0/params/min_trust_tier", "most_trusted"},
    {RQ("{\"block_countries\":[\"cn\"]}"), "/rules/0/params", "capital"},
    {RQ("{\"allow_countries\":[\"USA\"]}"), "/rules/0/params", "capital"},
    {RQ("{\"require\":[\"soc2\",\"hippa\"]}"), "/rules/0/params/require/1", "'hipaa'"},
    {RQ("{\"allow\":[]}"), "/rules/0/params/allow", "unknown"},
    {ML("{\"allow\":[\"gpt-99\"]}"), "/rules/0/params/allow/0", "gpt-99"},
    {ML("{\"block\":{}}"), "/rules/0/params/block", "array"},
    {ML("{\"substitute\":\"\"}"), "/rules/0/params/substitute", "string"},
    {ML("{},\"x\":1"), "/rules/0/x", "unknown"},
};

static void test_C_18_every_wrong_member_is_named(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct policy p;
        f->issue.pointer[0] = '?';
        enum err e = support_native(f, support_json(f, bad[i].text), f->catalog, &p);
        if (e != ERR_INVALID || strcmp(f->issue.pointer, bad[i].pointer) != 0 ||
            strstr(f->issue.message, bad[i].word) == NULL) {
            print_error("%s: %d %s: %s\n", bad[i].text, e, f->issue.pointer, f->issue.message);
        }
        assert_int_equal(e, ERR_INVALID);
        assert_string_equal(f->issue.pointer, bad[i].pointer);
        assert_non_null(strstr(f->issue.message, bad[i].word));
    }
}

static void test_two_rules_of_one_key(void **state)
{
    struct fixture *f = *state;
    yyjson_val *body = support_json(
        f, "{\"name\":\"n\",\"scope\":{\"level\":\"org\"},\"rules\":[{\"key\":\"k\",\"type\":"
           "\"provider_list\",\"effect\":\"block\",\"stage\":\"select\",\"params\":{}},{\"key\":"
           "\"k\",\"type\":\"provider_list\",\"effect\":\"block\",\"stage\":\"select\",\"params\":"
           "{}}]}");
    assert_int_equal(support_native(f, body, NULL, &f->policy), ERR_INVALID);
    assert_string_equal(f->issue.pointer, "/rules/1");
}

static const char *const not_running[] = {
    "token_limit", "rate_limit", "budget",     "cost_ceiling",
    "fact_check",  "approval",   "preference", "failover",
};

static void test_what_does_not_run_cannot_be_stored(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(not_running) / sizeof(not_running[0]); i++) {
        char text[300];
        snprintf(text, sizeof(text),
                 "{\"name\":\"n\",\"scope\":{\"level\":\"org\"},\"rules\":[{\"key\":\"k\","
                 "\"type\":\"%s\",\"effect\":\"block\",\"stage\":\"request\",\"params\":{}}]}",
                 not_running[i]);
        enum err e = support_native(f, support_json(f, text), NULL, &f->policy);
        assert_int_equal(e, ERR_UNSUPPORTED);
        assert_string_equal(f->issue.pointer, "/rules/0/type");
        assert_non_null(strstr(f->issue.message, not_running[i]));
    }
}

static enum err patch(struct fixture *f, const char *from, const char *text, struct policy *ret)
{
    struct policy old;
    assert_int_equal(codec_canonical_parse(&f->arena, str_from(from), NULL, &old, &f->issue),
                     ERR_OK);
    struct codec_reader r = {&f->arena, f->catalog, &f->issue, NULL};
    return codec_native_patch(&r, &old, support_json(f, text), ret);
}

static void test_C_5_patch_merges_members_and_replaces_rules(void **state)
{
    struct fixture *f = *state;
    struct policy p;
    const char *last = stored[sizeof(stored) / sizeof(stored[0]) - 1];
    assert_int_equal(patch(f, last, "{}", &p), ERR_OK);
    codec_canonical_write(&f->out, &p);
    assert_string_equal(support_text(f), last);
    assert_int_equal(patch(f, last,
                           "{\"name\":\"m\",\"template\":null,\"overrides\":null,\"match\":{"
                           "\"tags\":{\"a\":null,\"c\":\"3\"}},\"rules\":[]}",
                           &p),
                     ERR_OK);
    assert_true(str_eq(p.name, STR("m")));
    assert_true(p.template_slug.ptr == NULL);
    assert_false(p.overrides.is_set);
    assert_int_equal(p.match.tags_count, 2); /* b stays, a goes, c comes */
    assert_int_equal(p.match.providers.count, 1);
    assert_int_equal(p.rules_count, 0);
    assert_int_equal(p.version, 7);
    assert_true(str_eq(p.created_by, STR("user_1")));
    static const char *const fixed[] = {"id",         "org_id",     "version",   "origin",
                                        "created_at", "updated_at", "created_by"};
    for (size_t i = 0; i < 7; i++) {
        char text[64], pointer[64];
        snprintf(text, sizeof(text), "{\"%s\":null}", fixed[i]);
        snprintf(pointer, sizeof(pointer), "/%s", fixed[i]);
        assert_int_equal(patch(f, last, text, &p), ERR_INVALID);
        assert_string_equal(f->issue.pointer, pointer);
    }
    assert_int_equal(patch(f, last, "[]", &p), ERR_INVALID);
    assert_int_equal(patch(f, last, "{\"name\":null}", &p), ERR_INVALID);
    assert_string_equal(f->issue.pointer, "/name");
    assert_int_equal(patch(f, last, "{\"scope\":{\"environment\":null}}", &p), ERR_INVALID);
    assert_string_equal(f->issue.pointer, "/scope");
    assert_int_equal(patch(f, last, "{\"rules\":[{\"key\":\"k\",\"typ\":1}]}", &p), ERR_INVALID);
    assert_string_equal(f->issue.pointer, "/rules/0/typ");
}

static void test_no_memory_is_said(void **state)
{
    struct fixture *f = *state;
    for (size_t cap = 0; cap < 20000; cap += 512) {
        struct arena small;
        arena_init(&small, cap);
        struct policy p;
        enum err e = codec_canonical_parse(&small, str_from(stored[0]), f->catalog, &p, &f->issue);
        assert_true(e == ERR_OK || e == ERR_MEMORY || e == ERR_LIMIT);
        arena_fini(&small);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stored_form_is_byte_stable),
        cmocka_unit_test(test_C_17_every_prefix_is_the_same_identity),
        cmocka_unit_test(test_identities_are_plain),
        cmocka_unit_test(test_times_are_kept_in_seconds),
        cmocka_unit_test(test_C_18_every_wrong_member_is_named),
        cmocka_unit_test(test_two_rules_of_one_key),
        cmocka_unit_test(test_what_does_not_run_cannot_be_stored),
        cmocka_unit_test(test_C_5_patch_merges_members_and_replaces_rules),
        cmocka_unit_test(test_no_memory_is_said),
    };
    return cmocka_run_group_tests(tests, support_set_up, support_tear_down);
}
