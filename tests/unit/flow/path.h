/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole conversation without a port: a small organisation on the real catalogue,
 * an exchange fed with literal bytes, a fake spool that keeps every record. Used by
 * the tests of the path; single-threaded.
 */
#ifndef PORTCULLIS_TEST_PATH_H
#define PORTCULLIS_TEST_PATH_H

#include "portcullis/codec.h"
#include "portcullis/flow.h"

struct path {
    struct arena arena;
    struct arena records; /* of the exchange under way: reset when one begins */
    struct buf providers, models;
    struct route_catalog *catalog;
    struct scan_engine *engine;
    struct policy_org *org;
    struct policy_snapshot *snapshot;
    struct flow_env env;
    struct arena brief; /* env's, spoilt behind each event */
    struct flow_exchange *x;
    struct wire_parser request, answer;
    struct flow_now now;
    struct buf client;  /* all bytes for the client */
    struct buf provider; /* all bytes for the provider */
    struct buf asked;    /* the last bytes for a recogniser */
    size_t decisions, outcomes, calls, asks, drops, turns;
    size_t works; /* long calls that were due */
    bool leaves_work; /* as a host without threads: flow_on_turn does them */
    size_t turns_max; /* the turn with this number is left to path_turn; 0 = none */
    bool is_done, is_closed, spool_is_full;
    bool wants_serve;  /* handed over to what is not the path */
    bool is_draining, is_degraded, is_scratch_small; /* what each exchange begins with */
    int64_t stale_ms;
    uint64_t snapshot_number; /* 0 = what was found out is not taken over */
    bool is_one_connection;   /* requests come on the connection of the one before */
    bool is_out_lost;  /* x->out ran into an error: the client got a part at most */
    struct audit_decision decision; /* the last ones, views in `records` */
    struct audit_outcome outcome;
    char key[128];
    /* Called before and after every call into the room under test; may be NULL. */
    void (*on_inside)(bool is_inside);
};

/* The recognisers of the next organisation that is set up; NULL = none. */
extern const struct recognise_services *path_services;
/* governance: NULL-terminated list of S0 bodies, the first is the default. */
void path_set_up(struct path *p, const char *const *governance);
/* The same with a key of the given environment (none = not bound to one). */
void path_set_up_as(struct path *p, const char *const *governance, const char *environment,
                    bool may_narrow);
/* And with policies that S0 has no words for; their ids and versions are theirs. */
#define PATH_POLICIES_MAX 8
void path_set_up_with(struct path *p, const char *const *governance, const struct policy *more,
                      size_t more_count);
/* And with what the organisation and the key want refusals to look like. */
void path_set_up_formats(struct path *p, const char *const *governance, const struct policy *one,
                         enum policy_error_format org, enum policy_error_format key);
void path_tear_down(struct path *p);
/* Another snapshot of the organisation, without policies: these keys, the next number. */
void path_publish(struct path *p, const struct policy_key_row *keys, size_t count);
/* The same bytes with a length, NULs included, and no key put in. */
void path_request_bytes(struct path *p, struct str bytes, size_t step);
void path_answer_bytes(struct path *p, struct str bytes, size_t step);
void path_client_gone(struct path *p);
void path_turn(struct path *p);
/* Feeds a request in pieces of `step` bytes (0 = at once). `%s` becomes the key. */
void path_request(struct path *p, const char *format, size_t step);
void path_post(struct path *p, const char *target, const char *body);
/* The provider's bytes, then how it ended. */
void path_answer(struct path *p, const char *bytes, size_t step);
void path_answer_events(struct path *p, const char *events, size_t step); /* in one chunk */
void path_answer_end(struct path *p, enum flow_end_how how);
bool path_client_has(const struct path *p, const char *text);
bool path_provider_has(const struct path *p, const char *text);

#endif
