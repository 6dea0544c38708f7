/* SPDX-License-Identifier: Apache-2.0
 *
 * recognise: the protocol with an external recogniser, which finds what no pattern can
 * (names of persons, addresses). Texts -> one JSON body; its JSON answer -> findings, or
 * why it cannot be believed. No rule asks for one yet: flow is to POST the request as a
 * call before the provider's, and content to take the findings.
 *
 * Pure. What comes back is a stranger's word: it is read strictly and bounded, offsets
 * are checked against the texts, and an answer with one mistake is no answer. Nothing of
 * it but numbers and our own type names goes on.
 *
 * GLOSSARY  type: a name the rule asks for ("person"), lower case; the answer may hold no
 * other. character: a Unicode code point; offsets in the protocol count these, offsets
 * here count bytes.
 *
 * EXAMPLE
 *     recognise_request_write(&out, &ask);                      POST out
 *     TRY(recognise_answer_read(arena, body, &ask, &found, &found_count, &issue));
 */
#ifndef PORTCULLIS_RECOGNISE_H
#define PORTCULLIS_RECOGNISE_H

#include "portcullis/base.h"

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

/* a-z, digits, '_'; begins with a letter; 1 to RECOGNISE_TYPE_BYTES_MAX bytes. */
bool recognise_type_is_valid(struct str type);
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
