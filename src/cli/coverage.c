/* SPDX-License-Identifier: Apache-2.0
 *
 * portcullis coverage: which rules read which texts, operation by operation, whole and
 * streamed, tool arguments included. Every row is found out by the readers the gateway
 * runs on, when the command runs; src/docs/coverage.md is its text, and a test of the
 * suite `docs` compares the two. It opens no database.
 */
#include "cli.h"

#include "portcullis/flow.h"

#include <stdio.h>
#include <string.h>

#define JSON_BYTES_MAX (16U << 20)

static const enum policy_rule_type columns[] = {POLICY_PII, POLICY_TERMS, POLICY_REQUIRED_TERMS,
                                                POLICY_TOPICS, POLICY_INJECTION};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static bool print_markdown(void);
static void print_legend(void);
static void print_types(void);
static bool print_endpoint(enum llm_endpoint e);
static bool print_row(const struct flow_place *p, enum llm_endpoint e);
static void print_reading(const struct flow_coverage *c);
static bool print_json(void);
static bool write_place(struct buf *out, const struct flow_place *p, enum llm_endpoint e);
static void write_cells(struct buf *out, const struct flow_place *p, const struct flow_coverage *c);
static void write_member(struct buf *out, const char *name, const char *value);
static bool fail(const struct flow_place *p, enum err e);

int cli_coverage(int argc, char **argv)
{
    bool is_json = argc == 2 && strcmp(argv[1], "--json") == 0;
    if (argc != 1 && !is_json) {
        return cli_usage(argv[0]);
    }
    bool is_good = is_json ? print_json() : print_markdown();
    return is_good && ferror(stdout) == 0 ? 0 : 1;
}

static bool fail(const struct flow_place *p, enum err e)
{
    fprintf(stderr, "portcullis: coverage: %s: %s\n", p->name, err_name(e));
    return false;
}

/* ---- for people ------------------------------------------------------------------------ */

static bool print_markdown(void)
{
    print_legend();
    print_types();
    for (unsigned e = 0; e < LLM_ENDPOINTS_COUNT; e++) {
        if (!print_endpoint((enum llm_endpoint)e)) {
            return false;
        }
    }
    return true;
}

/* lint: table */
static void print_legend(void)
{
    puts("# What is read where\n\n"
         "This page is the output of `portcullis coverage`. No cell of it is written by hand:\n"
         "the program gives an example of each place to the readers that it runs on and says\n"
         "what they made of it. A test drives every row through the whole path, with a text that\n"
         "a rule must find and with one that it must not. `portcullis coverage --json` has the\n"
         "examples.\n\n"
         "A request is read in the words of the caller's API and an answer in those of the\n"
         "provider's, before either is translated; so chat at an Anthropic provider has the\n"
         "requests of *chat* and the answers of *messages*, and the other way round.\n\n"
         "| word | meaning |\n|---|---|\n"
         "| edits | found; the rule may block, warn, or replace what it found |\n"
         "| blocks | found; the rule may block or warn |\n"
         "| ends | judged as it grows and when it is over; a stream then ends in an error, and "
         "what was said before it is out, unless a rule says `\"buffer\": \"full\"` |\n"
         "| unscannable | nobody can read it: the rule's `on_unscannable` decides |\n"
         "| left out | taken out of the answer when a rule edits or blocks |\n"
         "| refused | the request is refused where a rule would have to read it |\n"
         "| - | not looked at by this kind of rule |\n");
    puts("*Read*: `whole`, at once; `as it grows`, event by event, with what may still become a\n"
         "finding held back, or whole where a rule says `\"buffer\": \"full\"`, requires terms or\n"
         "asks an external recogniser. Both in every view (letters folded, look-alikes, markup,\n"
         "encodings), and what a rule finds and edits is the same. `JSON` stands in a string and\n"
         "is read as JSON: its names, texts and numbers.\n"
         "`+ unscannable`: it is read, and what it leads to is a matter of `on_unscannable`\n"
         "besides. Topics and injection are not asked of names and numbers, nor in a request of\n"
         "what the application and the model said before. A provider's error is no answer: no\n"
         "rule reads what it tells.");
}

static void print_types(void)
{
    puts("\n## Types of rules\n\n| type | where it runs |\n|---|---|");
    for (unsigned t = 0; t < POLICY_RULE_TYPES_COUNT; t++) {
        enum policy_rule_type type = (enum policy_rule_type)t;
        printf("| `%s` | %s |\n", policy_rule_type_name(type),
               !policy_rule_type_runs(type)        ? "nowhere: it cannot be stored in this version"
               : policy_rule_type_is_content(type) ? "on texts, as below"
                                                   : "every operation, streamed or not, before the "
                                                     "call");
    }
}

static bool print_endpoint(enum llm_endpoint e)
{
    printf("\n## %s\n\n", llm_endpoint_name(e));
    if (!flow_way_exists(e, FLOW_STREAM)) {
        puts("Its answer is never a stream; `\"stream\": true` is refused.\n");
    }
    printf("| way | part | place | read |");
    for (size_t i = 0; i < COLUMNS; i++) {
        printf(" %s |", policy_rule_type_name(columns[i]));
    }
    puts("\n|---|---|---|---|---|---|---|---|---|");
    const struct flow_place *p;
    for (size_t i = 0; (p = flow_place_at(i)) != NULL; i++) {
        if ((p->endpoints >> e & 1) != 0 && !print_row(p, e)) {
            return false;
        }
    }
    return true;
}

static bool print_row(const struct flow_place *p, enum llm_endpoint e)
{
    struct flow_coverage c;
    enum err err = flow_coverage_of(p, e, &c);
    if (err != ERR_OK) {
        return fail(p, err);
    }
    printf("| %s | %s | `%s` | ", flow_way_name(p->way), flow_part_name(p->part), p->name);
    print_reading(&c);
    for (size_t i = 0; i < COLUMNS; i++) {
        enum flow_cell cell = flow_cell_of(columns[i], p, &c);
        printf(" | %s", cell == FLOW_CELL_NONE ? "-" : flow_cell_name(cell));
    }
    puts(" |");
    return true;
}

static void print_reading(const struct flow_coverage *c)
{
    bool is_read = c->reading == FLOW_READ_WHOLE || c->reading == FLOW_READ_GROWING;
    printf("%s%s%s", flow_reading_name(c->reading), is_read && c->is_json ? ", JSON" : "",
           is_read && c->is_unscannable ? " + unscannable" : "");
}

/* ---- for programs ------------------------------------------------------------------------ */

static bool print_json(void)
{
    struct buf out;
    const struct flow_place *p;
    bool is_first = true;
    bool is_good = true;
    buf_init(&out, JSON_BYTES_MAX);
    buf_add(&out, STR("{\"places\":[\n"));
    for (unsigned e = 0; e < LLM_ENDPOINTS_COUNT; e++) {
        for (size_t i = 0; is_good && (p = flow_place_at(i)) != NULL; i++) {
            if ((p->endpoints >> e & 1) != 0) {
                buf_add(&out, is_first ? STR("") : STR(",\n"));
                is_good = write_place(&out, p, (enum llm_endpoint)e);
                is_first = false;
            }
        }
    }
    buf_add(&out, STR("\n]}\n"));
    is_good = is_good && out.err == ERR_OK;
    if (is_good) {
        fwrite(out.ptr, 1, out.len, stdout);
    }
    buf_fini(&out);
    return is_good;
}

static bool write_place(struct buf *out, const struct flow_place *p, enum llm_endpoint e)
{
    struct flow_coverage c;
    struct buf example;
    const struct str hole = STR("{text}");
    enum err err = flow_coverage_of(p, e, &c);
    if (err != ERR_OK) {
        return fail(p, err);
    }
    buf_init(&example, JSON_BYTES_MAX);
    flow_place_write(&example, &(struct flow_saying){p, e, "{model}", &hole, 1});
    buf_add(out, STR("{"));
    write_member(out, "endpoint", llm_endpoint_name(e));
    write_member(out, "way", flow_way_name(p->way));
    write_member(out, "part", flow_part_name(p->part));
    write_member(out, "place", p->name);
    write_member(out, "read", flow_reading_name(c.reading));
    buf_printf(out, "\"json\":%s,\"name\":%s,\"number\":%s,\"unscannable\":%s,\"cells\":{",
               c.is_json ? "true" : "false", c.is_key ? "true" : "false",
               c.is_number || p->is_number ? "true" : "false", c.is_unscannable ? "true" : "false");
    write_cells(out, p, &c);
    buf_add(out, STR("},\"example\":"));
    json_write_str(out, buf_str(&example));
    buf_add(out, STR("}"));
    err = example.err;
    buf_fini(&example);
    return err == ERR_OK;
}

static void write_cells(struct buf *out, const struct flow_place *p, const struct flow_coverage *c)
{
    for (unsigned t = 0; t < POLICY_RULE_TYPES_COUNT; t++) {
        enum policy_rule_type type = (enum policy_rule_type)t;
        enum flow_cell cell = flow_cell_of(type, p, c);
        buf_printf(out, "%s\"%s\":{\"does\":\"%s\"}", t == 0 ? "" : ",",
                   policy_rule_type_name(type), flow_cell_name(cell));
    }
}

static void write_member(struct buf *out, const char *name, const char *value)
{
    json_write_str(out, str_from(name));
    buf_add(out, STR(":"));
    json_write_str(out, str_from(value));
    buf_add(out, STR(","));
}
