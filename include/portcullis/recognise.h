/* SPDX-License-Identifier: Apache-2.0
 *
 * recognise: the protocol with an external recogniser, which finds what no pattern can
 * (names of persons, addresses). Texts -> one JSON body; its JSON answer -> findings, or
 * why it cannot be believed. content says what is to be asked and takes the findings; flow
 * sends the request as a call of its own.
 *
 * Pure. What comes back is a stranger's word: it is read strictly and bounded, offsets
 * are checked against the texts, and an answer with one mistake is no answer. Nothing of
 * it but numbers and our own type names goes on.
 *
 * GLOSSARY  service: one recogniser that the operator set up. type: a name it offers and a
 * rule asks for ("person"), lower case; the answer may hold no other. character: a Unicode
 * code point; offsets in the protocol count these, offsets here count bytes.
 *
 * EXAMPLE
 *     recognise_request_write(&out, &ask);                      POST out
 *     TRY(recognise_answer_read(arena, body, &ask, &found, &found_count, &issue));
 */
#ifndef PORTCULLIS_RECOGNISE_H
#define PORTCULLIS_RECOGNISE_H

#include "portcullis/base.h"
#include "portcullis/wire.h"

#define RECOGNISE_SERVICES_MAX 8U
#define RECOGNISE_TYPES_MAX 32U
#define RECOGNISE_TYPE_BYTES_MAX 64U
#define RECOGNISE_TEXTS_MAX 4096U
#define RECOGNISE_TEXT_BYTES_MAX ((size_t)4 << 20)   /* of all texts of one request */
#define RECOGNISE_ANSWER_BYTES_MAX ((size_t)4 << 20)
#define RECOGNISE_FINDINGS_MAX 16384U

struct recognise_ask {
    const struct str *types; /* as recognise_type_is_valid */
    size_t types_count;
    const struct str *texts; /* UTF-8; the id of a text is its number here */
    size_t texts_count;
};
struct recognise_finding {
    uint32_t text;  /* its number */
    uint32_t type;  /* index into the types asked for */
    size_t start, end; /* bytes; start < end, both at borders of characters */
    unsigned score; /* thousandths, 0 to 1000 */
};

/* One recogniser of the process. All borrowed, for as long as there are organisations and
 * counters. */
struct recognise_service {
    struct str name;         /* as a type; NUL-terminated */
    const struct str *types; /* as recognise_type_is_valid; no other service has them */
    size_t types_count;
    struct wire_url url;
    struct str header, credential; /* a header field and its value, secret; none = not sent */
    struct str ca_file;            /* none = the configured default */
    uint32_t connect_ms, total_ms;
};
struct recognise_services {
    const struct recognise_service *items;
    size_t count;
};
/* Which service offers a type, in any case, '-' and ' ' for '_'. False: none does; NULL
 * services offer nothing. */
bool recognise_find(const struct recognise_services *s, struct str type, size_t *ret_service,
                    size_t *ret_type);

/* How asking one ended. */
enum recognise_result {
    RECOGNISE_ANSWERED,
    RECOGNISE_NOT_ASKED,   /* by whoever runs the check: not on the path */
    RECOGNISE_TOO_MUCH,    /* the texts exceed the bounds above */
    RECOGNISE_UNREACHABLE,
    RECOGNISE_TLS,
    RECOGNISE_TIMEOUT,
    RECOGNISE_CUT,         /* the connection ended inside of the answer */
    RECOGNISE_STATUS,      /* other than 200 */
    RECOGNISE_BAD_ANSWER,  /* not HTTP, not JSON, or not to be believed */
    RECOGNISE_TOO_LARGE,   /* the answer */
    RECOGNISE_RESULTS
};
const char *recognise_result_name(enum recognise_result r); /* "timeout"; static */

/* a-z, digits, '_'; begins with a letter; 1 to RECOGNISE_TYPE_BYTES_MAX bytes. */
bool recognise_type_is_valid(struct str type);
/* Could it be one as policies write them: in any case, '-' and ' ' for '_'? */
bool recognise_type_is_name(struct str name);
/* More than one request may hold (the bounds above). */
bool recognise_is_too_much(const struct recognise_ask *ask);
/* {"types":["person"],"texts":[{"id":0,"text":"..."}]}. Errors are the buffer's. */
void recognise_request_write(struct buf *out, const struct recognise_ask *ask);
/* {"findings":[{"id":0,"type":"person","start":3,"end":9,"score":0.97}]}, sorted by text,
 * then start, then the longest. Other members of the answer and of a finding are ignored.
 * ERR_SYNTAX: not strict JSON. ERR_INVALID: a member is missing or of the wrong kind, an
 * id or a type that was not asked for, offsets outside the text, a score outside 0..1.
 * ERR_LIMIT, ERR_MEMORY. The issue's pointer says where; its message quotes nothing. */
MUST_USE enum err recognise_answer_read(struct arena *a, struct str body,
                                        const struct recognise_ask *ask,
                                        struct recognise_finding **ret, size_t *ret_count,
                                        struct issue *ret_issue);

#endif
