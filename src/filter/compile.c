// SPDX-License-Identifier: Apache-2.0
// Recursive descent over the grammar in filter.h. What RocketMQ refuses when it compiles is refused
// here.
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/num.h"
#include "filter/private.h"

enum { NODES_MIN = 8 };

struct parser {
    struct lexer lexer;
    struct token token; // looked at
    struct filter *filter;
    unsigned nodes_size;
    size_t texts_used;
    int depth;
    struct tidings_error *err;
};

static tidings_status refuse(const struct parser *parser, size_t at, const char *what)
{
    size_t left = parser->lexer.text.len - at;
    return error_set(parser->err, TIDINGS_E_INVALID, "%s, at position %zu%s%.*s%s", what, at + 1,
                     left > 0 ? ": \"" : "", left > 20 ? 20 : (int)left,
                     parser->lexer.text.ptr + at, left > 0 ? "\"" : "");
}

static tidings_status advance(struct parser *parser)
{
    tidings_status status = lexer_next(&parser->lexer, &parser->token);
    return status == TIDINGS_OK ? status
                                : refuse(parser, parser->token.at,
                                         "an operator, a name, a number or a 'text' must be here");
}

static tidings_status add(struct parser *parser, struct node node, unsigned *ret)
{
    struct filter *filter = parser->filter;
    if (filter->count == FILTER_NODES_MAX) {
        return error_set(parser->err, TIDINGS_E_TOO_LARGE, "the expression has over %d parts",
                         FILTER_NODES_MAX);
    }
    if (filter->count == parser->nodes_size) {
        unsigned size = parser->nodes_size == 0 ? NODES_MIN : parser->nodes_size * 2;
        struct node *grown = realloc(filter->nodes, size * sizeof *grown);
        if (grown == NULL) {
            return error_set(parser->err, TIDINGS_E_NO_MEMORY, "no memory for an expression");
        }
        filter->nodes = grown;
        parser->nodes_size = size;
    }
    filter->nodes[filter->count] = node;
    *ret = filter->count++;
    return TIDINGS_OK;
}

static struct node *node_at(struct parser *parser, unsigned number)
{
    return &parser->filter->nodes[number];
}

// ---- kinds ----
static bool is_constant(enum node_kind kind)
{
    return kind <= NODE_TEXT;
}

static bool is_number(enum node_kind kind)
{
    return kind == NODE_INT || kind == NODE_LONG || kind == NODE_DOUBLE;
}

static bool is_truth(enum node_kind kind)
{
    return kind <= NODE_FALSE || kind >= NODE_CAST;
}

static tidings_status as_truth(struct parser *parser, size_t at, unsigned *node)
{
    enum node_kind kind = node_at(parser, *node)->kind;
    if (is_truth(kind)) {
        return TIDINGS_OK;
    }
    if (kind == NODE_PROPERTY) {
        return add(parser, (struct node){ .kind = NODE_CAST, .left = *node }, node);
    }
    return refuse(parser, at, "a condition must be here, not a value");
}

// ---- literals ----
// Texts are copied without quotes; they cannot become longer.
static struct str copy_text(struct parser *parser, struct str quoted)
{
    char *begin = parser->filter->texts + parser->texts_used;
    size_t len = 0;
    for (size_t i = 1; i + 1 < quoted.len; i++) {
        begin[len++] = quoted.ptr[i];
        i += quoted.ptr[i] == '\'';
    }
    parser->texts_used += len;
    return str_make(begin, len);
}

static struct str copy_name(struct parser *parser, struct str name)
{
    char *begin = parser->filter->texts + parser->texts_used;
    memcpy(begin, name.ptr, name.len);
    parser->texts_used += name.len;
    return str_make(begin, name.len);
}

static tidings_status whole_literal(struct parser *parser, struct node *ret)
{
    if (!num_parse_i64(parser->token.text, 0, INT64_MAX, &ret->whole)) {
        return refuse(parser, parser->token.at, "a whole number must have 64 bits at most");
    }
    ret->kind = ret->whole <= INT32_MAX ? NODE_INT : NODE_LONG;
    return TIDINGS_OK;
}

static tidings_status float_literal(struct parser *parser, struct node *ret)
{
    char text[512];
    if (!str_copy(text, sizeof text, parser->token.text)) {
        return refuse(parser, parser->token.at, "a number is too long");
    }
    ret->kind = NODE_DOUBLE;
    ret->real = strtod(text, NULL);
    return ret->real > 0 && !isinf(ret->real)
               ? TIDINGS_OK
               : refuse(parser, parser->token.at,
                        "a number with a point must be over 0 and within a double");
}

static tidings_status text_literal(struct parser *parser, struct str *ret)
{
    if (parser->token.kind != TOKEN_TEXT) {
        return refuse(parser, parser->token.at, "a 'text' must be here");
    }
    *ret = copy_text(parser, parser->token.text);
    return advance(parser);
}

static tidings_status literal(struct parser *parser, unsigned *ret)
{
    struct node node = { .kind = NODE_NULL };
    tidings_status status = TIDINGS_OK;
    switch (parser->token.kind) {
    case TOKEN_TEXT:
        node.kind = NODE_TEXT;
        node.text = copy_text(parser, parser->token.text);
        break;
    case TOKEN_NAME:
        node.kind = NODE_PROPERTY;
        node.text = copy_name(parser, parser->token.text);
        break;
    case TOKEN_WHOLE: status = whole_literal(parser, &node); break;
    case TOKEN_FLOAT: status = float_literal(parser, &node); break;
    case TOKEN_TRUE: node.kind = NODE_TRUE; break;
    case TOKEN_FALSE: node.kind = NODE_FALSE; break;
    case TOKEN_NULL: break;
    default:
        return refuse(parser, parser->token.at,
                      parser->token.kind == TOKEN_END
                          ? "the expression ends where a value must be"
                          : "a name, a number, a 'text' or '(' must be here");
    }
    if (status == TIDINGS_OK) {
        status = add(parser, node, ret);
    }
    return status == TIDINGS_OK ? advance(parser) : status;
}

// ---- the grammar ----
static tidings_status or_expression(struct parser *parser, unsigned *ret);

static tidings_status deeper(struct parser *parser)
{
    return ++parser->depth <= FILTER_DEPTH_MAX
               ? TIDINGS_OK
               : error_set(parser->err, TIDINGS_E_TOO_LARGE,
                           "more than %d parentheses or unary operators inside each other",
                           FILTER_DEPTH_MAX);
}

static tidings_status primary(struct parser *parser, unsigned *ret)
{
    if (parser->token.kind != TOKEN_OPEN) {
        return literal(parser, ret);
    }
    tidings_status status = advance(parser);
    if (status == TIDINGS_OK) {
        status = or_expression(parser, ret);
    }
    if (status == TIDINGS_OK && parser->token.kind != TOKEN_CLOSE) {
        status = refuse(parser, parser->token.at, "a ')' must be here");
    }
    return status == TIDINGS_OK ? advance(parser) : status;
}

static tidings_status unary(struct parser *parser, unsigned *ret)
{
    enum token_kind kind = parser->token.kind;
    bool is_operator = kind == TOKEN_PLUS || kind == TOKEN_MINUS || kind == TOKEN_NOT;
    tidings_status status = deeper(parser);
    if (status == TIDINGS_OK && !is_operator) {
        status = primary(parser, ret);
        parser->depth--;
        return status;
    }
    if (status == TIDINGS_OK) {
        status = advance(parser);
    }
    size_t at = parser->token.at;
    if (status == TIDINGS_OK) {
        status = unary(parser, ret);
    }
    if (status == TIDINGS_OK && kind == TOKEN_NOT) {
        status = as_truth(parser, at, ret);
    }
    if (status == TIDINGS_OK && kind != TOKEN_PLUS) {
        struct node node = { .kind = kind == TOKEN_NOT ? NODE_NOT : NODE_NEGATE, .left = *ret };
        status = add(parser, node, ret);
    }
    parser->depth--;
    return status;
}

// Only numbers, properties and what negates them have an order.
static tidings_status check_ordered(struct parser *parser, size_t at, unsigned node)
{
    enum node_kind kind = node_at(parser, node)->kind;
    bool good = is_constant(kind) ? is_number(kind) : !is_truth(kind);
    return good ? TIDINGS_OK
                : refuse(parser, at, "only numbers and properties can be compared by order");
}

static tidings_status ordered(struct parser *parser, enum node_kind kind, size_t left_at,
                              unsigned left, size_t right_at, unsigned right, unsigned *ret)
{
    tidings_status status = check_ordered(parser, left_at, left);
    if (status == TIDINGS_OK) {
        status = check_ordered(parser, right_at, right);
    }
    return status == TIDINGS_OK
               ? add(parser, (struct node){ .kind = kind, .left = left, .right = right }, ret)
               : status;
}

static double as_double(const struct node *node)
{
    return node->kind == NODE_DOUBLE ? node->real : (double)node->whole;
}

static bool is_turned(const struct node *low, const struct node *high)
{
    if (!is_number(low->kind) || !is_number(high->kind)) {
        return false;
    }
    if (low->kind != NODE_DOUBLE && high->kind != NODE_DOUBLE) {
        return high->whole < low->whole;
    }
    return as_double(high) < as_double(low);
}

static tidings_status between(struct parser *parser, bool not, size_t at, unsigned value,
                              unsigned *ret)
{
    unsigned low;
    unsigned high;
    unsigned first;
    unsigned second;
    size_t low_at = parser->token.at;
    tidings_status status = unary(parser, &low);
    if (status == TIDINGS_OK && parser->token.kind != TOKEN_AND) {
        status = refuse(parser, parser->token.at, "the AND of BETWEEN must be here");
    }
    if (status == TIDINGS_OK) {
        status = advance(parser);
    }
    size_t high_at = parser->token.at;
    if (status == TIDINGS_OK) {
        status = unary(parser, &high);
    }
    if (status == TIDINGS_OK && !not &&is_turned(node_at(parser, low), node_at(parser, high))) {
        status = refuse(parser, low_at, "the first bound of BETWEEN must not be over the second");
    }
    if (status == TIDINGS_OK) {
        status =
            ordered(parser, not ? NODE_LESS : NODE_GREATER_EQUAL, at, value, low_at, low, &first);
    }
    if (status == TIDINGS_OK) {
        status = ordered(parser, not ? NODE_GREATER : NODE_LESS_EQUAL, at, value, high_at, high,
                         &second);
    }
    return status == TIDINGS_OK
               ? add(parser,
                     (struct node){
                         .kind = not ? NODE_OR : NODE_AND, .left = first, .right = second },
                     ret)
               : status;
}

// The texts of the list stand behind each other in the nodes.
static tidings_status in_list(struct parser *parser, bool not, size_t at, unsigned value,
                              unsigned *ret)
{
    struct node in = { .kind = not ? NODE_NOT_IN : NODE_IN,
                       .left = value,
                       .right = parser->filter->count };
    if (node_at(parser, value)->kind != NODE_PROPERTY) {
        return refuse(parser, at, "IN needs a property before it");
    }
    if (parser->token.kind != TOKEN_OPEN) {
        return refuse(parser, parser->token.at, "the '(' of IN must be here");
    }
    do {
        struct node item = { .kind = NODE_TEXT };
        unsigned number;
        tidings_status status = advance(parser);
        if (status == TIDINGS_OK) {
            status = text_literal(parser, &item.text);
        }
        if (status == TIDINGS_OK) {
            status = add(parser, item, &number);
        }
        if (status != TIDINGS_OK) {
            return status;
        }
        in.count++;
    } while (parser->token.kind == TOKEN_COMMA);
    if (parser->token.kind != TOKEN_CLOSE) {
        return refuse(parser, parser->token.at, "a ',' or ')' must be here");
    }
    tidings_status status = advance(parser);
    return status == TIDINGS_OK ? add(parser, in, ret) : status;
}

static tidings_status text_operator(struct parser *parser, enum token_kind kind, bool not,
                                    unsigned value, unsigned *ret)
{
    struct node node = { .left = value };
    node.kind = kind == TOKEN_CONTAINS     ? (not ? NODE_NOT_CONTAINS : NODE_CONTAINS)
                : kind == TOKEN_STARTSWITH ? (not ? NODE_NOT_STARTS : NODE_STARTS)
                                           : (not ? NODE_NOT_ENDS : NODE_ENDS);
    tidings_status status = text_literal(parser, &node.text);
    return status == TIDINGS_OK ? add(parser, node, ret) : status;
}

static enum node_kind order_of(enum token_kind kind)
{
    switch (kind) {
    case TOKEN_GREATER: return NODE_GREATER;
    case TOKEN_GREATER_EQUAL: return NODE_GREATER_EQUAL;
    case TOKEN_LESS: return NODE_LESS;
    case TOKEN_LESS_EQUAL: return NODE_LESS_EQUAL;
    default: return NODE_NULL;
    }
}

// One operator behind `left`, whose token is looked at; *ret_more is false when there is none.
static tidings_status comparison_step(struct parser *parser, size_t at, unsigned *left,
                                      bool *ret_more)
{
    enum token_kind kind = parser->token.kind;
    bool not = kind == TOKEN_NOT;
    *ret_more = not || order_of(kind) != NODE_NULL || kind == TOKEN_BETWEEN || kind == TOKEN_IN ||
                kind >= TOKEN_CONTAINS;
    if (!*ret_more) {
        return TIDINGS_OK;
    }
    tidings_status status = advance(parser);
    if (status == TIDINGS_OK && not ) {
        kind = parser->token.kind;
        if (kind != TOKEN_BETWEEN && kind != TOKEN_IN && kind < TOKEN_CONTAINS) {
            return refuse(parser, parser->token.at,
                          "BETWEEN, IN, CONTAINS, STARTSWITH or ENDSWITH must follow NOT here");
        }
        status = advance(parser);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    if (kind == TOKEN_BETWEEN) {
        return between(parser, not, at, *left, left);
    }
    if (kind == TOKEN_IN) {
        return in_list(parser, not, at, *left, left);
    }
    if (kind >= TOKEN_CONTAINS) {
        return text_operator(parser, kind, not, *left, left);
    }
    unsigned right;
    size_t right_at = parser->token.at;
    status = unary(parser, &right);
    return status == TIDINGS_OK ? ordered(parser, order_of(kind), at, *left, right_at, right, left)
                                : status;
}

static tidings_status comparison(struct parser *parser, unsigned *ret)
{
    size_t at = parser->token.at;
    bool more = true;
    tidings_status status = unary(parser, ret);
    while (status == TIDINGS_OK && more) {
        status = comparison_step(parser, at, ret, &more);
    }
    return status;
}

static tidings_status equal(struct parser *parser, size_t at, unsigned *left)
{
    bool not = parser->token.kind == TOKEN_NOT_EQUAL;
    unsigned right;
    tidings_status status = advance(parser);
    size_t right_at = parser->token.at;
    if (status == TIDINGS_OK) {
        status = comparison(parser, &right);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    enum node_kind a = node_at(parser, *left)->kind;
    enum node_kind b = node_at(parser, right)->kind;
    if (a == NODE_NULL || b == NODE_NULL) {
        return refuse(parser, a == NODE_NULL ? at : right_at,
                      "NULL cannot be compared, write IS NULL");
    }
    if ((a == NODE_TRUE || a == NODE_FALSE) && is_constant(b) && !is_truth(b)) {
        return refuse(parser, right_at, "a truth value cannot be compared with this");
    }
    status = add(parser, (struct node){ .kind = NODE_EQUAL, .left = *left, .right = right }, left);
    return status == TIDINGS_OK && not ? add(parser,
                                             (struct node){ .kind = NODE_NOT, .left = *left }, left)
                                       : status;
}

static tidings_status is_null(struct parser *parser, unsigned *left)
{
    unsigned null = 0;
    tidings_status status = advance(parser);
    bool not = status == TIDINGS_OK && parser->token.kind == TOKEN_NOT;
    if (not ) {
        status = advance(parser);
    }
    if (status == TIDINGS_OK && parser->token.kind != TOKEN_NULL) {
        status = refuse(parser, parser->token.at, "NULL or NOT NULL must follow IS");
    }
    if (status == TIDINGS_OK) {
        status = advance(parser);
    }
    if (status == TIDINGS_OK) {
        status = add(parser, (struct node){ .kind = NODE_NULL }, &null);
    }
    if (status == TIDINGS_OK) {
        status =
            add(parser, (struct node){ .kind = NODE_EQUAL, .left = *left, .right = null }, left);
    }
    return status == TIDINGS_OK && not ? add(parser,
                                             (struct node){ .kind = NODE_NOT, .left = *left }, left)
                                       : status;
}

static tidings_status equality(struct parser *parser, unsigned *ret)
{
    size_t at = parser->token.at;
    tidings_status status = comparison(parser, ret);
    for (;;) {
        if (status != TIDINGS_OK) {
            return status;
        }
        if (parser->token.kind == TOKEN_EQUAL || parser->token.kind == TOKEN_NOT_EQUAL) {
            status = equal(parser, at, ret);
        } else if (parser->token.kind == TOKEN_IS) {
            status = is_null(parser, ret);
        } else {
            return TIDINGS_OK;
        }
    }
}

// AND or OR: operands of the next stronger kind, all of them conditions.
static tidings_status chain(struct parser *parser, enum token_kind token, enum node_kind kind,
                            tidings_status (*operand)(struct parser *parser, unsigned *ret),
                            unsigned *ret)
{
    size_t at = parser->token.at;
    tidings_status status = operand(parser, ret);
    while (status == TIDINGS_OK && parser->token.kind == token) {
        unsigned right = 0;
        status = as_truth(parser, at, ret);
        if (status == TIDINGS_OK) {
            status = advance(parser);
        }
        size_t right_at = parser->token.at;
        if (status == TIDINGS_OK) {
            status = operand(parser, &right);
        }
        if (status == TIDINGS_OK) {
            status = as_truth(parser, right_at, &right);
        }
        if (status == TIDINGS_OK) {
            status = add(parser, (struct node){ .kind = kind, .left = *ret, .right = right }, ret);
        }
    }
    return status;
}

static tidings_status and_expression(struct parser *parser, unsigned *ret)
{
    return chain(parser, TOKEN_AND, NODE_AND, equality, ret);
}

static tidings_status or_expression(struct parser *parser, unsigned *ret)
{
    return chain(parser, TOKEN_OR, NODE_OR, and_expression, ret);
}

static tidings_status whole(struct parser *parser)
{
    tidings_status status = advance(parser);
    size_t at = parser->token.at;
    if (status == TIDINGS_OK) {
        status = or_expression(parser, &parser->filter->root);
    }
    if (status == TIDINGS_OK && parser->token.kind != TOKEN_END) {
        status = refuse(parser, parser->token.at, "the expression must end here");
    }
    return status == TIDINGS_OK ? as_truth(parser, at, &parser->filter->root) : status;
}

// ---- the face ----
tidings_status filter_compile(struct str text, struct filter **ret, struct tidings_error *err)
{
    struct parser parser = { .lexer = { .text = text }, .err = err };
    struct filter *filter = calloc(1, sizeof *filter);
    if (text.len > FILTER_TEXT_MAX) {
        free(filter);
        return error_set(err, TIDINGS_E_TOO_LARGE, "an expression has %d bytes at most, not %zu",
                         FILTER_TEXT_MAX, text.len);
    }
    if (filter != NULL) {
        filter->texts = malloc(text.len + 1);
    }
    if (filter == NULL || filter->texts == NULL) {
        filter_free(filter);
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for an expression");
    }
    parser.filter = filter;
    tidings_status status = whole(&parser);
    if (status != TIDINGS_OK) {
        filter_free(filter);
        return status;
    }
    *ret = filter;
    return TIDINGS_OK;
}

void filter_free(struct filter *filter)
{
    if (filter != NULL) {
        free(filter->nodes);
        free(filter->texts);
        free(filter);
    }
}
