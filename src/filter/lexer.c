// SPDX-License-Identifier: Apache-2.0
#include <strings.h>

#include "filter/private.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_start(char c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '$';
}

static char peek(const struct lexer *lexer, size_t ahead)
{
    size_t at = lexer->at + ahead;
    return at < lexer->text.len ? lexer->text.ptr[at] : '\0';
}

// A line comment needs its line end, else it is two minus signs.
static bool skip_line_comment(struct lexer *lexer)
{
    for (size_t at = lexer->at + 2; at < lexer->text.len; at++) {
        if (lexer->text.ptr[at] == '\n' || lexer->text.ptr[at] == '\r') {
            lexer->at = at + 1;
            return true;
        }
    }
    return false;
}

static bool skip_block_comment(struct lexer *lexer)
{
    size_t end = str_find_str(
        str_make(lexer->text.ptr + lexer->at + 2, lexer->text.len - lexer->at - 2), STR("*/"));
    if (end == SIZE_MAX) {
        return false;
    }
    lexer->at += end + 4;
    return true;
}

static void skip_space(struct lexer *lexer)
{
    bool more = true;
    while (more && lexer->at < lexer->text.len) {
        char c = peek(lexer, 0);
        more = false;
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
            lexer->at++;
            more = true;
        } else if (c == '-' && peek(lexer, 1) == '-') {
            more = skip_line_comment(lexer);
        } else if (c == '/' && peek(lexer, 1) == '*') {
            more = skip_block_comment(lexer);
        }
    }
}

static enum token_kind word_kind(struct str word)
{
    static const struct {
        struct str word;
        enum token_kind kind;
    } words[] = {
        { { "NOT", 3 }, TOKEN_NOT },
        { { "AND", 3 }, TOKEN_AND },
        { { "OR", 2 }, TOKEN_OR },
        { { "BETWEEN", 7 }, TOKEN_BETWEEN },
        { { "IN", 2 }, TOKEN_IN },
        { { "TRUE", 4 }, TOKEN_TRUE },
        { { "FALSE", 5 }, TOKEN_FALSE },
        { { "NULL", 4 }, TOKEN_NULL },
        { { "IS", 2 }, TOKEN_IS },
        { { "CONTAINS", 8 }, TOKEN_CONTAINS },
        { { "STARTSWITH", 10 }, TOKEN_STARTSWITH },
        { { "ENDSWITH", 8 }, TOKEN_ENDSWITH },
    };
    for (size_t i = 0; i < BASE_COUNT(words); i++) {
        if (word.len == words[i].word.len &&
            strncasecmp(word.ptr, words[i].word.ptr, word.len) == 0) {
            return words[i].kind;
        }
    }
    return TOKEN_NAME;
}

static size_t digits(const struct lexer *lexer, size_t from)
{
    size_t n = 0;
    while (is_digit(peek(lexer, from + n))) {
        n++;
    }
    return n;
}

// Length of an exponent that begins at `from`, 0 when there is none.
static size_t exponent(const struct lexer *lexer, size_t from)
{
    if ((peek(lexer, from) | 0x20) != 'e') {
        return 0;
    }
    size_t sign = peek(lexer, from + 1) == '+' || peek(lexer, from + 1) == '-';
    size_t n = digits(lexer, from + 1 + sign);
    return n > 0 ? 1 + sign + n : 0;
}

// The longest number; a whole one has no 0 in front of others.
static size_t number(const struct lexer *lexer, enum token_kind *ret_kind)
{
    size_t whole = digits(lexer, 0);
    size_t len = whole;
    *ret_kind = TOKEN_FLOAT;
    if (peek(lexer, whole) == '.') {
        size_t rest = digits(lexer, whole + 1);
        if (whole > 0 || rest > 0) {
            len = whole + 1 + rest;
            return len + exponent(lexer, len);
        }
    }
    size_t end = exponent(lexer, whole);
    if (whole > 0 && end > 0) {
        return whole + end;
    }
    *ret_kind = TOKEN_WHOLE;
    return peek(lexer, 0) == '0' ? 1 : whole;
}

static size_t quoted(const struct lexer *lexer)
{
    size_t at = 1;
    for (;;) {
        if (lexer->at + at >= lexer->text.len) {
            return 0; // never closed
        }
        if (peek(lexer, at) == '\'') {
            if (peek(lexer, at + 1) != '\'') {
                return at + 1;
            }
            at++;
        }
        at++;
    }
}

static size_t sign(const struct lexer *lexer, enum token_kind *ret_kind)
{
    char next = peek(lexer, 1);
    switch (peek(lexer, 0)) {
    case '=': *ret_kind = TOKEN_EQUAL; return 1;
    case '(': *ret_kind = TOKEN_OPEN; return 1;
    case ')': *ret_kind = TOKEN_CLOSE; return 1;
    case ',': *ret_kind = TOKEN_COMMA; return 1;
    case '+': *ret_kind = TOKEN_PLUS; return 1;
    case '-': *ret_kind = TOKEN_MINUS; return 1;
    case '>':
        *ret_kind = next == '=' ? TOKEN_GREATER_EQUAL : TOKEN_GREATER;
        return 1 + (next == '=');
    case '<':
        *ret_kind = next == '>' ? TOKEN_NOT_EQUAL : next == '=' ? TOKEN_LESS_EQUAL : TOKEN_LESS;
        return 1 + (next == '>' || next == '=');
    default: return 0;
    }
}

tidings_status lexer_next(struct lexer *lexer, struct token *ret)
{
    skip_space(lexer);
    *ret = (struct token){ .kind = TOKEN_END, .at = lexer->at };
    if (lexer->at >= lexer->text.len) {
        return TIDINGS_OK;
    }
    const char *begin = lexer->text.ptr + lexer->at;
    char c = *begin;
    size_t len = 0;
    if (is_name_start(c)) {
        while (is_name_start(peek(lexer, len)) || is_digit(peek(lexer, len))) {
            len++;
        }
        ret->kind = word_kind(str_make(begin, len));
    } else if (is_digit(c) || (c == '.' && is_digit(peek(lexer, 1)))) {
        len = number(lexer, &ret->kind);
    } else if (c == '\'') {
        len = quoted(lexer);
        ret->kind = TOKEN_TEXT;
    } else {
        len = sign(lexer, &ret->kind);
    }
    if (len == 0) {
        return TIDINGS_E_INVALID;
    }
    ret->text = str_make(begin, len);
    lexer->at += len;
    if (ret->kind == TOKEN_WHOLE && c != '0' && (peek(lexer, 0) | 0x20) == 'l') {
        lexer->at++; // the mark of a long, as in Java
    }
    return TIDINGS_OK;
}
