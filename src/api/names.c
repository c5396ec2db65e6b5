// SPDX-License-Identifier: Apache-2.0
#include "api/names.h"

#include <stdlib.h>

struct api_names *api_names_new(struct record *record)
{
    struct api_names *names = malloc(sizeof *names);
    if (names != NULL) {
        names->record = record;
        buf_init(&names->room, RECORD_DOCUMENT_MAX + RECORD_NAME_MAX + 64);
        for (size_t i = 0; i < API_NAMES; i++) {
            names->names[i].id = 0;
        }
    }
    return names;
}

void api_names_free(struct api_names *names)
{
    if (names != NULL) {
        buf_deinit(&names->room);
        free(names);
    }
}

tidings_status api_names_get(struct api_names *names, int64_t id, struct str *ret,
                             struct tidings_error *err)
{
    size_t slot = (size_t)((uint64_t)id % API_NAMES);
    char *name = names->names[slot].name;
    if (names->names[slot].id != id) {
        struct record_receiver row;
        tidings_status status =
            record_receiver_get(names->record, STR(""), id, &names->room, &row, err);
        if (status != TIDINGS_OK && status != TIDINGS_E_NOT_FOUND) {
            return status;
        }
        error_clear(err);
        (void)str_copy(name, sizeof names->names[slot].name,
                       status == TIDINGS_OK ? row.name : STR(""));
        names->names[slot].id = id;
    }
    *ret = str_of(name);
    return TIDINGS_OK;
}

tidings_status api_names_find(struct api_names *names, struct str name, int64_t *ret_id,
                              struct tidings_error *err)
{
    struct record_receiver row;
    tidings_status status = record_receiver_get(names->record, name, 0, &names->room, &row, err);
    *ret_id = status == TIDINGS_OK ? row.id : 0;
    if (status == TIDINGS_E_NOT_FOUND) {
        error_clear(err);
        return TIDINGS_OK;
    }
    return status;
}
