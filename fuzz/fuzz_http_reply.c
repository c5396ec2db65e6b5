// SPDX-License-Identifier: Apache-2.0
// The first byte: in which pieces the reply comes, and whether it is of a HEAD. It means the same
// in any pieces, and what is taken of its head is none that the other way out would not take.
#include <stdlib.h>

#include "http/call.h"
#include "http/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 256 };

struct seen {
    enum reply_verdict verdict;
    int status;
    bool keeps;
    bool truncated;
    bool whole_at_end;
    size_t used;
    size_t body_len;
    char body[ROOM];
};

static struct seen feed(struct str bytes, size_t step, bool is_of_head)
{
    struct reply reply;
    struct buf body;
    struct seen seen = { 0 };
    reply_init(&reply);
    buf_init(&body, ROOM);
    reply_begin(&reply, is_of_head);
    while (seen.used < bytes.len && seen.verdict == REPLY_GOES_ON) {
        size_t used = 0;
        size_t len = bytes.len - seen.used < step ? bytes.len - seen.used : step;
        seen.verdict = reply_feed(&reply, str_make(bytes.ptr + seen.used, len), &body, &used);
        BASE_ASSERT(used <= len && (used == len || seen.verdict != REPLY_GOES_ON));
        seen.used += used;
    }
    if (seen.verdict == REPLY_GOES_ON) {
        seen.whole_at_end = reply_ends(&reply);
    }
    BASE_ASSERT(body.len <= ROOM && reply.header_bytes <= 2 * HTTP_REPLY_HEADERS_MAX + step);
    BASE_ASSERT((seen.verdict == REPLY_IS_WRONG) == (reply.wrong != NULL));
    BASE_ASSERT(seen.verdict != REPLY_IS_WHOLE || (reply.status >= 200 && reply.status <= 999));
    BASE_ASSERT(!reply.truncated || (body.len == ROOM && !reply.keeps));
    BASE_ASSERT(head_retry_after_ms(reply.retry_after, 784111740000) >= 0);
    seen.status = reply.status;
    seen.keeps = reply.keeps;
    seen.truncated = reply.truncated;
    seen.body_len = body.len;
    memcpy(seen.body, body.ptr != NULL ? body.ptr : "", body.len);
    reply_deinit(&reply);
    buf_deinit(&body);
    return seen;
}

// Line by line until the head that counts has ended.
static void check_head(struct str bytes)
{
    bool broken = false;
    bool ended = false;
    int status = 0;
    while (bytes.len > 0 && !(ended && status != '1')) {
        size_t end = str_find(bytes, '\n', 0);
        size_t len = end == SIZE_MAX ? bytes.len : end + 1;
        status = len > 9 && ((bytes.ptr[0] | 0x20) == 'h') && bytes.ptr[4] == '/' ? bytes.ptr[9]
                                                                                  : status;
        head_line(str_make(bytes.ptr, len), &broken, &ended);
        bytes = str_make(bytes.ptr + len, bytes.len - len);
    }
    BASE_ASSERT(!broken);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct str bytes = str_make(data + 1, size - 1);
    bool is_of_head = (data[0] & 1) != 0;
    struct seen whole = feed(bytes, bytes.len + 1, is_of_head);
    struct seen pieces = feed(bytes, (size_t)(data[0] >> 1) % 32 + 1, is_of_head);
    BASE_ASSERT(whole.verdict == pieces.verdict && whole.status == pieces.status &&
                whole.keeps == pieces.keeps && whole.truncated == pieces.truncated &&
                whole.whole_at_end == pieces.whole_at_end && whole.body_len == pieces.body_len &&
                memcmp(whole.body, pieces.body, whole.body_len) == 0);
    BASE_ASSERT(whole.verdict != REPLY_IS_WHOLE || whole.truncated || whole.used == pieces.used);
    if (whole.verdict == REPLY_IS_WHOLE || whole.whole_at_end) {
        check_head(bytes);
    }
    return 0;
}
