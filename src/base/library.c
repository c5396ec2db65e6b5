// SPDX-License-Identifier: Apache-2.0
#include "base/library.h"

#include <dlfcn.h>

#include "base/error.h"

static tidings_status fail(const struct library *library, struct tidings_error *err)
{
    const char *why = dlerror(); // of this thread
    return error_set(err, TIDINGS_E_UNSUPPORTED, "%s needs %s: install the package %s (%s)",
                     library->purpose, library->file, library->package,
                     why != NULL ? why : "a name is missing in it");
}

static tidings_status open_now(struct library *library, struct tidings_error *err)
{
    void *opened = dlopen(library->file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (opened == NULL) {
        return fail(library, err);
    }
    for (size_t i = 0; i < library->count; i++) {
        library->table[i] = dlsym(opened, library->names[i]);
        if (library->table[i] == NULL) {
            return fail(library, err);
        }
    }
    return library->start == NULL || library->start()
               ? TIDINGS_OK
               : error_set(err, TIDINGS_E_NO_MEMORY, "%s does not start", library->file);
}

tidings_status library_open(struct library *library, struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    if (atomic_load_explicit(&library->is_open, memory_order_acquire)) {
        return TIDINGS_OK;
    }
    (void)pthread_mutex_lock(&library->lock);
    if (!atomic_load_explicit(&library->is_open, memory_order_relaxed)) {
        status = open_now(library, err);
        atomic_store_explicit(&library->is_open, status == TIDINGS_OK, memory_order_release);
    }
    (void)pthread_mutex_unlock(&library->lock);
    return status;
}
