/* tiphys-net: the commands that speak to registries and to Argo. */
#include "plugin/command.h"

static const struct command_entry entries[] = {
    COMMANDS(COMMAND_ELSEWHERE, COMMAND_ENTRY, COMMAND_ELSEWHERE, COMMAND_ELSEWHERE)};

int main(int argc, char **argv)
{
	return command_main(entries, sizeof entries / sizeof entries[0], argc, argv);
}
