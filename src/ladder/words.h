// SPDX-License-Identifier: Apache-2.0
// Private to the room: the words of ladder and level texts.
#ifndef LADDER_WORDS_H
#define LADDER_WORDS_H

#include "base/error.h"
#include "base/str.h"

// A walk over the words of text[next, end), separated by spaces, commas and tabs.
struct words {
    struct str text;
    size_t next;
    size_t end;
};

struct word {
    struct str text;
    size_t at; // place of its first character in the whole text, from 1
};

bool words_next(struct words *words, struct word *ret);
// The front of a word, short enough to leave room for the rest of an error's text.
struct str word_shown(struct str word);
// One delay up to LADDER_RUNG_LONGEST_MS.
tidings_status word_delay(const struct word *word, int64_t *ret_ms, struct tidings_error *err);

#endif
