/* Compiled into the fuzz target of the released dispatch, so that it cannot become another one. */
#include "interp/dispatch.h"

_Static_assert(TAIL_DISPATCH, "this fuzz target is there for tail dispatch");
