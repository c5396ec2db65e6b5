// SPDX-License-Identifier: Apache-2.0
// How much work an XPath may be in a document, told before it is followed: libxml2 counts the nodes
// that it comes by, but not the bytes that it copies at each of them, so that a path of 100
// characters could keep a core busy for seconds. An upper bound, in bytes that are looked at. Pure;
// private to the room.
#ifndef RECEIVER_ACK_COST_H
#define RECEIVER_ACK_COST_H

#include <libxml/tree.h>

#include "base/str.h"

// What of a path makes it dear.
struct ack_cost {
    uint32_t letters;  // of the longest literal
    uint32_t operands; // paths and functions: each may take the text of each node that it meets
    uint32_t sets;     // comparisons and unions of sets of nodes: each with each
    uint32_t levels;   // of predicates within predicates
    // Predicates that look beyond their own node (from the root, the parent), and axes that do: a
    // predicate is then asked once for each pair of nodes.
    uint32_t far;
    uint32_t steps; // `//` behind `//`, or in a predicate: once for each level of the document
    bool concat;    // copies what it has for each argument
    bool searches;  // compares a text with another at each of its places
    bool is_wild;   // and the other one is the document's
};
struct ack_cost ack_cost_of(struct str path);

// Whether it may come by a node more than once.
static inline bool ack_cost_crosses(const struct ack_cost *cost)
{
    return cost->far > 0 || cost->steps > 0;
}

// What of a document does.
struct ack_shape {
    uint64_t nodes;
    uint64_t depth;
    uint64_t bytes; // of the text of each node, those within it counted in
};
struct ack_shape ack_shape_of(const xmlDoc *doc);

// Never overflows: UINT64_MAX stands for all that is more.
uint64_t ack_cost_work(const struct ack_cost *cost, const struct ack_shape *shape);

#endif
