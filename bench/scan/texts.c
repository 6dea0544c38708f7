/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts and terms for the scan benchmark. Clean prompts: sentences of several kinds of
 * chat, put together differently for each prompt, so that no branch predictor knows the
 * way. Terms: words made of syllables, alone (six of ten), in pairs with a common word,
 * or in threes; about thirteen bytes each.
 */
#include "texts.h"

#include <string.h>

static const char *const sentences[] = {
    "Could you help me plan a week in the mountains for four adults and two children? ",
    "We would like to walk for three or four hours a day, not more, and cook simple meals. ",
    "Last year we spent about 900 in total and the weather was mixed: two days of rain, then sun. ",
    "Please write a plan day by day, with what to pack, and a list of things that are easy to "
    "forget (charger, cards, torch). ",
    "Summarise the following meeting notes in five bullet points and name the owner of each task. ",
    "The quarterly figures were better than expected, mainly because costs fell by 4.2 percent. ",
    "Rewrite this paragraph so that a ten-year-old understands it, but keep the numbers. ",
    "def merge(left, right):\n    out = []\n    while left and right:\n        out.append((left if "
    "left[0] < right[0] else right).pop(0))\n    return out + left + right\n",
    "Why does this function return None when the list is empty, and how should I test it? ",
    "SELECT name, count(*) FROM orders WHERE created_at > now() - interval '7 days' GROUP BY "
    "name; ",
    "Our customers keep asking whether the new plan includes support at weekends; draft a reply. ",
    "Translate into French: the train leaves from platform nine at a quarter past six. ",
    "Explain the difference between a mutex and a semaphore with an example from a kitchen. ",
    "{\"title\": \"Weekly report\", \"sections\": [\"sales\", \"support\", \"hiring\"], \"tone\": "
    "\"neutral\"} ",
    "I have been learning the guitar for two years and my left hand still gets tired quickly. ",
    "What are three good reasons to keep a logbook, and what would you write into it first? ",
    "The museum opens at 10 and closes at 18, except on Mondays, when it is closed all day. ",
    "Compare these two offers: one is cheaper at the start, the other has better terms later. ",
    "Make the introduction shorter, remove the passive voice and end with a question. ",
    "In chapter two the author says that maps are arguments; do you agree, and why (not)? ",
    "My sourdough is flat. I use 500 g of flour, 350 g of water and 10 g of salt at 24 degrees. ",
    "Write a polite reminder for an invoice that is two weeks late; the amount is 1,250.00. ",
    "Error: cannot read property 'length' of undefined at render (app.js:42:17). What is wrong? ",
    "Give me a table with the planets, their moons and the length of a day, sorted by size. ",
    "She walked along the harbour until the lamps came on, counting boats as she had as a child. ",
    "Which tax form do freelancers need when they work from another country for three months? ",
    "List the steps to migrate a small web shop to a new host without losing orders. ",
    "The patient information leaflet should be readable in five minutes and mention the dose. ",
    "Suggest a name for a podcast about old bridges; short, friendly and easy to spell. ",
    "Thanks, that helps a lot! One more thing: can you turn the second list into a checklist? ",
};
#define SENTENCES (sizeof(sentences) / sizeof(sentences[0]))

static const char *const syllables[] = {
    "al", "ber", "con", "da",  "er",  "fi",  "gra", "ho",  "in",  "jo",  "ka",
    "lo", "mi",  "ne",  "or",  "pe",  "qua", "ri",  "sta", "ter", "ul",  "vo",
    "wi", "xan", "yo",  "ze",  "bri", "cha", "dro", "el",  "fun", "gol", "han",
    "ix", "jen", "kel", "lum", "mor", "nar", "os",  "pri", "ro",  "sha", "tum",
};
#define SYLLABLES (sizeof(syllables) / sizeof(syllables[0]))

static const char *const common[] = {
    "the",    "new",   "old",   "project", "plan",  "team", "data",   "big",
    "open",   "north", "blue",  "first",   "for",   "with", "report", "market",
    "system", "test",  "price", "support", "cloud", "deep",
};
#define COMMON (sizeof(common) / sizeof(common[0]))

static uint64_t roll(uint64_t *dice)
{
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    return *dice >> 11;
}

void texts_clean(uint64_t seed, char *ret, size_t bytes)
{
    uint64_t dice = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    size_t at = 0;
    while (at < bytes) {
        const char *s = sentences[roll(&dice) % SENTENCES];
        size_t n = strlen(s);
        n = n < bytes - at ? n : bytes - at;
        memcpy(ret + at, s, n);
        at += n;
    }
}

static size_t add(char *to, size_t at, const char *word)
{
    size_t n = strlen(word);
    memcpy(to + at, word, n + 1);
    return at + n;
}

void texts_term(size_t index, char ret[TERM_BYTES])
{
    uint64_t dice = (index + 1) * UINT64_C(0x9e3779b97f4a7c15);
    for (unsigned i = 0; i < 4; i++) {
        roll(&dice);
    }
    size_t at = 0;
    uint64_t kind = roll(&dice) % 10;
    for (uint64_t i = 6; i <= kind; i += 3) {
        at = add(ret, at, common[roll(&dice) % COMMON]);
        at = add(ret, at, " ");
    }
    uint64_t n = 2 + roll(&dice) % 4;
    for (uint64_t i = 0; i < n; i++) {
        at = add(ret, at, syllables[roll(&dice) % SYLLABLES]);
    }
}
