// SPDX-License-Identifier: Apache-2.0
// Replies that are XML, against rules that walk all of it.
#include "receiver/ack.h"
#include "wire/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const rules[] = {
    "{\"noFault\":true}",
    "{\"xpath\":{\"path\":\"//*[normalize-space()='SUCCESS']\",\"equals\":\"SUCCESS\"}}",
    "{\"xpath\":{\"path\":\"string(//@*|//p:a/following::*[last()])\",\"equals\":\"\","
    "\"namespaces\":{\"p\":\"urn:p\"}}}",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < BASE_COUNT(rules); i++) {
        struct ack_rule *rule = NULL;
        json_t *document = NULL;
        char why[300] = "";
        BASE_ASSERT(wire_tree_parse(str_of(rules[i]), &document, NULL) == TIDINGS_OK);
        BASE_ASSERT(ack_rule_new(document, false, &rule, NULL) == TIDINGS_OK);
        json_decref(document);
        bool fits = ack_rule_fits(rule, 200, str_make(data, size), false, why, sizeof why);
        BASE_ASSERT(fits == (why[0] == '\0'));
        BASE_ASSERT(!fits || str_find_str(str_make(data, size), STR("<!DOCTYPE")) == SIZE_MAX ||
                    memchr(data, '-', size) != NULL || memchr(data, '[', size) != NULL ||
                    memchr(data, '?', size) != NULL); // in a comment, CDATA, an instruction
        ack_rule_free(rule);
    }
    return 0;
}
