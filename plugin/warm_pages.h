/* The pages of the executable, ready in each process that is forked. */
#ifndef PLUGIN_WARM_PAGES_H
#define PLUGIN_WARM_PAGES_H

/* Reads all pages of the executable's code and constants, and has the kernel hand the table of them
 * on at each fork. For a process that does nothing but fork. Where it cannot be done, the children
 * are slower and nothing else. */
void warm_pages(void);

/* Has the kernel give this process the pages that every small run writes to: of its stack, of its
 * variables, and of the first blocks that it allocates (plugin/first_blocks.c). For a worker that
 * stands and waits: else it faults them in one by one when it has its job. */
void warm_writes(void);

#endif
