// SPDX-License-Identifier: Apache-2.0
// Lives: one for each start of a node, so that it knows what it had in hand when it was killed.
#include "record/private.h"

enum { FIRST_LIFE = 1024 /* above all numbers of nodes */, TRIES = 8 };

tidings_status record_life_begin(struct record *record, int64_t owner, int64_t *ret,
                                 struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    for (int i = 0; i < TRIES && status == TIDINGS_OK; i++) { // another node may be quicker
        int64_t last = FIRST_LIFE - 1;
        int64_t rows = 0;
        status = record_number(record_bind(record, STMT_LIFE_LAST, ""), &last, err);
        if (status == TIDINGS_OK) {
            status = record_run(record, &rows, err, STMT_LIFE_NEW, "iiii", last + 1, owner,
                                (int64_t)record->node, clock_wall_ms(record->clock));
        }
        if (status == TIDINGS_OK && rows == 1) {
            record->lessee = *ret = last + 1;
            return TIDINGS_OK;
        }
    }
    return status != TIDINGS_OK ? status
                                : error_set(err, TIDINGS_E_AGAIN, "record: numbers are contended");
}

tidings_status record_life_leases(struct record *record, int64_t owner, int64_t life,
                                  struct record_leased *ret, size_t max, size_t *ret_count,
                                  struct tidings_error *err)
{
    max = max < RECORD_BATCH_MAX ? max : RECORD_BATCH_MAX;
    struct db_stmt *stmt = record_bind(record, STMT_LIFE_LEASES, "iiii", owner,
                                       (int64_t)record->node, life, (int64_t)max);
    tidings_status status = TIDINGS_OK;
    size_t count = 0;
    while (count < max && (status = db_step(stmt, err)) == TIDINGS_OK) {
        ret[count++] = (struct record_leased){
            .id = db_column_i64(stmt, 0),
            .receiver_id = db_column_i64(stmt, 1),
            .epoch = db_column_i64(stmt, 2),
            .until_ms = db_column_i64(stmt, 3),
            .attempts = (int32_t)db_column_i64(stmt, 4),
            .earlier = (int32_t)db_column_i64(stmt, 5),
        };
    }
    db_reset(stmt);
    *ret_count = count;
    return status == TIDINGS_E_EOF ? TIDINGS_OK : status;
}

tidings_status record_life_end(struct record *record, int64_t owner, int64_t life,
                               struct tidings_error *err)
{
    return record_run(record, NULL, err, STMT_LIFE_END, "iii", owner, (int64_t)record->node, life);
}
