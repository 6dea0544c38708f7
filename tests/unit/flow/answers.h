/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers for tests of content rules: a text, or the arguments of a tool call, said in
 * pieces by a provider of any dialect, and what a client of any dialect makes of the bytes
 * it gets. The reading half shares nothing with the room under test.
 */
#ifndef PORTCULLIS_TEST_ANSWERS_H
#define PORTCULLIS_TEST_ANSWERS_H

#include "path.h"

/* Who asks and who answers. */
enum talk {
    TALK_CHAT_PLAIN,
    TALK_COMPLETIONS_PLAIN,
    TALK_RESPONSES_PLAIN,
    TALK_MESSAGES_PLAIN,
    TALK_CHAT_OF_MESSAGES, /* a chat client, a provider of messages */
    TALK_MESSAGES_OF_CHAT,
    TALKS
};
bool talk_has_tools(enum talk t);

/* What is said: pieces of one string. */
struct speech {
    const struct str *pieces;
    size_t count;
    bool is_tool; /* the pieces are of a tool's arguments */
};

/* Sends the request of a stream (or not), with `prompt` as its text. */
void talk_ask(struct path *p, enum talk t, bool is_stream, const char *prompt);
/* The provider's bytes, head included: a stream that says the speech, cut into reads of
 * `step` bytes (0 = at once); its end as well. */
void talk_answer(struct path *p, enum talk t, const struct speech *s, size_t step);
/* The bytes of such a stream, for tests that change them. */
void talk_write(struct buf *out, enum talk t, const struct speech *s);
/* The same said in one JSON body. */
void talk_answer_json(struct path *p, enum talk t, const struct speech *s);

/* What a client of the dialect reads. */
struct heard {
    unsigned status;
    struct buf text; /* all pieces, text or arguments */
    size_t events;
    size_t said_after_end; /* pieces behind the reason to finish */
    bool is_finished;      /* with a reason */
    bool is_over;          /* the dialect's last event */
    bool has_error;
    bool is_cut;           /* the body did not end properly */
    struct str error_code; /* in the arena */
    struct str body;       /* after the head, chunks put together; in the arena */
    size_t repeats;        /* whole texts beside the pieces */
    bool repeats_differ;   /* one of them is not what the pieces said */
    struct arena arena;
};
void talk_hear(struct path *p, enum talk t, bool is_tool, struct heard *ret);
void heard_free(struct heard *h);

#endif
