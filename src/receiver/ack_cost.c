// SPDX-License-Identifier: Apache-2.0
#include "receiver/ack_cost.h"

enum {
    NODE_BYTES = 16, // coming by a node is as dear as so many bytes of text
    // What is cheaper than reading a byte of text, as parts of it.
    PART_OF_LETTERS = 4, // comparing it with a letter
    PART_OF_COPIES = 8,  // copying it
};

// ---- the path ----

// Where a path is read: the rule of XPath 1.0, section 3.7, by which a name or a star behind an
// operand is an operator.
struct reading {
    struct str path;
    size_t at;
    struct ack_cost cost;
    bool after;       // behind an operand
    bool joined;      // within a path: behind `/`, `@`, `::`
    bool after_plain; // behind a literal or a number
    bool compares;    // behind a comparison of what may be a set
    uint32_t level;   // of predicates
    uint32_t steps;   // `//` in this path so far
    struct str name;  // the last one
    // ---- within the arguments of a function that searches ----
    uint32_t parens;
    uint32_t search; // how many of them are open there; 0: outside
    bool in_sought;
};

static bool is_of_name(char c, bool first)
{
    unsigned char u = (unsigned char)c;
    bool letter = (u | 0x20) >= 'a' && (u | 0x20) <= 'z';
    return letter || u == '_' || u >= 0x80 ||
           (!first && ((u >= '0' && u <= '9') || u == '.' || u == '-'));
}

static char peek(const struct reading *reading, size_t ahead)
{
    size_t at = reading->at + ahead;
    return at < reading->path.len ? reading->path.ptr[at] : '\0';
}

static struct str take(struct reading *reading, size_t len)
{
    struct str token = str_make(reading->path.ptr + reading->at, len);
    reading->at += len;
    return token;
}

// A name, with its prefix.
static struct str take_name(struct reading *reading)
{
    size_t len = 1;
    while (is_of_name(peek(reading, len), false) ||
           (peek(reading, len) == ':' && peek(reading, len + 1) != ':' && len > 0 &&
            is_of_name(peek(reading, len + 1), true))) {
        len++;
    }
    return take(reading, len);
}

static struct str take_number(struct reading *reading)
{
    size_t len = 1;
    while ((peek(reading, len) >= '0' && peek(reading, len) <= '9') || peek(reading, len) == '.') {
        len++;
    }
    return take(reading, len);
}

static struct str take_literal(struct reading *reading)
{
    size_t end = str_find(reading->path, peek(reading, 0), reading->at + 1);
    return take(reading, (end == SIZE_MAX ? reading->path.len : end + 1) - reading->at);
}

static struct str take_mark(struct reading *reading)
{
    static const char *const pairs[] = { "//", "::", "..", "!=", "<=", ">=" };
    struct str rest = str_make(reading->path.ptr + reading->at, reading->path.len - reading->at);
    for (size_t i = 0; i < BASE_COUNT(pairs); i++) {
        if (str_starts(rest, str_of(pairs[i]))) {
            return take(reading, 2);
        }
    }
    return take(reading, 1);
}

// An operand begins, unless it is a further step of one.
static void begin_operand(struct reading *reading)
{
    if (!reading->joined) {
        reading->cost.operands++;
        reading->steps = 0;
        reading->cost.is_wild = reading->cost.is_wild || reading->in_sought;
    }
    reading->joined = false;
    reading->after = true;
}

static void end_operand(struct reading *reading)
{
    reading->after = false;
    reading->joined = false;
}

// Those that look for their second argument at each place of the first.
static bool is_search(struct str name)
{
    return str_eq(name, STR("translate")) || str_eq(name, STR("contains")) ||
           str_eq(name, STR("substring-before")) || str_eq(name, STR("substring-after"));
}

static void on_name(struct reading *reading, struct str name)
{
    bool is_operator = reading->after && (str_eq(name, STR("and")) || str_eq(name, STR("or")) ||
                                          str_eq(name, STR("div")) || str_eq(name, STR("mod")));
    if (is_operator) {
        end_operand(reading);
        return;
    }
    reading->name = name;
    reading->cost.concat = reading->cost.concat || str_eq(name, STR("concat"));
    begin_operand(reading);
    if (is_search(name)) {
        reading->cost.is_wild = reading->cost.is_wild || reading->search > 0; // one in another
        reading->cost.searches = true;
        reading->search = reading->parens + 1;
    }
}

static void on_slash(struct reading *reading, bool twice)
{
    if (!reading->after) { // from the root
        begin_operand(reading);
        reading->cost.far += reading->level > 0;
    }
    reading->steps += twice;
    uint32_t dear = reading->steps > 0 && reading->level == 0 ? reading->steps - 1 : reading->steps;
    reading->cost.steps = dear > reading->cost.steps ? dear : reading->cost.steps;
    reading->after = false;
    reading->joined = true;
}

static void on_axis(struct reading *reading)
{
    reading->cost.far += !str_eq(reading->name, STR("child")) &&
                         !str_eq(reading->name, STR("self")) &&
                         !str_eq(reading->name, STR("attribute"));
    reading->after = false;
    reading->joined = true;
}

static void on_bracket(struct reading *reading, bool opens)
{
    if (opens) {
        reading->level++;
        reading->cost.levels =
            reading->level > reading->cost.levels ? reading->level : reading->cost.levels;
        end_operand(reading);
    } else {
        reading->level -= reading->level > 0;
        reading->after = true;
    }
}

static void on_paren(struct reading *reading, char c)
{
    if (c == '(') {
        reading->parens++;
    } else if (c == ',') {
        reading->in_sought =
            reading->in_sought || (reading->search > 0 && reading->parens == reading->search);
    } else if (reading->parens > 0) {
        if (reading->parens == reading->search) {
            reading->search = 0;
            reading->in_sought = false;
        }
        reading->parens--;
    }
    end_operand(reading);
    reading->after = c == ')';
}

// False when it is none of those that matter.
static bool on_step(struct reading *reading, struct str token)
{
    if (str_eq(token, STR("/")) || str_eq(token, STR("//"))) {
        on_slash(reading, token.len == 2);
    } else if (str_eq(token, STR("::"))) {
        on_axis(reading);
    } else if (str_eq(token, STR("."))) {
        begin_operand(reading);
    } else if (str_eq(token, STR(".."))) {
        reading->cost.far += reading->level > 0;
        begin_operand(reading);
    } else if (str_eq(token, STR("@"))) {
        begin_operand(reading);
        reading->after = false;
        reading->joined = true;
    } else if (str_eq(token, STR("*")) && !reading->after) {
        begin_operand(reading);
    } else {
        return false;
    }
    return true;
}

static void on_mark(struct reading *reading, struct str token, bool was_plain)
{
    char c = token.ptr[0];
    if (c == '[' || c == ']') {
        on_bracket(reading, c == '[');
    } else if (c == '(' || c == ')' || c == ',') {
        on_paren(reading, c);
    } else if (!on_step(reading, token)) {
        reading->cost.sets += c == '|';
        reading->compares = (c == '=' || c == '!' || c == '<' || c == '>') && !was_plain;
        end_operand(reading);
    }
}

static void on_token(struct reading *reading)
{
    char c = peek(reading, 0);
    bool was_plain = reading->after_plain;
    bool is_digit = c >= '0' && c <= '9';
    bool is_number = is_digit || (c == '.' && peek(reading, 1) >= '0' && peek(reading, 1) <= '9');
    bool is_plain = is_number || c == '"' || c == '\'';
    // With a literal or a number each node is compared once.
    reading->cost.sets += reading->compares && !is_plain;
    reading->compares = false;
    reading->after_plain = is_plain;
    if (is_plain) {
        uint32_t len = (uint32_t)(is_number ? take_number(reading) : take_literal(reading)).len;
        reading->cost.letters = len > reading->cost.letters ? len : reading->cost.letters;
        reading->after = true;
        reading->joined = false;
    } else if (is_of_name(c, true)) {
        on_name(reading, take_name(reading));
    } else {
        on_mark(reading, take_mark(reading), was_plain);
    }
}

struct ack_cost ack_cost_of(struct str path)
{
    struct reading reading = { .path = path };
    while (reading.at < path.len) {
        if (strchr(" \t\r\n", peek(&reading, 0)) != NULL) {
            reading.at++;
        } else {
            on_token(&reading);
        }
    }
    return reading.cost;
}

// ---- the document ----

static void add_attributes(const xmlNode *node, uint64_t depth, struct ack_shape *shape)
{
    for (const xmlAttr *at = node->properties; at != NULL; at = at->next) {
        shape->nodes++;
        shape->bytes += NODE_BYTES * depth;
        for (const xmlNode *text = at->children; text != NULL; text = text->next) {
            shape->bytes += text->content != NULL ? strlen((const char *)text->content) : 0;
        }
    }
}

struct ack_shape ack_shape_of(const xmlDoc *doc)
{
    struct ack_shape shape = { 0 };
    uint64_t depth = 2; // a node's own text and the document's
    const xmlNode *node = doc->children;
    while (node != NULL) {
        shape.nodes++;
        shape.depth = depth > shape.depth ? depth : shape.depth;
        shape.bytes += NODE_BYTES * depth;
        if (node->type == XML_ELEMENT_NODE) {
            add_attributes(node, depth, &shape);
            if (node->children != NULL) {
                node = node->children;
                depth++;
                continue;
            }
        } else if (node->content != NULL) {
            shape.bytes += depth * strlen((const char *)node->content);
        }
        while (node->next == NULL && node->parent != NULL &&
               node->parent->type == XML_ELEMENT_NODE) {
            node = node->parent;
            depth--;
        }
        node = node->next;
    }
    return shape;
}

// ---- both ----

static uint64_t times(uint64_t a, uint64_t b)
{
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t power(uint64_t base, uint64_t work, uint32_t exponent)
{
    for (uint32_t i = 0; i < exponent && work < UINT64_MAX; i++) {
        work = times(work, base);
    }
    return work;
}

uint64_t ack_cost_work(const struct ack_cost *cost, const struct ack_shape *shape)
{
    uint64_t work = times(shape->bytes, cost->operands > 0 ? cost->operands : 1);
    if (cost->concat) {
        work = times(work, 1 + cost->operands / PART_OF_COPIES);
    }
    if (cost->searches) {
        work = times(work, 1 + (cost->is_wild ? shape->bytes : cost->letters) / PART_OF_LETTERS);
    }
    work = plus(work, times(cost->sets, times(shape->nodes, shape->nodes)));
    if (cost->levels == 0) { // the rest is for each time that a predicate is asked
        return work;
    }
    work = power(shape->nodes, work, cost->far < cost->levels ? cost->far : cost->levels);
    return power(shape->depth, work, cost->steps * cost->levels);
}
