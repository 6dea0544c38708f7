/* SPDX-License-Identifier: Apache-2.0
 *
 * `portcullis scan`: finds and rewrites in what stands on standard input, without a
 * database and without a server. A line that is a JSON object with a "text" gives one
 * line {"id","findings":[{"type","detector","start","end","score"}]}; anything else is
 * one text. Offsets count characters (code points), as people and Python do. Exit 0:
 * read; 1: could not; 2: the command line is wrong.
 */
#include "portcullis/scan.h"

#include "cli.h"

#include <stdio.h>
#include <stdlib.h>

#define INPUT_BYTES_MAX (1U << 30)
#define FINDINGS_MAX 65536U

struct scan_run {
    struct scan_engine *engine;
    struct scan_set *set;
    struct scan_scratch *scratch;
    struct scan_types types;
    struct scan_plan plan;
    struct scan_action action;
    struct scan_keys keys;
    struct scan_findings findings;
    struct buf out;
    unsigned score_min;
    bool is_redact, is_injection, is_topics;
};

static bool parse(struct scan_run *run, int argc, char **argv, struct issue *issue);
static bool parse_flag(struct scan_run *run, int argc, char **argv, int *at, struct issue *issue);
static bool set_action(struct scan_run *run, enum scan_action_kind kind, struct str format,
                       struct issue *issue);
static bool add_types(struct scan_types *types, struct str list, struct issue *issue);
static bool read_all(struct buf *in);
static enum err scan_input(struct scan_run *run, struct str input);
static bool is_line_json(struct str line, struct arena *arena, struct json_doc *doc);
static enum err scan_one(struct scan_run *run, yyjson_val *id, struct str text);
static void write_findings(struct scan_run *run, struct str text);
static void write_injection(struct scan_run *run, struct str text);
static void write_topics(struct scan_run *run, struct str text);

int cli_scan(int argc, char **argv)
{
    struct scan_run run = {.score_min = 600};
    struct issue issue = {.message = ""};
    struct buf in;
    buf_init(&in, INPUT_BYTES_MAX);
    buf_init(&run.out, INPUT_BYTES_MAX);
    run.findings.capacity = FINDINGS_MAX;
    run.findings.items = calloc(FINDINGS_MAX, sizeof(*run.findings.items));
    int status = 1;
    if (argc >= 2 && str_eq(str_from(argv[1]), STR("--list"))) {
        bool is_markdown = argc == 3 && str_eq(str_from(argv[2]), STR("markdown"));
        bool is_known =
            argc == 2 || is_markdown || (argc == 3 && str_eq(str_from(argv[2]), STR("json")));
        status = is_known ? cli_scan_list(is_markdown) : cli_usage(argv[0]);
    } else if (!parse(&run, argc, argv, &issue)) {
        if (issue.message[0] != '\0') {
            fprintf(stderr, "portcullis scan: %s\n", issue.message);
        }
        status = cli_usage(argv[0]);
    } else if (run.findings.items != NULL && read_all(&in) &&
               scan_engine_new(&run.engine) == ERR_OK) {
        struct scan_spec spec = {.types = run.types};
        bool is_ready = scan_set_new(run.engine, &spec, &run.set, &issue) == ERR_OK &&
                        scan_scratch_new(&run.scratch) == ERR_OK;
        enum err err = is_ready ? scan_input(&run, buf_str(&in)) : ERR_MEMORY;
        status = err == ERR_OK ? 0 : 1;
        if (err != ERR_OK) {
            fprintf(stderr, "portcullis scan: %s\n", err_name(err));
        }
    }
    scan_set_free(run.set);
    scan_engine_free(run.engine);
    scan_scratch_free(run.scratch);
    free(run.findings.items);
    buf_fini(&in);
    buf_fini(&run.out);
    return status;
}

static bool parse(struct scan_run *run, int argc, char **argv, struct issue *issue)
{
    bool has_types = false;
    for (int i = 1; i < argc; i++) {
        struct str arg = str_from(argv[i]);
        if (str_eq(arg, STR("--types")) && i + 1 < argc) {
            has_types = true;
            i++;
            if (!add_types(&run->types, str_from(argv[i]), issue)) {
                return false;
            }
        } else if (!parse_flag(run, argc, argv, &i, issue)) {
            return false;
        }
    }
    if (!has_types && !add_types(&run->types, STR("default"), issue)) {
        return false;
    }
    scan_plan_init(&run->plan, &run->action, 1);
    run->plan.score_min = run->score_min;
    scan_plan_set(&run->plan, &run->types, 0);
    run->keys.hash_key = STR("portcullis scan");
    return true;
}

static bool parse_flag(struct scan_run *run, int argc, char **argv, int *at, struct issue *issue)
{
    static const struct {
        const char *flag;
        enum scan_action_kind kind;
    } kinds[] = {{"--redact", SCAN_REDACT},
                 {"--mask", SCAN_MASK},
                 {"--hash", SCAN_HASH},
                 {"--pseudonym", SCAN_PSEUDONYM}};
    struct str arg = str_from(argv[*at]);
    uint64_t score;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (str_eq(arg, str_from(kinds[i].flag))) {
            return set_action(run, kinds[i].kind, STR_NONE, issue);
        }
    }
    if (str_starts(arg, STR("--redact="))) {
        return set_action(run, SCAN_REDACT, str_sub(arg, 9, arg.len), issue);
    }
    if (str_eq(arg, STR("--injection"))) {
        run->is_injection = true;
    } else if (str_eq(arg, STR("--topics"))) {
        run->is_topics = true;
    } else if (str_eq(arg, STR("--score")) && *at + 1 < argc) {
        if (str_to_u64(str_from(argv[++*at]), &score) != ERR_OK || score > 1000) {
            issue_set(issue, "", "--score must be a whole number from 0 to 1000, not \"%s\"",
                      argv[*at]);
            return false;
        }
        run->score_min = (unsigned)score;
    } else {
        issue_set(issue, "", "\"%s\" is not understood here", argv[*at]);
        return false;
    }
    return true;
}

static bool set_action(struct scan_run *run, enum scan_action_kind kind, struct str format,
                       struct issue *issue)
{
    if (run->is_redact) {
        issue_set(issue, "", "--redact, --mask, --hash and --pseudonym exclude each other");
        return false;
    }
    run->is_redact = true;
    run->action.kind = kind;
    run->action.format = format.ptr != NULL ? format : run->action.format;
    return true;
}

static bool add_types(struct scan_types *types, struct str list, struct issue *issue)
{
    while (list.len > 0) {
        struct str name = str_trim(str_cut(&list, ','), " ");
        if (scan_types_add(types, name, issue) != ERR_OK) {
            return false;
        }
    }
    return true;
}

static bool read_all(struct buf *in)
{
    size_t got;
    do {
        char *room = buf_reserve(in, 64U << 10);
        if (room == NULL) {
            fputs("portcullis scan: the input is too long; at most 1 GiB\n", stderr);
            return false;
        }
        got = fread(room, 1, 64U << 10, stdin);
        buf_commit(in, got);
    } while (got > 0);
    return true;
}

/* NDJSON when the first line is an object with a text; otherwise one text. */
static enum err scan_input(struct scan_run *run, struct str input)
{
    struct arena arena;
    arena_init(&arena, 256U << 20);
    struct str rest = input;
    struct json_doc doc;
    struct str first = str_cut(&rest, '\n');
    enum err err = ERR_OK;
    if (!is_line_json(first, &arena, &doc)) {
        err = scan_one(run, NULL, input);
        arena_fini(&arena);
        return err;
    }
    rest = input;
    while (rest.len > 0 && err == ERR_OK) {
        struct str line = str_trim(str_cut(&rest, '\n'), " \t\r");
        arena_reset(&arena);
        if (line.len == 0) {
            continue;
        }
        if (!is_line_json(line, &arena, &doc)) {
            fputs("portcullis scan: a line is not a JSON object with a \"text\"\n", stderr);
            err = ERR_SYNTAX;
            break;
        }
        err =
            scan_one(run, json_get(doc.root, STR("id")), json_str(json_get(doc.root, STR("text"))));
    }
    arena_fini(&arena);
    return err;
}

static bool is_line_json(struct str line, struct arena *arena, struct json_doc *doc)
{
    struct issue issue;
    line = str_trim(line, " \t\r");
    return line.len > 0 && line.ptr[0] == '{' &&
           json_parse(arena, line, &json_limits_default, doc, &issue) == ERR_OK &&
           json_str(json_get(doc->root, STR("text"))).ptr != NULL;
}

static enum err scan_one(struct scan_run *run, yyjson_val *id, struct str text)
{
    run->findings.count = 0;
    run->findings.is_truncated = run->findings.is_too_deep = false;
    TRY(scan_text(run->set, run->scratch, text, SCAN_VIEW_ALL, &run->findings));
    buf_clear(&run->out);
    run->keys.names_count = 0;
    bool is_text = id == NULL && run->is_redact && !run->is_injection && !run->is_topics;
    if (is_text) {
        TRY(scan_rewrite(&run->plan, &run->keys, text, &run->findings, &run->out));
        fwrite(run->out.ptr, 1, run->out.len, stdout);
        return ERR_OK;
    }
    buf_add_byte(&run->out, '{');
    if (id != NULL) {
        buf_add(&run->out, STR("\"id\":"));
        json_write_val(&run->out, id);
        buf_add_byte(&run->out, ',');
    }
    if (run->is_redact) {
        struct buf edited;
        buf_init(&edited, INPUT_BYTES_MAX);
        enum err err = scan_rewrite(&run->plan, &run->keys, text, &run->findings, &edited);
        buf_add(&run->out, STR("\"text\":"));
        json_write_str(&run->out, buf_str(&edited));
        buf_add_byte(&run->out, ',');
        buf_fini(&edited);
        TRY(err);
    }
    scan_findings_resolve(&run->findings, NULL, run->score_min);
    write_findings(run, text);
    if (run->is_injection) {
        write_injection(run, text);
    }
    if (run->is_topics) {
        write_topics(run, text);
    }
    buf_add(&run->out, STR("}\n"));
    TRY(run->out.err);
    fwrite(run->out.ptr, 1, run->out.len, stdout);
    return ERR_OK;
}

static void write_findings(struct scan_run *run, struct str text)
{
    size_t at = 0;
    size_t characters = 0; /* code points before `at` */
    buf_add(&run->out, STR("\"findings\":["));
    for (size_t i = 0; i < run->findings.count; i++) {
        const struct scan_finding *f = &run->findings.items[i];
        struct scan_detector_info info = scan_detector_info(f->id);
        for (; at < f->start; at++) {
            characters += ((unsigned char)text.ptr[at] & 0xc0) != 0x80;
        }
        size_t length = 0;
        for (size_t k = f->start; k < f->end; k++) {
            length += ((unsigned char)text.ptr[k] & 0xc0) != 0x80;
        }
        buf_printf(&run->out,
                   "%s{\"type\":\"%s\",\"detector\":\"%s\",\"start\":%zu,\"end\":%zu,"
                   "\"score\":%u.%03u}",
                   i > 0 ? "," : "", info.type, info.name, characters, characters + length,
                   f->score / 1000U, f->score % 1000U);
    }
    buf_add_byte(&run->out, ']');
    if (run->findings.is_truncated) {
        buf_add(&run->out, STR(",\"truncated\":true"));
    }
    if (run->findings.is_too_deep) {
        buf_add(&run->out, STR(",\"too_deep\":true"));
    }
}

static void write_injection(struct scan_run *run, struct str text)
{
    struct scan_injection in;
    if (scan_injection(run->engine, run->scratch, text, &in) == ERR_OK) {
        buf_printf(&run->out, ",\"injection\":{\"score\":%u.%03u,\"rules\":%u,\"model\":%u.%03u}",
                   in.score / 1000U, in.score % 1000U, in.rules, in.model / 1000U,
                   in.model % 1000U);
    }
}

static void write_topics(struct scan_run *run, struct str text)
{
    unsigned scores[SCAN_TOPICS_MAX];
    if (scan_topics(run->engine, run->scratch, text, scores) != ERR_OK) {
        return;
    }
    buf_add(&run->out, STR(",\"topics\":{"));
    bool is_first = true;
    for (size_t i = 0; scan_topic_name(i) != NULL; i++) {
        if (scores[i] > 0) {
            buf_printf(&run->out, "%s\"%s\":%u.%03u", is_first ? "" : ",", scan_topic_name(i),
                       scores[i] / 1000U, scores[i] % 1000U);
            is_first = false;
        }
    }
    buf_add_byte(&run->out, '}');
}
