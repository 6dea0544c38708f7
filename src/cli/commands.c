/* SPDX-License-Identifier: Apache-2.0
 *
 * The small subcommands: migrate, org, key, api, config, healthcheck, version. Each
 * is a few lines over the management API or the store.
 */
#include "cli.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define MIGRATE "migrate up|down|status [--to N] [--dry-run]"
#define ORG "org create NAME [ID] | list"
#define KEY "key create NAME [member=value]... | list | rotate ID [SECONDS] | revoke ID"
#define API "api METHOD PATH [FILE|-] [--org ID] | api reference"
#define CONFIG "config check|show [-c FILE] [--json]"

static int usage(const char *text);
static int migrate(struct cli_context *c, int argc, char **argv);
static void print_migration(const struct store_migrate_report *r, bool dry_run);
static int key_create(struct cli_context *c, int argc, char **argv);
static bool parse_method(const char *text, enum wire_method *ret);
static int print_answer(bool is_good, const struct manage_answer *a);

static int usage(const char *text)
{
    fprintf(stderr, "usage: portcullis %s\n", text);
    return 2;
}

int cli_migrate(int argc, char **argv)
{
    struct cli_context c;
    if (!cli_verb(argc, argv, CLI_VERBS("up", "down", "status"), MIGRATE)) {
        return 2;
    }
    int status = cli_open(&c, &argc, argv, false) ? migrate(&c, argc, argv) : 1;
    cli_close(&c);
    return status;
}

static int migrate(struct cli_context *c, int argc, char **argv)
{
    struct store_migrate_report r;
    struct issue issue = {.offset = UINT64_MAX};
    uint64_t to = 0;
    bool dry_run = false;
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--dry-run") == 0) {
            dry_run = true;
        } else if (strcmp(argv[i], "--to") != 0 || i + 1 == argc ||
                   str_to_u64(str_from(argv[++i]), &to) != ERR_OK || to > UINT32_MAX) {
            return usage(MIGRATE);
        }
    }
    enum err e = ERR_UNSUPPORTED;
    if (argc > 1 && strcmp(argv[1], "up") == 0) {
        e = store_migrate_up(c->store, (uint32_t)to, dry_run, &r, &issue);
    } else if (argc > 1 && strcmp(argv[1], "down") == 0) {
        e = store_migrate_down(c->store, (uint32_t)to, dry_run, &r, &issue);
    } else if (argc > 1 && strcmp(argv[1], "status") == 0) {
        e = store_migrate_status(c->store, &r, &issue);
    } else {
        return usage(MIGRATE);
    }
    if (e != ERR_OK) {
        if (issue.message[0] == 0) {
            issue_set(&issue, "", "%s", store_error(c->store));
        }
        cli_print_issue("migrate", e, &issue);
        return 1;
    }
    print_migration(&r, dry_run);
    return 0;
}

static void print_migration(const struct store_migrate_report *r, bool dry_run)
{
    for (size_t i = 0; i < r->steps_count; i++) {
        printf("%06u %-24s %s%s\n", (unsigned)r->steps[i].version, r->steps[i].name,
               r->steps[i].is_applied ? "applied" : "pending",
               r->steps[i].is_changed ? ", CHANGED since" : "");
    }
    printf("schema version %u, %u step(s) %s\n", (unsigned)r->version, (unsigned)r->applied,
           dry_run ? "would be made" : "made");
}

int cli_org(int argc, char **argv)
{
    struct cli_context c;
    int status = 1;
    if (!cli_verb(argc, argv, CLI_VERBS("create", "list"), ORG)) {
        return 2;
    }
    if (cli_open(&c, &argc, argv, false)) {
        if (argc >= 3 && strcmp(argv[1], "create") == 0) {
            struct str id;
            enum err e = store_org_create(c.store, &c.arena, str_from(argc > 3 ? argv[3] : NULL),
                                          str_from(argv[2]), &id);
            if (e == ERR_OK) {
                printf("{\"id\":\"%.*s\"}\n", STR_ARG(id));
                status = 0;
            } else if (e == ERR_CONFLICT) {
                fprintf(stderr, "portcullis: org create: there is an organisation '%s'; "
                                "portcullis org list shows them\n",
                        argc > 3 ? argv[3] : argv[2]);
            } else {
                fprintf(stderr, "portcullis: org create: %s: %s\n", err_name(e),
                        store_error(c.store));
            }
        } else if (argc == 2 && strcmp(argv[1], "list") == 0) {
            struct store_org_summary *list;
            size_t count = 0;
            if (store_org_list(c.store, &c.arena, &list, &count) == ERR_OK) {
                for (size_t i = 0; i < count; i++) {
                    printf("%-28.*s %-24.*s epoch %llu%s\n", STR_ARG(list[i].id),
                           STR_ARG(list[i].name), (unsigned long long)list[i].seq,
                           list[i].is_suspended ? " suspended" : "");
                }
                status = 0;
            } else {
                fprintf(stderr, "portcullis: org list: %s\n", store_error(c.store));
            }
        } else {
            status = usage(ORG);
        }
    }
    cli_close(&c);
    return status;
}

int cli_key(int argc, char **argv)
{
    struct cli_context c;
    struct manage_answer a;
    int status = 1;
    if (!cli_verb(argc, argv, CLI_VERBS("create", "list", "rotate", "revoke"), KEY)) {
        return 2;
    }
    if (cli_open(&c, &argc, argv, true) && cli_need_org(&c)) {
        const char *verb = argc > 1 ? argv[1] : "";
        char path[128], body[64];
        if (strcmp(verb, "create") == 0 && argc > 2) {
            status = key_create(&c, argc, argv);
        } else if (strcmp(verb, "list") == 0) {
            status = print_answer(cli_request(&c, WIRE_GET, "/v1/keys", STR_NONE, &a, NULL), &a);
        } else if (strcmp(verb, "rotate") == 0 && argc > 2) {
            uint64_t grace_s = 0;
            if (argc > 3 && str_to_u64(str_from(argv[3]), &grace_s) != ERR_OK) {
                fprintf(stderr, "portcullis: key rotate: SECONDS must be a whole number\n");
                status = usage(KEY);
            } else {
                snprintf(path, sizeof(path), "/v1/keys/%s/rotate", argv[2]);
                snprintf(body, sizeof(body), "{\"grace_s\":%llu}", (unsigned long long)grace_s);
                status =
                    print_answer(cli_request(&c, WIRE_POST, path, str_from(body), &a, NULL), &a);
            }
        } else if (strcmp(verb, "revoke") == 0 && argc > 2) {
            snprintf(path, sizeof(path), "/v1/keys/%s", argv[2]);
            status = cli_request(&c, WIRE_DELETE, path, STR_NONE, &a, NULL) ? 0 : 1;
        } else {
            status = usage(KEY);
        }
    }
    cli_close(&c);
    return status;
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
    struct manage_answer a;
    enum wire_method method;
    int status = 1;
    if (argc == 2 && strcmp(argv[1], "reference") == 0) {
        return cli_reference();
    }
    if (!cli_verb(argc, argv, CLI_VERBS("GET", "POST", "PUT", "PATCH", "DELETE", "reference"),
                  API)) {
        return 2;
    }
    if (cli_open(&c, &argc, argv, true)) {
        struct buf body;
        buf_init(&body, 64u << 20);
        if (argc < 3 || argc > 4 || !parse_method(argv[1], &method)) {
            status = usage(API);
        } else if (argc == 4 && cli_read_file(argv[3], &body) != ERR_OK) {
            fprintf(stderr, "portcullis: %s cannot be read\n", argv[3]);
        } else if (cli_need_org(&c)) {
            status = print_answer(cli_request(&c, method, argv[2], buf_str(&body), &a, NULL), &a);
        }
        buf_fini(&body);
    }
    cli_close(&c);
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
    if (!cli_verb(argc, argv, CLI_VERBS("check", "show"), CONFIG)) {
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
            return usage(CONFIG);
        }
    }
    enum err e = config_load(&c, file, argc, argv, from, &issue);
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
        printf("configuration is well-formed\n");
    }
    config_free(&c);
    return 0;
}

/* For a container's health check: no other program needed. */
int cli_healthcheck(int argc, char **argv)
{
    struct config c;
    struct issue issue;
    char host[64] = "127.0.0.1", answer[2048] = "";
    size_t got = 0;
    unsigned port = 8080;
    if (argc > 1 && sscanf(argv[1], "%63[^:]:%u", host, &port) != 2) {
        return usage("healthcheck [HOST:PORT]");
    }
    if (argc == 1 && config_load(&c, NULL, 0, NULL, 0, &issue) == ERR_OK) {
        port = (unsigned)c.listen_port;
        config_free(&c);
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval limit = {.tv_sec = 2};
    static const char request[] =
        "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    bool is_good = fd >= 0 && inet_pton(AF_INET, host, &address.sin_addr) == 1 &&
                   setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
                   connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
                   write(fd, request, sizeof(request) - 1) == (ssize_t)sizeof(request) - 1;
    for (ssize_t n; is_good && got < sizeof(answer) - 1; got += (size_t)n) {
        n = read(fd, answer + got, sizeof(answer) - 1 - got);
        if (n <= 0) {
            break;
        }
    }
    is_good = is_good && strncmp(answer, "HTTP/1.1 200", 12) == 0;
    if (!is_good) {
        const char *why = answer[0] == '\0' ? strerror(errno) : answer;
        const char *reasons = strstr(answer, "\"reasons\":[");
        why = reasons != NULL ? reasons + strlen("\"reasons\":[") : why;
        fprintf(stderr, "portcullis: not ready: http://%s:%u/readyz: %.*s\n", host, port,
                (int)strcspn(why, reasons != NULL ? "]" : "\r\n"), why);
    }
    if (fd >= 0) {
        close(fd);
    }
    return is_good ? 0 : 1;
}

int cli_version(int argc, char **argv)
{
    bool is_json = argc == 2 && strcmp(argv[1], "--json") == 0;
    if (argc > 1 && !is_json) {
        return usage("version [--json]");
    }
    printf(is_json ? "{\"name\":\"portcullis\",\"version\":\"%s\"}\n" : "portcullis %s\n",
           PORTCULLIS_VERSION);
    return 0;
}
