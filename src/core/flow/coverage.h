/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables of places, one for requests, for answers and for streams, each with an example.
 * In an example ' stands for a quote, ` for one inside JSON inside a string, @ for the text.
 * Of a request it is the members besides the model; of an answer the whole JSON; of a
 * stream the data of its events, one a line, without beginning and end.
 */
#ifndef PORTCULLIS_FLOW_COVERAGE_H
#define PORTCULLIS_FLOW_COVERAGE_H

#include "portcullis/flow.h"

#define COVERAGE_HOLE '@'

#define ON(e) (1u << (e))
#define ON_CHAT ON(LLM_CHAT)
#define ON_COMPLETIONS ON(LLM_COMPLETIONS)
#define ON_RESPONSES ON(LLM_RESPONSES)
#define ON_MESSAGES ON(LLM_MESSAGES)
#define ON_RESPONSES_INPUT (ON(LLM_RESPONSES) | ON(LLM_INPUT_TOKENS))
#define ON_MESSAGES_INPUT (ON(LLM_MESSAGES) | ON(LLM_COUNT_TOKENS))
#define ON_INPUTS (ON(LLM_EMBEDDINGS) | ON(LLM_MODERATIONS))
#define ON_ALL ((1u << LLM_ENDPOINTS_COUNT) - 1)

/* way, part, endpoints, name, example */
#define PLACE(w, p, on, n, x)                                                                      \
    .way = FLOW_##w, .part = FLOW_PART_##p, .endpoints = (on), .name = (n), .example = x

extern const struct flow_place coverage_requests[];
extern const size_t coverage_requests_count;
extern const struct flow_place coverage_answers[];
extern const size_t coverage_answers_count;
extern const struct flow_place coverage_streams[];
extern const size_t coverage_streams_count;

#endif
