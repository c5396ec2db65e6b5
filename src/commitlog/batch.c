// SPDX-License-Identifier: Apache-2.0
// Memory of the two batches. The address space is taken once; pages come with the first write to
// them and go back to the system when a burst is over, so that nothing is copied when a batch
// grows.
#include <stdlib.h>
#include <sys/mman.h>

#include "commitlog/private.h"

struct batch *commitlog_batch_new(size_t size)
{
    struct batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL) {
        return NULL;
    }
    batch->size = (size + LOG_PAGE - 1) / LOG_PAGE * LOG_PAGE;
    batch->bytes = mmap(NULL, batch->size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (batch->bytes == MAP_FAILED) {
        free(batch);
        return NULL;
    }
    return batch;
}

void commitlog_batch_free(struct batch *batch)
{
    if (batch != NULL) {
        munmap(batch->bytes, batch->size);
        free(batch);
    }
}

void commitlog_batch_clear(struct batch *batch)
{
    batch->len = 0;
    batch->chunk_count = 0;
    batch->records = 0;
}

bool commitlog_batch_calm(struct batch *batch, int64_t now_us)
{
    if (batch->touched <= BATCH_KEEP) {
        return false;
    }
    if (batch->len > 0 || now_us - batch->used_us < CALM_US) {
        return true;
    }
    (void)madvise(batch->bytes + BATCH_KEEP, batch->size - BATCH_KEEP, MADV_DONTNEED);
    batch->touched = BATCH_KEEP;
    return false;
}
