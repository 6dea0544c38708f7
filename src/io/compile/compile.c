/* SPDX-License-Identifier: Apache-2.0
 *
 * The queue: who asks for a list that is not compiled yet leaves it here, and a thread
 * per child takes the oldest whose owner has no child running. So one organisation's
 * lists wait for each other and never for long make another's wait. What came out is
 * kept: databases in memory until they are many, on disk besides; refusals for ten
 * minutes, so that repeating a hostile list costs nothing.
 */
#include "compile_private.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define HERE_LITERALS_MAX 200U /* at most 10 ms, measured with the worst kinds */
#define HERE_SOURCE_BYTES_MAX (8U << 10)
#define QUEUED_PER_OWNER_MAX 8U
#define QUEUED_BYTES_MAX ((size_t)256 << 20)
#define KEPT_BYTES_MAX ((size_t)64 << 20)
#define KEPT_ENTRIES_MAX 4096U
#define REFUSAL_KEPT_MS 600000
#define PASSING_KEPT_MS 1000 /* when no child could be started */

enum state { QUEUED, RUNNING, READY, REFUSED };

struct entry {
    struct entry *next; /* the oldest first */
    uint8_t key[COMPILE_KEY_BYTES];
    enum state state;
    char owner[64];
    struct buf source;   /* QUEUED, RUNNING, REFUSED (for the sentence) */
    struct buf database; /* READY */
    struct compile_outcome outcome;
    int64_t at_ms;    /* when it came here, was finished, or was last asked for */
    unsigned waiting; /* threads that wait for it; it is not forgotten meanwhile */
};

struct compile {
    struct compile_options options;
    char *program, *cache_dir; /* copies, or NULL */
    pthread_t threads[COMPILE_CHILDREN_MAX];
    unsigned threads_count;
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    _Atomic bool is_stopping;
    struct entry *entries;
    size_t queued_bytes;
    struct compile_stats stats; /* under the lock */
};

static enum err here(struct compile *c, struct str source, struct buf *ret_database,
                     struct issue *ret_issue);
static bool load_cached(struct compile *c, const uint8_t *key, struct buf *ret_database);
static enum err ask(struct compile *c, struct compile_client *client, struct str source,
                    struct buf *ret_database, struct issue *ret_issue);
static enum err answer(struct compile *c, struct entry *e, struct buf *ret_database,
                       struct issue *ret_issue);
static enum err add(struct compile *c, const struct compile_client *client, struct str source,
                    struct entry **ret, struct issue *ret_issue);
static struct entry *find(struct compile *c, const uint8_t *key);
static void forget(struct compile *c);
static size_t kept_bytes(const struct entry *e);
static void entry_free(struct entry *e);
static void *thread_main(void *context);
static struct entry *next_of(struct compile *c);
static bool is_owner_running(const struct compile *c, const char *owner);
static void run(struct compile *c, struct entry *e);
static void note(struct compile_stats *stats, const struct compile_outcome *outcome);
static int64_t mono_ms(void);

void compile_options_default(struct compile_options *ret)
{
    *ret = (struct compile_options){
        .cache_bytes_max = (uint64_t)512 << 20,
        .cache_days_max = 30,
        .limits = {.cpu_s = 10, .wall_s = 30, .memory_mib = 512, .database_mib = 32},
        .children = 2};
}

enum err compile_open(const struct compile_options *options, struct compile **ret,
                      struct issue *ret_issue)
{
    struct compile *c = calloc(1, sizeof(*c));
    *ret = NULL;
    if (c == NULL) {
        return ERR_MEMORY;
    }
    ASSERT(options->children >= 1 && options->children <= COMPILE_CHILDREN_MAX);
    c->options = *options;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->work, NULL);
    pthread_cond_init(&c->done, NULL);
    c->program = options->program != NULL ? strdup(options->program) : NULL;
    c->cache_dir = options->cache_dir != NULL ? strdup(options->cache_dir) : NULL;
    c->options.program = c->program;
    c->options.cache_dir = c->cache_dir;
    enum err e = ERR_OK;
    if ((c->program == NULL) != (options->program == NULL) ||
        (c->cache_dir == NULL) != (options->cache_dir == NULL)) {
        e = ERR_MEMORY;
    } else if (c->cache_dir != NULL && mkdir(c->cache_dir, 0700) != 0 && errno != EEXIST) {
        issue_set(ret_issue, "", "the folder %s cannot be made", c->cache_dir);
        e = ERR_IO;
    } else if (c->cache_dir != NULL) {
        compile_cache_prune(c->cache_dir, options->cache_bytes_max, options->cache_days_max);
    }
    while (e == ERR_OK && c->threads_count < options->children) {
        if (pthread_create(&c->threads[c->threads_count], NULL, thread_main, c) != 0) {
            issue_set(ret_issue, "", "a thread cannot be started");
            e = ERR_IO;
        } else {
            c->threads_count++;
        }
    }
    if (e != ERR_OK) {
        compile_close(c);
        return e;
    }
    *ret = c;
    return ERR_OK;
}

void compile_close(struct compile *c)
{
    if (c == NULL) {
        return;
    }
    pthread_mutex_lock(&c->lock);
    atomic_store(&c->is_stopping, true);
    pthread_cond_broadcast(&c->work);
    pthread_cond_broadcast(&c->done);
    pthread_mutex_unlock(&c->lock);
    for (unsigned i = 0; i < c->threads_count; i++) {
        pthread_join(c->threads[i], NULL);
    }
    while (c->entries != NULL) {
        struct entry *e = c->entries;
        c->entries = e->next;
        entry_free(e);
    }
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->work);
    pthread_cond_destroy(&c->done);
    free(c->program);
    free(c->cache_dir);
    free(c);
}

/* ---- asking --------------------------------------------------------------------------- */

enum err compile_terms(void *client_context, struct str source, struct buf *ret_database,
                       struct issue *ret_issue)
{
    struct compile_client *client = client_context;
    struct compile *c = client->compile;
    memset(client->key, 0, sizeof(client->key));
    if (source.len == 0) {
        return ERR_OK;
    }
    if (source.len > COMPILE_SOURCE_BYTES_MAX) {
        issue_set(ret_issue, "", "the terms are %zu MiB together; at most %zu MiB",
                  source.len >> 20, COMPILE_SOURCE_BYTES_MAX >> 20);
        return ERR_LIMIT;
    }
    if (source.len <= HERE_SOURCE_BYTES_MAX && scan_terms_count(source) <= HERE_LITERALS_MAX) {
        return here(c, source, ret_database, ret_issue);
    }
    compile_key_of(source, client->key);
    pthread_mutex_lock(&c->lock);
    bool is_known = find(c, client->key) != NULL;
    pthread_mutex_unlock(&c->lock);
    if (!is_known && load_cached(c, client->key, ret_database)) {
        return ERR_OK;
    }
    return ask(c, client, source, ret_database, ret_issue);
}

static enum err here(struct compile *c, struct str source, struct buf *ret_database,
                     struct issue *ret_issue)
{
    struct compile_outcome outcome = {0};
    struct buf database;
    buf_init(&database, (size_t)c->options.limits.database_mib << 20);
    compile_here(source, (size_t)c->options.limits.database_mib << 20, &database, &outcome);
    enum err e = compile_say(&outcome, &c->options.limits, source, ret_issue);
    if (e == ERR_OK) {
        buf_add(ret_database, buf_str(&database));
        e = ret_database->err;
    }
    buf_fini(&database);
    pthread_mutex_lock(&c->lock);
    c->stats.compiled_here++;
    pthread_mutex_unlock(&c->lock);
    return e;
}

static bool load_cached(struct compile *c, const uint8_t *key, struct buf *ret_database)
{
    struct buf database;
    if (c->cache_dir == NULL) {
        return false;
    }
    buf_init(&database, (size_t)c->options.limits.database_mib << 20);
    enum err e = compile_cache_load(c->cache_dir, key, &database);
    if (e == ERR_OK) {
        buf_move(ret_database, &database);
        e = ret_database->err;
    }
    buf_fini(&database);
    pthread_mutex_lock(&c->lock);
    c->stats.cache_hits += e == ERR_OK;
    c->stats.cache_misses += e != ERR_OK;
    c->stats.cache_refused += e == ERR_CORRUPT;
    pthread_mutex_unlock(&c->lock);
    return e == ERR_OK;
}

static enum err ask(struct compile *c, struct compile_client *client, struct str source,
                    struct buf *ret_database, struct issue *ret_issue)
{
    enum err err = ERR_OK;
    pthread_mutex_lock(&c->lock);
    forget(c);
    struct entry *e = find(c, client->key);
    if (e == NULL) {
        err = add(c, client, source, &e, ret_issue);
    }
    while (err == ERR_OK && client->is_waiting && e->state <= RUNNING &&
           !atomic_load(&c->is_stopping)) {
        e->waiting++;
        pthread_cond_wait(&c->done, &c->lock);
        e->waiting--;
    }
    if (err == ERR_OK) {
        err = answer(c, e, ret_database, ret_issue);
    }
    pthread_mutex_unlock(&c->lock);
    return err;
}

static enum err answer(struct compile *c, struct entry *e, struct buf *ret_database,
                       struct issue *ret_issue)
{
    switch (e->state) {
    case QUEUED:
    case RUNNING:
        if (atomic_load(&c->is_stopping)) {
            issue_set(ret_issue, "", "the gateway is stopping");
            return ERR_IO;
        }
        issue_set(ret_issue, "", "the list of %zu terms is being compiled",
                  scan_terms_count(buf_str(&e->source)));
        return ERR_AGAIN;
    case READY:
        e->at_ms = mono_ms();
        buf_add(ret_database, buf_str(&e->database));
        return ret_database->err;
    case REFUSED:
        return compile_say(&e->outcome, &c->options.limits, buf_str(&e->source), ret_issue);
    }
    return ERR_INTERNAL;
}

static enum err add(struct compile *c, const struct compile_client *client, struct str source,
                    struct entry **ret, struct issue *ret_issue)
{
    char owner[sizeof(((struct entry *)0)->owner)];
    size_t n = client->owner.len < sizeof(owner) ? client->owner.len : sizeof(owner) - 1;
    unsigned queued = 0;
    struct entry **at = &c->entries;
    memset(owner, 0, sizeof(owner));
    memcpy(owner, n != 0 ? client->owner.ptr : "", n);
    for (; *at != NULL; at = &(*at)->next) {
        queued += (*at)->state == QUEUED && strcmp((*at)->owner, owner) == 0;
    }
    if (queued >= QUEUED_PER_OWNER_MAX) {
        issue_set(ret_issue, "",
                  "%u term lists of this organisation wait to be compiled; try again later",
                  queued);
        return ERR_IO;
    }
    if (c->queued_bytes + source.len > QUEUED_BYTES_MAX) {
        issue_set(ret_issue, "", "too many term lists wait to be compiled");
        return client->is_waiting ? ERR_IO : ERR_AGAIN; /* not queued: asked for again */
    }
    struct entry *e = calloc(1, sizeof(*e));
    if (e == NULL) {
        return ERR_MEMORY;
    }
    memcpy(e->key, client->key, sizeof(e->key));
    memcpy(e->owner, owner, sizeof(e->owner));
    e->at_ms = mono_ms();
    buf_init(&e->database, (size_t)c->options.limits.database_mib << 20);
    buf_init(&e->source, COMPILE_SOURCE_BYTES_MAX);
    buf_add(&e->source, source);
    if (e->source.err != ERR_OK) {
        entry_free(e);
        return ERR_MEMORY;
    }
    *at = e;
    *ret = e;
    c->queued_bytes += source.len;
    c->stats.waiting++;
    pthread_cond_broadcast(&c->work);
    return ERR_OK;
}

bool compile_is_pending(struct compile *c, const uint8_t key[COMPILE_KEY_BYTES])
{
    pthread_mutex_lock(&c->lock);
    const struct entry *e = find(c, key);
    bool is_pending = e != NULL && e->state <= RUNNING;
    pthread_mutex_unlock(&c->lock);
    return is_pending;
}

void compile_stats_read(struct compile *c, struct compile_stats *ret)
{
    pthread_mutex_lock(&c->lock);
    *ret = c->stats;
    pthread_mutex_unlock(&c->lock);
}

static struct entry *find(struct compile *c, const uint8_t *key)
{
    for (struct entry *e = c->entries; e != NULL; e = e->next) {
        if (memcmp(e->key, key, COMPILE_KEY_BYTES) == 0) {
            return e;
        }
    }
    return NULL;
}

/* Refusals that are old; when it is all too much, whatever was not asked for the longest. */
static void forget(struct compile *c)
{
    size_t bytes = 0, count = 0;
    int64_t old_ms = mono_ms() - REFUSAL_KEPT_MS;
    for (const struct entry *e = c->entries; e != NULL; e = e->next) {
        bytes += kept_bytes(e);
        count += e->state >= READY;
    }
    for (;;) {
        bool is_full = bytes > KEPT_BYTES_MAX || count > KEPT_ENTRIES_MAX;
        struct entry **oldest = NULL;
        for (struct entry **at = &c->entries; *at != NULL; at = &(*at)->next) {
            bool is_old = (*at)->state == REFUSED && (*at)->at_ms <= old_ms;
            bool is_candidate = (*at)->state >= READY && (*at)->waiting == 0;
            if (is_candidate && (is_full || is_old) &&
                (oldest == NULL || (*at)->at_ms < (*oldest)->at_ms)) {
                oldest = at;
            }
        }
        if (oldest == NULL) {
            return;
        }
        struct entry *e = *oldest;
        bytes -= kept_bytes(e);
        count--;
        *oldest = e->next;
        entry_free(e);
    }
}

static size_t kept_bytes(const struct entry *e)
{
    return e->state >= READY ? e->database.len + e->source.len : 0;
}

static void entry_free(struct entry *e)
{
    buf_fini(&e->source);
    buf_fini(&e->database);
    free(e);
}

/* ---- doing ------------------------------------------------------------------------------ */

static void *thread_main(void *context)
{
    struct compile *c = context;
    sigset_t all;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, NULL); /* SIGPIPE of a child that went, too */
    pthread_mutex_lock(&c->lock);
    while (!atomic_load(&c->is_stopping)) {
        struct entry *e = next_of(c);
        if (e == NULL) {
            pthread_cond_wait(&c->work, &c->lock);
            continue;
        }
        run(c, e);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

static struct entry *next_of(struct compile *c)
{
    for (struct entry *e = c->entries; e != NULL; e = e->next) {
        if (e->state == QUEUED && !is_owner_running(c, e->owner)) {
            return e;
        }
    }
    return NULL;
}

static bool is_owner_running(const struct compile *c, const char *owner)
{
    for (const struct entry *e = c->entries; e != NULL; e = e->next) {
        if (e->state == RUNNING && strcmp(e->owner, owner) == 0) {
            return true;
        }
    }
    return false;
}

/* Called and left with the lock; an entry that runs is not forgotten. */
static void run(struct compile *c, struct entry *e)
{
    struct compile_outcome outcome;
    struct buf database;
    e->state = RUNNING;
    c->stats.waiting--;
    c->stats.running++;
    pthread_mutex_unlock(&c->lock);
    buf_init(&database, (size_t)c->options.limits.database_mib << 20);
    compile_in_child(&c->options, &c->is_stopping, buf_str(&e->source), &database, &outcome);
    if (outcome.why == COMPILE_OK && c->cache_dir != NULL &&
        compile_cache_save(c->cache_dir, e->key, buf_str(&database)) == ERR_OK) {
        compile_cache_prune(c->cache_dir, c->options.cache_bytes_max, c->options.cache_days_max);
    }
    pthread_mutex_lock(&c->lock);
    c->stats.running--;
    c->queued_bytes -= e->source.len;
    note(&c->stats, &outcome);
    e->outcome = outcome;
    e->at_ms = mono_ms();
    e->state = outcome.why == COMPILE_OK ? READY : REFUSED;
    if (outcome.why == COMPILE_OK) {
        buf_move(&e->database, &database);
        buf_fini(&e->source);
        buf_init(&e->source, 0);
    } else if (outcome.why >= COMPILE_SPAWN) {
        e->at_ms -= REFUSAL_KEPT_MS - PASSING_KEPT_MS; /* may be asked for again soon */
    }
    buf_fini(&database);
    pthread_cond_broadcast(&c->done);
    pthread_cond_broadcast(&c->work); /* of the same owner there may be another */
    if (c->options.on_done != NULL && !atomic_load(&c->is_stopping)) {
        c->options.on_done(c->options.context);
    }
}

static void note(struct compile_stats *stats, const struct compile_outcome *outcome)
{
    stats->compiled += outcome->why == COMPILE_OK;
    stats->failed += outcome->why != COMPILE_OK;
    stats->cpu_us += outcome->cpu_us;
    stats->wall_us += outcome->wall_us;
    if (outcome->wall_us > stats->wall_us_max) {
        stats->wall_us_max = outcome->wall_us;
    }
    if (outcome->memory_bytes > stats->memory_bytes_max) {
        stats->memory_bytes_max = outcome->memory_bytes;
    }
}

static int64_t mono_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
