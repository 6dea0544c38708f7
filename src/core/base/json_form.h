/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of base: the form of a JSON text, which is all of it but what its strings and
 * numbers say. Texts of the same form are read by comparing what is between these.
 */
#ifndef PORTCULLIS_BASE_JSON_FORM_H
#define PORTCULLIS_BASE_JSON_FORM_H

#include "portcullis/base.h"

#define JSON_FORM_BYTES 4096U
#define JSON_FORM_VALUES 256U

struct json_form {
    uint16_t len, tail, values_count; /* 0 bytes: no form; behind the last string or number */
    uint16_t strings_count;           /* names are not counted */
    unsigned depth;
    /* As the parser left them, but a name says where in `bytes` it is, and a string or
     * number where what it says was left out, and nothing else. */
    yyjson_val values[JSON_FORM_VALUES];
    char bytes[JSON_FORM_BYTES];
};

/* Of a document that json_parse accepted. False, and no form: it is not an object or array,
 * a name has an escape, or it is too large. */
bool json_form_learn(struct json_form *f, const struct json_doc *doc);

/* True: the text has this form, and *ret_doc is what json_parse would make of it, with strings
 * that have no escape where they are in the text. False: json_parse has to say. */
bool json_form_read(const struct json_form *f, struct arena *a, struct str text,
                    const struct json_limits *limits, struct json_doc *ret_doc);

#endif
