// SPDX-License-Identifier: Apache-2.0
// Any expression is refused with a text, or compiled and evaluated.
#include "filter/filter.h"

// Every name has a value made of itself; names that begin with m are missing.
static bool get(void *arg, struct str name, struct str *ret)
{
    (void)arg;
    *ret = name.len > 1 ? str_make(name.ptr + 1, name.len - 1) : STR("5");
    return name.ptr[0] != 'm';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct filter *filter = NULL;
    struct tidings_error err = { 0 };
    tidings_status status = filter_compile(str_make((const char *)data, size), &filter, &err);
    if (status == TIDINGS_OK) {
        (void)filter_match(filter, get, NULL);
    } else {
        BASE_ASSERT(filter == NULL && err.text[0] != '\0');
    }
    filter_free(filter);
    return 0;
}
