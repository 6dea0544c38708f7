/* SPDX-License-Identifier: Apache-2.0
 *
 * One content rule about answers for each action, in a policy as a codec would have read
 * it, and an organisation that has just this one.
 */
#ifndef PORTCULLIS_TEST_ANSWER_RULES_H
#define PORTCULLIS_TEST_ANSWER_RULES_H

#include "path.h"
#include "talk.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define EMAIL "jane.doe@acme.com"

static const char *const governance[] = {TALK_OPEN, NULL};
static const struct str types[] = {STR_INIT("email"), STR_INIT("ssn"), STR_INIT("credit_card")};
static const struct str words[] = {STR_INIT("bluebird")};

/* ---- policies ------------------------------------------------------------------------ */

enum action { MASK, REDACT, HASH, PSEUDONYM, BLOCK, WARN, BUFFER, BUFFER_BLOCK, NEED, ACTIONS };

#define PII(what, how)                                                                             \
    .kind = CONTENT_PII, .effect = (what), .stages = CONTENT_RESPONSE, .method = (how),            \
    .types = {types, COUNT(types), true}

static const struct content_rule rules[ACTIONS] = {
    [MASK] = {PII(CONTENT_MODIFY, SCAN_MASK)},
    [REDACT] = {PII(CONTENT_MODIFY, SCAN_REDACT), .format = STR_INIT("<{TYPE}>")},
    [HASH] = {PII(CONTENT_MODIFY, SCAN_HASH)},
    [PSEUDONYM] = {.kind = CONTENT_PII,
                   .effect = CONTENT_MODIFY,
                   .stages = CONTENT_REQUEST,
                   .method = SCAN_PSEUDONYM,
                   .types = {types, COUNT(types), true}},
    [BLOCK] = {PII(CONTENT_BLOCK, SCAN_KEEP)},
    [WARN] = {PII(CONTENT_WARN, SCAN_KEEP)},
    [BUFFER] = {PII(CONTENT_MODIFY, SCAN_MASK), .is_buffered = true},
    [BUFFER_BLOCK] = {PII(CONTENT_BLOCK, SCAN_KEEP), .is_buffered = true},
    [NEED] = {.kind = CONTENT_REQUIRED_TERMS,
              .effect = CONTENT_BLOCK,
              .stages = CONTENT_RESPONSE,
              .patterns = {words, COUNT(words), true}},
};

static inline void answer_rules_set_up(struct path *p, enum action a)
{
    static struct policy_rule rule;
    static struct policy policy;
    static const enum policy_effect effects[] = {
        [CONTENT_INFO] = POLICY_INFO,
        [CONTENT_WARN] = POLICY_WARN,
        [CONTENT_MODIFY] = POLICY_MODIFY,
        [CONTENT_BLOCK] = POLICY_BLOCK,
    };
    rule = (struct policy_rule){.key = STR_INIT("it"),
                                .type = a == NEED ? POLICY_REQUIRED_TERMS : POLICY_PII,
                                .effect = effects[rules[a].effect],
                                .severity = POLICY_VIOLATION,
                                .stage = a == PSEUDONYM ? POLICY_REQUEST : POLICY_RESPONSE,
                                .is_enabled = true,
                                .content = &rules[a]};
    policy = (struct policy){.id = STR_INIT("answers"),
                             .name = STR_INIT("Answers"),
                             .origin = POLICY_NATIVE,
                             .status = POLICY_ACTIVE,
                             .priority = 10,
                             .version = 3,
                             .rules = &rule,
                             .rules_count = 1};
    path_set_up_with(p, governance, &policy, 1);
}

#endif
