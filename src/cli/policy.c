/* SPDX-License-Identifier: Apache-2.0
 *
 * portcullis policy: policies as files. A file holds one policy in any documented
 * shape, told apart by a member that only that shape has. validate checks without a
 * change, lint says besides what each rule costs; apply creates or, by name, changes;
 * export prints every policy, one canonical JSON object per line.
 */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Where a shape is created and, behind the id, changed. */
struct shape_route {
    const char *base, *view;
};
static const struct shape_route native = {"/v1/policies", "?view=native"};
static const struct shape_route governance = {"/governance", ""};
static const struct shape_route rules = {"/api/v1/policies", ""};
static const struct shape_route config = {"/v1/policies", "?view=config"};
static const struct shape_route enforcement = {"/v1/policies", "?view=enforcement"};

struct parsed {
    struct policy policy;
    struct str text;
    const struct shape_route *route;
};

static int run(struct cli_context *c, int argc, char **argv);
static int each_file(struct cli_context *c, int argc, char **argv, bool is_apply);
static int lint(struct cli_context *c, int argc, char **argv, bool is_json);
static bool take_json(int *argc, char **argv);
static bool parse_file(struct cli_context *c, const char *file, struct parsed *ret);
static enum err parse(struct cli_context *c, yyjson_val *root, struct parsed *ret,
                      struct issue *issue);
static bool compile(const struct cli_context *c, const char *file, const struct policy *p);
static bool apply(struct cli_context *c, const struct parsed *file);
static bool find(struct cli_context *c, struct str name, struct str *ret_id);
static int print_all(struct cli_context *c, bool is_list);

int cli_policy(int argc, char **argv)
{
    struct cli_context c;
    int status = 2;
    if (cli_begin(&c, &argc, argv,
                  CLI_VERBS("validate", "lint", "apply", "export", "list"))) {
        status = run(&c, argc, argv);
    }
    cli_close(&c);
    return status;
}

static int run(struct cli_context *c, int argc, char **argv)
{
    const char *verb = argv[1];
    bool is_validate = strcmp(verb, "validate") == 0, is_lint = strcmp(verb, "lint") == 0;
    bool is_apply = strcmp(verb, "apply") == 0, is_list = strcmp(verb, "list") == 0;
    bool is_json = is_lint && take_json(&argc, argv);
    for (int i = 2; i < argc; i++) { /* else the others would be applied without what was wished */
        if (argv[i][0] == '-' && argv[i][1] != '\0') {
            fprintf(stderr, "portcullis: policy %s: '%s' is not understood here\n", verb, argv[i]);
            return cli_usage(argv[0]);
        }
    }
    if (is_validate || is_lint || is_apply ? argc < 3 : argc > 2) {
        fprintf(stderr, "portcullis: policy %s: %s\n", verb,
                argc < 3 ? "name the FILE" : "takes no FILE");
        return cli_usage(argv[0]);
    }
    if ((is_validate || is_lint) && getenv("DATABASE_URL") == NULL) {
        setenv("DATABASE_URL", "postgresql:///portcullis", 0); /* named, never connected */
    }
    if (!cli_open(c, is_apply)) {
        return 1;
    }
    if (is_lint) {
        return lint(c, argc, argv, is_json);
    }
    if (!is_validate && !cli_need_org(c)) {
        return 1;
    }
    return is_validate || is_apply ? each_file(c, argc, argv, is_apply) : print_all(c, is_list);
}

static int each_file(struct cli_context *c, int argc, char **argv, bool is_apply)
{
    int status = 0;
    for (int i = 2; i < argc; i++) {
        struct parsed file;
        bool is_good = parse_file(c, argv[i], &file) && compile(c, argv[i], &file.policy);
        if (is_good && is_apply) {
            is_good = apply(c, &file);
        }
        printf("%-6s %s\n", is_good ? (is_apply ? "applied" : "valid") : "FAILED", argv[i]);
        status = is_good ? status : 1;
    }
    return status;
}

/* Each rule alone, then all of them together, as a gateway would have them. */
static int lint(struct cli_context *c, int argc, char **argv, bool is_json)
{
    int status = 0;
    for (int i = 2; i < argc; i++) {
        struct parsed file;
        if (parse_file(c, argv[i], &file) && cli_lint_policy(c, argv[i], &file.policy, is_json) &&
            compile(c, argv[i], &file.policy)) {
            continue;
        }
        struct buf out;
        buf_init(&out, 1U << 16);
        json_write_str(&out, str_from(argv[i]));
        if (is_json) {
            printf("{\"file\":%.*s,\"ok\":false}\n", STR_ARG(buf_str(&out)));
        } else {
            printf("FAILED %s\n", argv[i]);
        }
        buf_fini(&out);
        status = 1;
    }
    return status;
}

/* Takes --json out. */
static bool take_json(int *argc, char **argv)
{
    int kept = 0;
    bool is_found = false;
    for (int i = 0; i < *argc; i++) {
        bool is_json = strcmp(argv[i], "--json") == 0;
        is_found = is_found || is_json;
        if (!is_json) {
            argv[kept++] = argv[i];
        }
    }
    *argc = kept;
    return is_found;
}

static bool parse_file(struct cli_context *c, const char *file, struct parsed *ret)
{
    struct buf b;
    struct json_doc doc;
    struct issue issue = {.offset = UINT64_MAX};
    buf_init(&b, 64u << 20);
    enum err e = cli_read_file(file, &b);
    if (e != ERR_OK) {
        issue_set(&issue, "", "cannot be read: %s", strerror(errno));
    }
    ret->text = arena_str(&c->arena, buf_str(&b));
    buf_fini(&b);
    if (e == ERR_OK) {
        e = json_parse(&c->arena, ret->text, &json_limits_default, &doc, &issue);
    }
    if (e == ERR_OK) {
        e = parse(c, doc.root, ret, &issue);
    }
    if (e != ERR_OK) {
        cli_print_issue(file, e, &issue);
    }
    return e == ERR_OK;
}

/* As a gateway would: patterns that do not compile are not valid. */
static bool compile(const struct cli_context *c, const char *file, const struct policy *p)
{
    struct manage_refusal refusal = {.status = 0};
    struct issue issue = {.offset = UINT64_MAX};
    const struct policy_build with = {
        .catalog = c->catalog,
        .engine = c->engine,
        .compiler = &c->compiler,
        .services = &c->config.recognisers};
    enum err e = manage_policy_check(p, &with, &refusal);
    if (e != ERR_OK) {
        issue_set(&issue, refusal.param, "%s", refusal.message);
        cli_print_issue(file, e, &issue);
    }
    return e == ERR_OK;
}

static enum err parse(struct cli_context *c, yyjson_val *root, struct parsed *ret,
                      struct issue *issue)
{
    struct codec_reader r = {&c->arena, c->catalog, issue, &c->config.recognisers};
    if (json_get(root, STR("scope")) != NULL) {
        ret->route = &native;
        return codec_native_parse(&r, root, &ret->policy);
    }
    if (json_get(root, STR("policy_name")) != NULL) {
        ret->route = &enforcement;
        return codec_shape_parse(&codec_enforcement_shape, &r, root, &ret->policy);
    }
    if (json_get(root, STR("config")) != NULL) {
        ret->route = &config;
        return codec_shape_parse(&codec_config_shape, &r, root, &ret->policy);
    }
    if (yyjson_is_arr(json_get(root, STR("rules")))) {
        ret->route = &rules;
        return codec_shape_parse(&codec_rules_shape, &r, root, &ret->policy);
    }
    ret->route = &governance;
    return codec_governance_parse(&c->arena, root, c->catalog, &ret->policy, issue);
}

static bool apply(struct cli_context *c, const struct parsed *file)
{
    struct str id = STR_NONE;
    char path[128];
    const struct shape_route *route = file->route;
    if (!find(c, file->policy.name, &id)) {
        return false;
    }
    if (id.len == 0) {
        return cli_request(c, WIRE_POST, route->base, file->text, NULL, NULL);
    }
    snprintf(path, sizeof(path), "%s/%.*s%s", route->base, STR_ARG(id), route->view);
    return cli_request(c, WIRE_PATCH, path, file->text, NULL, NULL);
}

/* The name is a file's identity. */
static bool find(struct cli_context *c, struct str name, struct str *ret_id)
{
    struct manage_result r;
    if (!cli_request(c, WIRE_GET, "/v1/policies", STR_NONE, NULL, &r)) {
        return false;
    }
    for (size_t i = 0; i < r.policies_count; i++) {
        if (str_eq(r.policies[i].name, name)) {
            *ret_id = r.policies[i].id;
        }
    }
    return true;
}

static int print_all(struct cli_context *c, bool is_list)
{
    struct manage_result r;
    if (!cli_request(c, WIRE_GET, "/v1/policies", STR_NONE, NULL, &r)) {
        return 1;
    }
    for (size_t i = 0; i < r.policies_count; i++) {
        const struct policy *p = &r.policies[i];
        if (is_list) {
            printf("pol_%.*s  %-10s v%-4u %-12s %.*s\n", STR_ARG(p->id),
                   policy_status_name(p->status), (unsigned)p->version,
                   policy_origin_name(p->origin), STR_ARG(p->name));
            continue;
        }
        struct buf out;
        buf_init(&out, 64u << 20);
        codec_canonical_write(&out, p);
        printf("%.*s\n", STR_ARG(buf_str(&out)));
        buf_fini(&out);
    }
    return 0;
}
