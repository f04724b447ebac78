#include "tests/interp/fixture.h"
int main(void){return 0;}
