/* SPDX-License-Identifier: Apache-2.0
 *
 * Topic packs: what the topics are made of (topics_data.c, topics_sayings.c) and the table
 * they are looked up in (topics.c). A pack is data: phrases by how much they tell, and phrases
 * that only look like it. Static; the table lives in the engine's arena.
 */
#ifndef PORTCULLIS_SCAN_TOPICS_H
#define PORTCULLIS_SCAN_TOPICS_H

#include "portcullis/scan.h"

/* Phrases are comma-separated, lower case, without accents and apostrophes; '*' is any one
 * word; a plural s is let through. The longest phrase at a place counts and hides those
 * inside it: so an exception takes away the words it is made of. */
struct topic_pack {
    const char *name;
    const char *same_as;  /* another name for this one; nothing else is set then */
    const char *strong;   /* each tells the topic by itself */
    const char *medium;   /* two of them do */
    const char *weak;     /* four of them do */
    const char *asks;     /* if set: without one of these the hints stay hints */
    const char *except;   /* are something else */
    const char *includes; /* packs that count here as well, half as much again */
    bool minds_shouting;  /* a text in capitals counts */
};

extern const struct topic_pack topic_packs[];
extern const size_t topic_packs_count;
/* More phrases for packs of these names; several rows may have one name. */
extern const struct topic_pack topic_sayings[];
extern const size_t topic_sayings_count;

struct scan_engine;
struct topic_table;
/* Made with the engine, in its arena. ERR_MEMORY. */
MUST_USE enum err topic_table_new(struct arena *a, const struct topic_table **ret);

#endif
