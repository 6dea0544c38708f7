/* SPDX-License-Identifier: Apache-2.0
 *
 * The fixture of the tests of the step inspect: an organisation under all the rules of
 * rules.h, and what every exchange has to show for itself. Each test has its own copy.
 */
#ifndef PORTCULLIS_TEST_INSPECTED_H
#define PORTCULLIS_TEST_INSPECTED_H

#include <stdio.h>

#include "rules.h"

static struct path p;

static const char *const governance[] = {TALK_OPEN, TALK_WARN, NULL};

static inline int set_up(void **state)
{
    (void)state;
    const struct policy all[] = {pii, filter, warn};
    path_set_up_with(&p, governance, all, 3);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    path_tear_down(&p);
    return 0;
}

static inline void expect_accounted(const char *decision, const char *outcome)
{
    assert_true(p.is_done);
    assert_int_equal(p.decisions, 1);
    assert_int_equal(p.outcomes, 1);
    assert_true(str_eq(p.decision.decision, str_from(decision)));
    assert_true(str_eq(p.outcome.outcome, str_from(outcome)));
}

static inline void expect_length_is_true(void)
{
    struct str sent = buf_str(&p.provider);
    size_t head = (size_t)str_find_str(sent, STR("\r\n\r\n")) + 4;
    char field[64];
    snprintf(field, sizeof(field), "content-length: %zu\r\n", sent.len - head);
    assert_true(path_provider_has(&p, field));
}

#endif
