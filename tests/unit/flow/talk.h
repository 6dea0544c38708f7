/* SPDX-License-Identifier: Apache-2.0
 *
 * Conversations that several tests of the path hold: what a client asks and what a
 * provider answers, as literals. Bodies only; the framing belongs to each test.
 */
#ifndef PORTCULLIS_TEST_TALK_H
#define PORTCULLIS_TEST_TALK_H

#define TALK_OPEN "{\"name\":\"Default\",\"rules\":{\"minimumTrustTier\":\"trusted\"}}"
#define TALK_WARN                                                                                  \
    "{\"name\":\"Warn\",\"tagSlot\":2,\"rules\":{\"requireBaa\":true,\"enforcement\":\"warn\"}}"

#define TALK_CHAT(model, rest)                                                                     \
    "{\"model\":\"" model "\"" rest ",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}"
#define TALK_STREAM ",\"stream\":true"
#define TALK_CHAT_ANSWER                                                                           \
    "{\"id\":\"c1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"gpt-4o\","            \
    "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"hi there\"},"     \
    "\"finish_reason\":\"stop\",\"logprobs\":null}],\"usage\":{\"prompt_tokens\":5,"               \
    "\"completion_tokens\":2,\"total_tokens\":7}}"
#define TALK_CHUNK                                                                                 \
    "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":"            \
    "\"gpt-4o\",\"choices\":"
#define TALK_CHAT_DELTA                                                                            \
    TALK_CHUNK "[{\"index\":0,\"delta\":{\"content\":\"Hello\"},\"finish_reason\":null}]}\n\n"
#define TALK_CHAT_STOP TALK_CHUNK "[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define TALK_CHAT_USAGE                                                                            \
    TALK_CHUNK "[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1,\"total_tokens\":4}}\n\n"
#define TALK_DONE "data: [DONE]\n\n"
#define TALK_CHAT_EVENTS TALK_CHAT_DELTA TALK_CHAT_STOP TALK_CHAT_USAGE TALK_DONE

#define TALK_MESSAGES(model, rest)                                                                 \
    "{\"model\":\"" model "\",\"max_tokens\":9" rest                                               \
    ",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}"
#define TALK_MESSAGE                                                                               \
    "{\"id\":\"m1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"" TALK_CLAUDE "\","
#define TALK_MESSAGES_ANSWER                                                                       \
    TALK_MESSAGE "\"content\":[{\"type\":\"text\",\"text\":\"hi there\"}],\"stop_reason\":"        \
                 "\"end_turn\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":5,"              \
                 "\"output_tokens\":2}}"
#define TALK_EVENT(name, rest) "event: " name "\ndata: {\"type\":\"" name "\"" rest "}\n\n"
#define TALK_MESSAGES_EVENTS                                                                       \
    TALK_EVENT("message_start",                                                                    \
               ",\"message\":" TALK_MESSAGE "\"content\":[],\"stop_reason\":null,"                 \
               "\"stop_sequence\":null,\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}")       \
    TALK_EVENT("content_block_start",                                                              \
               ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}")                 \
    TALK_EVENT("content_block_delta",                                                              \
               ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hello\"}")              \
    TALK_EVENT("content_block_stop", ",\"index\":0")                                               \
    TALK_EVENT("message_delta",                                                                    \
               ",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{"      \
               "\"output_tokens\":2}")                                                             \
    TALK_EVENT("message_stop", "")

#define TALK_CLAUDE "claude-sonnet-4-5"
#endif
