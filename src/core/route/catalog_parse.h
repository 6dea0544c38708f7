/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of this room: the two catalogue documents -> the tables of struct
 * route_catalog. The results live in the catalogue's arena and point into the
 * documents. Control thread.
 */
#ifndef PORTCULLIS_ROUTE_CATALOG_PARSE_H
#define PORTCULLIS_ROUTE_CATALOG_PARSE_H

#include "catalog.h"

/* Fills providers. ERR_SYNTAX, ERR_INVALID or ERR_LIMIT with the issue set. */
MUST_USE enum err catalog_parse_providers(struct route_catalog *c, struct str text,
                                          struct issue *ret_issue);
/* Fills models and their aliases; the providers must be indexed already. */
MUST_USE enum err catalog_parse_models(struct route_catalog *c, struct str text,
                                       struct issue *ret_issue);

#endif
