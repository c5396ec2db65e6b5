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

struct parcel *parcel_copy(struct notify *notify, const struct notify_submission *submission)
{
    size_t bytes = sizeof(struct parcel) + submission->source.len + submission->type.len +
                   submission->tx_no.len + submission->content_type.len + submission->headers.len +
                   submission->payload.len;
    struct parcel *parcel = malloc(bytes);
    if (parcel == NULL) {
        return NULL;
    }
    char *at = (char *)(parcel + 1);
    *parcel = (struct parcel){ .refs = 1, .bytes = bytes };
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
        free(parcel);
    }
}
