/* tiphys: the slim executable, for what needs none of the large libraries. */
#include "plugin/command.h"

static const struct command_entry entries[] = {
    COMMANDS(COMMAND_ENTRY, COMMAND_ELSEWHERE, COMMAND_ELSEWHERE, COMMAND_ELSEWHERE)};

int main(int argc, char **argv)
{
	return command_main(entries, sizeof entries / sizeof entries[0], argc, argv);
}
