// SPDX-License-Identifier: Apache-2.0
// The tree parser and jansson take the same texts, and make the same of them. Left out: \u escapes
// of lone surrogates (U+FFFD here, refused there), NUL bytes (refused here, some passed over
// there), and what is beyond our limits.
#include <string.h>

#include "wire/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool has_surrogate(struct str text)
{
    for (size_t i = 0; i + 3 < text.len; i++) {
        if (text.ptr[i] == '\\' && text.ptr[i + 1] == 'u' && (text.ptr[i + 2] | 0x20) == 'd') {
            return true;
        }
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_make((const char *)data, size);
    json_t *own = NULL;
    tidings_status status = wire_tree_parse(text, &own, NULL);
    BASE_ASSERT((status == TIDINGS_OK) == (own != NULL));
    if (status != TIDINGS_E_TOO_LARGE && !has_surrogate(text) &&
        (size == 0 || memchr(data, 0, size) == NULL)) {
        json_t *theirs = json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL);
        BASE_ASSERT((own != NULL) == (theirs != NULL));
        BASE_ASSERT(own == NULL || json_equal(own, theirs) == 1);
        json_decref(theirs);
    }
    json_decref(own);
    return 0;
}
