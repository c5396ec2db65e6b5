// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "notify/private.h"

static struct str put(char **at, struct str text)
{
    struct str copy = str_make(*at, text.len);
    if (text.len > 0) {
        memcpy(*at, text.ptr, text.len);
        *at += text.len;
    }
    return copy;
}

// Most are small: these are made alike, and used again.
static void *take_room(struct notify *notify, size_t bytes)
{
    struct parcel *kept = notify->parcels;
    if (bytes > PARCEL_SIZE || kept == NULL) {
        return malloc(bytes > PARCEL_SIZE ? bytes : (size_t)PARCEL_SIZE);
    }
    notify->parcels = kept->next;
    notify->parcels_kept--;
    return kept;
}

static void give_room(struct notify *notify, struct parcel *parcel)
{
    if (parcel->size != PARCEL_SIZE || notify->parcels_kept == PARCELS_KEPT) {
        free(parcel);
        return;
    }
    parcel->next = notify->parcels;
    notify->parcels = parcel;
    notify->parcels_kept++;
}

void parcels_free(struct notify *notify)
{
    while (notify->parcels != NULL) {
        struct parcel *next = notify->parcels->next;
        free(notify->parcels);
        notify->parcels = next;
    }
}

struct parcel *parcel_copy(struct notify *notify, const struct notify_submission *submission)
{
    size_t bytes = sizeof(struct parcel) + submission->source.len + submission->type.len +
                   submission->tx_no.len + submission->content_type.len + submission->headers.len +
                   submission->payload.len;
    struct parcel *parcel = take_room(notify, bytes);
    if (parcel == NULL) {
        return NULL;
    }
    char *at = (char *)(parcel + 1);
    *parcel = (struct parcel){ .refs = 1,
                               .size = bytes <= PARCEL_SIZE ? PARCEL_SIZE : 0,
                               .bytes = bytes };
    buf_init(&parcel->room, 0);
    parcel->view.source = put(&at, submission->source);
    parcel->view.type = put(&at, submission->type);
    parcel->view.tx_no = put(&at, submission->tx_no);
    parcel->view.content_type = put(&at, submission->content_type);
    parcel->view.headers = put(&at, submission->headers);
    parcel->view.payload = put(&at, submission->payload);
    notify->memory += bytes;
    return parcel;
}

void parcel_unref(struct notify *notify, struct parcel *parcel)
{
    if (parcel != NULL && --parcel->refs == 0) {
        notify->memory -= parcel->bytes;
        buf_deinit(&parcel->room);
        give_room(notify, parcel);
    }
}
