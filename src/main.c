/* SPDX-License-Identifier: Apache-2.0
 *
 * The subcommand table, nothing else: what each is called, what runs it, what it
 * is for. `--help` prints from it, so that no command can be missing there. Every
 * command parses its own arguments; exit codes are 0 done, 1 failed, 2 usage.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "portcullis/compile.h"

#define SHARED                                                                                     \
    "\n"                                                                                           \
    "  --org ID         the organisation; needed when there are several\n"                         \
    "  --database URL   instead of DATABASE_URL\n"                                                 \
    "  -c FILE          settings, as for serve\n"

/* lint: table */
static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage, *summary, *detail;
} commands[] = {
    {"serve", cli_serve, "[-c FILE] [--set name=value]...", "run the gateway",
     "  -c FILE            a JSON file of settings; portcullis.json(5) has every one\n"
     "  --set name=value   one setting, over variables and file: --set listen.port=8080\n"
     "Ends on SIGTERM when open requests are over; reads certificates again on SIGHUP.\n"},
    {"migrate", cli_migrate, "up|down|status [--to N] [--dry-run]", "the database's schema",
     "  up          all steps, or those up to version N\n"
     "  down        back to version N, which must be said: 0 removes everything, with every row\n"
     "  status      what is applied and what is pending\n"
     "  --dry-run   say what would be done\n" SHARED},
    {"org", cli_org, "create NAME [ID] | list", "organisations",
     "ID is made up when it is left out: portcullis org create Acme org_acme\n" SHARED},
    {"key", cli_key, "create NAME [member=value]... | list | rotate ID [SECONDS] | revoke ID",
     "API keys",
     "  create   shows the key once. Members: scopes role team environment project user_id\n"
     "           slots pinned_slot may_narrow error_format models metadata not_before\n"
     "           expires_at prefix; a value is JSON, or else a string:\n"
     "           portcullis key create ci environment=development 'scopes=[\"call\"]'\n"
     "  rotate   a new secret; the old one stays good for SECONDS, default 0\n"
     "  revoke   no gateway takes it any more\n" SHARED},
    {"policy", cli_policy,
     "validate FILE... | lint [--json] FILE... | apply FILE... | export | list",
     "policies as files",
     "  validate   compiles each file as a gateway would; needs no database\n"
     "  lint       says besides what every rule costs\n"
     "  apply      creates, or changes the policy of the same name\n"
     "  export     every policy, one canonical JSON object on each line\n"
     "  list       names, states and versions\n"
     "A FILE (- is standard input) holds one policy in any form; see "
     "portcullis-policy(5).\n" SHARED},
    {"api", cli_api, "METHOD PATH [FILE|-] | reference",
     "any management request, as the operator; or its reference",
     "  METHOD   GET POST PUT PATCH DELETE; FILE is the body, - takes standard input:\n"
     "           portcullis api GET /v1/keys\n"
     "           echo '{\"policies_max\":10}' | portcullis api PATCH /v1/orgs/org_acme -\n" SHARED},
    {"audit", cli_audit, "list [name=value]...", "decisions, newest first",
     "Names: limit cursor since until decision policy user environment request_id\n"
     "       client_request_id trace_id.\n"
     "  portcullis audit list decision=block since=2026-01-01T00:00:00Z limit=20\n" SHARED},
    {"scan", cli_scan,
     "[--types LIST] [--score N] [--injection] [--topics]\n"
     "                       [--redact[=FORMAT] | --mask | --hash | --pseudonym] < INPUT\n"
     "       portcullis scan --list [json | markdown]",
     "find personal data and secrets in a text",
     "  INPUT    one text, or a JSON object with \"text\" and perhaps \"id\" on each line\n"
     "  LIST     comma-separated types, detectors or classes, as --list shows them;\n"
     "           default: all that fire unasked\n"
     "  N        the least score in thousandths; default 600\n"
     "  FORMAT   may hold {TYPE} {N} {LAST4} {HASH8}; default [REDACTED]\n"},
    {"coverage", cli_coverage, "[--json]", "which rules read which texts, by operation and stream",
     ""},
    {"demo", cli_demo, "load --provider URL", "a demo organisation",
     "Acme with people, keys, policies and providers that all lie at URL.\n" SHARED},
    {"config", cli_config, "check|show [-c FILE] [--set name=value]... [--json]",
     "settings and where they come from",
     "  check   exit 1 with the place of what is wrong\n"
     "  show    every setting, its value in force (secrets are starred) and its origin;\n"
     "          --effective may be said and changes nothing\n"},
    {"healthcheck", cli_healthcheck, "[-c FILE | HOST:PORT]", "exit 0 when the gateway is ready",
     "Asks /readyz where the settings say that the gateway listens; prints why not.\n"
     "  -c FILE     settings, as for serve\n"
     "  HOST:PORT   ask there; HOST is an address\n"},
    {"version", cli_version, "[--json]", "the version", ""},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int usage(FILE *out, int status);
static bool asks_for_help(int argc, char **argv, int at);
static int unknown(const char *name);

int main(int argc, char **argv)
{
    if (argc < 2) {
        return usage(stderr, 2);
    }
    if (strcmp(argv[1], "compile-terms") == 0) {
        return compile_child_main(argc - 1, argv + 1); /* not for people: see compile.h */
    }
    if (asks_for_help(argc, argv, 1) || strcmp(argv[1], "help") == 0) {
        return usage(stdout, 0);
    }
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) != 0) {
            continue;
        }
        if (asks_for_help(argc, argv, 2) || asks_for_help(argc, argv, 3)) { /* policy lint -h */
            printf("usage: portcullis %s %s\n%s\n%s%s", commands[i].name, commands[i].usage,
                   commands[i].summary, commands[i].detail[0] != '\0' ? "\n" : "",
                   commands[i].detail);
            return 0;
        }
        return commands[i].run(argc - 1, argv + 1);
    }
    return unknown(argv[1]);
}

static bool asks_for_help(int argc, char **argv, int at)
{
    return at < argc && (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0);
}

static int unknown(const char *name)
{
    const char *names[COMMANDS + 1] = {NULL};
    for (size_t i = 0; i < COMMANDS; i++) {
        names[i] = commands[i].name;
    }
    const char *near = issue_did_you_mean(str_from(name), names);
    fprintf(stderr, "portcullis: there is no command '%s'%s%s%s\n", name,
            near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
            near != NULL ? "'?" : "");
    if (near == NULL) {
        return usage(stderr, 2);
    }
    return 2;
}

int cli_usage(const char *command)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(command, commands[i].name) == 0) {
            fprintf(stderr, "usage: portcullis %s %s\n", command, commands[i].usage);
        }
    }
    return 2;
}

static int usage(FILE *out, int status)
{
    fprintf(out, "usage: portcullis COMMAND ...\n\n");
    for (size_t i = 0; i < COMMANDS; i++) {
        fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].summary);
    }
    fprintf(out, "\nportcullis COMMAND --help says more. DATABASE_URL names the database,\n"
                 "PORTCULLIS_MASTER_KEY_FILE the file with the master key.\n");
    return status;
}
