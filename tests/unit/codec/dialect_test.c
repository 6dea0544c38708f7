/* SPDX-License-Identifier: Apache-2.0
 *
 * C-3: every policy is visible in the governance view, but only what that view can
 * hold without loss may be changed there; and what it does not show survives a
 * change.
 */
#include "support.h"

static const char plain[] =
    "{\"id\":\"pol_a1\",\"org_id\":\"o\",\"name\":\"n\",\"origin\":\"governance\",\"scope\":{"
    "\"level\":\"org\"},\"status\":\"draft\",\"mode\":\"shadow\",\"priority\":7,\"selection\":"
    "\"slot\",\"slot\":3,\"locked\":true,\"overrides\":[\"x\"],\"template\":\"t\",\"rules\":[{"
    "\"key\":\"requirements\",\"type\":\"provider_requirement\",\"effect\":\"block\","
    "\"severity\":\"security_event\",\"stage\":\"select\",\"source_word\":\"hard_block\","
    "\"params\":{\"block_countries\":[\"CN\"]}}],\"version\":4,\"created_at\":"
    "\"2025-01-10T14:30:00Z\",\"updated_at\":\"2025-01-11T14:30:00Z\",\"created_by\":\"u\"}";

static enum err change(struct fixture *f, const char *native, const char *patch, struct policy *ret)
{
    struct policy base, stored;
    assert_int_equal(
        codec_canonical_parse(&f->arena, str_from(plain), f->catalog, &base, &f->issue), ERR_OK);
    struct codec_reader r = {&f->arena, f->catalog, &f->issue, NULL};
    assert_int_equal(codec_native_patch(&r, &base, support_json(f, native), &stored), ERR_OK);
    f->policy = stored;
    return codec_governance_patch(&f->arena, &stored, support_json(f, patch), f->catalog, ret,
                                  &f->issue);
}

static void test_a_change_keeps_what_is_not_shown(void **state)
{
    struct fixture *f = *state;
    struct policy p;
    assert_int_equal(change(f, "{}", "{\"name\":\"m\",\"rules\":{\"requireZdr\":true}}", &p),
                     ERR_OK);
    assert_true(str_eq(p.name, STR("m")));
    assert_int_equal(p.rules[0].require, 1u << ROUTE_ZDR);
    assert_true(p.is_locked && p.is_shadow);
    assert_int_equal(p.priority, 7);
    assert_int_equal(p.status, POLICY_DRAFT);
    assert_int_equal(p.overrides.count, 1);
    assert_true(str_eq(p.template_slug, STR("t")));
    assert_int_equal(p.version, 4);
    assert_int_equal(p.updated_at_ms, 1736605800000);
    assert_true(str_eq(p.id, STR("a1")) && str_eq(p.org_id, STR("o")));
    assert_int_equal(change(f, "{}", "{\"isActive\":true}", &p), ERR_OK);
    assert_int_equal(p.status, POLICY_ACTIVE);
    assert_int_equal(change(f, "{\"status\":\"active\"}", "{\"isActive\":false}", &p), ERR_OK);
    assert_int_equal(p.status, POLICY_INACTIVE);
}

#define REQUIREMENT(key, effect, severity, word, rest, params)                                     \
    "{\"key\":\"" key "\",\"type\":\"provider_requirement\",\"effect\":\"" effect                  \
    "\",\"severity\":\"" severity "\",\"stage\":\"select\",\"source_word\":\"" word "\"" rest      \
    ",\"params\":" params "}"
#define GOOD REQUIREMENT("requirements", "block", "security_event", "hard_block", "", "{}")
#define LIST(word, params)                                                                         \
    "{\"key\":\"providers\",\"type\":\"provider_list\",\"effect\":\"block\",\"severity\":"         \
    "\"security_event\",\"stage\":\"select\",\"source_word\":\"" word "\",\"params\":" params "}"

static void test_what_would_be_lost_is_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const lossy[] = {
        "{\"rules\":[]}",
        "{\"rules\":[" GOOD "," LIST(
            "hard_block", "{\"allow\":[\"openai\"]}") ","
                                                      "{\"key\":\"m\",\"type\":\"model_list\","
                                                      "\"effect\":\"block\",\"stage\":\"select\","
                                                      "\"params\":{\"block\":[\"gpt-4o\"]}}]}",
        "{\"rules\":[{\"key\":\"m\",\"type\":\"model_list\",\"effect\":\"block\",\"stage\":"
        "\"select\",\"params\":{\"block\":[\"gpt-4o\"]}}]}",
        "{\"rules\":[" LIST("hard_block", "{\"allow\":[\"openai\"]}") "]}",
        "{\"rules\":[" GOOD "," LIST("soft_block", "{\"allow\":[\"openai\"]}") "]}",
        "{\"rules\":[" GOOD "," LIST("hard_block", "{}") "]}",
        "{\"rules\":[" REQUIREMENT("r", "block", "security_event", "hard_block", "", "{}") "]}",
        "{\"rules\":[" REQUIREMENT("requirements", "warn", "security_event", "hard_block", "",
                                   "{}") "]}",
        "{\"rules\":[" REQUIREMENT("requirements", "block", "log", "hard_block", "", "{}") "]}",
        "{\"rules\":[" REQUIREMENT("requirements", "block", "security_event", "mask", "",
                                   "{}") "]}",
        "{\"rules\":[" REQUIREMENT("requirements", "block", "security_event", "hard_block",
                                   ",\"enabled\":false", "{}") "]}",
        "{\"rules\":[" REQUIREMENT("requirements", "block", "security_event", "hard_block",
                                   ",\"when\":{\"roles\":[\"member\"]}", "{}") "]}",
        "{\"rules\":[" REQUIREMENT("requirements", "block", "security_event", "hard_block", "",
                                   "{\"require\":[\"gdpr\"]}") "]}",
        "{\"rules\":[" REQUIREMENT("requirements", "block", "security_event", "hard_block", "",
                                   "{\"block_countries\":[\"CN\",\"RU\"]}") "]}",
        "{\"rules\":[" REQUIREMENT("requirements", "block", "security_event", "hard_block", "",
                                   "{\"allow_countries\":[\"US\"]}") "]}",
        "{\"match\":{\"roles\":[\"member\"]}}",
        "{\"scope\":{\"level\":\"team\",\"team\":\"t\"}}",
        "{\"selection\":\"always\",\"slot\":null}",
    };
    for (size_t i = 0; i < sizeof(lossy) / sizeof(lossy[0]); i++) {
        struct policy p;
        enum err e = change(f, lossy[i], "{\"name\":\"m\"}", &p);
        if (e != ERR_CONFLICT) {
            print_error("%s\n", lossy[i]);
        }
        assert_int_equal(e, ERR_CONFLICT);
        assert_non_null(strstr(f->issue.message, "/v1/policies"));
        codec_governance_write(&f->out, &f->policy);
        assert_non_null(
            strstr(support_text(f), ",\"dialect\":\"governance\",\"x_unrendered\":true}"));
    }
}

static void test_C_3_other_dialects_are_marked(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(codec_compliance_parse(&f->arena, support_json(f, "{\"requireGdpr\":true}"),
                                            f->catalog, &f->policy, &f->issue),
                     ERR_OK);
    f->policy.id = STR("c");
    codec_governance_write(&f->out, &f->policy);
    const char *text = support_text(f);
    (void)support_json(f, text);
    assert_non_null(strstr(text, ",\"dialect\":\"compliance\",\"x_unrendered\":true}"));
    struct policy p;
    assert_int_equal(codec_governance_patch(&f->arena, &f->policy, support_json(f, "{}"),
                                            f->catalog, &p, &f->issue),
                     ERR_CONFLICT);
}

static void test_every_template_is_rendered_without_loss(void **state)
{
    struct fixture *f = *state;
    size_t count;
    const struct codec_template *list = codec_templates(&count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(codec_governance_parse(&f->arena, support_json(f, list[i].body),
                                                f->catalog, &f->policy, &f->issue),
                         ERR_OK);
        f->policy.id = STR("a");
        codec_governance_write(&f->out, &f->policy);
        assert_null(strstr(support_text(f), "x_unrendered"));
        struct policy p;
        assert_int_equal(codec_governance_patch(&f->arena, &f->policy, support_json(f, "{}"),
                                                f->catalog, &p, &f->issue),
                         ERR_OK);
        codec_canonical_write(&f->out, &f->policy);
        const char *before = support_text(f);
        codec_canonical_write(&f->out, &p);
        assert_string_equal(support_text(f), before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_change_keeps_what_is_not_shown),
        cmocka_unit_test(test_what_would_be_lost_is_refused),
        cmocka_unit_test(test_C_3_other_dialects_are_marked),
        cmocka_unit_test(test_every_template_is_rendered_without_loss),
    };
    return cmocka_run_group_tests(tests, support_set_up, support_tear_down);
}
