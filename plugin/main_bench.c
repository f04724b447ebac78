/* tiphys-bench: the measurements, for people who compare. */
#include "plugin/command.h"

static const struct command_entry entries[] = {
    COMMANDS(COMMAND_ELSEWHERE, COMMAND_ELSEWHERE, COMMAND_ELSEWHERE, COMMAND_ENTRY)};

int main(int argc, char **argv)
{
	return command_main(entries, sizeof entries / sizeof entries[0], argc, argv);
}
