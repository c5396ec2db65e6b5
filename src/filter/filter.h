// SPDX-License-Identifier: Apache-2.0
// SQL92 subscriptions: a condition over a message's properties, as RocketMQ's module `filter` takes
// it (grammar SelectorParser.jj, meaning ComparisonExpression, LogicExpression, UnaryExpression;
// looked at in release 5.x).
//
// Grammar, from weak to strong: OR · AND · = <> IS [NOT] NULL · > >= < <= [NOT] BETWEEN x AND y,
// [NOT] IN ('a', 'b'), [NOT] CONTAINS | STARTSWITH | ENDSWITH 'a' · unary + - NOT · ( ), 'text'
// ('' inside for one quote), whole numbers (of 64 bits, an l at the end is allowed), 1.5 .5 5. 1E3,
// TRUE, FALSE, NULL, names of [a-zA-Z_$][a-zA-Z0-9_$]*. Key words in any case; -- and /* */
// comment.
//
// Refused when compiled, as there: an order (> < BETWEEN) with a text, a truth value or NULL; = or
// <> with NULL; BETWEEN with its bounds turned round; IN on anything but a property; a number or
// text where a truth value must be; floats of 0 and beyond a double. Refused here only: text behind
// the end of the expression, which RocketMQ does not look at.
//
// Meaning: properties are texts, and take the type of what they are compared with: a whole number,
// a double, or a truth value; two texts in an order are compared as doubles. A text that cannot be
// converted makes the whole expression fail: the message is not delivered. A property that is not
// there is NULL; NULL goes through NOT, AND, OR in three-valued logic, but NULL = NULL is true and
// a value = NULL is false (so 'x' <> missing is true, missing <> 'x' is not). What is not true in
// the end is not delivered.
#ifndef FILTER_FILTER_H
#define FILTER_FILTER_H

#include "base/error.h"
#include "base/str.h"

enum {
    FILTER_TEXT_MAX = 8 * 1024,
    FILTER_DEPTH_MAX = 64, // parentheses and unary operators inside each other
    FILTER_NODES_MAX = 4096,
};

// A compiled expression; it never changes, any number of threads may match with it.
struct filter;

// E_INVALID with the position (from 1) and what was wrong, E_TOO_LARGE beyond the limits above.
tidings_status filter_compile(struct str text, struct filter **ret,
                              struct tidings_error *err) TIDINGS_NODISCARD;
void filter_free(struct filter *filter); // NULL allowed

// Looks a property up; false when it is not there.
typedef bool filter_get(void *arg, struct str name, struct str *ret_value);
// True when the expression is true. No allocation.
bool filter_match(const struct filter *filter, filter_get *get, void *arg);

#endif
