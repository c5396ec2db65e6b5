// SPDX-License-Identifier: Apache-2.0
// The parts of an ack rule that need more than a comparison. All of them are immutable: usable from
// several threads at once. Private to the room.
#ifndef RECEIVER_ACK_PARTS_H
#define RECEIVER_ACK_PARTS_H

#include <jansson.h>
#include <libxml/tree.h>
#include <stdarg.h>

#include "base/error.h"
#include "base/str.h"
#include "receiver/member.h"

// Says why a reply does not fit, in whole characters; always false.
bool ack_refuse(char *why, size_t why_size, const char *format, ...) BASE_PRINTF(3, 4);

// {"pointer", "equals"}
struct ack_json;
tidings_status ack_json_new(const json_t *document, struct ack_json **ret,
                            struct tidings_error *err) TIDINGS_NODISCARD;
void ack_json_free(struct ack_json *json); // NULL allowed
bool ack_json_fits(const struct ack_json *json, const json_t *root, char *why, size_t why_size);

// {"path", "equals", "namespaces"}
struct ack_xpath;
tidings_status ack_xpath_new(const json_t *document, struct ack_xpath **ret,
                             struct tidings_error *err) TIDINGS_NODISCARD;
void ack_xpath_free(struct ack_xpath *xpath); // NULL allowed
bool ack_xpath_fits(const struct ack_xpath *xpath, xmlDoc *doc, char *why, size_t why_size);

// What a Fault says of itself: faultstring of SOAP 1.1, Reason of 1.2, a piece of it.
void ack_fault_text(const xmlNode *fault, char ret[MEMBER_EXCERPT_SIZE]);

#endif
