// SPDX-License-Identifier: Apache-2.0
// Which slots are certainly not in `dedup`: a Bloom filter whose bits of a slot lie in one line of
// the processor's cache. Nearly all keys are new, and to look each up in a table of many millions
// is to read a page for nothing. It is filled from the table a piece at a time; until that is
// complete every slot may be there. It never forgets: when more was put in than it was made for, it
// begins again.
#include <stdlib.h>

#include "record/private.h"

enum {
    WORDS = 8, // of a line
    BITS_PER_SLOT = 16,
    SLOTS_MIN = 1024 * 1024,
    SLOTS_MAX = 32 * 1024 * 1024, // 64 MiB; beyond them more slots seem to be there
    STEP = 8192,                  // rows of the table with one commit
};

struct bloom {
    uint64_t *words; // NULL: not begun
    size_t lines;    // a power of two
    size_t count;    // slots that were put in
    size_t capacity;
    size_t wanted;   // at least, because it was too small before
    int64_t read_to; // slots of the table up to this one are in
    bool complete;
};

void bloom_reset(struct bloom *bloom)
{
    free(bloom->words);
    *bloom = (struct bloom){ .read_to = -1, .wanted = bloom->wanted };
}

static tidings_status begin(struct bloom *bloom, size_t slots, struct tidings_error *err)
{
    slots = slots > bloom->wanted ? slots : bloom->wanted;
    slots = slots > SLOTS_MAX ? SLOTS_MAX : slots;
    bloom->capacity = SLOTS_MIN;
    while (bloom->capacity < slots) {
        bloom->capacity *= 2;
    }
    bloom->lines = bloom->capacity * BITS_PER_SLOT / (WORDS * 64);
    bloom->words = calloc(bloom->lines, WORDS * sizeof *bloom->words);
    return bloom->words != NULL ? TIDINGS_OK
                                : error_set(err, TIDINGS_E_NO_MEMORY, "record: no memory for keys");
}

// Slots are hashes, but those of a tx_no differ in few bits.
static uint64_t mix(int64_t slot)
{
    uint64_t hash = (uint64_t)slot * 0x9e3779b97f4a7c15ULL;
    return hash ^ hash >> 29;
}

static uint64_t *line_of(const struct bloom *bloom, uint64_t hash)
{
    return bloom->words + (hash & (bloom->lines - 1)) * WORDS;
}

// Four bits of 512, by nine bits of the hash each.
static size_t bit_of(uint64_t hash, int number)
{
    return (size_t)(hash >> (28 + 9 * number)) & (WORDS * 64 - 1);
}

void bloom_add(struct bloom *bloom, int64_t slot)
{
    if (bloom->words == NULL) {
        return;
    }
    const uint64_t hash = mix(slot);
    uint64_t *line = line_of(bloom, hash);
    for (int i = 0; i < 4; i++) {
        line[bit_of(hash, i) / 64] |= 1ULL << (bit_of(hash, i) % 64);
    }
    bloom->count++;
}

bool bloom_may_have(const struct bloom *bloom, int64_t slot)
{
    if (!bloom->complete) {
        return true;
    }
    const uint64_t hash = mix(slot);
    const uint64_t *line = line_of(bloom, hash);
    for (int i = 0; i < 4; i++) {
        if ((line[bit_of(hash, i) / 64] >> (bit_of(hash, i) % 64) & 1) == 0) {
            return false;
        }
    }
    return true;
}

struct bloom *bloom_new(void)
{
    struct bloom *bloom = calloc(1, sizeof *bloom);
    if (bloom != NULL) {
        bloom->read_to = -1;
    }
    return bloom;
}

void bloom_free(struct bloom *bloom)
{
    if (bloom != NULL) {
        free(bloom->words);
        free(bloom);
    }
}

// How many slots the table has, by how dense the first ones are.
static size_t estimate(int64_t slot, size_t count)
{
    double share = ((double)slot + 1) / (double)INT64_MAX;
    double slots = (double)count / share;
    return slots < (double)SLOTS_MAX ? (size_t)slots : SLOTS_MAX;
}

tidings_status bloom_step(struct record *record, struct bloom *bloom, bool *ret_begun,
                          struct tidings_error *err)
{
    int64_t slots[STEP];
    size_t count = 0;
    *ret_begun = false;
    if (bloom->complete && (bloom->count <= bloom->capacity || bloom->capacity >= SLOTS_MAX)) {
        return TIDINGS_OK;
    }
    if (bloom->complete) {
        bloom->wanted = 2 * bloom->count;
        bloom_reset(bloom);
    }
    struct db_stmt *stmt =
        record_bind(record, STMT_DEDUP_SLOTS, "ii", bloom->read_to, (int64_t)STEP);
    tidings_status status = TIDINGS_OK;
    while (count < STEP && (status = db_step(stmt, err)) == TIDINGS_OK) {
        slots[count++] = db_column_i64(stmt, 0);
    }
    db_reset(stmt);
    status = status == TIDINGS_E_EOF ? TIDINGS_OK : status;
    if (status == TIDINGS_OK && bloom->words == NULL) {
        size_t all = count == STEP ? estimate(slots[count - 1], count) : 0;
        status = begin(bloom, 2 * all, err);
        *ret_begun = status == TIDINGS_OK;
    }
    for (size_t i = 0; i < count && status == TIDINGS_OK; i++) {
        bloom_add(bloom, slots[i]);
    }
    if (status == TIDINGS_OK) {
        bloom->read_to = count > 0 ? slots[count - 1] : bloom->read_to;
        bloom->complete = count < STEP;
    }
    return status;
}
