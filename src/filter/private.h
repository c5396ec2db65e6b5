// SPDX-License-Identifier: Apache-2.0
// Tokens and nodes. Private to the room.
#ifndef FILTER_PRIVATE_H
#define FILTER_PRIVATE_H

#include "filter/filter.h"

enum token_kind {
    TOKEN_END,
    TOKEN_NAME,
    TOKEN_TEXT,  // with its quotes
    TOKEN_WHOLE, // whole number, without the l
    TOKEN_FLOAT,
    TOKEN_EQUAL,
    TOKEN_NOT_EQUAL,
    TOKEN_GREATER,
    TOKEN_GREATER_EQUAL,
    TOKEN_LESS,
    TOKEN_LESS_EQUAL,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_COMMA,
    TOKEN_PLUS,
    TOKEN_MINUS,
    TOKEN_NOT, // key words from here on
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_BETWEEN,
    TOKEN_IN,
    TOKEN_TRUE,
    TOKEN_FALSE,
    TOKEN_NULL,
    TOKEN_IS,
    TOKEN_CONTAINS,
    TOKEN_STARTSWITH,
    TOKEN_ENDSWITH,
};

struct token {
    enum token_kind kind;
    struct str text;
    size_t at; // byte in the expression
};

struct lexer {
    struct str text;
    size_t at;
};
// E_INVALID when no token begins there; *ret then tells where.
tidings_status lexer_next(struct lexer *lexer, struct token *ret) TIDINGS_NODISCARD;

// ---- the compiled form: nodes name others by their number ----
enum node_kind {
    NODE_NULL,
    NODE_TRUE,
    NODE_FALSE,
    NODE_INT, // 32 bits, as RocketMQ keeps what fits
    NODE_LONG,
    NODE_DOUBLE,
    NODE_TEXT,
    NODE_PROPERTY,
    NODE_NEGATE, // left
    NODE_CAST,   // a property where a truth value must be
    NODE_NOT,
    NODE_AND, // left, right
    NODE_OR,
    NODE_EQUAL,
    NODE_GREATER,
    NODE_GREATER_EQUAL,
    NODE_LESS,
    NODE_LESS_EQUAL,
    NODE_IN, // left = property, right = first of `count` NODE_TEXTs that follow each other
    NODE_NOT_IN,
    NODE_CONTAINS, // left, text
    NODE_NOT_CONTAINS,
    NODE_STARTS,
    NODE_NOT_STARTS,
    NODE_ENDS,
    NODE_NOT_ENDS,
};

struct node {
    enum node_kind kind;
    unsigned left;
    unsigned right;
    unsigned count;
    union {
        int64_t whole;
        double real;
        struct str text; // of NODE_TEXT, NODE_PROPERTY and the text operators; in filter->texts
    };
};

struct filter {
    struct node *nodes;
    unsigned count;
    unsigned root;
    char *texts;
};

#endif
