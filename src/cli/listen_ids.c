// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "cli/listen.h"

static void forget(struct listener *listener, struct listen_entry *entry)
{
    (void)map_remove(&listener->ids, str_of(entry->id));
    list_remove(&entry->node);
    free(entry);
}

struct listen_entry *listen_entry(struct listener *listener, const char *id)
{
    struct listen_entry *entry = map_get(&listener->ids, str_of(id));
    if (entry != NULL) {
        return entry;
    }
    if (listener->ids.count >= LISTEN_IDS_MAX) {
        forget(listener, LIST_ENTRY(listener->order.next, struct listen_entry, node));
    }
    entry = calloc(1, sizeof *entry);
    if (entry == NULL || !str_copy(entry->id, sizeof entry->id, str_of(id)) ||
        map_put(&listener->ids, str_of(id), entry, NULL) != TIDINGS_OK) {
        free(entry);
        return NULL;
    }
    list_add_tail(&listener->order, &entry->node);
    return entry;
}

void listen_forget(struct listener *listener)
{
    while (!list_empty(&listener->order)) {
        forget(listener, LIST_ENTRY(listener->order.next, struct listen_entry, node));
    }
}
