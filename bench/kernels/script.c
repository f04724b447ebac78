/* A program of some size: a language after the manner of Lua, compiled and run (script.h). */
#include "bench/kernels/script.h"

#include <stdio.h>
#include <string.h>

static const char program[] =
    "function fib(n)\n"
    "  if n < 2 then return n end\n"
    "  return fib(n - 1) + fib(n - 2)\n"
    "end\n"
    "function sieve(most)\n"
    "  local crossed = {}\n"
    "  local i = 1\n"
    "  while i <= most do crossed[i] = false i = i + 1 end\n"
    "  local count = 0\n"
    "  i = 2\n"
    "  while i <= most do\n"
    "    if not crossed[i] then\n"
    "      count = count + 1\n"
    "      local multiple = i * i\n"
    "      while multiple <= most do crossed[multiple] = true multiple = multiple + i end\n"
    "    end\n"
    "    i = i + 1\n"
    "  end\n"
    "  return count\n"
    "end\n"
    "function words(rounds)\n"
    "  local parts = {\"an\", \"chor\", \"com\", \"pass\", \"deck\"}\n"
    "  local seen = {}\n"
    "  local different = 0\n"
    "  local i = 0\n"
    "  while i < rounds do\n"
    "    local word = parts[i % #parts + 1] .. parts[i * i % #parts + 1] .. i % 37\n"
    "    if seen[word] == nil then seen[word] = 1 different = different + 1\n"
    "    else seen[word] = seen[word] + 1 end\n"
    "    i = i + 1\n"
    "  end\n"
    "  return different * 1000 + seen[\"anan0\"]\n"
    "end\n"
    "function is_safe(columns, row, column)\n"
    "  local r = 1\n"
    "  while r < row do\n"
    "    local c = columns[r]\n"
    "    if c == column or c - column == row - r or column - c == row - r then return false end\n"
    "    r = r + 1\n"
    "  end\n"
    "  return true\n"
    "end\n"
    "function queens(columns, row, size)\n"
    "  if row > size then return 1 end\n"
    "  local found = 0\n"
    "  local column = 1\n"
    "  while column <= size do\n"
    "    if is_safe(columns, row, column) then\n"
    "      columns[row] = column\n"
    "      found = found + queens(columns, row + 1, size)\n"
    "    end\n"
    "    column = column + 1\n"
    "  end\n"
    "  return found\n"
    "end\n"
    "local one = fib(24) .. \" \" .. sieve(100000)\n"
    "return one .. \" \" .. words(40000) .. \" \" .. queens({}, 1, 8)\n";

int main(void)
{
	struct value result = script_run(script_compile(program));
	if (result.tag != STRING)
		script_fail("result", "is no string");
	printf("script %s\n", result.as.string->text);
	return 0;
}
