/* SPDX-License-Identifier: Apache-2.0
 *
 * portcullis api reference: the management API as Markdown, made from the route
 * table and the field lists, which the program itself runs on; src/docs/api.md is
 * this text, and a test of the suite `docs` compares the two. It opens no database.
 * One thread; nothing is kept.
 */
#include "cli.h"

#include <stdio.h>
#include <string.h>

static void print_route(const struct manage_route *r);
static void print_roles(unsigned roles);
static void print_fields(const struct manage_route *r);
static void print_field(const struct manage_field *f);

int cli_reference(void)
{
    size_t count;
    const struct manage_route *routes = manage_routes(&count);
    printf("# Management API\n\n"
           "This page is the output of `portcullis api reference`: it is made from the table the\n"
           "program itself routes by. The same as OpenAPI 3.1: `GET /openapi.json`.\n\n"
           "Every request carries `Authorization: Bearer KEY`. The key needs the scope `manage`\n"
           "and one of the roles named. Bodies are JSON; an unknown member is an error. Lists\n"
           "take `limit` (at most %d; without it 100, of policies all) and `cursor`, and answer\n"
           "`data` and `next_cursor`. A change may carry `Prefer: wait=SECONDS` (at most %d): the\n"
           "answer then comes when every gateway enforces it. A change of a policy may carry\n"
           "`If-Match` or `If-None-Match` with `*` or versions of its `ETag`, and is refused with\n"
           "412 where that does not hold; with another change they are an error, as is a query\n"
           "parameter that the operation does not name or that comes twice. `items` names the\n"
           "documented behaviours of an operation.\n",
           MANAGE_LIMIT_MAX, MANAGE_WAIT_MAX_S);
    for (size_t i = 0; i < count; i++) {
        print_route(&routes[i]);
    }
    return 0;
}

static void print_route(const struct manage_route *r)
{
    bool is_question = str_ends(str_from(r->summary), STR("?"));
    printf("\n## %s %s\n\n%s%s Success: %u. ", wire_method_name(r->method), r->pattern,
           r->summary, is_question ? "" : ".", r->status);
    print_roles(r->roles);
    if (r->items != NULL) {
        printf("Items: %s.\n", r->items);
    }
    if (r->example != NULL) {
        printf("\n```json\n%s\n```\n", r->example);
    }
    for (const struct manage_example *e = r->more_examples; e != NULL && e->name != NULL; e++) {
        printf("\n```json\n%s\n```\n", e->body);
    }
    print_fields(r);
}

static void print_roles(unsigned roles)
{
    if (roles == 0) {
        printf("No key needed.\n");
        return;
    }
    printf("Roles:");
    for (unsigned bit = MANAGE_MEMBER; bit <= MANAGE_OWNER; bit <<= 1) {
        if ((roles & bit) != 0) {
            printf(" %s", manage_role_name((enum manage_role)bit));
        }
    }
    printf(".\n");
}

/* The members a request may have, where they are a plain list. */
static void print_fields(const struct manage_route *r)
{
    const struct manage_collection *c = manage_collection_find(r->collection);
    bool is_write = r->kind == MANAGE_ITEM_CREATE || r->kind == MANAGE_KEY_CREATE;
    if (c == NULL || !is_write) {
        return;
    }
    printf("\n| member | kind | meaning |\n|---|---|---|\n");
    for (size_t i = 0; i < c->fields_count; i++) {
        if ((c->fields[i].flags & (MANAGE_READ_ONLY | MANAGE_OPERATOR)) == 0) {
            print_field(&c->fields[i]);
        }
    }
}

static void print_field(const struct manage_field *f)
{
    printf("| `%s` | %s | %s%s", f->member, manage_field_json_type(f->type),
           (f->flags & MANAGE_REQUIRED) != 0 ? "required; " : "",
           (f->flags & MANAGE_FIXED) != 0 ? "cannot be changed later; " : "");
    for (size_t i = 0; f->words != NULL && f->words[i] != NULL; i++) {
        printf("%s`%s`", i == 0 ? "one of " : " ", f->words[i]);
    }
    if (f->refers != NULL) {
        printf("names one of %s", f->refers);
    }
    printf(" |\n");
}
