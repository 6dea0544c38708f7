/* SPDX-License-Identifier: Apache-2.0
 *
 * Renders what sample policies mean and compares it with a reviewed text:
 *   templates.golden    S0's six templates: who is allowed, who is not and why
 *   compliance.golden   S3's requirements, each alone and all together
 *   effective.golden    one organisation with inheritance, a slot, an override and
 *                       a lock: the decision for each scope and model
 * The name of the file says which. With --write the file is written instead. On a
 * difference the first differing line is shown and the result is 1.
 */
#include "policy/support.h"

#define TEXT_MAX (1024 * 1024)

static struct route_catalog *catalog;

/* ---- one policy over all providers ------------------------------------------- */

static void write_providers(struct buf *out, const struct policy *p)
{
    struct arena a;
    struct policy_provider_answer *answers = NULL;
    const struct route_evidence evidence = {.now_s = 1000};

    arena_init(&a, (size_t)4 * 1024 * 1024);
    if (policy_providers_of(&a, catalog, &evidence, p, &answers) != ERR_OK) {
        exit(2);
    }
    buf_printf(out, "policy %.*s\n", STR_ARG(p->id));
    for (unsigned i = 0; i < route_catalog_providers_count(catalog); i++) {
        const struct policy_provider_answer *answer = &answers[i];
        buf_printf(out, "  %-8s %.*s", answer->is_allowed ? "allowed" : "blocked",
                   STR_ARG(route_catalog_provider(catalog, i)->slug));
        for (size_t r = 0; r < answer->reasons_count; r++) {
            buf_printf(out, "%s%.*s", r == 0 ? ": " : "; ", STR_ARG(answer->reasons[r]));
        }
        buf_add_byte(out, '\n');
    }
    arena_fini(&a);
}

static void write_templates(struct buf *out)
{
    const struct policy policies[] = {
        POLICY("hipaa-production", TEMPLATE_HIPAA),  POLICY("soc2-type-2", TEMPLATE_SOC2),
        POLICY("eu-data-residency", TEMPLATE_EU),    POLICY("zero-data-retention", TEMPLATE_ZDR),
        POLICY("development", TEMPLATE_DEVELOPMENT), POLICY("approved-vendors", TEMPLATE_VENDORS),
    };
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        write_providers(out, &policies[i]);
    }
}

static void write_compliance(struct buf *out)
{
    const struct policy all = POLICY("soc2+gdpr+no-training+no-logging", COMPLIANCE);

    write_providers(out, &all);
    for (unsigned a = 0; a < ROUTE_ATTRIBUTES_COUNT; a++) {
        struct policy one = POLICY("", RULES(REQUIREMENT(POLICY_BLOCK, .require = NEEDS(a))));
        one.id = str_from(route_attribute_name((enum route_attribute)a));
        write_providers(out, &one);
    }
}

/* ---- one organisation ------------------------------------------------------------ */

struct asker {
    const char *name;
    struct policy_key_row row;
    char text[80];
};

static void write_decision(struct buf *out, struct bench *b, const char *model)
{
    if (bench_decide(b, model) != ERR_OK) {
        exit(2);
    }
    const struct policy_verdict *v = &b->verdict;
    buf_printf(out, "  %-26s %-5s selected=%.*s decider=%.*s rules=%zu\n", model,
               v->effect == POLICY_INFO ? "allow" : policy_effect_name(v->effect),
               STR_ARG(v->selected != NULL ? v->selected->id : STR("-")),
               STR_ARG(v->decider != NULL ? v->decider->id : STR("-")), v->rules_applied);
    for (size_t i = 0; i < b->models.count; i++) {
        const struct route_model *m = route_catalog_model(catalog, b->models.models[i]);
        buf_printf(out, "    %s %.*s\n", (v->allowed >> i & 1) != 0 ? "+" : "-", STR_ARG(m->id));
    }
    for (size_t i = 0; i < v->violations_count; i++) {
        const struct policy_violation *w = &v->violations[i];
        buf_printf(out, "    %s %.*s/%.*s: %.*s\n", policy_effect_name(w->effect),
                   STR_ARG(w->policy != NULL ? w->policy->id : STR("key")),
                   STR_ARG(w->rule != NULL ? w->rule->key : STR("models")), STR_ARG(w->message));
    }
}

static void write_asker(struct buf *out, struct bench *b, const struct asker *asker, int64_t slot)
{
    static const char *const models[] = {"gpt-4o", "gpt-4o-mini", "claude-3-haiku",
                                         "deepseek-v3.2", "deepseek/deepseek-v3.2",
                                         "groq/openai/gpt-oss-120b"};
    b->who = NULL;
    if (policy_authenticate(b->snapshot, (struct str){asker->text, 71}, STR("pepper"), 1,
                            &b->who) != ERR_OK) {
        exit(2);
    }
    b->facts = (struct policy_facts){.endpoint = LLM_CHAT, .has_slot = slot != 0, .slot = slot};
    buf_printf(out, "%s", asker->name);
    if (slot != 0) {
        buf_printf(out, ", slot %d", (int)slot);
    }
    buf_add_byte(out, '\n');
    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
        write_decision(out, b, models[i]);
    }
}

static void make_key(struct asker *asker, unsigned number, struct policy_key_row *row)
{
    struct policy_key_text parsed;
    uint8_t dice[64] = {0};
    struct buf out;

    dice[0] = dice[40] = (uint8_t)number;
    buf_init(&out, 128);
    policy_key_format(&out, STR("pc_test"), dice);
    memcpy(asker->text, out.ptr, out.len);
    buf_fini(&out);
    if (policy_key_parse((struct str){asker->text, 71}, &parsed) != ERR_OK) {
        exit(2);
    }
    asker->row.id = parsed.id;
    struct sha256 h = hmac_sha256(STR("pepper"), parsed.secret);
    memcpy(asker->row.secret_hmac, h.bytes, 32);
    *row = asker->row;
}

static void write_effective(struct buf *out)
{
    const struct policy policies[] = {
        POLICY("org-compliance", .origin = POLICY_COMPLIANCE, .is_locked = true,
               RULES(REQUIREMENT(POLICY_BLOCK, .require = NEEDS(ROUTE_SOC2)))),
        POLICY("org-models", .origin = POLICY_ENFORCEMENT, .priority = 100,
               RULES(MODELS(POLICY_BLOCK,
                            .allow = LIST(STR("gpt-4o-mini"), STR("claude-3-haiku"),
                                          STR("deepseek-v3.2"))))),
        POLICY("research-models", .origin = POLICY_ENFORCEMENT, .level = POLICY_TEAM,
               .team = STR("research"), .priority = 100, .overrides = LIST(STR("org-models")),
               RULES(MODELS(POLICY_BLOCK, .block = LIST(STR("deepseek/*"))))),
        POLICY("hipaa", .is_slot_selected = true, .slot = 1, .priority = 50, TEMPLATE_HIPAA),
        POLICY("default", .is_slot_selected = true, .is_default = true, .priority = 50,
               TEMPLATE_DEVELOPMENT),
        POLICY("research-lifts-lock", .level = POLICY_TEAM, .team = STR("research"),
               .overrides = LIST(STR("org-compliance"))),
    };
    struct asker askers[] = {
        {.name = "any key"},
        {.name = "research", .row = {.team = STR("research")}},
        {.name = "key with one model", .row = {.models = LIST(STR("gpt-4o-mini"))}},
    };
    struct policy_key_row keys[3];
    struct bench b;

    bench_init(&b);
    catalog = b.catalog;
    for (unsigned i = 0; i < 3; i++) {
        make_key(&askers[i], i, &keys[i]);
    }
    struct policy_org_rows rows = {.policies = policies, .policies_count = 6, .keys = keys,
                                   .keys_count = 3};
    if (bench_org(&b, &rows) != ERR_OK ||
        policy_snapshot_new(&b.org, 1, b.catalog, 1, 1, &b.snapshot) != ERR_OK) {
        (void)fprintf(stderr, "%s %s\n", b.issue.pointer, b.issue.message);
        exit(2);
    }
    for (unsigned i = 0; i < 3; i++) {
        write_asker(out, &b, &askers[i], 0);
        write_asker(out, &b, &askers[i], 1);
    }
    bench_fini(&b);
}

/* ---- compare ------------------------------------------------------------------------ */

static int write_file(const char *path, const struct buf *text)
{
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(text->ptr, 1, text->len, f) != text->len || fclose(f) != 0) {
        (void)fprintf(stderr, "cannot write %s\n", path);
        return 2;
    }
    return 0;
}

static int compare_file(const char *path, const struct buf *text)
{
    FILE *f = fopen(path, "rb");
    char *want = malloc(TEXT_MAX);
    size_t line = 1;

    if (f == NULL || want == NULL) {
        (void)fprintf(stderr, "cannot read %s\n", path);
        return 2;
    }
    struct str old = {want, fread(want, 1, TEXT_MAX, f)};
    struct str now = buf_str(text);
    (void)fclose(f);
    while (old.len > 0 || now.len > 0) {
        struct str a = str_cut(&old, '\n'), b = str_cut(&now, '\n');
        if (!str_eq(a, b)) {
            (void)fprintf(stderr, "%s:%zu differs\n- %.*s\n+ %.*s\n", path, line, STR_ARG(a),
                          STR_ARG(b));
            free(want);
            return 1;
        }
        line++;
    }
    free(want);
    return 0;
}

int main(int argc, char **argv)
{
    bool is_write = argc == 3 && strcmp(argv[1], "--write") == 0;
    const char *path = argc >= 2 ? argv[argc - 1] : "";
    struct buf out;

    buf_init(&out, TEXT_MAX);
    catalog = support_catalog();
    struct route_catalog *own = catalog;
    if (strstr(path, "templates.golden") != NULL) {
        write_templates(&out);
    } else if (strstr(path, "compliance.golden") != NULL) {
        write_compliance(&out);
    } else if (strstr(path, "effective.golden") != NULL) {
        write_effective(&out);
    } else {
        (void)fprintf(stderr, "usage: policy_golden [--write] (templates|compliance|effective)"
                              ".golden\n");
        return 2;
    }
    int result = out.err != ERR_OK ? 2 : is_write ? write_file(path, &out)
                                                  : compare_file(path, &out);
    buf_fini(&out);
    route_catalog_free(own);
    return result;
}
