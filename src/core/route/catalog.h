/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of the catalogue, shared by the files of this room only: the tables
 * that the parser fills and the resolver reads.
 *
 * A chain is the list of models that answer to one key, kept in candidate
 * order: the owner's own row first, then provider order, then newest date. All
 * memory is the catalogue's arena; read-only once route_catalog_new returned.
 */
#ifndef PORTCULLIS_ROUTE_CATALOG_H
#define PORTCULLIS_ROUTE_CATALOG_H

#include "portcullis/route.h"

struct chain_node {
    unsigned model;
    struct chain_node *next;
};
struct chain {
    struct chain_node *head;
};

struct route_catalog {
    struct arena arena;
    struct json_doc providers_doc, models_doc;
    struct route_provider *providers;
    size_t providers_count;
    struct route_model *models;
    size_t models_count;
    const struct str **aliases; /* per model */
    size_t *aliases_count;
    uint32_t *dates;            /* per model: YYYYMMDD of the name's date, 0 = none */
    bool *is_own;               /* per model: the provider is the model's maker */
    struct map provider_by_name; /* slug or alias -> struct route_provider */
    struct map by_name, by_alias, by_family; /* -> struct chain */
    struct chain by_provider[ROUTE_PROVIDERS_MAX];
};

/* The name without its date: "claude-3-haiku" of "claude-3-haiku-20240307".
 * STR_NONE when it carries none. *ret_date is comparable, 0 when it has no year. */
struct str family_of(struct str name, uint32_t *ret_date);

#endif
