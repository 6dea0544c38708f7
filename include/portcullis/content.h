/* SPDX-License-Identifier: Apache-2.0
 *
 * content: an organisation's rules about texts (personal data, terms, required terms,
 * topics, injection), compiled once; per request the rules that apply; per text the
 * findings, what they mean, and the text as it may go on. Requests and answers,
 * whole texts and streams, the path and /v1/evaluate: all come through here.
 *
 * Pure. A content is immutable, made on the control thread, shared by workers and by
 * the versions of an organisation that look for the same. A content_check belongs to
 * one exchange and one thread, its memory is the exchange's arena but for channels
 * (heap, hence fini). Nothing found is ever copied into a message: those name the
 * rule's own words, entity names and offsets.
 *
 * GLOSSARY  rule: one content rule of one policy. applies: bit per rule of a content,
 * those that hold for this request. stage: the request or the response. hit: a rule
 * that found something, with the first place. channel: one growing string of a stream.
 * token: what stands for a value in a pseudonymised prompt; restored in the answer.
 *
 * EXAMPLE  (request)
 *     TRY(content_check_new(arena, content, applies, &env, &check));
 *     content_request_add(check, &text) for every text; content_opaque_add(...);
 *     while ((e = content_run(check, 64 KiB)) == ERR_AGAIN) let the loop turn;
 *     if (content_effect(check, CONTENT_REQUEST) == CONTENT_BLOCK) refuse: content_hits(...)
 *     content_edits(check) -> llm_edits_apply, parse again, send.
 */
#ifndef PORTCULLIS_CONTENT_H
#define PORTCULLIS_CONTENT_H

#include "portcullis/base.h"
#include "portcullis/llm.h"
#include "portcullis/recognise.h"
#include "portcullis/scan.h"

/* ---- rules ---------------------------------------------------------------- */

enum content_kind {
    CONTENT_PII,
    CONTENT_TERMS,
    CONTENT_REQUIRED_TERMS, /* a hit is a term that is absent (S2-21) */
    CONTENT_TOPICS,
    CONTENT_INJECTION,
    CONTENT_KINDS
};
enum content_effect { CONTENT_INFO, CONTENT_WARN, CONTENT_MODIFY, CONTENT_BLOCK };
enum content_stage { CONTENT_REQUEST = 1, CONTENT_RESPONSE = 2 }; /* bits */
/* What happens when a text cannot be read (images, token arrays, stored prompts):
 * product.md 2.1. Fails closed: a rule that says nothing blocks if it blocks or
 * modifies, else warns. */
enum content_unscannable {
    CONTENT_UNSCANNABLE_DEFAULT,
    CONTENT_UNSCANNABLE_ALLOW,
    CONTENT_UNSCANNABLE_WARN,
    CONTENT_UNSCANNABLE_BLOCK
};

struct content_list {
    const struct str *items;
    size_t count;
    bool is_set;
};
/* A type of the organisation's own: a name (A-Z, digits, _), a regular expression as
 * in scan_term, words of which one must stand near (none = always). */
struct content_entity {
    struct str name, pattern;
    struct content_list context;
};
/* A rule as the codec read it. Views; content_new copies what it keeps. */
struct content_rule {
    enum content_kind kind;
    enum content_effect effect;
    unsigned stages;              /* enum content_stage bits, at least one */
    enum scan_action_kind method; /* with CONTENT_MODIFY: MASK REDACT HASH PSEUDONYM */
    struct str format;            /* REDACT; none = [REDACTED] */
    /* pii: names scan_types_add knows, of `entities`, or that a recogniser offers */
    struct content_list types;
    const struct content_entity *entities; /* pii: own types */
    size_t entities_count;
    struct content_list patterns; /* terms, required_terms: "word", "/regex/" (S4-37) */
    struct content_list except;   /* pii, terms: what is never a finding; as patterns */
    struct content_list topics;   /* topics: names of scan_topic_name */
    bool is_substring;            /* terms: also inside words */
    bool is_case_sensitive;
    unsigned threshold;           /* thousandths; 0 = default: pii 600, else 500 */
    enum content_unscannable on_unscannable;
    /* pii: what follows when a recogniser that it needs does not answer; default block */
    enum content_unscannable on_recogniser_failure;
    bool is_buffered;             /* answers are read whole before a byte goes on */
};

/* Can a rule of the kind replace what it finds? */
bool content_kind_may_modify(enum content_kind kind);
/* Does it always want answers whole, a stream's too? */
bool content_kind_is_buffered(enum content_kind kind);
/* Is a text judged by all that it says, instead of by places in it? */
bool content_kind_is_judged(enum content_kind kind);
/* Does it look at such a text at all? Topics and injection are not asked of names, nor in a
 * request of what the application and the model said. */
bool content_kind_looks_at(enum content_kind kind, enum content_stage stage,
                           enum llm_text_role role, bool is_key);
/* The views in which texts are read, at once or as they grow. */
#define CONTENT_VIEWS SCAN_VIEW_ALL

#define CONTENT_RULES_MAX 65536U
#define CONTENT_FORMAT_BYTES_MAX 200U

struct content;

/* Compiles term databases somewhere else (a child process, a cache). `source` is
 * scan_terms_source(), ret_database what scan_terms_compile() makes of it. NULL = here. */
struct content_compiler {
    enum err (*compile)(void *context, struct str source, struct buf *ret_database,
                        struct issue *ret_issue);
    void *context;
};
struct content_build {
    const struct scan_engine *engine;
    const struct content_compiler *compiler; /* may be NULL */
    struct content *previous;                /* may be NULL: shared when it looks for the same */
    const struct recognise_services *services; /* may be NULL; the same for previous */
};
/* *ret is NULL when count is 0. On failure the issue's pointer begins with /N, the rule's
 * number in `rules`. ERR_INVALID, ERR_UNSUPPORTED, ERR_LIMIT, ERR_MEMORY. */
MUST_USE enum err content_new(const struct content_rule *const *rules, size_t count,
                              const struct content_build *build, struct content **ret,
                              struct issue *ret_issue);
void content_unref(struct content *c);
const struct scan_set *content_set(const struct content *c); /* for scan_scratch_fit */
size_t content_rules_count(const struct content *c);
size_t content_bytes(const struct content *c);
/* What a channel holds back at the most: of what a finding needs, in bytes of a view; of the
 * text as it comes, with the marks, tags and encodings that are not seen in the view. A text of
 * which more would have to be held is not given out (ERR_LIMIT). */
size_t content_hold_bytes_max(const struct content *c);
size_t content_held_bytes_max(const struct content *c);

/* ---- one request ----------------------------------------------------------- */

struct content_env {
    struct scan_scratch *scratch; /* the worker's; grown for the set when the lease came */
    struct str hash_key;          /* secret of the tenant: hashes and tokens are keyed by it */
    bool may_ask;                 /* the caller asks recognisers; else each counts as failed */
    bool may_work;                /* the caller sees to content_work; else content_run does it */
};
struct content_check;

/* `applies`: words of bits, rule n = bit n; content_rules_count() of them. Borrowed, as
 * is `c`, until the check is over. *ret is NULL when no rule applies. ERR_MEMORY. */
MUST_USE enum err content_check_new(struct arena *a, const struct content *c,
                                    const uint64_t *applies, const struct content_env *env,
                                    struct content_check **ret);
/* Closes channels, wipes values kept for restoring. NULL is allowed. */
void content_check_fini(struct content_check *k);
/* Does any rule that applies look at this stage? */
bool content_is_wanted(const struct content_check *k, enum content_stage stage);
/* Answers must be held until they are complete (is_buffered, required terms). */
bool content_is_buffered(const struct content_check *k);
/* May a text of this stage go on otherwise than it came, or not at all? */
bool content_alters(const struct content_check *k, enum content_stage stage);

/* Texts of the request, in body order. Borrowed until content_edits was used. */
MUST_USE enum err content_request_add(struct content_check *k, const struct llm_text *text);
MUST_USE enum err content_opaque_add(struct content_check *k, enum content_stage stage,
                                     enum llm_unscannable_kind kind, struct str pointer);
/* Texts of a whole answer (JSON, or a whole-text event of a stream). */
MUST_USE enum err content_response_add(struct content_check *k, const struct llm_text *text);
/* Reads at most about bytes_max of what was added, and when all is read makes its edits, in
 * steps as short: ERR_AGAIN = more to do, ERR_OK = all done. ERR_LIMIT, ERR_MEMORY: something
 * was not read; the caller must refuse. With env.may_ask ERR_AGAIN may also mean that
 * content_ask has a question. */
MUST_USE enum err content_run(struct content_check *k, size_t bytes_max);
/* With env.may_work, when content_run said ERR_AGAIN: is the next thing to do one long call,
 * of a library that knows no steps? content_work does it, on any thread, while nobody else
 * touches the check and its arena. */
bool content_has_work(const struct content_check *k);
void content_work(struct content_check *k);
/* What a recogniser is to be asked before content_run can go on, when everything else was
 * read and no rule blocks already. False: nothing. The same until content_told. Views, into
 * the texts. It may be too much to ask (recognise_is_too_much). */
bool content_ask(const struct content_check *k, struct recognise_ask *ret,
                 const struct recognise_service **ret_service);
/* Its answer: with RECOGNISE_ANSWERED `body` holds it, and *result may become BAD_ANSWER or
 * TOO_LARGE. Whatever is not an answer counts as the rules' on_recogniser_failure says. */
MUST_USE enum err content_told(struct content_check *k, enum recognise_result *result,
                               struct str body);
/* Edits for what was added since the last call, by the texts' spans: `with` is a JSON
 * string in the arena. Texts that stay as they are have none. Call when content_run said
 * ERR_OK. A response's tokens are restored here as well. */
MUST_USE enum err content_edits(struct content_check *k, const struct llm_edit **ret,
                                size_t *ret_count);

/* ---- streams ------------------------------------------------------------------ */

/* A piece of a growing text. Appends to `out` what may go on now (decoded text; tool
 * arguments: raw JSON text). Opens the channel at its first piece. ERR_DENIED: a rule
 * blocks, nothing goes on any more, of any channel, but what `out` got. ERR_LIMIT,
 * ERR_MEMORY: refuse, and use nothing of `out`. */
MUST_USE enum err content_feed(struct content_check *k, const struct llm_text *delta,
                               struct buf *out);
/* A text that came at once among the pieces: a repeat of one that was read (which counts
 * once only), a title. Appends it as it may go on. */
MUST_USE enum err content_feed_whole(struct content_check *k, const struct llm_text *text,
                                     struct buf *out);
/* The text is complete: the rest goes out. Unknown channels: nothing. */
MUST_USE enum err content_close(struct content_check *k, uint64_t channel, struct buf *out);
/* Channels opened and not closed, in order of opening. */
size_t content_open_channels(const struct content_check *k, uint64_t *ret, size_t max);
/* Bytes held back in one channel now. */
size_t content_held_bytes(const struct content_check *k, uint64_t channel);

/* ---- what it means --------------------------------------------------------------- */

struct content_hit {
    unsigned rule; /* its number */
    enum content_kind kind;
    enum content_effect effect; /* what it did: of the rule, or of on_unscannable */
    enum content_stage stage;
    bool is_unscannable; /* also: a recogniser did not answer */
    struct str what;    /* "email", the rule's own pattern, "weapons", "injection", "image" */
    struct str pointer; /* of the first place; JSON pointer, or none in a stream */
    enum llm_text_role role;
    size_t start, end;  /* of the first place; bytes of the decoded text */
    unsigned score;     /* thousandths */
    uint64_t count;     /* places */
    struct str message; /* "Pattern matched: api_key" (S4-38), "PII detected: email" ... */
};
#define CONTENT_HITS_MAX 64U
/* One per (rule, what, stage), in order of discovery; more than the maximum are counted in
 * ret_dropped, but never the first of a blocking rule. */
size_t content_hits(const struct content_check *k, enum content_stage stage,
                    const struct content_hit **ret, size_t *ret_dropped);
/* The strictest effect of all hits of the stage; INFO when there is none. */
enum content_effect content_effect(const struct content_check *k, enum content_stage stage);
/* Spans replaced in this stage. */
uint64_t content_edits_count(const struct content_check *k, enum content_stage stage);
/* Findings by detector type ("email"), for the counters; unordered, bounded. */
size_t content_entities(const struct content_check *k, enum content_stage stage,
                        const char *const **ret_types, const uint64_t **ret_counts);

/* ---- one policy tried alone (S1-11, S1-12) ---------------------------------------- */

struct content_question {
    const struct content_rule *const *rules;
    size_t rules_count;
    const struct content_build *build;
    struct str hash_key;
    struct str prompt, response; /* either may be none: not given */
};
struct content_trial {
    enum content_effect prompt_effect, response_effect; /* INFO: nothing to say */
    const struct content_hit *hits; /* the request's, then the answer's; rule = in `rules` */
    size_t hits_count, hits_dropped;
    uint64_t edits_count;
    struct str prompt, response; /* as they would go on, whatever the effects; none as given */
};
#define CONTENT_TRIAL_BYTES_MAX (256U * 1024) /* of each text; more is ERR_LIMIT */
/* What these rules alone would do to a user's prompt and to the answer, by the very check
 * of the path; results in the arena. Compiles, so never on a loop. Errors of content_new
 * (their issue), ERR_LIMIT, ERR_MEMORY. Nothing is counted or kept. */
MUST_USE enum err content_try(struct arena *a, const struct content_question *q,
                              struct content_trial *ret, struct issue *ret_issue);

#endif
