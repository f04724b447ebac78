/* The earlier plugin's contract between a step and its module: /work/input.json in,
 * /work/result.json out. */
#ifndef PLUGIN_CONTRACT_H
#define PLUGIN_CONTRACT_H

#include "plugin/reply.h"
#include "plugin/request.h"
#include "validator/error.h"

/* result.json may hold outputs of the greatest size, escaped, and a message. */
#define CONTRACT_RESULT_MAX ((size_t)8 << 20)

/* The text of input.json, for the caller to free(); NULL without memory. */
char *contract_input(const struct request *request);

/* Decodes the text of a result.json into a node that is still {0}. Numbers and booleans become
 * text; a parameter that is null counts as not given. The artifacts that it names stand in
 * node->reported; whether they are there is not looked at. False with *err set, whose message says
 * what in the file is wrong; then the node is to be taken for failed. */
bool contract_result(const char *text, size_t size, const struct reply_limits *limits,
                     struct node *node, struct error *err);

#endif
