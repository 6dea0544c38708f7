/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: what the spool hands back. Either it is not a record, or writing what
 * was read gives the same bytes: nothing is guessed, nothing is lost (a record of an
 * older version is written as one of today's, and that again as itself). What is read
 * must also be showable as JSON of our own strict reader when its texts are UTF-8
 * (json_write_str makes them so).
 */
#include "portcullis/audit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(struct buf *out, const struct audit_record *r)
{
    buf_clear(out);
    if (r->kind == AUDIT_DECISION) {
        audit_decision_write(out, &r->decision);
    } else {
        audit_outcome_write(out, &r->outcome);
    }
    ASSERT(out->err == ERR_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size};
    struct arena a;
    struct audit_record r;
    struct buf out;
    arena_init(&a, 8u << 20);
    buf_init(&out, 8u << 20);
    if (audit_record_read(&a, bytes, &r) == ERR_OK) {
        struct audit_record again;
        write_again(&out, &r);
        ASSERT(out.ptr[0] != bytes.ptr[0] || str_eq(buf_str(&out), bytes));
        struct str copy = arena_str(&a, buf_str(&out));
        ASSERT(audit_record_read(&a, copy, &again) == ERR_OK);
        write_again(&out, &again);
        ASSERT(str_eq(buf_str(&out), copy));
        buf_clear(&out);
        struct audit_decision none = {.request_id = STR("req_1")};
        bool is_decision = r.kind == AUDIT_DECISION;
        audit_decision_write_json(&out, is_decision ? &r.decision : &none,
                                  is_decision ? NULL : &r.outcome);
        struct json_doc doc;
        struct issue issue;
        ASSERT(out.err == ERR_OK);
        ASSERT(json_parse(&a, buf_str(&out), &json_limits_default, &doc, &issue) == ERR_OK);
    }
    buf_fini(&out);
    arena_fini(&a);
    return 0;
}
