// SPDX-License-Identifier: Apache-2.0
// Ack rules: which reply of a receiver means "taken". See `ack` in receiver/receiver.h.
#ifndef RECEIVER_ACK_H
#define RECEIVER_ACK_H

#include <jansson.h>

#include "base/error.h"
#include "base/str.h"

// libxml2 is opened and made ready for several threads by the first rule that needs it
// (receiver/libxml.h); any thread may be the first.
enum {
    ACK_RANGES_MAX = 32,
    ACK_TEXT_MAX = 1024, // of body, pointer, path, equals
    ACK_NAMESPACES_MAX = 16,
    ACK_XML_DEPTH_MAX = 64,
    ACK_XML_NODES_MAX = 1024, // libxml2 compares the nodes that a path finds each with each
    // Of an XPath in a reply, see receiver/ack_cost.h: a few milliseconds at most. What would be
    // more is not followed, and does not fit.
    ACK_WORK_MAX = 2000000,
};

struct ack_rule; // immutable: usable from several threads at once
// `document` NULL: the default. is_soap: noFault is the default. E_INVALID names the member.
tidings_status ack_rule_new(const json_t *document, bool is_soap, struct ack_rule **ret,
                            struct tidings_error *err) TIDINGS_NODISCARD;
void ack_rule_free(struct ack_rule *rule); // NULL allowed
// All parts must fit. `why` gets a line for people when they do not. XML is read without network,
// entities, DTD (a DOCTYPE does not fit), and within bounds, the steps of a path among them; a body
// that is no XML or JSON where one is wanted does not fit. noFault wants an envelope of SOAP, or no
// body at all, as a one-way operation answers. `why` may be NULL when why_size is 0.
bool ack_rule_fits(const struct ack_rule *rule, int status, struct str body, bool truncated,
                   char *why, size_t why_size);

#endif
