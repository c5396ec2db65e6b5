// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "wire/json.h"
#include "wire/text.h"

tidings_status wire_id_list_encode(const char *const *ids, size_t count, struct buf *out)
{
    struct wire_text text = wire_text_begin(out);
    BASE_ASSERT(count <= WIRE_IDS_MAX);
    wire_text_put(&text, STR("{\"consumerIdList\":["));
    for (size_t i = 0; i < count; i++) {
        wire_text_comma(&text, i);
        wire_text_string(&text, str_of(ids[i]));
    }
    wire_text_put(&text, STR("]}"));
    return wire_text_end(&text);
}

static tidings_status read_ids(const json_t *root, struct wire_id_list *ret,
                               struct tidings_error *err)
{
    json_t *list;
    unsigned count;
    void *items = NULL;
    tidings_status status =
        wire_json_list(root, "consumerIdList", WIRE_IDS_MAX, &list, &count, err);
    if (status == TIDINGS_OK) {
        status = wire_json_items(count, sizeof *ret->ids, &items);
    }
    ret->ids = items;
    for (unsigned i = 0; status == TIDINGS_OK && i < count; i++) {
        const json_t *id = json_array_get(list, i);
        if (!json_is_string(id)) {
            return error_set(err, TIDINGS_E_PROTOCOL, "consumerIdList must hold strings");
        }
        ret->ids[i] = str_dup(str_make(json_string_value(id), json_string_length(id)));
        ret->count = i + 1;
        status = ret->ids[i] != NULL ? TIDINGS_OK : TIDINGS_E_NO_MEMORY;
    }
    return status;
}

tidings_status wire_id_list_decode(struct str body, struct wire_id_list **ret,
                                   struct tidings_error *err)
{
    json_t *root = NULL;
    struct wire_id_list *list = NULL;
    tidings_status status = wire_json_load(body, "consumer list", &root, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    list = calloc(1, sizeof *list);
    status = list != NULL ? read_ids(root, list, err)
                          : error_set(err, TIDINGS_E_NO_MEMORY, "consumer list: out of memory");
    if (status == TIDINGS_OK) {
        *ret = list;
        list = NULL;
    }
    wire_id_list_free(list);
    json_decref(root);
    return status;
}

void wire_id_list_free(struct wire_id_list *list)
{
    if (list == NULL) {
        return;
    }
    for (unsigned i = 0; i < list->count; i++) {
        free(list->ids[i]);
    }
    free(list->ids);
    free(list);
}
