// SPDX-License-Identifier: Apache-2.0
// Evaluation. Where RocketMQ throws, VALUE_ERROR goes up through everything and the message is not
// delivered.
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "base/num.h"
#include "filter/private.h"

enum value_kind {
    VALUE_ERROR,
    VALUE_NULL,
    VALUE_TRUTH,
    VALUE_INT,
    VALUE_LONG,
    VALUE_DOUBLE,
    VALUE_TEXT,
};

struct value {
    enum value_kind kind;
    bool truth;
    int64_t whole;
    double real;
    struct str text;
};

struct matching {
    const struct filter *filter;
    filter_get *get;
    void *arg;
};

static const struct value null_value = { .kind = VALUE_NULL };
static const struct value error_value = { .kind = VALUE_ERROR };

static struct value truth(bool is)
{
    return (struct value){ .kind = VALUE_TRUTH, .truth = is };
}

static struct value evaluate(const struct matching *matching, unsigned number);

// ---- texts as numbers, as Java reads them ----
static bool to_whole(struct str text, bool is_int, int64_t *ret)
{
    if (text.len > 1 && text.ptr[0] == '+' && text.ptr[1] >= '0' && text.ptr[1] <= '9') {
        text = str_make(text.ptr + 1, text.len - 1);
    }
    return num_parse_i64(text, is_int ? INT32_MIN : INT64_MIN, is_int ? INT32_MAX : INT64_MAX, ret);
}

// Digits with a point, an exponent, a sign; a type letter behind; NaN and Infinity; hexadecimal
// floats with their p.
static bool to_double(struct str text, double *ret)
{
    char copy[400];
    char *end;
    text = str_trim(text);
    if (text.len == 0 || !str_copy(copy, sizeof copy, text)) {
        return false;
    }
    char last = copy[text.len - 1];
    bool hexadecimal = strpbrk(copy, "xX") != NULL;
    if ((last | 0x20) == 'd' || ((last | 0x20) == 'f' && !hexadecimal)) {
        copy[text.len - 1] = '\0';
    }
    const char *digits = copy + (copy[0] == '+' || copy[0] == '-');
    bool named = strcmp(digits, "NaN") == 0 || strcmp(digits, "Infinity") == 0;
    bool starts = (digits[0] >= '0' && digits[0] <= '9') || digits[0] == '.';
    if ((!named && !starts) || (hexadecimal && strpbrk(copy, "pP") == NULL)) {
        return false; // what strtod takes beyond: inf, nan(…)
    }
    *ret = strtod(copy, &end);
    return *end == '\0' && end != copy;
}

// ---- comparison ----
static int compare_doubles(double a, double b)
{
    if (isnan(a) || isnan(b)) { // NaN is over all, and equal to itself
        return (int)(isnan(a) != 0) - (int)(isnan(b) != 0);
    }
    if (!(a < b) && !(a > b)) { // −0 is under 0
        return (int)(signbit(b) != 0) - (int)(signbit(a) != 0);
    }
    return a > b ? 1 : -1;
}

static bool is_number(const struct value *value)
{
    return value->kind == VALUE_INT || value->kind == VALUE_LONG || value->kind == VALUE_DOUBLE;
}

static double number_of(const struct value *value)
{
    return value->kind == VALUE_DOUBLE ? value->real : (double)value->whole;
}

// The text becomes what the other value is. False when it cannot.
static bool convert(struct value *text, const struct value *like)
{
    struct value made = { .kind = like->kind };
    bool good = true;
    if (like->kind == VALUE_DOUBLE) {
        good = to_double(text->text, &made.real);
    } else if (like->kind == VALUE_TRUTH) {
        made.truth = text->text.len == 4 && strncasecmp(text->text.ptr, "true", 4) == 0;
    } else {
        good = to_whole(text->text, like->kind == VALUE_INT, &made.whole);
    }
    *text = made;
    return good;
}

// *ret: as Java's compareTo; −1 for what has nothing in common. False on an error.
static bool compare(struct value a, struct value b, int *ret)
{
    if (a.kind == VALUE_TRUTH && b.kind == VALUE_TEXT) {
        return false; // RocketMQ fails here, too
    }
    if (a.kind == VALUE_TEXT && b.kind != VALUE_TEXT && !convert(&a, &b)) {
        return false;
    }
    if (b.kind == VALUE_TEXT && a.kind != VALUE_TEXT && !convert(&b, &a)) {
        return false;
    }
    if (a.kind == VALUE_TEXT) {
        size_t len = a.text.len < b.text.len ? a.text.len : b.text.len;
        int order = len > 0 ? memcmp(a.text.ptr, b.text.ptr, len) : 0;
        *ret = order != 0 ? order : (a.text.len > b.text.len) - (a.text.len < b.text.len);
    } else if (a.kind == VALUE_TRUTH && b.kind == VALUE_TRUTH) {
        *ret = (int)a.truth - (int)b.truth;
    } else if (!is_number(&a) || !is_number(&b)) {
        *ret = -1;
    } else if (a.kind == VALUE_DOUBLE || b.kind == VALUE_DOUBLE) {
        *ret = compare_doubles(number_of(&a), number_of(&b));
    } else {
        *ret = (a.whole > b.whole) - (a.whole < b.whole);
    }
    return true;
}

static struct value equal(const struct matching *matching, const struct node *node)
{
    struct value a = evaluate(matching, node->left);
    if (a.kind == VALUE_ERROR) {
        return a;
    }
    struct value b = evaluate(matching, node->right);
    int order;
    if (b.kind == VALUE_ERROR) {
        return b;
    }
    if (a.kind == VALUE_NULL || b.kind == VALUE_NULL) {
        return a.kind == b.kind ? truth(true) : a.kind == VALUE_NULL ? null_value : truth(false);
    }
    return compare(a, b, &order) ? truth(order == 0) : error_value;
}

static struct value ordered(const struct matching *matching, const struct node *node)
{
    struct value a = evaluate(matching, node->left);
    if (a.kind <= VALUE_NULL) {
        return a;
    }
    struct value b = evaluate(matching, node->right);
    if (b.kind <= VALUE_NULL) {
        return b;
    }
    static const struct value like_double = { .kind = VALUE_DOUBLE };
    if (a.kind == VALUE_TEXT && b.kind == VALUE_TEXT &&
        (!convert(&a, &like_double) || !convert(&b, &like_double))) {
        return error_value;
    }
    int order;
    if (!compare(a, b, &order)) {
        return error_value;
    }
    switch (node->kind) {
    case NODE_GREATER: return truth(order > 0);
    case NODE_GREATER_EQUAL: return truth(order >= 0);
    case NODE_LESS: return truth(order < 0);
    default: return truth(order <= 0);
    }
}

// ---- the others ----
static struct value is_in(const struct matching *matching, const struct node *node)
{
    struct value value = evaluate(matching, node->left);
    bool found = false;
    if (value.kind != VALUE_TEXT) {
        return null_value;
    }
    for (unsigned i = 0; i < node->count && !found; i++) {
        found = str_eq(value.text, matching->filter->nodes[node->right + i].text);
    }
    return truth(found == (node->kind == NODE_IN));
}

static bool ends_with(struct str text, struct str end)
{
    return text.len >= end.len && memcmp(text.ptr + text.len - end.len, end.ptr, end.len) == 0;
}

static struct value text_operator(const struct matching *matching, const struct node *node)
{
    struct value value = evaluate(matching, node->left);
    if (value.kind == VALUE_ERROR) {
        return value;
    }
    if (node->text.len == 0 || value.kind != VALUE_TEXT) {
        return truth(false);
    }
    switch (node->kind) {
    case NODE_CONTAINS: return truth(str_find_str(value.text, node->text) != SIZE_MAX);
    case NODE_NOT_CONTAINS: return truth(str_find_str(value.text, node->text) == SIZE_MAX);
    case NODE_STARTS: return truth(str_starts(value.text, node->text));
    case NODE_NOT_STARTS: return truth(!str_starts(value.text, node->text));
    case NODE_ENDS: return truth(ends_with(value.text, node->text));
    default: return truth(!ends_with(value.text, node->text));
    }
}

static struct value logic(const struct matching *matching, const struct node *node)
{
    bool decides = node->kind == NODE_OR; // this one operand is enough
    struct value a = evaluate(matching, node->left);
    if (a.kind == VALUE_ERROR || (a.kind == VALUE_TRUTH && a.truth == decides)) {
        return a;
    }
    struct value b = evaluate(matching, node->right);
    if (b.kind == VALUE_ERROR || (b.kind == VALUE_TRUTH && b.truth == decides)) {
        return b;
    }
    return a.kind == VALUE_NULL || b.kind == VALUE_NULL ? null_value : truth(!decides);
}

static struct value negate(struct value value)
{
    switch (value.kind) {
    case VALUE_ERROR: return value;
    case VALUE_INT:
    case VALUE_LONG: value.whole = -value.whole; return value; // constants are never negative
    case VALUE_DOUBLE: value.real = -value.real; return value;
    default: return null_value;
    }
}

static struct value property(const struct matching *matching, const struct node *node)
{
    struct value value = { .kind = VALUE_TEXT };
    return matching->get(matching->arg, node->text, &value.text) ? value : null_value;
}

static struct value inverted(struct value value)
{
    value.truth = !value.truth;
    return value;
}

static struct value evaluate(const struct matching *matching, unsigned number)
{
    const struct node *node = &matching->filter->nodes[number];
    struct value value;
    switch (node->kind) {
    case NODE_NULL: return null_value;
    case NODE_TRUE: return truth(true);
    case NODE_FALSE: return truth(false);
    case NODE_INT: return (struct value){ .kind = VALUE_INT, .whole = node->whole };
    case NODE_LONG: return (struct value){ .kind = VALUE_LONG, .whole = node->whole };
    case NODE_DOUBLE: return (struct value){ .kind = VALUE_DOUBLE, .real = node->real };
    case NODE_TEXT: return (struct value){ .kind = VALUE_TEXT, .text = node->text };
    case NODE_PROPERTY: return property(matching, node);
    case NODE_NEGATE: return negate(evaluate(matching, node->left));
    case NODE_CAST: // a property is a text, and that is not true
        value = evaluate(matching, node->left);
        return value.kind == VALUE_TEXT ? truth(false) : value;
    case NODE_NOT: return inverted(evaluate(matching, node->left));
    case NODE_AND:
    case NODE_OR: return logic(matching, node);
    case NODE_EQUAL: return equal(matching, node);
    case NODE_GREATER:
    case NODE_GREATER_EQUAL:
    case NODE_LESS:
    case NODE_LESS_EQUAL: return ordered(matching, node);
    case NODE_IN:
    case NODE_NOT_IN: return is_in(matching, node);
    case NODE_CONTAINS:
    case NODE_NOT_CONTAINS:
    case NODE_STARTS:
    case NODE_NOT_STARTS:
    case NODE_ENDS:
    case NODE_NOT_ENDS: return text_operator(matching, node);
    }
    return error_value;
}

bool filter_match(const struct filter *filter, filter_get *get, void *arg)
{
    const struct matching matching = { filter, get, arg };
    struct value value = evaluate(&matching, filter->root);
    return value.kind == VALUE_TRUTH && value.truth;
}
