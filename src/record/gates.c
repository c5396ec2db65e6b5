// SPDX-License-Identifier: Apache-2.0
// What is known of how receivers are, so that it is known after a restart.
#include "record/private.h"

tidings_status record_gate_put(struct record *record, const struct record_gate *gate,
                               struct tidings_error *err)
{
    int64_t rows = 0;
    const enum statement ways[] = { STMT_GATE_CHANGE, STMT_GATE_ADD };
    tidings_status status = TIDINGS_OK;
    for (size_t i = 0; i < BASE_COUNT(ways) && rows == 0 && status == TIDINGS_OK; i++) {
        status =
            record_run(record, &rows, err, ways[i], "iiiiiiii", gate->failures, (int64_t)gate->open,
                       gate->probe_at_ms, gate->probe_wait_ms, gate->slow_until_ms,
                       gate->slow_step_ms, (int64_t)record->node, gate->receiver_id);
    }
    return status;
}

tidings_status record_gate_list(struct record *record, int64_t after, size_t max,
                                void (*each)(void *arg, const struct record_gate *gate), void *arg,
                                struct tidings_error *err)
{
    max = max < RECORD_BATCH_MAX ? max : RECORD_BATCH_MAX;
    struct db_stmt *stmt =
        record_bind(record, STMT_GATE_LIST, "iii", (int64_t)record->node, after, (int64_t)max);
    tidings_status status;
    while ((status = db_step(stmt, err)) == TIDINGS_OK) {
        const struct record_gate gate = {
            .receiver_id = db_column_i64(stmt, 0),
            .failures = db_column_i64(stmt, 1),
            .open = db_column_i64(stmt, 2) != 0,
            .probe_at_ms = db_column_i64(stmt, 3),
            .probe_wait_ms = db_column_i64(stmt, 4),
            .slow_until_ms = db_column_i64(stmt, 5),
            .slow_step_ms = db_column_i64(stmt, 6),
        };
        each(arg, &gate);
    }
    db_reset(stmt);
    return status == TIDINGS_E_EOF ? TIDINGS_OK : status;
}
