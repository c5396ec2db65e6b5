// SPDX-License-Identifier: Apache-2.0
// Slots of keys that came last, where one transaction writes at a time (SQLite). Slots are random:
// a row of each in a table of many millions changes a page of its own in every commit, which costs
// more than all else together. So a new one is appended to `recent_key` and kept in memory here;
// when a generation of them is together they go to `dedup` in the order of slots, a few with each
// commit, many to a page. What is in neither is not taken.
//
// `recent_key` is the truth: it is read when a connection is opened, and what other connections
// appended is read at the first use in each batch. A row holds what one batch added: pairs of slot
// and id (0: dropped), big-endian, numbered one after the other; `seq` is the number of the last
// one. The last row always stays, so that the numbers go on.
#include <stdlib.h>

#include "base/num.h"
#include "record/private.h"

enum {
    GENERATION_DEFAULT = 256 * 1024,
    GENERATION_MAX = 1024 * 1024,
    ENTRIES_MAX = 8 * 1024 * 1024, // two generations and what a few large batches add
    PAIR = 16,                     // bytes of slot and id
    ROW_MAX = 192,                 // pairs of a row, which fit into one page
    READ_STEP = 256,               // rows
    MERGE_STEP = 64,               // besides twice what was added
    TRIM_STEP = 256,
};

struct entry {
    int64_t slot;
    int64_t id; // 0: dropped
    int64_t seq;
    uint32_t next;    // with the same bucket by slot, as number + 1; 0 = none
    uint32_t next_tx; // with the same bucket by tx_no's part
};

struct merged {
    int64_t slot;
    int64_t id;
};

struct recent {
    size_t generation;
    size_t bucket_count;   // a power of two
    struct entry *entries; // in the order of adding
    size_t count;
    size_t room;
    uint32_t *buckets;
    uint32_t *buckets_tx;
    struct bloom *bloom; // has all slots of `dedup` and of `recent_key`, once it is complete
    int64_t last_seq;
    bool in_batch;
    bool fresh;     // what others appended is known in this batch
    bool reload;    // a rollback left memory in doubt
    bool dropped;   // something was taken out in this batch
    size_t mark;    // entries before this batch
    size_t trim_at; // entries at which a reader looks whether some may go
    int64_t mark_seq;
    // The generation that moves to `dedup`.
    struct merged *merging; // NULL: none; in the order of slots
    size_t merging_count;
    size_t merged;       // of it
    size_t mark_merged;  // as of the last commit
    int64_t merging_end; // its last seq
    int64_t trimmed;     // rows up to this seq are deleted
    int64_t mark_trimmed;
    bool merging_new; // begun in this batch
};

static tidings_status no_memory(struct tidings_error *err)
{
    return error_set(err, TIDINGS_E_NO_MEMORY, "record: no memory for keys");
}

// ---- memory ----
static uint32_t *bucket(struct recent *recent, int64_t slot)
{
    return &recent->buckets[(uint64_t)(slot ^ (slot >> RECORD_SLOT_LOW_BITS)) &
                            (recent->bucket_count - 1)];
}

static uint32_t *bucket_tx(struct recent *recent, int64_t slot)
{
    return &recent
                ->buckets_tx[(uint64_t)(slot >> RECORD_SLOT_LOW_BITS) & (recent->bucket_count - 1)];
}

static tidings_status put(struct recent *recent, int64_t slot, int64_t id, int64_t seq,
                          struct tidings_error *err)
{
    if (recent->count == recent->room) {
        size_t room = recent->room > 0 ? 2 * recent->room : 1024;
        struct entry *more =
            room <= ENTRIES_MAX ? realloc(recent->entries, room * sizeof *recent->entries) : NULL;
        if (more == NULL) {
            return no_memory(err);
        }
        recent->entries = more;
        recent->room = room;
    }
    uint32_t *by_slot = bucket(recent, slot);
    uint32_t *by_tx = bucket_tx(recent, slot);
    recent->entries[recent->count++] = (struct entry){ slot, id, seq, *by_slot, *by_tx };
    *by_slot = (uint32_t)recent->count;
    *by_tx = (uint32_t)recent->count;
    recent->last_seq = seq;
    return TIDINGS_OK;
}

// When it moves to the table, the filter has it.
static tidings_status remember(struct recent *recent, int64_t slot, int64_t id, int64_t seq,
                               struct tidings_error *err)
{
    bloom_add(recent->bloom, slot);
    return put(recent, slot, id, seq, err);
}

static void forget_all(struct recent *recent)
{
    recent->count = 0;
    memset(recent->buckets, 0, recent->bucket_count * sizeof *recent->buckets);
    memset(recent->buckets_tx, 0, recent->bucket_count * sizeof *recent->buckets_tx);
}

// Those up to `seq` are in `dedup`.
static void forget_until(struct recent *recent, int64_t seq)
{
    const size_t count = recent->count;
    const int64_t last_seq = recent->last_seq;
    forget_all(recent);
    for (size_t i = 0; i < count; i++) {
        const struct entry entry = recent->entries[i];
        if (entry.seq > seq && entry.id != 0) { // never more than there is room for
            (void)put(recent, entry.slot, entry.id, entry.seq, NULL);
        }
    }
    recent->last_seq = last_seq;
    recent->trim_at = recent->count + recent->generation;
}

static struct entry *find(struct recent *recent, int64_t slot)
{
    for (uint32_t at = *bucket(recent, slot); at != 0; at = recent->entries[at - 1].next) {
        struct entry *entry = &recent->entries[at - 1];
        if (entry->slot == slot && entry->id != 0) {
            return entry;
        }
    }
    return NULL;
}

static void stop_merging(struct recent *recent)
{
    free(recent->merging);
    recent->merging = NULL;
    recent->merging_new = false;
}

// ---- what others did ----
// The pairs of a row; its first one's number in *ret_first.
static tidings_status row_of(struct db_stmt *stmt, struct str *ret_pairs, int64_t *ret_first,
                             struct tidings_error *err)
{
    const struct str pairs = db_column_blob(stmt, 1);
    *ret_pairs = pairs;
    *ret_first = db_column_i64(stmt, 0) - (int64_t)(pairs.len / PAIR) + 1;
    return pairs.len > 0 && pairs.len % PAIR == 0
               ? TIDINGS_OK
               : error_set(err, TIDINGS_E_CORRUPT, "record: recent keys of %zu bytes", pairs.len);
}

static tidings_status read_row(struct recent *recent, struct db_stmt *stmt,
                               struct tidings_error *err)
{
    struct str pairs;
    int64_t first = 0;
    tidings_status status = row_of(stmt, &pairs, &first, err);
    if (status == TIDINGS_OK && first != recent->last_seq + 1) {
        bloom_reset(recent->bloom); // some went to the table before they were seen here
    }
    for (size_t at = 0; at < pairs.len && status == TIDINGS_OK; at += PAIR) {
        status =
            remember(recent, (int64_t)num_load_be64(pairs.ptr + at),
                     (int64_t)num_load_be64(pairs.ptr + at + 8), first + (int64_t)(at / PAIR), err);
    }
    return status;
}

static tidings_status read_step(struct record *record, size_t *ret_count, struct tidings_error *err)
{
    struct recent *recent = record->recent;
    struct db_stmt *stmt =
        record_bind(record, STMT_RECENT_SINCE, "ii", recent->last_seq, (int64_t)READ_STEP);
    tidings_status status = TIDINGS_OK;
    *ret_count = 0;
    while (status == TIDINGS_OK && (status = db_step(stmt, err)) == TIDINGS_OK) {
        (*ret_count)++;
        status = read_row(recent, stmt, err);
    }
    db_reset(stmt);
    return status == TIDINGS_E_EOF ? TIDINGS_OK : status;
}

// A reader: what is no longer in `recent_key` is in the table.
static tidings_status forget_moved(struct record *record, struct tidings_error *err)
{
    struct db_stmt *stmt = record_bind(record, STMT_RECENT_SINCE, "ii", (int64_t)0, (int64_t)1);
    struct str pairs;
    int64_t first = 0;
    tidings_status status = record_first(stmt, err);
    if (status != TIDINGS_OK) {
        return status == TIDINGS_E_NOT_FOUND ? TIDINGS_OK : status;
    }
    status = row_of(stmt, &pairs, &first, err);
    db_reset(stmt);
    if (status == TIDINGS_OK) {
        forget_until(record->recent, first - 1);
    }
    return status;
}

static tidings_status catch_up(struct record *record, struct tidings_error *err)
{
    struct recent *recent = record->recent;
    size_t count = READ_STEP;
    tidings_status status = TIDINGS_OK;
    if (recent->fresh) {
        return TIDINGS_OK;
    }
    if (recent->reload) {
        forget_all(recent);
        stop_merging(recent);
        bloom_reset(recent->bloom);
        recent->last_seq = 0;
        recent->reload = false;
    }
    while (status == TIDINGS_OK && count == READ_STEP) {
        status = read_step(record, &count, err);
    }
    if (status == TIDINGS_OK && record->read_only && recent->count >= recent->trim_at) {
        status = forget_moved(record, err);
    }
    recent->fresh = status == TIDINGS_OK && recent->in_batch;
    recent->mark = recent->count;
    recent->mark_seq = recent->last_seq;
    return status;
}

bool recent_may_be_in_table(const struct recent *recent, int64_t slot)
{
    return bloom_may_have(recent->bloom, slot);
}

// ---- look up, add, drop ----
tidings_status recent_get(struct record *record, int64_t slot, int64_t *ret_id,
                          struct tidings_error *err)
{
    tidings_status status = catch_up(record, err);
    const struct entry *entry = status == TIDINGS_OK ? find(record->recent, slot) : NULL;
    *ret_id = entry != NULL ? entry->id : 0;
    return status;
}

// Written with the commit.
tidings_status recent_add(struct record *record, int64_t slot, int64_t id,
                          struct tidings_error *err)
{
    tidings_status status = catch_up(record, err);
    return status == TIDINGS_OK
               ? remember(record->recent, slot, id, record->recent->last_seq + 1, err)
               : status;
}

static int by_slot(const void *a, const void *b)
{
    const struct merged *left = a;
    const struct merged *right = b;
    return (left->slot > right->slot) - (left->slot < right->slot);
}

// In its row.
static tidings_status drop_pair(struct record *record, int64_t seq, struct tidings_error *err)
{
    struct db_stmt *stmt = record_bind(record, STMT_RECENT_SINCE, "ii", seq - 1, (int64_t)1);
    char changed[ROW_MAX * PAIR];
    struct str pairs;
    int64_t first = 0;
    int64_t last = 0;
    tidings_status status = record_first(stmt, err);
    if (status != TIDINGS_OK) {
        return status == TIDINGS_E_NOT_FOUND ? TIDINGS_OK : status;
    }
    status = row_of(stmt, &pairs, &first, err);
    bool has = status == TIDINGS_OK && first <= seq && pairs.len <= sizeof changed;
    if (has) {
        last = db_column_i64(stmt, 0);
        memcpy(changed, pairs.ptr, pairs.len);
        num_store_be64(changed + (size_t)(seq - first) * PAIR + 8, 0);
        pairs = str_make(changed, pairs.len);
    }
    db_reset(stmt);
    return has ? record_run(record, NULL, err, STMT_RECENT_CHANGE, "bi", pairs, last) : status;
}

tidings_status recent_drop(struct record *record, int64_t slot, int64_t id, bool *ret_dropped,
                           struct tidings_error *err)
{
    struct recent *recent = record->recent;
    tidings_status status = catch_up(record, err);
    struct entry *entry = status == TIDINGS_OK ? find(recent, slot) : NULL;
    *ret_dropped = entry != NULL && entry->id == id;
    recent->dropped = true; // from here, or from the table
    if (!*ret_dropped) {
        return status;
    }
    const struct merged wanted = { slot, 0 };
    struct merged *merging = recent->merging != NULL
                                 ? bsearch(&wanted, recent->merging, recent->merging_count,
                                           sizeof *recent->merging, by_slot)
                                 : NULL;
    if (merging != NULL && merging->id == id) {
        merging->id = 0;
    }
    entry->id = 0;
    return entry->seq <= recent->mark_seq ? drop_pair(record, entry->seq, err)
                                          : TIDINGS_OK; // it is not written yet
}

tidings_status recent_ids(struct record *record, int64_t first_slot,
                          void (*each)(void *arg, int64_t id), void *arg, struct tidings_error *err)
{
    struct recent *recent = record->recent;
    tidings_status status = catch_up(record, err);
    uint32_t at = status == TIDINGS_OK ? *bucket_tx(recent, first_slot) : 0;
    for (; at != 0; at = recent->entries[at - 1].next_tx) {
        const struct entry *entry = &recent->entries[at - 1];
        if (entry->id != 0 &&
            entry->slot >> RECORD_SLOT_LOW_BITS == first_slot >> RECORD_SLOT_LOW_BITS) {
            each(arg, entry->id);
        }
    }
    return status;
}

// ---- a generation moves ----
static tidings_status begin_merging(struct recent *recent, struct tidings_error *err)
{
    recent->merging = malloc(recent->count * sizeof *recent->merging);
    if (recent->merging == NULL) {
        return no_memory(err);
    }
    recent->merging_count = 0;
    for (size_t i = 0; i < recent->count; i++) {
        const struct entry *entry = &recent->entries[i];
        if (entry->id != 0) {
            recent->merging[recent->merging_count++] = (struct merged){ entry->slot, entry->id };
        }
    }
    qsort(recent->merging, recent->merging_count, sizeof *recent->merging, by_slot);
    recent->merged = recent->mark_merged = 0;
    recent->merging_end = recent->last_seq;
    recent->trimmed = recent->mark_trimmed = recent->entries[0].seq - 1;
    recent->merging_new = true;
    return TIDINGS_OK;
}

static tidings_status fill_bloom(struct record *record, struct tidings_error *err)
{
    struct recent *recent = record->recent;
    bool begun = false;
    tidings_status status = bloom_step(record, recent->bloom, &begun, err);
    for (size_t i = 0; begun && i < recent->count; i++) {
        bloom_add(recent->bloom, recent->entries[i].slot);
    }
    return status;
}

static tidings_status write_added(struct record *record, struct tidings_error *err)
{
    struct recent *recent = record->recent;
    tidings_status status = TIDINGS_OK;
    for (size_t at = recent->mark; at < recent->count && status == TIDINGS_OK;) {
        char pairs[ROW_MAX * PAIR];
        size_t len = 0;
        for (; at < recent->count && len < sizeof pairs; at++, len += PAIR) {
            num_store_be64(pairs + len, (uint64_t)recent->entries[at].slot);
            num_store_be64(pairs + len + 8, (uint64_t)recent->entries[at].id);
        }
        status = record_run(record, NULL, err, STMT_RECENT_ADD, "ib", recent->entries[at - 1].seq,
                            str_make(pairs, len));
    }
    return status;
}

tidings_status recent_before_commit(struct record *record, struct tidings_error *err)
{
    struct recent *recent = record->recent;
    const size_t added = recent->fresh ? recent->count - recent->mark : 0;
    tidings_status status = TIDINGS_OK;
    if (added == 0 || record->read_only) {
        return TIDINGS_OK; // so the last row is never within what is trimmed
    }
    status = write_added(record, err);
    if (status == TIDINGS_OK) {
        status = fill_bloom(record, err);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    if (recent->merging == NULL) {
        return recent->count >= recent->generation ? begin_merging(recent, err) : TIDINGS_OK;
    }
    for (size_t i = 0; i < 2 * added + MERGE_STEP && recent->merged < recent->merging_count &&
                       status == TIDINGS_OK;
         i++) {
        const struct merged *next = &recent->merging[recent->merged++];
        status = next->id != 0
                     ? record_run(record, NULL, err, STMT_DEDUP_NEW, "ii", next->slot, next->id)
                     : TIDINGS_OK;
    }
    if (status == TIDINGS_OK && recent->mark_merged == recent->merging_count) {
        int64_t end = recent->trimmed + 4 * (int64_t)added + TRIM_STEP;
        recent->trimmed = end < recent->merging_end ? end : recent->merging_end;
        status = record_run(record, NULL, err, STMT_RECENT_TRIM, "i", recent->trimmed);
    }
    return status;
}

// ---- batches ----
void recent_begin(struct recent *recent)
{
    recent->in_batch = true;
    recent->fresh = false;
    recent->dropped = false;
}

void recent_committed(struct recent *recent)
{
    recent->in_batch = false;
    recent->fresh = false;
    recent->merging_new = false;
    recent->mark_merged = recent->merged;
    recent->mark_trimmed = recent->trimmed;
    if (recent->merging != NULL && recent->trimmed == recent->merging_end) {
        forget_until(recent, recent->merging_end);
        stop_merging(recent);
    }
}

void recent_rolled_back(struct recent *recent)
{
    if (!recent->in_batch) {
        return;
    }
    recent->reload |= recent->dropped;
    while (recent->fresh && recent->count > recent->mark) {
        const struct entry *entry = &recent->entries[--recent->count];
        *bucket(recent, entry->slot) = entry->next;
        *bucket_tx(recent, entry->slot) = entry->next_tx;
    }
    recent->last_seq = recent->fresh ? recent->mark_seq : recent->last_seq;
    if (recent->merging_new) {
        stop_merging(recent);
    }
    recent->merged = recent->mark_merged;
    recent->trimmed = recent->mark_trimmed;
    recent->in_batch = false;
    recent->fresh = false;
}

tidings_status recent_new(size_t generation, struct recent **ret, struct tidings_error *err)
{
    struct recent *recent = calloc(1, sizeof *recent);
    if (recent != NULL) {
        recent->generation = generation > 0 ? generation : GENERATION_DEFAULT;
        if (recent->generation > GENERATION_MAX) {
            recent->generation = GENERATION_MAX;
        }
        recent->bucket_count = 1024;
        while (recent->bucket_count < 2 * recent->generation) {
            recent->bucket_count *= 2;
        }
        recent->buckets = calloc(recent->bucket_count, sizeof *recent->buckets);
        recent->buckets_tx = calloc(recent->bucket_count, sizeof *recent->buckets_tx);
        recent->bloom = bloom_new();
        recent->trim_at = recent->generation;
    }
    if (recent == NULL || recent->buckets == NULL || recent->buckets_tx == NULL ||
        recent->bloom == NULL) {
        recent_free(recent);
        return no_memory(err);
    }
    *ret = recent;
    return TIDINGS_OK;
}

void recent_free(struct recent *recent)
{
    if (recent != NULL) {
        stop_merging(recent);
        free(recent->entries);
        free(recent->buckets);
        free(recent->buckets_tx);
        bloom_free(recent->bloom);
        free(recent);
    }
}
