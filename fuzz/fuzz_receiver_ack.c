// SPDX-License-Identifier: Apache-2.0
// A rule (JSON, up to a NUL) and a reply: the same answer twice, with a reason when it is no.
#include "receiver/ack.h"
#include "wire/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WHY_SIZE = 200 };

static void judge(const struct ack_rule *rule, struct str body)
{
    for (int status = 100; status < 600; status += 100) {
        char why[WHY_SIZE] = "";
        bool fits = ack_rule_fits(rule, status, body, false, why, sizeof why);
        BASE_ASSERT(fits == (why[0] == '\0'));
        BASE_ASSERT(str_is_utf8(str_of(why)));
        BASE_ASSERT(fits == ack_rule_fits(rule, status, body, false, NULL, 0));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tidings_error err = { 0 };
    struct ack_rule *rule = NULL;
    json_t *document = NULL;
    struct str all = str_make(data, size);
    size_t end = str_find(all, '\0', 0);
    if (end == SIZE_MAX || wire_tree_parse(str_make(all.ptr, end), &document, NULL) != TIDINGS_OK) {
        return 0;
    }
    tidings_status status = ack_rule_new(document, (size & 1) != 0, &rule, &err);
    json_decref(document);
    BASE_ASSERT((status == TIDINGS_OK) == (rule != NULL));
    BASE_ASSERT(status == TIDINGS_OK || err.text[0] != '\0');
    if (rule != NULL) {
        judge(rule, str_make(all.ptr + end + 1, all.len - end - 1));
    }
    ack_rule_free(rule);
    return 0;
}
