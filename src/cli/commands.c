/* SPDX-License-Identifier: Apache-2.0
 *
 * The small subcommands: migrate, org, key, api, config, version. Each is a
 * few lines over the management API or the store.
 */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int migrate(struct cli_context *c, int argc, char **argv);
static void print_migration(const struct store_migrate_report *r, const char *made);
static bool is_org_line(const char *name, const char *id);
static int org_create(struct cli_context *c, const char *name, const char *id);
static int org_list(struct cli_context *c);
static bool is_key_line(int argc, char **argv, uint64_t *ret_grace_s);
static int key_create(struct cli_context *c, int argc, char **argv);
static int key_change(struct cli_context *c, const char *verb, const char *id, uint64_t grace_s);
static int api(struct cli_context *c, enum wire_method method, const char *path, const char *file);
static bool parse_method(const char *text, enum wire_method *ret);
static int print_answer(bool is_good, const struct manage_answer *a);
static enum err check_named(const struct config *c, struct issue *issue);

int cli_migrate(int argc, char **argv)
{
    struct cli_context c;
    int status = 2;
    if (cli_begin(&c, &argc, argv, CLI_VERBS("up", "down", "status"))) {
        status = migrate(&c, argc, argv);
    }
    cli_close(&c);
    return status;
}

static int migrate(struct cli_context *c, int argc, char **argv)
{
    struct store_migrate_report r;
    struct issue issue = {.offset = UINT64_MAX};
    uint64_t to = 0;
    bool dry_run = false, has_to = false;
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--dry-run") == 0) {
            dry_run = true;
        } else if (strcmp(argv[i], "--to") != 0 || i + 1 == argc ||
                   str_to_u64(str_from(argv[++i]), &to) != ERR_OK || to > UINT32_MAX ||
                   (to == 0 && strcmp(argv[1], "up") == 0)) {
            fprintf(stderr, "portcullis: migrate: '%s' is not understood here\n", argv[i]);
            return cli_usage(argv[0]);
        } else {
            has_to = true;
        }
    }
    bool is_up = strcmp(argv[1], "up") == 0, is_down = strcmp(argv[1], "down") == 0;
    if ((is_down && !has_to) || (!is_up && !is_down && argc > 2)) {
        fprintf(stderr, "portcullis: migrate %s: %s\n", argv[1],
                is_down ? "say the version to go down to with --to N; 0 removes all of it, with "
                          "every row"
                        : "takes neither --to nor --dry-run");
        return cli_usage(argv[0]);
    }
    if (!cli_open(c, false)) {
        return 1;
    }
    enum err e = store_migrate_status(c->store, &r, &issue);
    if (e == ERR_OK && r.steps_count > 0 && to > r.steps[r.steps_count - 1].version) {
        issue_set(&issue, "", "there is no version %llu; the newest is %u", (unsigned long long)to,
                  (unsigned)r.steps[r.steps_count - 1].version);
        e = ERR_INVALID;
    } else if (e == ERR_OK && is_up) {
        e = store_migrate_up(c->store, (uint32_t)to, dry_run, &r, &issue);
    } else if (e == ERR_OK && is_down) {
        e = store_migrate_down(c->store, (uint32_t)to, dry_run, &r, &issue);
    }
    if (e != ERR_OK) {
        if (issue.message[0] == 0) {
            issue_set(&issue, "", "%s", store_error(c->store));
        }
        cli_print_issue("migrate", e, &issue);
        return 1;
    }
    print_migration(&r, strcmp(argv[1], "status") == 0 ? NULL : dry_run ? "would be made" : "made");
    return 0;
}

static void print_migration(const struct store_migrate_report *r, const char *made)
{
    for (size_t i = 0; i < r->steps_count; i++) {
        printf("%06u %-24s %s%s\n", (unsigned)r->steps[i].version, r->steps[i].name,
               r->steps[i].is_applied ? "applied" : "pending",
               r->steps[i].is_changed ? ", CHANGED since" : "");
    }
    printf("schema version %u", (unsigned)r->version);
    if (made != NULL) {
        printf(", %u step(s) %s", (unsigned)r->applied, made);
    }
    printf("\n");
}

int cli_org(int argc, char **argv)
{
    struct cli_context c;
    int status = 2;
    if (cli_begin(&c, &argc, argv, CLI_VERBS("create", "list"))) {
        bool is_list = strcmp(argv[1], "list") == 0;
        bool is_right = is_list ? argc == 2 : argc == 3 || argc == 4;
        if (!is_right || (!is_list && !is_org_line(argv[2], argc > 3 ? argv[3] : NULL))) {
            (void)cli_usage(argv[0]);
        } else if (!cli_open(&c, false)) {
            status = 1;
        } else {
            status = is_list ? org_list(&c) : org_create(&c, argv[2], argc > 3 ? argv[3] : NULL);
        }
    }
    cli_close(&c);
    return status;
}

static bool is_org_line(const char *name, const char *id)
{
    size_t len = id != NULL ? strlen(id) : 0;
    bool is_id = id == NULL || (len > 4 && len <= 36 && strncmp(id, "org_", 4) == 0);
    for (size_t i = 4; is_id && i < len; i++) {
        is_id = (id[i] >= '0' && id[i] <= '9') || (id[i] >= 'A' && id[i] <= 'Z') ||
                (id[i] >= 'a' && id[i] <= 'z');
    }
    if (name[0] == '\0') {
        fprintf(stderr, "portcullis: org create: NAME must not be empty\n");
    } else if (!is_id) {
        fprintf(stderr, "portcullis: org create: ID must be org_ and 1 to 32 letters and digits\n");
    }
    return name[0] != '\0' && is_id;
}

static int org_create(struct cli_context *c, const char *name, const char *id)
{
    struct str made;
    enum err e = store_org_create(c->store, &c->arena, str_from(id), str_from(name), &made);
    if (e == ERR_CONFLICT) {
        fprintf(stderr, "portcullis: org create: there is an organisation '%s'; portcullis org "
                        "list shows them\n", id != NULL ? id : name);
    } else if (e != ERR_OK) {
        fprintf(stderr, "portcullis: org create: %s: %s\n", err_name(e), store_error(c->store));
    } else {
        printf("{\"id\":\"%.*s\"}\n", STR_ARG(made));
    }
    return e == ERR_OK ? 0 : 1;
}

static int org_list(struct cli_context *c)
{
    struct store_org_summary *list;
    size_t count = 0;
    if (store_org_list(c->store, &c->arena, &list, &count) != ERR_OK) {
        fprintf(stderr, "portcullis: org list: %s\n", store_error(c->store));
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        printf("%-28.*s %-24.*s epoch %llu%s\n", STR_ARG(list[i].id), STR_ARG(list[i].name),
               (unsigned long long)list[i].seq, list[i].is_suspended ? " suspended" : "");
    }
    return 0;
}

int cli_key(int argc, char **argv)
{
    struct cli_context c;
    uint64_t grace_s = 0;
    int status = 2;
    if (cli_begin(&c, &argc, argv, CLI_VERBS("create", "list", "rotate", "revoke"))) {
        if (!is_key_line(argc, argv, &grace_s)) {
            (void)cli_usage(argv[0]);
        } else if (!cli_open(&c, true) || !cli_need_org(&c)) {
            status = 1;
        } else if (strcmp(argv[1], "create") == 0) {
            status = key_create(&c, argc, argv);
        } else {
            status = key_change(&c, argv[1], argv[2], grace_s);
        }
    }
    cli_close(&c);
    return status;
}

static bool is_key_line(int argc, char **argv, uint64_t *ret_grace_s)
{
    const char *verb = argv[1];
    if (strcmp(verb, "list") == 0) {
        return argc == 2;
    }
    if (argc < 3) {
        fprintf(stderr, "portcullis: key %s: %s\n", verb,
                strcmp(verb, "create") == 0 ? "name the key" : "say the ID; key list shows them");
        return false;
    }
    if (strcmp(verb, "rotate") == 0 && argc == 4 &&
        str_to_u64(str_from(argv[3]), ret_grace_s) != ERR_OK) {
        fprintf(stderr, "portcullis: key rotate: SECONDS must be a whole number\n");
        return false;
    }
    for (int i = 3; i < argc && strcmp(verb, "create") == 0; i++) {
        if (strchr(argv[i], '=') == NULL || argv[i][0] == '=') {
            fprintf(stderr, "portcullis: key create: '%s' is not member=value\n", argv[i]);
            return false;
        }
    }
    return strcmp(verb, "create") == 0 || argc == 3 || (strcmp(verb, "rotate") == 0 && argc == 4);
}

static int key_change(struct cli_context *c, const char *verb, const char *id, uint64_t grace_s)
{
    struct manage_answer a;
    char path[128], body[64];
    if (strcmp(verb, "list") == 0) {
        return print_answer(cli_request(c, WIRE_GET, "/v1/keys", STR_NONE, &a, NULL), &a);
    }
    bool is_rotate = strcmp(verb, "rotate") == 0;
    snprintf(path, sizeof(path), "/v1/keys/%.90s%s", id, is_rotate ? "/rotate" : "");
    if (!is_rotate) {
        return cli_request(c, WIRE_DELETE, path, STR_NONE, &a, NULL) ? 0 : 1;
    }
    snprintf(body, sizeof(body), "{\"grace_s\":%llu}", (unsigned long long)grace_s);
    return print_answer(cli_request(c, WIRE_POST, path, str_from(body), &a, NULL), &a);
}

/* member=value: JSON when it parses as JSON, a string otherwise. */
static int key_create(struct cli_context *c, int argc, char **argv)
{
    struct manage_answer a;
    struct buf body;
    buf_init(&body, 1u << 20);
    buf_add(&body, STR("{\"name\":"));
    json_write_str(&body, str_from(argv[2]));
    for (int i = 3; i < argc; i++) {
        struct str value = str_from(argv[i]);
        struct str name = str_cut(&value, '=');
        struct json_doc doc;
        struct issue issue;
        buf_add_byte(&body, ',');
        json_write_str(&body, name);
        buf_add_byte(&body, ':');
        if (json_parse(&c->arena, value, &json_limits_default, &doc, &issue) == ERR_OK) {
            buf_add(&body, value);
        } else {
            json_write_str(&body, value);
        }
    }
    buf_add_byte(&body, '}');
    bool is_good = cli_request(c, WIRE_POST, "/v1/keys", buf_str(&body), &a, NULL);
    buf_fini(&body);
    return print_answer(is_good, &a);
}

int cli_api(int argc, char **argv)
{
    struct cli_context c;
    enum wire_method method;
    int status = 2;
    if (argc == 2 && strcmp(argv[1], "reference") == 0) {
        return cli_reference();
    }
    if (cli_begin(&c, &argc, argv,
                  CLI_VERBS("GET", "POST", "PUT", "PATCH", "DELETE", "reference"))) {
        if (argc < 3 || argc > 4 || !parse_method(argv[1], &method)) {
            (void)cli_usage(argv[0]);
        } else {
            status = cli_open(&c, true) && cli_need_org(&c)
                         ? api(&c, method, argv[2], argc == 4 ? argv[3] : NULL)
                         : 1;
        }
    }
    cli_close(&c);
    return status;
}

static int api(struct cli_context *c, enum wire_method method, const char *path, const char *file)
{
    struct manage_answer a;
    struct buf body;
    int status = 1;
    buf_init(&body, 64u << 20);
    if (file != NULL && cli_read_file(file, &body) != ERR_OK) {
        fprintf(stderr, "portcullis: api: %s cannot be read: %s\n", file, strerror(errno));
    } else {
        status = print_answer(cli_request(c, method, path, buf_str(&body), &a, NULL), &a);
    }
    buf_fini(&body);
    return status;
}

static bool parse_method(const char *text, enum wire_method *ret)
{
    for (int m = WIRE_GET; m <= WIRE_OPTIONS; m++) {
        if (strcmp(wire_method_name((enum wire_method)m), text) == 0) {
            *ret = (enum wire_method)m;
            return true;
        }
    }
    return false;
}

static int print_answer(bool is_good, const struct manage_answer *a)
{
    if (is_good && a->body.len != 0) {
        printf("%.*s\n", STR_ARG(a->body));
    }
    return is_good ? 0 : 1;
}

int cli_config(int argc, char **argv)
{
    struct config c;
    struct issue issue = {.offset = UINT64_MAX};
    bool is_show = argc > 1 && strcmp(argv[1], "show") == 0;
    if (!cli_verb(argc, argv, CLI_VERBS("check", "show"))) {
        return 2;
    }
    const char *file = NULL;
    bool is_json = false;
    int from = 2;
    for (; from < argc && strcmp(argv[from], "--set") != 0; from++) {
        if (strcmp(argv[from], "-c") == 0 && from + 1 < argc) {
            file = argv[++from];
        } else if (strcmp(argv[from], "--json") == 0) {
            is_json = true;
        } else if (strcmp(argv[from], "--effective") != 0) {
            fprintf(stderr, "portcullis: config: '%s' is not understood here\n", argv[from]);
            return cli_usage(argv[0]);
        }
    }
    if (!config_flags_check(argc, argv, from, &issue)) {
        cli_print_issue("config", ERR_INVALID, &issue);
        return cli_usage(argv[0]);
    }
    struct net_exceptions *exceptions = NULL;
    enum err e = config_load(&c, file, argc, argv, from, &issue);
    if (e == ERR_OK && !is_show) {
        e = tls_start();
        e = e == ERR_OK ? config_check(&c, &exceptions, &issue) : e;
        e = e == ERR_OK ? check_named(&c, &issue) : e;
    }
    net_exceptions_free(exceptions);
    if (e != ERR_OK) {
        cli_print_issue("configuration", e, &issue);
        config_free(&c);
        return 1;
    }
    if (is_show) {
        struct buf out;
        buf_init(&out, 1u << 20);
        config_write(&c, &out, is_json);
        fwrite(out.ptr, 1, out.len, stdout);
        buf_fini(&out);
    } else {
        config_warn(&c);
        printf("configuration is well-formed\n");
    }
    config_free(&c);
    return 0;
}

/* What the settings name besides: files as a start would read them, an address as it
 * would be understood. Neither must be set: the environment of a check is another one. */
static enum err check_named(const struct config *c, struct issue *issue)
{
    struct store_secrets secrets;
    struct route_catalog *catalog = NULL;
    struct buf texts[2] = {{0}, {0}};
    if (c->database_url[0] != '\0') {
        TRY(config_in_setting("database.url", store_dsn_check(c->database_url, issue), issue));
    }
    if (c->master_key_file[0] != '\0') {
        TRY(cli_load_secrets(c, &secrets, issue));
        bytes_wipe(&secrets, sizeof(secrets));
    }
    enum err e = cli_load_catalog(c, texts, &catalog, issue);
    route_catalog_free(catalog);
    buf_fini(&texts[0]);
    buf_fini(&texts[1]);
    return config_in_setting("catalog_dir", e, issue);
}

int cli_version(int argc, char **argv)
{
    bool is_json = argc == 2 && strcmp(argv[1], "--json") == 0;
    if (argc > 1 && !is_json) {
        return cli_usage(argv[0]);
    }
    printf(is_json ? "{\"name\":\"portcullis\",\"version\":\"%s\"}\n" : "portcullis %s\n",
           PORTCULLIS_VERSION);
    return 0;
}
