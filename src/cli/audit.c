/* SPDX-License-Identifier: Apache-2.0
 *
 * portcullis audit list: decisions of an organisation, newest first, one JSON object
 * per line. The filters are those of GET /v1/audit; this is the same request.
 */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#define PATH_BYTES_MAX 2048

static bool make_path(int argc, char **argv, struct buf *ret);
static bool print_lines(struct cli_context *c, struct str body);

int cli_audit(int argc, char **argv)
{
    struct cli_context c;
    struct manage_answer a;
    struct buf path;
    int status = 2;
    buf_init(&path, PATH_BYTES_MAX);
    if (cli_begin(&c, &argc, argv, CLI_VERBS("list"))) {
        if (!make_path(argc, argv, &path)) {
            (void)cli_usage(argv[0]);
        } else {
            bool is_good = cli_open(&c, true) && cli_need_org(&c) &&
                           cli_request(&c, WIRE_GET, path.ptr, STR_NONE, &a, NULL);
            status = is_good && print_lines(&c, a.body) ? 0 : 1;
        }
    }
    cli_close(&c);
    buf_fini(&path);
    return status;
}

/* name=value pairs become the query; everything but letters and digits is encoded. */
static bool make_path(int argc, char **argv, struct buf *ret)
{
    buf_add(ret, STR("/v1/audit"));
    for (int i = 2; i < argc; i++) {
        const char *value = strchr(argv[i], '=');
        if (value == NULL || value == argv[i]) {
            fprintf(stderr, "portcullis: audit list: '%s' is not name=value\n", argv[i]);
            return false;
        }
        buf_printf(ret, "%c%.*s=", i == 2 ? '?' : '&', (int)(value - argv[i]), argv[i]);
        for (value++; *value != '\0'; value++) {
            bool is_plain = (*value >= '0' && *value <= '9') || (*value >= 'A' && *value <= 'Z') ||
                            (*value >= 'a' && *value <= 'z');
            buf_printf(ret, is_plain ? "%c" : "%%%02X", (unsigned char)*value);
        }
    }
    buf_add_byte(ret, '\0');
    return ret->err == ERR_OK;
}

static bool print_lines(struct cli_context *c, struct str body)
{
    struct json_doc doc;
    struct issue issue;
    yyjson_val *item;
    size_t i, n;
    if (json_parse(&c->arena, body, &json_limits_default, &doc, &issue) != ERR_OK) {
        return false;
    }
    yyjson_val *list = json_get(doc.root, STR("data"));
    yyjson_arr_foreach(list, i, n, item)
    {
        struct buf line;
        buf_init(&line, (size_t)1 << 20);
        json_write_val(&line, item);
        printf("%.*s\n", STR_ARG(buf_str(&line)));
        buf_fini(&line);
    }
    struct str next = json_str(json_get(doc.root, STR("next_cursor")));
    if (next.len != 0) { /* on stderr: the lines stay one kind of thing */
        fprintf(stderr, "more: portcullis audit list cursor=%.*s\n", STR_ARG(next));
    }
    return true;
}
